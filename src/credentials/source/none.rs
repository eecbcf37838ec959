//! No credentials: a filter that observes signs nothing.

use crate::credentials::cache::place::Inputs;
use crate::credentials::call::{Context, Progress, Reply, Source};
use std::fmt;

/// The source of a pod without a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCredentials;

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nowhere, as mode is observe")
    }
}

impl Source for NoCredentials {
    fn word(&self) -> &'static str {
        "none"
    }

    fn keys(&self) -> &'static [&'static str] {
        &[]
    }

    fn identify(&self, inputs: &mut Inputs) {
        inputs.text(self.word());
    }

    fn first_call<'a>(&self, _: &Context<'a>) -> Progress<'a> {
        Progress::Later
    }

    fn on_reply<'a>(&self, _: &Reply<'_>, _: &Context<'a>) -> Progress<'a> {
        Progress::Later
    }
}
