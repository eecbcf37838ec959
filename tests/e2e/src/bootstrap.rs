//! Envoy's configuration: what a user deploys, with the fakes in AWS's place.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{envoy, parts};

/// The cluster for AWS hosts that the filter signs for.
pub const AWS: &str = "sigv4-egress-aws";
/// The cluster of STS.
pub const STS: &str = "sigv4-egress-sts";
/// The cluster of STS of another region.
pub const STS_2: &str = "sigv4-egress-sts-2";
/// The cluster of the container endpoint.
pub const CONTAINER: &str = "sigv4-egress-container";
/// The cluster of the token listener.
pub const TOKEN: &str = "sigv4-egress-token";
/// Everything that is not AWS.
pub const PLAIN: &str = "plain";
/// A cluster that no route leads to unless a test adds one.
pub const ELSEWHERE: &str = "elsewhere";

/// Where the fakes are.
pub(crate) struct Places<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) token_file: &'a Path,
    pub(crate) token_directory: &'a Path,
    pub(crate) aws: u16,
    pub(crate) sts: u16,
    pub(crate) sts_elsewhere: u16,
    pub(crate) agent: u16,
    pub(crate) plain: u16,
    pub(crate) elsewhere: u16,
}

/// What a test may choose.
#[derive(Clone)]
pub(crate) struct Choices {
    /// `None`: the same Envoy without the filter.
    pub(crate) plugin: Option<Value>,
    /// The filter in the upstream position.
    pub(crate) guard: Option<Value>,
    /// The guard among the filters of [`ELSEWHERE`] itself.
    pub(crate) guarded_elsewhere: bool,
    /// `allow_on_headers_stop_iteration`.
    pub(crate) stop_iteration: bool,
    /// What the module may call of Envoy, and Envoy of the module; `None`: everything.
    pub(crate) capabilities: Option<Value>,
    pub(crate) environment: Value,
    pub(crate) module: String,
    pub(crate) routes: Vec<Value>,
    /// Before the filter.
    pub(crate) filters: Vec<Value>,
    pub(crate) buffer_limit: u32,
    pub(crate) http2_to_aws: bool,
    /// Where AWS is instead, without TLS.
    pub(crate) aws_at: Option<u16>,
    /// Fields of the egress listener's connection manager.
    pub(crate) manager: Value,
    /// A second token beside the first: its file, and its path with a `/` before.
    pub(crate) second_token: Option<String>,
}

impl Choices {
    /// Sets keys of the plugin configuration; `null` removes one.
    pub(crate) fn set_plugin_keys(&mut self, keys: &Value) {
        let plugin = self.plugin.get_or_insert_with(|| json!({}));
        for (key, value) in keys.as_object().expect("an object of keys") {
            match value {
                Value::Null => drop(plugin.as_object_mut().expect("an object").remove(key)),
                value => plugin[key] = value.clone(),
            }
        }
    }
}

pub(crate) fn clusters(places: &Places<'_>, choices: &Choices) -> Value {
    let ca = places.directory.join("ca.pem");
    let aws = match choices.aws_at {
        None => cluster(AWS, tcp(places.aws), Some(&ca), choices.http2_to_aws),
        Some(port) if choices.http2_to_aws => over_http2(cluster(AWS, tcp(port), None, true)),
        Some(port) => without_keep_alive(cluster(AWS, tcp(port), None, false)),
    };
    let mut elsewhere = cluster(ELSEWHERE, tcp(places.elsewhere), None, false);
    if choices.guarded_elsewhere {
        let guard = json!({"position": "upstream", "clusters": [AWS]});
        elsewhere["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}},
                "http_filters": upstream_filters(choices, &guard),
            },
        });
    }
    json!([
        aws,
        cluster(STS, tcp(places.sts), Some(&ca), false),
        cluster(STS_2, tcp(places.sts_elsewhere), Some(&ca), false),
        cluster(CONTAINER, tcp(places.agent), None, false),
        cluster(TOKEN, pipe(places.directory), None, false),
        cluster(PLAIN, tcp(places.plain), None, false),
        elsewhere,
    ])
}

/// `access_log` is the file of one line a request.
pub(crate) fn egress_listener(choices: &Choices, access_log: &Path) -> Value {
    let mut routes = choices.routes.clone();
    routes.push(json!({
        "match": {"connect_matcher": {}},
        "route": {"cluster": AWS, "upgrade_configs": [{"upgrade_type": "CONNECT"}]},
    }));
    routes.push(json!({"match": {"prefix": "/"}, "route": {"cluster": AWS, "timeout": "60s"}}));
    let mut router = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    });
    if let Some(guard) = &choices.guard {
        router["upstream_http_filters"] = upstream_filters(choices, guard);
    }
    let mut filters = choices.filters.clone();
    if let Some(plugin) = &choices.plugin {
        filters.push(wasm(choices, "sigv4-egress", plugin));
    }
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": router}));
    json!({
        "name": "egress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "per_connection_buffer_limit_bytes": choices.buffer_limit,
        "filter_chains": [{"filters": [manager(with(&choices.manager, json!({
            "stat_prefix": "egress",
            "access_log": [{
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                    "path": access_log,
                    "log_format": {"text_format_source": {
                        "inline_string": "%REQ(:AUTHORITY)% %RESPONSE_CODE% [%FILTER_STATE(wasm.sigv4_egress:PLAIN)%]\n",
                    }},
                },
            }],
            "generate_request_id": false,
            "delayed_close_timeout": "10s",
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "http2_protocol_options": {"allow_connect": true},
            "route_config": {
                "ignore_port_in_host_matching": true,
                "virtual_hosts": [
                    {
                        "name": "aws",
                        "domains": [
                            "*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws", "127.0.0.1", "localhost", "[::1]",
                            // A customer's own domain.
                            "*.svc.example", "*.on.aws",
                        ],
                        "routes": routes,
                    },
                    {
                        "name": "plain",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": PLAIN}}],
                    },
                ],
            },
            "http_filters": filters,
        })))]}],
    })
}

fn upstream_filters(choices: &Choices, guard: &Value) -> Value {
    json!([
        wasm(choices, "sigv4-egress-guard", guard),
        {
            "name": "envoy.filters.http.upstream_codec",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
            },
        },
    ])
}

pub(crate) fn token_listener(places: &Places<'_>, choices: &Choices) -> Value {
    let mut address = pipe(places.directory);
    address["pipe"]["mode"] = json!(0o600);
    let served = |path: &str, file: &Path| {
        json!({
            "match": {"path": path},
            "direct_response": {"status": 200, "body": {
                "filename": file,
                "watched_directory": {"path": places.token_directory},
            }},
        })
    };
    let mut routes = vec![
        served("/token", places.token_file),
        served("/container-token", places.token_file),
    ];
    if let Some(name) = &choices.second_token {
        let file = places.token_directory.join(name);
        routes.push(served(&format!("/{name}"), &file));
    }
    let mut filters = Vec::new();
    if choices.plugin.is_some() {
        let status = json!({"position": "status"});
        filters.push(wasm(choices, "sigv4-egress-status", &status));
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    }));
    json!({
        "name": "token",
        "address": address,
        "filter_chains": [{"filters": [manager(json!({
            "stat_prefix": "token",
            "route_config": {
                "max_direct_response_body_size_bytes": 16384,
                "virtual_hosts": [{"name": "token", "domains": ["*"], "routes": routes}],
            },
            "http_filters": filters,
        }))]}],
    })
}

/// Leads clusters of a configuration to ports on 127.0.0.1, in the place of DNS. Their TLS settings stay.
///
/// # Panics
/// When there are no clusters.
pub fn redirect(configuration: &mut Value, ports: &[(&str, u16)]) {
    let clusters = configuration["static_resources"]["clusters"].as_array_mut();
    for cluster in clusters.expect("clusters") {
        let name = cluster["name"].clone();
        let Some((_, port)) = ports.iter().find(|(wanted, _)| name == *wanted) else {
            continue;
        };
        let fields = cluster.as_object_mut().expect("an object");
        // These ask the machine's DNS, and dynamic forward proxy always calls port 443.
        for key in ["cluster_type", "lb_policy", "dns_lookup_family"] {
            fields.remove(key);
        }
        let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
        fields.insert("type".into(), json!("STATIC"));
        fields.insert(
            "load_assignment".into(),
            json!({
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
            }),
        );
    }
}

/// The shipped `envoy/envoy.yaml` with the two changes of its comments for EKS Pod Identity, the token in `pod` and the CA
/// in `ca.pem` of this directory, and clusters that lead to these ports on 127.0.0.1.
///
/// # Panics
/// When the file is not what is expected here.
pub fn shipped_for_pod_identity(directory: &Path, ports: &[(&str, u16)]) -> Value {
    let to_container_token = (
        "match: { path: /token }",
        "match: { path: /container-token }",
    );
    let mut config = shipped(directory, &[to_container_token]);
    redirect(&mut config, ports);
    // What EKS puts into the environment of a pod with an association.
    let environment = json!({
        "AWS_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/token",
    });
    set_environment(&mut config, &environment);
    config
}

/// The shipped `envoy/envoy.yaml` without the parts for https, with its files in this directory, its ports free ones, and
/// more of its text replaced.
pub(crate) fn shipped(directory: &Path, more: &[(&str, &str)]) -> Value {
    adapted(shipped_without_https(), directory, more)
}

/// The whole of `envoy/envoy.yaml`. Only the port of captured connections stays: there can be one such Envoy in a network
/// namespace.
pub(crate) fn shipped_with_https(directory: &Path, more: &[(&str, &str)]) -> Value {
    with_https(shipped_text(), directory, more)
}

/// What `envoy/kubernetes/sandbox/envoy.sh` makes of it, with tunnels to these hosts; and with the admin port again, which is
/// how tests look into Envoy.
///
/// # Panics
/// When the script fails.
pub(crate) fn shipped_for_sandbox(directory: &Path, tunnel_to: &[&str]) -> Value {
    let sandbox = envoy::workspace().join("envoy/kubernetes/sandbox");
    let file = envoy::workspace().join("envoy/envoy.yaml");
    let output = Command::new("sh")
        .arg(sandbox.join("envoy.sh"))
        .arg(sandbox.join("filter.json"))
        .args(tunnel_to)
        .stdin(fs::File::open(file).expect("envoy/envoy.yaml"))
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        !text.contains("port_value: 9901"),
        "the program reaches the admin port"
    );
    text += "\nadmin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }\n";
    with_https(text, directory, &[])
}

fn with_https(text: String, directory: &Path, more: &[(&str, &str)]) -> Value {
    let path = |name: &str| directory.join(name).display().to_string();
    let (sds, socket) = (path("sds.yaml"), path("tls.sock"));
    let mut all = vec![
        ("/etc/sigv4-egress/sds.yaml", sds.as_str()),
        ("/var/run/sigv4-egress/tls.sock", socket.as_str()),
    ];
    all.extend(more);
    adapted(text, directory, &all)
}

/// Puts the names of the certificate in the place of the shipped ones, where captured connections are told apart.
pub(crate) fn capture_names(config: &mut Value, names: &[&str]) {
    let listeners = config["static_resources"]["listeners"].as_array_mut();
    let mut chains = listeners.expect("listeners").iter_mut();
    let captured = chains.find(|listener| listener["name"] == "sigv4-egress-captured");
    let chains = captured.expect("the listener")["filter_chains"].as_array_mut();
    let chain = chains.expect("chains").iter_mut();
    let mut aws = chain.filter(|chain| chain["name"] == "aws");
    aws.next().expect("the chain")["filter_chain_match"]["server_names"] = json!(names);
}

/// The text of `envoy/envoy.yaml` without the parts for https.
///
/// # Panics
/// When it has no such parts.
pub fn shipped_without_https() -> String {
    let text = without_part(&shipped_text(), "captured");
    without_part(&text, "https-proxy")
}

fn shipped_text() -> String {
    let file = envoy::workspace().join("envoy/envoy.yaml");
    fs::read_to_string(file).expect("envoy/envoy.yaml")
}

fn without_part(text: &str, name: &str) -> String {
    let (kept, parts) = parts::without(text, name);
    assert!(parts > 1, "{parts} parts of {name}");
    kept
}

fn adapted(mut text: String, directory: &Path, more: &[(&str, &str)]) -> Value {
    let path = |name: &str| directory.join(name).display().to_string();
    let of_this_machine = [
        (
            "/var/run/secrets/eks.amazonaws.com/serviceaccount",
            path("pod"),
        ),
        ("/etc/sigv4-egress/sigv4_egress.wasm", envoy::module()),
        ("/etc/ssl/certs/ca-certificates.crt", path("ca.pem")),
        ("/var/run/sigv4-egress/token.sock", path("token.sock")),
        ("port_value: 9911", "port_value: 0".to_owned()),
        ("port_value: 9901", "port_value: 0".to_owned()),
    ];
    let more = more.iter().map(|(from, to)| (*from, (*to).to_owned()));
    for (from, to) in more.chain(of_this_machine) {
        assert!(text.contains(from), "envoy/envoy.yaml has no {from}");
        text = text.replace(from, &to);
    }
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Gives every VM in a configuration these variables, and no others.
pub fn set_environment(configuration: &mut Value, variables: &Value) {
    match configuration {
        Value::Object(fields) => {
            if let Some(environment) = fields.get_mut("environment_variables") {
                *environment = json!({"key_values": variables});
            }
            for field in fields.values_mut() {
                set_environment(field, variables);
            }
        }
        Value::Array(items) => {
            for item in items {
                set_environment(item, variables);
            }
        }
        _ => {}
    }
}

/// Admin on a free port; listeners from `lds.json`, so that a test can take them away.
pub(crate) fn bootstrap(directory: &Path, clusters: Value) -> Value {
    json!({
        "node": {"id": "e2e", "cluster": "e2e"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"clusters": clusters},
        "dynamic_resources": {"lds_config": {
            "resource_api_version": "V3",
            "path_config_source": {"path": directory.join("lds.json")},
        }},
        // Quiet: Envoy warns at start when this is not set.
        "overload_manager": {"resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": 10000,
            },
        }]},
    })
}

fn wasm(choices: &Choices, name: &str, configuration: &Value) -> Value {
    let mut filter = json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": name,
                "vm_config": {
                    "vm_id": "sigv4-egress",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": choices.module}},
                    // Before Envoy 1.39 another environment alone makes no other VM.
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": choices.environment.to_string(),
                    },
                    "environment_variables": {"key_values": choices.environment},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration.to_string(),
                },
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": choices.stop_iteration,
            },
        },
    });
    if let Some(capabilities) = &choices.capabilities {
        filter["typed_config"]["config"]["capability_restriction_config"] =
            json!({"allowed_capabilities": capabilities});
    }
    filter
}

/// The capabilities that the shipped `envoy/envoy.yaml` allows.
///
/// # Panics
/// When it has no such list.
pub fn shipped_capabilities() -> Vec<String> {
    let file = envoy::workspace().join("envoy/envoy.yaml");
    let text = fs::read_to_string(file).expect("envoy/envoy.yaml");
    let (_, list) = text.split_once("allowed_capabilities:\n").expect("a list");
    let lines = list
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let names = lines.map_while(|line| line.strip_suffix(": {}"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 30, "{names:?}");
    names
}

fn manager(mut fields: Value) -> Value {
    fields["@type"] = json!(
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    );
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": fields})
}

fn cluster(name: &str, address: Value, ca: Option<&Path>, http2: bool) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        // The fakes take a while where thousands come at once.
        "connect_timeout": "60s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    });
    if name == AWS {
        cluster["circuit_breakers"] = no_limits();
    }
    let Some(ca) = ca else { return cluster };
    let protocol = if http2 {
        json!({"http2_protocol_options": {}})
    } else {
        json!({"http_protocol_options": {}})
    };
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": protocol,
            "upstream_http_protocol_options": {"auto_sni": true, "auto_san_validation": true},
        },
    });
    cluster["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"validation_context": {"trusted_ca": {"filename": ca}}},
        },
    });
    cluster
}

/// As in `envoy/envoy.yaml`: Envoy's defaults refuse what is beyond 1,024 connections.
fn no_limits() -> Value {
    let most = u32::MAX;
    json!({"thresholds": [{
        "max_connections": most, "max_pending_requests": most, "max_requests": most,
    }]})
}

/// HTTP/2 over clear text.
fn over_http2(mut cluster: Value) -> Value {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        },
    });
    cluster
}

/// One request a connection.
fn without_keep_alive(mut cluster: Value) -> Value {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "common_http_protocol_options": {"max_requests_per_connection": 1},
            "explicit_http_config": {"http_protocol_options": {}},
        },
    });
    cluster
}

fn with(more: &Value, mut fields: Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        fields[key] = value.clone();
    }
    fields
}

fn tcp(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn pipe(directory: &Path) -> Value {
    json!({"pipe": {"path": directory.join("token.sock")}})
}
