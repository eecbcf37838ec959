//! What the requests of one worker share.

use super::budget::{Budget, Share};
use super::limits::Limits;
use super::parking::Parking;
use crate::credentials::role::Roles;
use crate::refusal::Refusal;
use crate::report::gauges::Levels;
use std::time::Duration;

/// What is held back in one worker, and what has been seen of its Envoy.
#[derive(Debug)]
pub struct Holdings {
    /// The requests that wait.
    pub parking: Parking,
    budget: Budget,
    /// Of those that hold something, by the ids of their contexts in Envoy, in order.
    shares: Vec<(u32, Share)>,
    max_held_bytes: usize,
    /// The largest body that is held, in bytes.
    pub max_body_bytes: usize,
    /// Envoy has handed over a part of a body: its list of capabilities has `proxy_on_request_body`.
    pub hands_over_bodies: bool,
    /// The same for trailers and `proxy_on_request_trailers`.
    pub hands_over_trailers: bool,
    looks: u32,
}

impl Holdings {
    /// Nothing yet, for as many roles.
    pub fn new<T>(
        limits: Limits,
        max_body_bytes: usize,
        max_held_bytes: usize,
        roles: &Roles<T>,
    ) -> Self {
        Self {
            parking: Parking::new(limits, roles),
            budget: Budget::new(max_held_bytes),
            shares: Vec::new(),
            max_held_bytes,
            max_body_bytes,
            hands_over_bodies: false,
            hands_over_trailers: false,
            looks: 0,
        }
    }

    /// The request of this context holds `bytes` at the end of a callback; see [`Budget::hold`].
    ///
    /// # Errors
    ///
    /// With the answer, where that is too much.
    pub fn hold(
        &mut self,
        stream: u32,
        bytes: usize,
        connection: impl FnOnce() -> Option<u64>,
    ) -> Result<(), Refusal> {
        let place = match self.share_of(stream) {
            Ok(place) => place,
            Err(_) if bytes == 0 => return Ok(()),
            Err(place) => {
                self.shares.insert(place, (stream, Share::default()));
                place
            }
        };
        let Some((_, share)) = self.shares.get_mut(place) else {
            return Ok(());
        };
        let held = self.budget.hold(share, bytes, connection);
        held.map_err(|holder| Refusal::TooMuchHeld {
            max_held_bytes: self.max_held_bytes,
            holder,
        })
    }

    /// A request holds nothing any more.
    pub fn release(&mut self, stream: u32) {
        if let Ok(place) = self.share_of(stream) {
            let (_, mut share) = self.shares.remove(place);
            self.budget.release(&mut share);
        }
    }

    fn share_of(&self, stream: u32) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&stream, |(id, _)| *id)
    }

    /// What the gauges show of it.
    pub(crate) fn levels(&self) -> Levels {
        let number = |count: usize| count.try_into().unwrap_or(u64::MAX);
        Levels {
            parked: number(self.parking.parked()),
            held_bytes: number(self.budget.held()),
        }
    }

    /// When the root has to tick again; see [`Parking::tick_period`].
    pub fn tick_period(&self, has_credentials: bool) -> Duration {
        self.parking.tick_period(has_credentials)
    }

    /// The root ticks.
    pub fn on_tick(&mut self) {
        self.looks = LOOKS_BETWEEN_TICKS;
    }

    /// Whether an answer of AWS's is looked at, which is a call to Envoy: what AWS has against credentials or clock, it
    /// says again and again. All are looked at while a clock is corrected.
    pub fn may_look(&mut self, has_skews: bool) -> bool {
        let may = self.looks > 0 || has_skews;
        self.looks = self.looks.saturating_sub(1);
        may
    }
}

/// Of a worker with more signed requests a second than this, some answers go unseen.
const LOOKS_BETWEEN_TICKS: u32 = 100;
