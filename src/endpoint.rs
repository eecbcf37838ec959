//! Which AWS endpoint a host is: signing name, region, algorithm, and how its paths are signed.
//!
//! Decides nothing about whether a request may be signed; that is [`crate::decision`]. A host is
//! read from the right: its partition's suffix, the region, and then the labels that name a service:
//! * botocore's endpoints, from a table that `cargo xtask endpoints` writes;
//! * S3's many forms, and the hosts that only AWS's documentation lists;
//! * `<name>.<region>.<suffix>` of a service that nothing lists: it signs as its first label.
//!
//! Every other host is [`Resolution::NotAws`]: load balancers, EC2 names and look-alikes among them.
//! No look-up allocates.

mod bucket;
mod client;
mod documented;
mod host;
mod known;
#[cfg(not(target_family = "wasm"))]
pub mod names;
mod partition;
mod pattern;
mod resolution;
mod resolver;
mod s3;
mod scope;
mod table;
mod words;

pub use bucket::{BucketPlace, bucket_place};
pub use client::{
    has_customers_hosts, is_guessed_for, is_of_older_location, may_be_of_region, of_client_scope,
};
pub use host::{Host, HostError};
pub use known::{
    Answering, answering, home_of, is_known_region, is_known_service, nearest_region,
    nearest_service, service_of_alias, streams_by_default, takes_unsigned_payload,
};
#[cfg(not(target_family = "wasm"))]
pub use partition::arn_partition;
pub use partition::{dns_suffix, global_region, is_below_aws, is_region, strip_aws_suffix};
pub use pattern::{HostKind, Hosts, hosts_of};
pub use resolution::{Endpoint, Resolution};
pub use resolver::{of_custom_domain, resolve};
pub use scope::{Asked, Destination, ScopeError, destination};

#[cfg(test)]
mod tests;
