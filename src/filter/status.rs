//! The plugin in the token listener, which answers with the status document, and takes what asks for other credentials.

use super::envoy::{self, Change};
use crate::credentials::cache::{Pace, Record};
use crate::headers;
use crate::refusal::Answer;
use crate::report::refresh;
use crate::report::status::{PATH, REGISTER_KEY, Register};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use std::cell::Cell;
use std::time::Duration;

/// One request to the listener.
#[derive(Debug)]
pub(super) struct Status;

impl Context for Status {}

impl HttpContext for Status {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let map = envoy::request_headers().unwrap_or_default();
        let headers = headers::read(&map).unwrap_or_default();
        let path = headers::value(&headers, ":path");
        let answer = if path == Some(PATH.as_bytes()) {
            document()
        } else if path == Some(refresh::PATH.as_bytes()) {
            match headers::value(&headers, ":method") {
                Some(b"POST") => replace_credentials(),
                _ => refresh::wrong_method(),
            }
        } else {
            return Action::Continue;
        };
        envoy::logged(envoy::reply(&answer));
        Action::Pause
    }
}

fn register() -> Register {
    envoy::shared_data(REGISTER_KEY)
        .map(|(bytes, _)| Register::from_bytes(&bytes))
        .unwrap_or_default()
}

fn document() -> Answer {
    let record = |key: &str| Record::from_bytes(&envoy::shared_data(key)?.0);
    register().document(envoy::now(), record)
}

/// Makes new credentials due for all roles of the process; the workers fetch them.
fn replace_credentials() -> Answer {
    let (now, left) = (envoy::now(), Cell::new(Duration::ZERO));
    let heard = envoy::change_shared_data(refresh::KEY, &|stored| {
        refresh::ask(stored.as_deref(), now)
            .map_err(|rest| left.set(rest))
            .ok()
    });
    if heard != Change::Made {
        return refresh::too_soon(left.get());
    }
    let register = register();
    let mut flushed = Vec::new();
    for role in register.roles() {
        let change = envoy::change_shared_data(role.record(), &|stored| {
            let record = Record::from_bytes(&stored?)?;
            Some(record.flushed(now, now, Pace::REAL)?.to_bytes())
        });
        if change == Change::Made {
            flushed.push(role);
        }
    }
    envoy::tell_of_flushes();
    envoy::log(LogLevel::Info, "credentials are replaced: POST /refresh");
    refresh::accepted(&flushed)
}
