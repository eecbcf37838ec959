//! The demo's overlay on `envoy/envoy.yaml`: other places for the same things, and nothing else.

use crate::parts;
use crate::run::{Result, root};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where things are on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The module.
    pub(crate) module: &'a Path,
    /// The directory of the projected token.
    pub(crate) token_directory: &'a Path,
    /// The Unix socket of the token listener.
    pub(crate) socket: &'a Path,
    /// The certificate authority of the demo's AWS.
    pub(crate) authority: &'a Path,
    /// The file that names the certificate which ends the program's TLS.
    pub(crate) sds: &'a Path,
    /// The Unix socket of the tunnels of HTTPS_PROXY.
    pub(crate) tunnel_socket: &'a Path,
    /// The port on 127.0.0.1 where the demo's AWS listens.
    pub(crate) aws_port: u16,
}

/// One change: a JSON pointer, and what stands there afterwards; `None` takes it out.
type Edit = (String, Option<Value>);

/// `envoy/envoy.yaml` as a value, its aliases resolved; without what iptables captures, because the demo changes nothing of
/// the machine's network.
pub(crate) fn bootstrap() -> Result<Value> {
    let path = root().join("envoy/envoy.yaml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (text, _) = parts::without(&text, "captured");
    Ok(serde_saphyr::from_str(&text)?)
}

/// The bootstrap with everything at its place on this machine.
pub(crate) fn overlaid(mut bootstrap: Value, places: Places<'_>) -> Result<Value> {
    for (pointer, value) in edits(places) {
        apply(&mut bootstrap, &pointer, value)?;
    }
    Ok(bootstrap)
}

/// The names in the filter's `capability_restriction_config`.
pub(crate) fn capabilities(bootstrap: &Value) -> Result<BTreeSet<String>> {
    let pointer = format!("{FILTER}/capability_restriction_config/allowed_capabilities");
    let names = bootstrap.pointer(&pointer).and_then(Value::as_object);
    let names = names.ok_or_else(|| format!("envoy/envoy.yaml has nothing at {pointer}"))?;
    Ok(names.keys().cloned().collect())
}

fn edits(places: Places<'_>) -> Vec<Edit> {
    let path = |path: &Path| Some(json!(path));
    let token = places.token_directory.join("token");
    let endpoint = json!({ "address": {
        "socket_address": { "address": "127.0.0.1", "port_value": places.aws_port },
    }});
    let mut edits = vec![
        // Free ports; the admin interface tells which.
        (
            format!("{LISTENER}/address/socket_address/port_value"),
            Some(json!(0)),
        ),
        (
            "/admin/address/socket_address/port_value".to_owned(),
            Some(json!(0)),
        ),
        // Files.
        (format!("{TOKEN_FILE}/filename"), path(&token)),
        (
            format!("{TOKEN_FILE}/watched_directory/path"),
            path(places.token_directory),
        ),
        (
            format!("{TOKEN_LISTENER}/address/pipe/path"),
            path(places.socket),
        ),
        (
            format!("{TOKEN_CLUSTER}/{FIRST_ENDPOINT}/address/pipe/path"),
            path(places.socket),
        ),
        (
            format!("{TUNNEL_LISTENER}/address/pipe/path"),
            path(places.tunnel_socket),
        ),
        (
            format!("{TUNNEL_CLUSTER}/{FIRST_ENDPOINT}/address/pipe/path"),
            path(places.tunnel_socket),
        ),
        (format!("{TUNNEL_LISTENER}/{SDS}"), path(places.sds)),
        // AWS: one address for every host, in the place of DNS.
        (format!("{AWS}/cluster_type"), None),
        (format!("{AWS}/lb_policy"), None),
        (format!("{AWS}/type"), Some(json!("STATIC"))),
        (
            format!("{AWS}/load_assignment"),
            Some(json!({
                "cluster_name": "sigv4-egress-aws",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }],
            })),
        ),
        (format!("{STS}/{FIRST_ENDPOINT}"), Some(endpoint)),
    ];
    for plugin in PLUGINS {
        edits.push((
            format!("{plugin}/vm_config/code/local/filename"),
            path(places.module),
        ));
    }
    for cluster in [AWS, STS] {
        edits.push((format!("{cluster}/{AUTHORITY}"), path(places.authority)));
    }
    edits
}

fn apply(document: &mut Value, pointer: &str, value: Option<Value>) -> Result {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    let parent = document.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent: &mut Map<String, Value> =
        parent.ok_or_else(|| format!("envoy/envoy.yaml has nothing around {pointer}"))?;
    match value {
        Some(value) => parent.insert(key.to_owned(), value),
        None => parent.remove(key),
    };
    Ok(())
}

const LISTENER: &str = "/static_resources/listeners/0";
const FILTER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
const GUARD: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/2/typed_config\
                     /upstream_http_filters/0/typed_config/config";
const STATUS: &str = "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
const FILTER_IN_TUNNELS: &str = "/static_resources/listeners/2/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
const GUARD_IN_TUNNELS: &str = "/static_resources/listeners/2/filter_chains/0/filters/0/typed_config/http_filters/2/typed_config\
                                /upstream_http_filters/0/typed_config/config";
/// All plugins of this module: they share a VM.
const PLUGINS: [&str; 5] = [FILTER, GUARD, STATUS, FILTER_IN_TUNNELS, GUARD_IN_TUNNELS];
const TOKEN_LISTENER: &str = "/static_resources/listeners/1";
const TOKEN_FILE: &str = "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config/route_config\
                          /virtual_hosts/0/routes/0/direct_response/body";
const TUNNEL_LISTENER: &str = "/static_resources/listeners/2";
const TUNNEL_CLUSTER: &str = "/static_resources/clusters/4";
const SDS: &str = "filter_chains/0/transport_socket/typed_config/common_tls_context\
                   /tls_certificate_sds_secret_configs/0/sds_config/path_config_source/path";
const AWS: &str = "/static_resources/clusters/0";
const STS: &str = "/static_resources/clusters/1";
const TOKEN_CLUSTER: &str = "/static_resources/clusters/2";
const FIRST_ENDPOINT: &str = "load_assignment/endpoints/0/lb_endpoints/0/endpoint";
const AUTHORITY: &str =
    "transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename";

#[cfg(test)]
mod tests {
    use super::*;

    /// The pointers at which two documents differ.
    fn differences(before: &Value, after: &Value, at: &str, found: &mut Vec<String>) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => {
                for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                    let at = format!("{at}/{key}");
                    match (before.get(key), after.get(key)) {
                        (Some(before), Some(after)) => differences(before, after, &at, found),
                        _ => found.push(at),
                    }
                }
            }
            (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
                for (index, (before, after)) in before.iter().zip(after).enumerate() {
                    differences(before, after, &format!("{at}/{index}"), found);
                }
            }
            _ if before == after => {}
            _ => found.push(at.to_owned()),
        }
    }

    #[test]
    fn the_demo_differs_from_the_shipped_bootstrap_in_places_only() {
        let places = Places {
            module: Path::new("/m.wasm"),
            token_directory: Path::new("/t"),
            socket: Path::new("/s"),
            authority: Path::new("/ca"),
            sds: Path::new("/sds"),
            tunnel_socket: Path::new("/tunnels"),
            aws_port: 1,
        };
        let before = bootstrap().unwrap();
        let after = overlaid(before.clone(), places).unwrap();
        let mut found = Vec::new();
        differences(&before, &after, "", &mut found);
        let static_resources = |pointer: &str| pointer.replacen("/static_resources", "", 1);
        let found: Vec<_> = found
            .iter()
            .map(|pointer| static_resources(pointer))
            .collect();
        let manager = "/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
        let in_tunnels = manager.replace("listeners/0", "listeners/2");
        let expected = [
            "/admin/address/socket_address/port_value",
            // The AWS cluster's endpoints and authority.
            "/clusters/0/cluster_type",
            "/clusters/0/lb_policy",
            "/clusters/0/load_assignment",
            "/clusters/0/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename",
            "/clusters/0/type",
            // The STS cluster's.
            "/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address",
            "/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/port_value",
            "/clusters/1/transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename",
            // Paths and ports of this machine.
            "/clusters/2/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path",
            "/clusters/4/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path",
            "/listeners/0/address/socket_address/port_value",
            &format!("{manager}/0/typed_config/config/vm_config/code/local/filename"),
            &format!(
                "{manager}/2/typed_config/upstream_http_filters/0/typed_config/config/vm_config/code/local/filename"
            ),
            "/listeners/1/address/pipe/path",
            "/listeners/1/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/vm_config/code/local/filename",
            "/listeners/1/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0/direct_response/body/filename",
            "/listeners/1/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0/direct_response/body/watched_directory/path",
            "/listeners/2/address/pipe/path",
            &format!("{in_tunnels}/0/typed_config/config/vm_config/code/local/filename"),
            &format!(
                "{in_tunnels}/2/typed_config/upstream_http_filters/0/typed_config/config/vm_config/code/local/filename"
            ),
            "/listeners/2/filter_chains/0/transport_socket/typed_config/common_tls_context/tls_certificate_sds_secret_configs/0/sds_config/path_config_source/path",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn all_plugins_are_confined_alike() {
        // They share a VM, and Envoy takes the restriction of whichever comes first.
        let bootstrap = bootstrap().unwrap();
        let restriction =
            |config| bootstrap.pointer(&format!("{config}/capability_restriction_config"));
        assert!(restriction(FILTER).is_some());
        for plugin in PLUGINS {
            assert_eq!(restriction(FILTER), restriction(plugin));
        }
    }
}
