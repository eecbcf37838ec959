//! Signs a pod's outbound AWS requests inside Envoy, with the pod's own web identity.
//!
//! ```text
//!               request ──▶ headers ──▶ decision ──▶ parking ──▶ sigv4 ──▶ AWS
//!                             authorization │ endpoint    ▲  chunked         │
//!                             bucket        │ policy      │  events          ▼
//!                             own_keys      ▼             │               response
//!                                        refusal     credentials ◀────── expired?
//!                                                         ▲
//!                                token listener, STS, container endpoint
//! ```
//!
//! When the headers of a request arrive, [`decision`] leaves it alone, refuses it, or plans its signature.
//! A request that needs credentials or its whole body waits in [`request::parking`], up to a deadline.
//! [`sigv4`] signs it with credentials from [`credentials::cache`], a record that all workers of a process share.
//! One worker at a time fetches new credentials, from the one source that [`config`] chose at the start.
//! All of this is data in, data out: only the shell, `filter`, knows Envoy, and passes in time and randomness.
//!
//! ARCHITECTURE.md has both ways as charts, the map of all files, and a table of where to add what.

// The operator's configuration.
pub mod config;
pub mod json;

// One request: what it is, what becomes of it, and what it waits for.
pub mod authorization;
pub mod bucket;
pub mod decision;
pub mod headers;
pub mod own_keys;
pub mod policy;
pub mod presign;
pub mod refusal;
pub mod request;

// AWS's hosts.
pub mod endpoint;

// Signatures.
pub mod chunked;
pub mod events;
pub mod sigv4;
pub mod timestamp;

// Credentials: where they come from, how they are fetched, and how long they are kept.
pub mod credentials;

// AWS's answers.
pub(crate) mod response;

// What operators see.
pub mod report;

// The shell.
mod filter;
