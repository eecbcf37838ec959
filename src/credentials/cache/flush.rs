//! Flushes: credentials are replaced although they have not expired, because somebody asked.
//!
//! Sessions that an administrator has revoked, a role that was deleted and made again, a changed trust policy: AWS
//! answers `AccessDenied`, as it does for what the role may not do, so no answer can start this. An operator does, for
//! one process ([`crate::report::refresh`]) or with a new epoch in the configuration.
//!
//! The old credentials sign until new ones are there, or until they expire. Only a fetch that began after the flush was
//! asked for ends it: what one brings that was under way may have been issued before the sessions were revoked.

use super::{Cached, Flush, Pace, Record, rules};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Flush {
    /// As the stored record has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::UnderWay => "under_way",
        }
    }

    /// Any other word is a later version's.
    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "under_way" => Self::UnderWay,
            _ => Self::Due,
        }
    }
}

impl Record {
    /// Whether somebody asked for other credentials, and they have not come yet.
    pub(crate) fn is_flushed(&self) -> bool {
        self.flush.is_some()
    }

    /// Whether they are on their way: a flush is due, and no fetch has failed since.
    pub(crate) fn is_being_replaced(&self, now: SystemTime) -> bool {
        self.not_before.is_none() && self.flush_moment().is_some_and(|moment| moment <= now)
    }

    /// The epoch that the record has met last.
    pub(crate) fn epoch(&self) -> Option<&str> {
        self.epochs.last().map(String::as_str)
    }

    /// When the flush is due, if one is left.
    pub(crate) fn flush_moment(&self) -> Option<SystemTime> {
        self.flush.and(self.flushed_at)
    }

    /// Where a process flushes for a new epoch: all its roles at one random moment, so that the pod's own role's
    /// credentials, which sign the calls for chained roles, are replaced first.
    pub(crate) fn moment_of_epoch(now: SystemTime, jitter: u32, pace: Pace) -> SystemTime {
        now + rules::between(Duration::ZERO, pace.of(rules::EPOCH_SPREAD), jitter)
    }

    /// With other credentials due at the moment `wanted`, and not sooner than 30 s after the last time. A pause after a
    /// failure ends. `None` where there is nothing to replace, and nothing under way, or where this was asked for and
    /// no fetch has begun.
    pub fn flushed(&self, now: SystemTime, wanted: SystemTime, pace: Pace) -> Option<Self> {
        let is_fetching = self.lease.is_some_and(|lease| lease.in_force(now));
        let between = pace.of(rules::BETWEEN_FLUSHES);
        // One that is further away than any is due was written before the clock stepped back.
        let is_due_soon = self.flushed_at.is_some_and(|at| at <= now + 2 * between);
        let is_waiting = self.flush == Some(Flush::Due) && self.not_before.is_none() && is_due_soon;
        let replaces = is_fetching || self.credentials.is_some();
        if is_waiting || !replaces && self.failure.is_none() {
            return None;
        }
        // One that is further away was written before the clock stepped back.
        let last = self.flushed_at.filter(|last| *last <= now + between);
        let at = last.map_or(wanted, |last| wanted.max(last + between));
        Some(Self {
            credentials: self.credentials.clone().map(|cached| Cached {
                refresh_at: at,
                ..cached
            }),
            flush: replaces.then_some(Flush::Due),
            flushed_at: Some(at),
            // Where nothing signs, the pause that there is keeps the distance.
            not_before: self
                .not_before
                .filter(|_| self.credentials.is_none() && at > now)
                .map(|pause| pause.min(at)),
            failures: 0,
            ..self.clone()
        })
    }

    /// For a configuration of this epoch: as [`Record::flushed`], where the record has not met it. `None`: it has.
    ///
    /// Each epoch acts once. So two configurations with different ones, an old one that drains and a new one, do not
    /// flush each other's credentials in turn.
    pub fn of_epoch(
        &self,
        epoch: &str,
        now: SystemTime,
        wanted: SystemTime,
        pace: Pace,
    ) -> Option<Self> {
        if self.epochs.iter().any(|met| met == epoch) {
            return None;
        }
        let flushed = self.flushed(now, wanted, pace);
        let mut record = flushed.unwrap_or_else(|| self.clone());
        if record.epochs.len() >= MAX_EPOCHS {
            record.epochs.remove(0);
        }
        record.epochs.push(epoch.to_owned());
        Some(record)
    }

    /// What is left of a flush once `owner` has credentials.
    pub(super) fn flush_after_success(&self, owner: u64) -> Option<Flush> {
        self.flush
            .filter(|flush| *flush != Flush::UnderWay || !self.led_by(owner))
    }

    /// When the next credentials are due if a flush is left: as it said.
    pub(super) fn flush_due(&self, now: SystemTime) -> SystemTime {
        self.flushed_at.unwrap_or(UNIX_EPOCH).max(now)
    }
}

/// How many epochs a record remembers: more than configurations of one process live beside each other.
const MAX_EPOCHS: usize = 16;
