//! What AWS's answer to a signed request says about credentials and clock, as it passes.
//!
//! A look at an answer's status is a call to Envoy; a busy worker makes it for some only (see `Holdings::may_look`). All
//! else is read where AWS refused: who signed stands in the decision's line. (The request's headers are gone by now: Envoy lends them for their callback only.)

use super::envoy;
use super::worker::Worker;
use crate::endpoint::{self, Host, Resolution};
use crate::headers::{self, Header};
use crate::report::access_log::SignedBy;
use crate::report::metrics;
use crate::response::skew::{Learned, Measurement};
use crate::response::verdict::{self, MAX_BODY_BYTES, Reading, Verdict};
use proxy_wasm::types::LogLevel;
use std::time::SystemTime;

/// An answer whose body is to be read.
#[derive(Debug)]
pub(super) struct Refused {
    /// Of the two clocks, taken when its headers came.
    measurement: Option<Measurement>,
    /// The first bytes of its body.
    start: Vec<u8>,
}

/// Reads the headers of an answer. `Some`: its body says more.
pub(super) fn read_headers(worker: &Worker, end_of_stream: bool) -> Option<Refused> {
    let status = envoy::response_status()?;
    if matches!(verdict::of_headers(status, None), Reading::Nothing) && !worker.has_skews() {
        return None;
    }
    let map = envoy::response_headers().ok()?;
    let headers = headers::read(&map)?;
    let measurement = measure(&headers, envoy::now());
    match verdict::of_headers(status, text(&headers, "x-amzn-errortype")) {
        Reading::InBody if !end_of_stream => {
            return Some(Refused {
                measurement,
                start: Vec::new(),
            });
        }
        Reading::Found(found) => act_on_answer(worker, Some(found), measurement),
        Reading::InBody | Reading::Nothing => act_on_answer(worker, None, measurement),
    }
    None
}

impl Refused {
    /// Reads what has come of the body. `true`: enough.
    pub(super) fn read(&mut self, worker: &Worker, body_size: usize, end_of_stream: bool) -> bool {
        let wanted = MAX_BODY_BYTES.saturating_sub(self.start.len());
        if let Ok(part) = envoy::response_body(body_size.min(wanted)) {
            self.start.extend_from_slice(&part);
        }
        let is_enough = end_of_stream || self.start.len() >= MAX_BODY_BYTES;
        if is_enough {
            act_on_answer(worker, verdict::of_body(&self.start), self.measurement);
        }
        is_enough
    }
}

fn measure(headers: &[Header<'_>], received: SystemTime) -> Option<Measurement> {
    let sent = envoy::request_time()?;
    let (date, age) = (text(headers, "date"), text(headers, "age"));
    Measurement::new(date, age, sent, received)
}

fn text<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers::value(headers, name)?).ok()
}

/// Draws the consequences, if we signed the request.
fn act_on_answer(worker: &Worker, found: Option<Verdict>, measurement: Option<Measurement>) {
    let line = envoy::line().unwrap_or_default();
    let Some(signed) = SignedBy::read(&line) else {
        return;
    };
    if let Some(measurement) = measurement {
        compare_clocks(worker, signed.host, found, measurement);
    }
    if found == Some(Verdict::Credentials) {
        worker.note_stale(signed.role, signed.access_key_id);
    }
}

fn compare_clocks(
    worker: &Worker,
    authority: &str,
    found: Option<Verdict>,
    measurement: Measurement,
) {
    let Ok(host) = Host::parse(authority.as_bytes()) else {
        return;
    };
    let Resolution::Aws(endpoint) = endpoint::resolve(&host, &worker.config.region) else {
        return;
    };
    let said = match worker.learn_skew(authority, &endpoint, found, measurement) {
        Learned::Nothing => return,
        Learned::Corrected(offset) => {
            format!("{offset}: requests to {authority} are signed with its time")
        }
        Learned::Dropped => format!("{authority} and we agree on the time again"),
        Learned::TooFar(offset) => format!("{offset}: set the node's clock; {authority}"),
    };
    worker.count(metrics::CLOCK_SKEW);
    envoy::log(LogLevel::Warn, &said);
}
