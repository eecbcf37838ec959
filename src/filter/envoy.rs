//! Calls to Envoy, with their failures as values.
//!
//! The SDK's trait methods panic on an unexpected status, and so do some of its `hostcalls` where a
//! stream is gone. [`enter`] is what tells: once it succeeds for a paused stream, its headers are there.

use super::abi;
use crate::headers;
use crate::own_keys::{self, OwnKeys};
use crate::policy::ROUTE_NAMESPACE;
use crate::refusal::{Answer, Refusal};
use crate::report::{access_log, refresh};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType, Status};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A call to Envoy that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallFailed {
    call: &'static str,
    status: Status,
}

impl CallFailed {
    /// What Envoy handed over is no map of headers.
    pub(super) fn no_map() -> Self {
        Self {
            call: "get_map",
            status: Status::ParseFailure,
        }
    }
}

impl fmt::Display for CallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with {:?}", self.call, self.status)
    }
}

/// The answer where a request cannot go on without the call.
impl From<CallFailed> for Refusal {
    #[cold]
    fn from(error: CallFailed) -> Self {
        Self::HostCallFailed {
            what: error.to_string(),
        }
    }
}

fn failed(call: &'static str) -> impl Fn(Status) -> CallFailed {
    move |status| CallFailed { call, status }
}

/// Wall clock. Without a clock every credential counts as expired.
pub(super) fn now() -> SystemTime {
    const FAR_FUTURE: Duration = Duration::from_secs(1 << 40);
    hostcalls::get_current_time().unwrap_or(UNIX_EPOCH + FAR_FUTURE)
}

/// Random bits, from the seed that the standard library takes from the host.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

/// For the core, whose jitter is uniform over all of `u32`.
pub(super) fn jitter() -> u32 {
    (random() >> 32).try_into().unwrap_or(u32::MAX)
}

pub(super) fn log(level: LogLevel, message: &str) {
    // There is nowhere to report a log line that could not be written.
    let _ = hostcalls::log(level, message);
}

/// For a call that nothing depends on.
pub(super) fn logged(done: Result<(), CallFailed>) {
    if let Err(error) = done {
        log(LogLevel::Error, &error.to_string());
    }
}

pub(super) fn plugin_configuration() -> Result<Vec<u8>, CallFailed> {
    let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX >> 1);
    bytes
        .map(Option::unwrap_or_default)
        .map_err(failed("get_buffer"))
}

pub(super) fn set_tick_period(period: Duration) -> Result<(), CallFailed> {
    hostcalls::set_tick_period(period).map_err(failed("set_tick_period"))
}

/// Makes the context the one that further calls act on. `false`: it is gone.
pub(super) fn enter(context_id: u32) -> bool {
    hostcalls::set_effective_context(context_id).is_ok()
}

/// The cluster of the request's route: chosen before any header was written (seen on Envoy 1.36.4
/// and 1.40.0). In the upstream filter chain it is the one the request leaves through.
pub(super) fn cluster_name() -> Option<String> {
    String::from_utf8(abi::property(b"xds\0cluster_name").ok()?).ok()
}

/// The id of the connection that the request came on.
pub(super) fn connection_id() -> Option<u64> {
    let bytes = abi::property(b"connection_id").ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The port of the listener that the request came to.
pub(super) fn port() -> Option<u16> {
    let bytes = abi::property(b"destination\0port").ok()?;
    u16::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Whether Envoy ended TLS on the connection that the request came on; also where a call fails that should tell.
pub(super) fn over_tls() -> bool {
    !matches!(
        abi::property(b"connection\0tls_version"),
        Err(Status::NotFound)
    )
}

/// A string in the metadata of the request's route; `None` where it has none under this key.
pub(super) fn route_metadata(key: &str) -> Option<String> {
    let path = [
        "xds",
        "route_metadata",
        "filter_metadata",
        ROUTE_NAMESPACE,
        key,
    ];
    let path = path.join("\0");
    String::from_utf8(abi::property(path.as_bytes()).ok()?).ok()
}

/// The request's headers, for [`crate::headers::read`].
pub(super) fn request_headers() -> Result<Vec<u8>, CallFailed> {
    header_map(MapType::HttpRequestHeaders)
}

fn header_map(map: MapType) -> Result<Vec<u8>, CallFailed> {
    abi::header_map(map).map_err(failed("get_map"))
}

pub(super) fn set_request_header(name: &str, value: Option<&str>) -> Result<(), CallFailed> {
    match value {
        Some(value) => hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some(value)),
        None => hostcalls::remove_map_value(MapType::HttpRequestHeaders, name),
    }
    .map_err(failed("set_map_value"))
}

/// What Envoy hands over of the body from `start` on, at most `length` bytes: all that it holds, or what
/// has come since the last callback where it holds nothing.
pub(super) fn request_body(start: usize, length: usize) -> Result<Vec<u8>, CallFailed> {
    let bytes = hostcalls::get_buffer(BufferType::HttpRequestBody, start, length);
    bytes
        .map(Option::unwrap_or_default)
        .map_err(failed("get_buffer"))
}

/// Puts `new` in the place of the first `length` bytes of the body that Envoy holds.
pub(super) fn replace_request_body(length: usize, new: &[u8]) -> Result<(), CallFailed> {
    hostcalls::set_buffer(BufferType::HttpRequestBody, 0, length, new).map_err(failed("set_buffer"))
}

pub(super) fn resume_request() -> Result<(), CallFailed> {
    hostcalls::resume_http_request().map_err(failed("resume_http_request"))
}

pub(super) fn reply(answer: &Answer) -> Result<(), CallFailed> {
    let headers = answer.headers.iter();
    hostcalls::send_http_response(
        u32::from(answer.status),
        headers
            .map(|(name, value)| (*name, value.as_str()))
            .collect(),
        Some(&answer.body),
    )
    .map_err(failed("send_http_response"))
}

/// The status of an answer from upstream.
pub(super) fn response_status() -> Option<u16> {
    let status = hostcalls::get_map_value(MapType::HttpResponseHeaders, ":status");
    status.ok().flatten()?.parse().ok()
}

/// The headers of an answer from upstream, for [`crate::headers::read`].
pub(super) fn response_headers() -> Result<Vec<u8>, CallFailed> {
    header_map(MapType::HttpResponseHeaders)
}

/// The first `length` bytes of what has come of an answer's body since the last callback.
pub(super) fn response_body(length: usize) -> Result<Vec<u8>, CallFailed> {
    let bytes = hostcalls::get_buffer(BufferType::HttpResponseBody, 0, length);
    bytes
        .map(Option::unwrap_or_default)
        .map_err(failed("get_buffer"))
}

/// When the request's first byte came: nanoseconds since 1970.
pub(super) fn request_time() -> Option<SystemTime> {
    let bytes = abi::property(b"request\0time").ok()?;
    let nanoseconds = u64::from_le_bytes(bytes.try_into().ok()?);
    UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
}

/// Leaves the decision's line in the stream's filter state. A later one takes its place (Envoy 1.36.4 and 1.40.0).
pub(super) fn leave_line(line: &str) -> Result<(), CallFailed> {
    abi::set_property(access_log::PROPERTY.as_bytes(), line.as_bytes())
        .map_err(failed("set_property"))
}

/// As [`leave_line`], where the log alone depends on it.
pub(super) fn show_line(line: &str) {
    logged(leave_line(line));
}

/// The line that the downstream filter left; `None` where it left none.
pub(super) fn line() -> Option<String> {
    let line = abi::property(access_log::PROPERTY.as_bytes()).ok()?;
    Some(String::from_utf8(line).unwrap_or_default())
}

/// A callout; its reply comes to the root context, which must be the one that is active.
pub(super) fn call(
    cluster: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
    timeout: Duration,
) -> Result<u32, CallFailed> {
    hostcalls::dispatch_http_call(cluster, headers.to_vec(), body, Vec::new(), timeout)
        .map_err(failed("dispatch_http_call"))
}

/// The reply to a callout: status (0 where none came), and the body up to `limit` bytes.
pub(super) fn call_reply(body_size: usize, limit: usize) -> (u16, Vec<u8>) {
    let map = header_map(MapType::HttpCallResponseHeaders).unwrap_or_default();
    let headers = headers::read(&map).unwrap_or_default();
    let status = headers::value(&headers, ":status")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
        .unwrap_or(0);
    if body_size == 0 {
        return (status, Vec::new());
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size.min(limit));
    (status, body.ok().flatten().unwrap_or_default())
}

/// The value and its CAS number; `None` where there is none.
pub(super) fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    match hostcalls::get_shared_data(key) {
        Ok((Some(value), Some(cas))) => Some((value, cas)),
        _ => None,
    }
}

/// Swaps a value in; `None` as CAS number creates it. `false`: somebody was faster.
pub(super) fn swap_shared_data(key: &str, value: &[u8], cas: Option<u32>) -> bool {
    // On an absent entry `u32::MAX` creates it, and fails where it exists (Envoy 1.36.4, 1.40.0).
    hostcalls::set_shared_data(key, Some(value), Some(cas.unwrap_or(u32::MAX))).is_ok()
}

/// The keys that this process has got.
pub(super) fn own_keys() -> OwnKeys {
    shared_data(own_keys::KEY)
        .map_or_else(OwnKeys::default, |(bytes, _)| OwnKeys::from_bytes(bytes))
}

/// What became of a change of shared data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Made,
    NotNeeded,
    Failed,
}

/// Changes what lies in shared data, whatever it is by now; `change` gets `None` where there is nothing, and gives
/// `None` where nothing is to be done.
pub(super) fn change_shared_data(
    key: &str,
    change: &dyn Fn(Option<Vec<u8>>) -> Option<Vec<u8>>,
) -> Change {
    // Each round that fails is a success of another worker's.
    for _ in 0..1000 {
        let (bytes, cas) = match shared_data(key) {
            Some((bytes, cas)) => (Some(bytes), Some(cas)),
            None => (None, None),
        };
        match change(bytes) {
            Some(changed) if swap_shared_data(key, &changed, cas) => return Change::Made,
            Some(_) => {}
            None => return Change::NotNeeded,
        }
    }
    Change::Failed
}

/// Makes every worker read the records again.
pub(super) fn tell_of_flushes() {
    change_shared_data(refresh::KEY, &|stored| Some(stored.unwrap_or_default()));
}

/// A number that is another one after each [`tell_of_flushes`].
pub(super) fn flushes() -> Option<u32> {
    Some(shared_data(refresh::KEY)?.1)
}

/// A stat that is defined on first use.
#[derive(Debug)]
pub(super) struct Stat {
    id: Option<u32>,
}

impl Stat {
    pub(super) fn counter(name: &str) -> Self {
        Self {
            id: hostcalls::define_metric(MetricType::Counter, name).ok(),
        }
    }

    pub(super) fn gauge(name: &str) -> Self {
        Self {
            id: hostcalls::define_metric(MetricType::Gauge, name).ok(),
        }
    }

    pub(super) fn add(&self, offset: i64) {
        if let Some(id) = self.id {
            let _ = hostcalls::increment_metric(id, offset);
        }
    }

    pub(super) fn record(&self, value: u64) {
        if let Some(id) = self.id {
            let _ = hostcalls::record_metric(id, value);
        }
    }
}
