//! What becomes of a request once it is decided about, until it has gone on or is answered.
//!
//! Events go in, steps come out, and nothing here calls Envoy: [`lifecycle::Lifecycle`] follows one request,
//! [`holdings::Holdings`] is what the requests of one worker share. Where a wait ends, [`release::Release`] carries the
//! request over. The shell turns callbacks into `on_...` calls, carries out each [`lifecycle::Step`] that `next` gives,
//! and says what came of it. What has to be read meanwhile, the time among it, comes through [`ask::Ask`].

pub mod ask;
pub mod body;
pub mod budget;
pub mod edits;
pub mod holdings;
pub mod lifecycle;
pub mod limits;
pub mod parking;
pub mod planned;
pub mod release;
pub mod resigner;

#[cfg(test)]
mod judge;
#[cfg(test)]
mod schedules;
