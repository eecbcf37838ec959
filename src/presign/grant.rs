//! What the configuration lets be presigned.

use crate::bucket;
use crate::policy::host_covers;
use crate::report::words::words;
use std::time::Duration;

words! {
    /// What can be presigned, by the service that takes it.
    pub enum Service in "sigv4_egress.presigned" {
        /// Objects of S3: URLs for GET, HEAD, PUT and DELETE, for parts of multipart uploads, and browser forms.
        S3 = "s3",
        /// Passwords for databases of RDS and Aurora.
        RdsDb = "rds_db",
        /// Passwords for Aurora DSQL.
        Dsql = "dsql",
        /// Passwords for caches of ElastiCache.
        ElastiCache = "elasticache",
        /// Passwords for clusters of MemoryDB.
        MemoryDb = "memorydb",
        /// Tokens for brokers of MSK.
        KafkaCluster = "kafka_cluster",
        /// Tokens for the API of EKS clusters.
        Eks = "eks",
    }
}

impl Service {
    /// The service of the credential scope.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::RdsDb => "rds-db",
            Self::Dsql => "dsql",
            Self::ElastiCache => "elasticache",
            Self::MemoryDb => "memorydb",
            Self::KafkaCluster => "kafka-cluster",
            // A token for a cluster is a call of GetCallerIdentity.
            Self::Eks => "sts",
        }
    }

    /// As `presign` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            other => other.signing_name(),
        }
    }
}

/// One entry of `presign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which service takes it.
    pub service: Service,
    /// Host patterns; empty: every host.
    pub hosts: Vec<String>,
    /// S3's buckets, as patterns.
    pub buckets: Vec<String>,
    /// How keys of objects begin; empty: anyhow.
    pub key_prefixes: Vec<String>,
    /// Methods of S3's requests.
    pub methods: Vec<String>,
    /// Names of EKS's clusters, as patterns.
    pub clusters: Vec<String>,
    /// The longest that it may hold.
    pub max_lifetime: Duration,
    /// The largest body that a form may take; `None`: no forms.
    pub max_form_bytes: Option<u64>,
}

/// All of `presign`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The entries.
    pub entries: Vec<Grant>,
    /// How many are presigned a minute, in one process.
    pub per_minute: u32,
}

/// What a request is about, as entries compare it.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) service: Service,
    /// Without a port.
    pub(super) host: &'a str,
    /// The bucket or access point of S3's that is named.
    pub(super) bucket: Option<&'a str>,
    /// The object's key, or how those of a form begin.
    pub(super) key: &'a str,
    pub(super) call: Call<'a>,
    /// The cluster of EKS's.
    pub(super) cluster: &'a str,
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call<'a> {
    Method(&'a str),
    /// A form that takes so many bytes at most.
    Form(u64),
    /// What has only one.
    Only,
}

impl Grant {
    /// Whether it is for this: for all that it names. An entry of S3's names buckets or hosts, or both.
    fn covers(&self, about: About<'_>) -> bool {
        let by_host = || self.hosts.iter().any(|host| host_covers(host, about.host));
        // Aliases of access points are named as they are.
        let is_bucket = |name| {
            self.buckets
                .iter()
                .any(|pattern| bucket::covers(pattern, name))
        };
        let is_cluster = |pattern: &String| bucket::fits(pattern, about.cluster);
        let is_place = match about.service {
            // An access point's host has no bucket.
            Service::S3 => {
                (self.hosts.is_empty() || by_host())
                    && (self.buckets.is_empty() || about.bucket.is_some_and(is_bucket))
            }
            Service::Eks => self.clusters.iter().any(is_cluster),
            _ => self.hosts.is_empty() || by_host(),
        };
        let is_call = match about.call {
            Call::Method(method) => self.methods.iter().any(|granted| granted == method),
            Call::Form(bytes) => self.max_form_bytes.is_some_and(|most| bytes <= most),
            Call::Only => true,
        };
        let has_key = |prefix: &String| about.key.starts_with(prefix.as_str());
        self.service == about.service
            && is_place
            && is_call
            && (self.key_prefixes.is_empty() || self.key_prefixes.iter().any(has_key))
    }
}

impl Grants {
    /// The longest that something may hold; `None` where nothing grants it.
    pub(super) fn longest(&self, about: About<'_>) -> Option<Duration> {
        let granting = self.entries.iter().filter(|entry| entry.covers(about));
        granting.map(|entry| entry.max_lifetime).max()
    }

    /// The longest of all.
    pub(crate) fn longest_of_all(&self) -> Duration {
        let lifetimes = self.entries.iter().map(|entry| entry.max_lifetime);
        lifetimes.max().unwrap_or_default()
    }
}
