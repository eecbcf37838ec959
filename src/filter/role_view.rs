//! One role's credentials as this worker's VM sees them: its view of the record in shared data.

use super::envoy::{self, Change};
use crate::config::Config;
use crate::credentials::cache::{Pace, Record};
use crate::credentials::fetch::View;
use crate::credentials::role::Role;
use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::time::SystemTime;

/// The view, and where the record lies.
#[derive(Debug)]
pub(super) struct RoleView {
    pub(super) role: Role,
    /// Where the record lies in shared data.
    pub(super) key: String,
    view: RefCell<View>,
}

impl RoleView {
    pub(super) fn new(role: Role, config: &Config) -> Self {
        let own = &config.roles.own().source;
        Self {
            key: role.source.place(own, &config.calls(&role)),
            role,
            view: RefCell::default(),
        }
    }

    /// A request asks for the credentials.
    pub(super) fn note_use(&self, now: SystemTime) {
        self.view.borrow_mut().note_use(now);
    }

    /// This view.
    pub(super) fn view(&self) -> Ref<'_, View> {
        self.view.borrow()
    }

    /// AWS called what a key signed expired or unknown. `true`: a refresh is due for it now, and was not
    /// before.
    pub(super) fn note_stale(&self, access_key_id: &str, pace: Pace) -> bool {
        let (now, jitter) = (envoy::now(), envoy::jitter());
        let cas = self.read_record();
        let record = self.record().stale(access_key_id, now, jitter, pace);
        // Where somebody was faster, that is as good.
        record.is_some_and(|record| self.swap_record(cas, record))
    }

    /// As [`Self::read_record`]; the first worker that finds no record writes one.
    pub(super) fn read_or_start(&self, now: SystemTime, config: &Config) -> Option<u32> {
        self.read_record().or_else(|| {
            let record = Record::started(now, config.start_jitter, envoy::jitter());
            let epoch = config.credentials_epoch.as_deref();
            let met = epoch.and_then(|epoch| record.of_epoch(epoch, now, now, config.pace));
            self.swap_record(None, met.unwrap_or(record));
            self.read_record()
        })
    }

    /// The configuration has this epoch. `true`: the record, if there is one, had not met it.
    pub(super) fn note_epoch(
        &self,
        epoch: &str,
        now: SystemTime,
        wanted: SystemTime,
        pace: Pace,
    ) -> bool {
        let change = envoy::change_shared_data(&self.key, &|stored| {
            let record = Record::from_bytes(&stored?)?;
            Some(record.of_epoch(epoch, now, wanted, pace)?.to_bytes())
        });
        self.read_record();
        change == Change::Made
    }

    /// Brings this view up to date; returns the CAS number of the stored record.
    pub(super) fn read_record(&self) -> Option<u32> {
        let (bytes, cas) = envoy::shared_data(&self.key)?;
        let record = Record::from_bytes(&bytes).unwrap_or_default();
        self.view.borrow_mut().record = Rc::new(record);
        Some(cas)
    }

    /// The record in this view.
    pub(super) fn record(&self) -> Rc<Record> {
        Rc::clone(&self.view.borrow().record)
    }

    /// As [`Self::record`], brought up to date first where it has no credentials.
    pub(super) fn fresh_record(&self, now: SystemTime) -> Rc<Record> {
        if self.record().usable(now).is_none() {
            self.read_record();
        }
        self.record()
    }

    /// Changes the stored record if it is still the one with this CAS number. `false`: somebody was
    /// faster, and nothing has changed.
    pub(super) fn swap_record(&self, cas: Option<u32>, record: Record) -> bool {
        let swapped = envoy::swap_shared_data(&self.key, &record.to_bytes(), cas);
        if swapped {
            self.view.borrow_mut().record = Rc::new(record);
        }
        swapped
    }

    /// Changes the stored record, whatever it is by now.
    pub(super) fn change_record(&self, change: impl Fn(&Record) -> Record) {
        // Each round that fails is a success of somebody else's; the number of workers bounds them.
        for _ in 0..1000 {
            let cas = self.read_record();
            let changed = change(&self.record());
            if self.swap_record(cas, changed) {
                return;
            }
        }
    }
}
