//! The programs: what each is, how it is set up, and what it does then.
//!
//! `cargo xtask programs` installs them and writes `docs/programs.md` from this list; `tests/e2e/tests/programs.rs` runs
//! them. What is said of a program is what the run must show: what works must end well, and what cannot must fail and say
//! why, so that a row changes when its fact does.
#![allow(dead_code, reason = "each of the two reads a part of it")]

/// A program, with its directory beside this file.
pub(crate) struct Program {
    /// Of its directory; letters and digits alone, as buckets are named by it.
    pub(crate) name: &'static str,
    /// As its users know it.
    pub(crate) title: &'static str,
    /// What it does here.
    pub(crate) does: &'static str,
    /// Which one.
    pub(crate) version: &'static str,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// When it is run.
    pub(crate) run: Run,
    /// The ways in which it is set up.
    pub(crate) attempts: &'static [Attempt],
}

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `requirements.txt`
    Python,
    /// `package.json`
    Npm,
    /// `pom.xml`
    Maven,
    /// `go.mod`
    Go,
    /// A package of Debian 12.
    Debian(&'static str),
}

/// When a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// In CI, and by the command.
    InCi,
    /// By the command alone.
    ByCommand,
}

/// A program that is set up in one way.
pub(crate) struct Attempt {
    /// How it finds the sidecar.
    pub(crate) way: Way,
    /// What it hands its script beside the way; empty for the setup that is to be recommended.
    pub(crate) variant: &'static str,
    /// What it is given beyond the variables of the way; empty: nothing.
    pub(crate) setup: &'static str,
    /// What comes of it.
    pub(crate) outcome: Outcome,
}

/// How a program finds the sidecar; `docs/clients.md` has the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// At its endpoint, with placeholder keys.
    Endpoint,
    /// As its proxy, with placeholder keys.
    Proxy,
    /// As its proxy, without keys.
    Unsigned,
}

/// What comes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It does its work.
    Works,
    /// It does not.
    Cannot {
        /// In a few words.
        why: &'static str,
        /// What it prints then, among other things.
        shows: &'static str,
    },
}

impl Way {
    /// The argument of the script.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Proxy => "proxy",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Attempt {
    /// The bucket that is there for it, and the beginning of all else that it makes.
    pub(crate) fn prefix(&self, program: &str) -> String {
        match self.variant {
            "" => format!("{program}-{}", self.way.name()),
            variant => format!("{program}-{}-{variant}", self.way.name()),
        }
    }
}

/// What works.
const fn works(way: Way, setup: &'static str) -> Attempt {
    Attempt {
        way,
        variant: "",
        setup,
        outcome: Outcome::Works,
    }
}

/// What cannot: `setup` is what was tried, `shows` what it prints.
const fn cannot(
    way: Way,
    variant: &'static str,
    setup: &'static str,
    why: &'static str,
    shows: &'static str,
) -> Attempt {
    Attempt {
        way,
        variant,
        setup,
        outcome: Outcome::Cannot { why, shows },
    }
}

use Way::{Endpoint, Proxy, Unsigned};

/// All of them, by name.
pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "minio",
        title: "minio-go (restic, Thanos, mc)",
        does: "objects in parts and as a stream, copies, lists, deletes",
        version: "7.3.0",
        origin: Origin::Go,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`minio.New(\"127.0.0.1:9911\", ...)` with `Secure: false` and `Region`: it does not read the variable",
            ),
            works(Proxy, "`Secure: false`"),
            works(Unsigned, "`Secure: false`"),
        ],
    },
    Program {
        name: "pandas",
        title: "pandas with s3fs",
        does: "CSV and Parquet, a file in parts, ranges, copies, lists, deletes",
        version: "2026.9.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(Endpoint, ""),
            works(
                Proxy,
                "`client_kwargs={\"endpoint_url\": \"http://s3.eu-west-1.amazonaws.com\"}`",
            ),
            works(Unsigned, "the same and `anon=True`"),
        ],
    },
    Program {
        name: "s3cmd",
        title: "s3cmd",
        does: "syncs a directory there and back, lists, deletes",
        version: "2.4.0",
        origin: Origin::Python,
        run: Run::InCi,
        attempts: &[
            works(
                Endpoint,
                "`host_base = host_bucket = 127.0.0.1:9911`, `use_https = False`",
            ),
            works(
                Proxy,
                "`host_base = host_bucket = s3.eu-west-1.amazonaws.com`, `use_https = False`, `proxy_host`, `proxy_port`",
            ),
            cannot(
                Unsigned,
                "",
                "",
                "it takes no configuration without keys",
                "Configuration file not available",
            ),
        ],
    },
];
