//! How a role's credentials are asked for at STS: where, for which region, and with which token.

use crate::credentials::cache::place::Inputs;
use std::time::Duration;

/// What STS is told, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsAccess {
    /// It stands in the signature of a call to a host that names no region.
    pub region: String,
    /// Where the token listener serves the token.
    pub token_path: String,
    /// Who the token must be meant for.
    pub token_audience: String,
    /// Whom to ask.
    pub hosts: StsHosts,
}

impl StsAccess {
    /// Adds what decides which credentials come.
    pub(crate) fn identify(&self, inputs: &mut Inputs) {
        let Self {
            region,
            token_path,
            token_audience,
            hosts,
        } = self;
        for text in [region, token_path, token_audience] {
            inputs.text(text);
        }
        inputs.number(hosts.count());
        for StsHost { name, cluster } in hosts.iter() {
            inputs.text(name);
            inputs.text(cluster);
        }
    }
}

/// A host of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsHost {
    /// The `:authority` of a call to it.
    pub name: String,
    /// The cluster that leads there.
    pub cluster: String,
}

/// Hosts of STS in the order in which they are asked; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsHosts {
    first: StsHost,
    further: Vec<StsHost>,
}

impl StsHosts {
    /// The most that are listed: a lease covers a call to each.
    pub const MOST: usize = 4;

    /// The first, and who is asked where it does not answer.
    pub fn new(first: StsHost, further: Vec<StsHost>) -> Self {
        Self { first, further }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &StsHost> {
        std::iter::once(&self.first).chain(&self.further)
    }

    fn count(&self) -> usize {
        1 + self.further.len()
    }

    /// How long calls to all of them take at most, where one alone takes `timeout`.
    pub(crate) fn timeout_of_all(&self, timeout: Duration) -> Duration {
        self.further
            .iter()
            .fold(timeout, |all, _| all + timeout / SHARE)
    }

    /// The fetch that begins with the host of this name; with the first where none is named, or no longer listed.
    pub(crate) fn begin(&self, name: Option<&str>) -> Turn {
        let place = name.and_then(|name| self.iter().position(|host| host.name == name));
        Turn {
            begun_with: place.unwrap_or(0),
            before: 0,
        }
    }

    /// Who is asked.
    pub(crate) fn asked(&self, turn: Turn) -> &StsHost {
        let place = turn.place(self.count());
        let further = place
            .checked_sub(1)
            .and_then(|place| self.further.get(place));
        further.unwrap_or(&self.first)
    }

    /// How long the call may take: where another can be asked, it has half of the time, so that requests that wait for
    /// the first credentials still have some when the next one is asked.
    pub(crate) fn timeout(&self, turn: Turn, timeout: Duration) -> Duration {
        match self.next(turn) {
            Some(_) => timeout / SHARE,
            None => timeout,
        }
    }

    /// Who is asked next where this one does not answer: each host once in a fetch.
    pub(crate) fn next(&self, turn: Turn) -> Option<Turn> {
        let before = turn.before + 1;
        (before < self.count()).then_some(Turn { before, ..turn })
    }

    /// Whether a failure needs the host's name, because there are others.
    pub(crate) fn are_several(&self) -> bool {
        !self.further.is_empty()
    }

    /// What the answer of the one that is asked says about the first.
    pub(crate) fn standing(&self, turn: Turn) -> Standing {
        match (turn.place(self.count()), turn.begun_with) {
            (0, _) => Standing::Answers,
            (_, 0) => Standing::Failed,
            // Either it was not asked, or the fetch has come round to it.
            (place, begun_with) if place >= begun_with => Standing::NotAsked,
            _ => Standing::Failed,
        }
    }
}

/// Which host a fetch asks, and how many it has asked before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    begun_with: usize,
    before: usize,
}

impl Turn {
    fn place(self, count: usize) -> usize {
        (self.begun_with + self.before) % count
    }
}

/// What is known of the first host after a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It gave the credentials.
    Answers,
    /// It was asked, and another gave them.
    Failed,
    /// It was not asked.
    NotAsked,
}

/// Who gave credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenBy<'a> {
    /// The host's name.
    pub host: &'a str,
    /// What that says of the first host.
    pub first: Standing,
}

/// How many calls fit into the time of one.
const SHARE: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> StsHosts {
        let host = |name: &&str| StsHost {
            name: (*name).to_owned(),
            cluster: format!("to-{name}"),
        };
        let mut all: Vec<StsHost> = names.iter().map(host).collect();
        StsHosts::new(all.remove(0), all)
    }

    /// The hosts that a fetch asks if none answers, and what each answer would say of the first.
    fn asked(hosts: &StsHosts, begin: Option<&str>) -> Vec<(String, Standing)> {
        let turns = std::iter::successors(Some(hosts.begin(begin)), |turn| hosts.next(*turn));
        turns
            .map(|turn| (hosts.asked(turn).name.clone(), hosts.standing(turn)))
            .collect()
    }

    #[test]
    fn each_host_is_asked_once() {
        use Standing::{Answers, Failed, NotAsked};
        let own = |rows: &[(&str, Standing)]| -> Vec<(String, Standing)> {
            let own = |(name, standing): &(&str, Standing)| ((*name).to_owned(), *standing);
            rows.iter().map(own).collect()
        };
        let three = hosts(&["a", "b", "c"]);
        let from_a = own(&[("a", Answers), ("b", Failed), ("c", Failed)]);
        assert_eq!(asked(&three, None), from_a);
        assert_eq!(asked(&three, Some("gone")), from_a);
        let from_b = own(&[("b", NotAsked), ("c", NotAsked), ("a", Answers)]);
        assert_eq!(asked(&three, Some("b")), from_b);
        let from_c = own(&[("c", NotAsked), ("a", Answers), ("b", Failed)]);
        assert_eq!(asked(&three, Some("c")), from_c);
        assert_eq!(asked(&hosts(&["a"]), None), own(&[("a", Answers)]));
    }

    #[test]
    fn only_the_last_host_has_all_the_time() {
        let timeout = Duration::from_secs(5);
        for names in [&["a"][..], &["a", "b"], &["a", "b", "c", "d"]] {
            let hosts = hosts(names);
            let turns = std::iter::successors(Some(hosts.begin(None)), |turn| hosts.next(*turn));
            let times: Vec<Duration> = turns.map(|turn| hosts.timeout(turn, timeout)).collect();
            assert_eq!(times.last(), Some(&timeout));
            assert_eq!(
                times.iter().sum::<Duration>(),
                hosts.timeout_of_all(timeout)
            );
            let first = times.split_last().unwrap().1;
            assert!(first.iter().all(|time| *time * 2 == timeout), "{times:?}");
        }
    }
}
