//! Who fetches credentials, and when: what a worker's VM knows of each role, and what it has under way.
//!
//! At most one VM of a process fetches for a role at a time: the one whose lease stands in the role's record. Call order:
//! at each tick [`Fetches::look`] for each role; where it gives a demand, the record is read from shared data, and
//! if [`Record::next`] says so, [`Source::first_call`] is asked, the lease is taken, and [`Fetches::wait`] keeps what
//! was called. With the reply, [`Fetches::take`] gives it back, and [`Fetch::go_on`] says what follows.
//!
//! [`Source::first_call`]: super::call::Source::first_call

use super::Secret;
use super::cache::{Demand, Next, Record};
use super::call::{Call, Context, Expected, Progress, Reply};
use super::failure::Retry;
use super::role::RoleId;
use super::source::CredentialSource;
use super::sts::{StsHosts, Turn};
use std::rc::Rc;
use std::time::SystemTime;

/// What a VM knows of a role's credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// The record, as it was read last.
    pub record: Rc<Record>,
    /// When a request last asked for the credentials.
    used_at: Option<SystemTime>,
}

impl View {
    /// A request asks for the credentials.
    pub(crate) fn note_use(&mut self, now: SystemTime) {
        self.used_at = Some(now);
    }

    /// Whether the credentials were asked for since they came.
    fn is_used(&self) -> bool {
        match (self.used_at, &self.record.credentials) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(used_at), Some(cached)) => used_at >= cached.fetched_at,
        }
    }

    /// Whether a request waits for the credentials, or was turned away for want of them.
    pub(crate) fn is_waited_for(&self, now: SystemTime) -> bool {
        self.is_used() && self.record.usable(now).is_none()
    }

    /// The pod's own role is always wanted, the others by those who ask. A chained role asks for the pod's own. What
    /// still signs is not left as it is by a flush.
    fn demand(&self, id: RoleId, anyone_waits: bool, now: SystemTime) -> Demand {
        let is_own = id == RoleId::OWN;
        if self.is_waited_for(now) || is_own && anyone_waits {
            Demand::Waiting
        } else if is_own
            || self.is_used()
            || self.record.is_flushed() && self.record.usable(now).is_some()
        {
            Demand::Wanted
        } else {
            Demand::Idle
        }
    }
}

/// The fetches of a VM that wait for a reply.
#[derive(Debug, Default)]
pub(crate) struct Fetches {
    under_way: Vec<(u32, Fetch)>,
}

/// A fetch that waits for a reply.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// Whose credentials it is for.
    pub role: RoleId,
    expected: Expected,
    /// The secrets that went along: the reply may repeat them.
    sent: Vec<Secret>,
    /// Which of STS's hosts was called.
    turn: Turn,
    /// What was sent to it, for the next one.
    body: Option<Secret>,
    /// When the one before it may answer.
    before: Option<Retry>,
}

/// Whom of STS's hosts a fetch asks first: the one that gave this role's or the pod's own credentials last, for a while
/// after the first of them did not answer.
pub(crate) fn first_turn(hosts: &StsHosts, record: &Record, own: &Record, now: SystemTime) -> Turn {
    hosts.begin(record.preferred(now).or_else(|| own.preferred(now)))
}

impl Fetches {
    /// Whether a role's record is to be looked at in shared data, and by what demand. `anyone_waits`: for any role.
    pub(crate) fn look(
        &self,
        id: RoleId,
        view: &View,
        anyone_waits: bool,
        now: SystemTime,
    ) -> Option<Demand> {
        let demand = view.demand(id, anyone_waits, now);
        // While there are credentials in this view, it says when to look again.
        let no_news =
            view.record.usable(now).is_some() && view.record.next(now, demand) == Next::Rest;
        let is_under_way = self.under_way.iter().any(|(_, fetch)| fetch.role == id);
        (demand != Demand::Idle && !no_news && !is_under_way).then_some(demand)
    }

    /// A call was made; its reply will have this number.
    pub(crate) fn wait(&mut self, callout: u32, fetch: Fetch) {
        self.under_way.push((callout, fetch));
    }

    /// The fetch that this reply is for; `None` for another's.
    pub(crate) fn take(&mut self, callout: u32) -> Option<Fetch> {
        let mut under_way = self.under_way.iter();
        let place = under_way.position(|(waiting, _)| *waiting == callout)?;
        Some(self.under_way.swap_remove(place).1)
    }

    /// The roles whose fetches end without a reply: their leases are to be given back.
    pub(crate) fn roles(&self) -> impl Iterator<Item = RoleId> {
        self.under_way.iter().map(|(_, fetch)| fetch.role)
    }
}

impl Fetch {
    /// A role's fetch once this call is made.
    pub(crate) fn new(role: RoleId, call: &Call<'_>) -> Self {
        Self {
            role,
            expected: call.expected,
            sent: call.sent.clone(),
            turn: call.turn,
            body: call.body.clone(),
            before: call.instead.as_ref().map(|failed| failed.failure.retry),
        }
    }

    /// What follows the reply, or that none came: see [`Reply`] for `status` and `body`.
    pub(crate) fn go_on<'a>(
        self,
        source: &CredentialSource,
        record: &Record,
        context: &Context<'a>,
        status: u16,
        body: &[u8],
    ) -> Progress<'a> {
        // Besides what was sent, the other side may know the credentials that it has given out.
        let mut secrets = self.sent;
        for cached in [context.own, record]
            .iter()
            .filter_map(|record| record.credentials.as_ref())
        {
            secrets.extend(cached.credentials.secrets());
        }
        let reply = Reply {
            expected: self.expected,
            status,
            body,
            secrets: &secrets,
            turn: self.turn,
            sent_body: self.body.as_ref(),
            before: self.before,
        };
        source.on_reply(&reply, context)
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
