//! Envoy's configuration: `envoy/envoy.yaml`, with another filter, or none, in the place of ours.
//!
//! What differs from the shipped file, for all variants alike: no access log, no TLS to the upstream, no
//! dynamic forward proxy, and every host is forwarded.

use crate::envoy::{LISTENER_PORT, free_port};
use crate::{Error, Result, fakes::Fakes};
use e2e::bootstrap::shipped_without_https;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What stands in the filter chain before the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Nothing.
    None,
    /// A module whose callbacks do nothing.
    Noop,
    /// A module that makes the calls of ours, and signs nothing.
    Calls,
    /// Envoy's own `aws_request_signing`, with credentials in its configuration.
    Native,
    /// The release module, with credentials from the fake STS.
    Ours,
}

impl Variant {
    /// As it stands in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Noop => "noop",
            Self::Calls => "calls",
            Self::Native => "native",
            Self::Ours => "ours",
        }
    }

    /// Whether V8 runs for it.
    pub(crate) fn is_module(self) -> bool {
        matches!(self, Self::Noop | Self::Calls | Self::Ours)
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// Envoy itself, behind the filter; with the header [`TO_UPSTREAM`] the upstream.
    ///
    /// By Envoy's fault filter rather than a `direct_response` route: such a route leads to no cluster,
    /// and the filter signs for listed clusters only.
    InEnvoy,
    /// The upstream that swallows what it gets.
    Swallows,
}

/// Takes a request past the answer in Envoy.
pub(crate) const TO_UPSTREAM: &str = "x-bench-upstream";

/// Whether the filter's guard stands among the router's upstream filters, as it is shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It does.
    Present,
    /// It does not: the native filter has nothing like it.
    Absent,
}

/// What differs between workloads.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Who answers.
    pub(crate) upstream: Upstream,
    /// The native filter's one service.
    pub(crate) service: &'static str,
    /// `use_unsigned_payload` of the native filter; ours chooses by itself.
    pub(crate) unsigned_payload: bool,
    /// `rules` of ours.
    pub(crate) rules: Vec<Value>,
    /// `roles` of ours, for the rules.
    pub(crate) roles: Map<String, Value>,
    /// The guard of ours.
    pub(crate) guard: Guard,
    /// Length of the session token, for both.
    pub(crate) session_token_bytes: usize,
    /// Envoy's worker threads.
    pub(crate) workers: u32,
}

/// Where the modules are.
#[derive(Clone, Debug)]
pub(crate) struct Modules {
    /// Ours, as `cargo xtask build` makes it.
    pub(crate) ours: std::path::PathBuf,
    /// The one that does nothing.
    pub(crate) noop: std::path::PathBuf,
    /// The one that only calls.
    pub(crate) calls: std::path::PathBuf,
}

/// The bootstrap of one Envoy, whose files lie in `directory`.
///
/// # Errors
/// When `envoy/envoy.yaml` is not what this expects.
pub(crate) fn bootstrap(
    variant: Variant,
    setup: &Setup,
    modules: &Modules,
    fakes: &Fakes,
    directory: &Path,
) -> Result<Value> {
    let mut config: Value = serde_saphyr::from_str(&shipped_without_https())?;
    let mut set = |pointer: &str, value: Value| -> Result {
        let place = config.pointer_mut(pointer);
        *place
            .ok_or_else(|| Error::from(format!("envoy/envoy.yaml has nothing at {pointer}")))? =
            value;
        Ok(())
    };
    set(LISTENER_PORT, json!(free_port()?))?;
    set(&format!("{MANAGER}/access_log"), json!([]))?;
    let routes = json!([{"match": {"prefix": "/"}, "route": {"cluster": AWS, "timeout": "0s"}}]);
    set(
        &format!("{MANAGER}/route_config/virtual_hosts/2/routes"),
        routes,
    )?;

    let socket = directory.join("token.sock");
    set(
        "/static_resources/listeners/1/address/pipe/path",
        json!(socket),
    )?;
    // Without the plugin that answers /status: the native filter has nothing like it.
    set(
        "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config/http_filters",
        json!([{
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            },
        }]),
    )?;
    set(&format!("{TOKEN_FILE}/filename"), json!(fakes.token.file()))?;
    set(
        &format!("{TOKEN_FILE}/watched_directory/path"),
        json!(fakes.token.path()),
    )?;
    set(
        "/static_resources/clusters/0",
        json!({
            "name": AWS, "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {"cluster_name": AWS, "endpoints": [{"lb_endpoints": [endpoint(fakes.upstream.port)]}]},
        }),
    )?;
    set("/static_resources/clusters/1/type", json!("STATIC"))?;
    set(
        &format!("/static_resources/clusters/1/{FIRST_ENDPOINT}"),
        endpoint(fakes.sts.port),
    )?;
    set(
        "/static_resources/clusters/1/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename",
        json!(fakes.authority),
    )?;
    set(
        &format!("/static_resources/clusters/2/{FIRST_ENDPOINT}/endpoint/address/pipe/path"),
        json!(socket),
    )?;

    let shipped = config
        .pointer(&format!("{MANAGER}/http_filters"))
        .cloned()
        .unwrap_or_default();
    let mut filters = Vec::new();
    match variant {
        Variant::None => {}
        Variant::Noop => filters.push(wasm(&shipped, "/0", &modules.noop, None)?),
        Variant::Calls => filters.push(wasm(&shipped, "/0", &modules.calls, None)?),
        Variant::Native => filters.push(native(setup, fakes)),
        Variant::Ours => {
            let plugin = json!({
                "allow": ["s3", "dynamodb"], "rules": setup.rules, "roles": setup.roles,
                // Most requests here have no signature, as Envoy's own filter wants them. Without this key, Envoy would be
                // asked with each of them whether it came over TLS, which a client with placeholder keys does not cause.
                "unmarked": "sign",
            });
            filters.push(wasm(&shipped, "/0", &modules.ours, Some(&plugin))?);
        }
    }
    if setup.upstream == Upstream::InEnvoy {
        filters.push(answer());
    }
    let mut router = shipped
        .pointer("/2")
        .cloned()
        .ok_or("envoy/envoy.yaml has no router")?;
    let guards = router
        .pointer_mut("/typed_config/upstream_http_filters")
        .ok_or("envoy/envoy.yaml has no guard")?;
    if (variant, setup.guard) == (Variant::Ours, Guard::Present) {
        let guard = wasm(
            &shipped,
            "/2/typed_config/upstream_http_filters/0",
            &modules.ours,
            None,
        )?;
        *guards.get_mut(0).ok_or("envoy/envoy.yaml has no guard")? = guard;
    } else {
        *guards = json!([]);
    }
    filters.push(router);
    if let Some(bootstrap) = config.as_object_mut() {
        bootstrap.remove("admin");
    }
    if let Some(place) = config.pointer_mut(&format!("{MANAGER}/http_filters")) {
        *place = Value::Array(filters);
    }
    Ok(config)
}

/// A Wasm filter as it is shipped, with another module and, with `plugin`, another configuration.
fn wasm(shipped: &Value, pointer: &str, module: &Path, plugin: Option<&Value>) -> Result<Value> {
    let missing = || format!("envoy/envoy.yaml has no filter at {pointer}");
    let mut filter = shipped.pointer(pointer).cloned().ok_or_else(missing)?;
    let config = filter
        .pointer_mut("/typed_config/config")
        .ok_or_else(missing)?;
    let file = config
        .pointer_mut("/vm_config/code/local/filename")
        .ok_or_else(missing)?;
    *file = json!(module);
    if let Some(plugin) = plugin {
        *config
            .pointer_mut("/configuration/value")
            .ok_or_else(missing)? = json!(plugin.to_string());
    }
    Ok(filter)
}

/// Without `match_included_headers` it would sign every header; with it, it signs what ours does.
fn native(setup: &Setup, fakes: &Fakes) -> Value {
    let key = &fakes.native_key;
    json!({
        "name": "envoy.filters.http.aws_request_signing",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning",
            "service_name": setup.service,
            "region": "eu-west-1",
            "use_unsigned_payload": setup.unsigned_payload,
            "match_included_headers": [{"prefix": "x-amz-"}, {"exact": "content-type"}, {"exact": "content-md5"}],
            "credential_provider": {"inline_credential": {
                "access_key_id": key.access_key_id,
                "secret_access_key": key.secret_access_key,
                "session_token": key.session_token,
            }},
        },
    })
}

fn answer() -> Value {
    json!({
        "name": "envoy.filters.http.fault",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
            "abort": {"http_status": 200, "percentage": {"numerator": 100}},
            "headers": [{"name": TO_UPSTREAM, "present_match": true, "invert_match": true}],
        },
    })
}

fn endpoint(port: u16) -> Value {
    json!({"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}})
}

const AWS: &str = "sigv4-egress-aws";
const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const TOKEN_FILE: &str = "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config/route_config\
                          /virtual_hosts/0/routes/0/direct_response/body";
const FIRST_ENDPOINT: &str = "load_assignment/endpoints/0/lb_endpoints/0";
