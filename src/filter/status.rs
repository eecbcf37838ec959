//! The plugin in the token listener, which answers with the status document.

use super::envoy;
use crate::credentials::cache::Record;
use crate::headers;
use crate::report::status::{PATH, REGISTER_KEY, Register};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

/// One request to the listener.
#[derive(Debug)]
pub(super) struct Status;

impl Context for Status {}

impl HttpContext for Status {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let map = envoy::request_headers().unwrap_or_default();
        let headers = headers::read(&map).unwrap_or_default();
        if headers::value(&headers, ":path") != Some(PATH.as_bytes()) {
            return Action::Continue;
        }
        let register = envoy::shared_data(REGISTER_KEY)
            .map(|(bytes, _)| Register::from_bytes(&bytes))
            .unwrap_or_default();
        let record = |key: &str| Record::from_bytes(&envoy::shared_data(key)?.0);
        let document = register.document(envoy::now(), record);
        if let Err(error) = envoy::reply_json(&document) {
            envoy::log(LogLevel::Error, &error.to_string());
        }
        Action::Pause
    }
}
