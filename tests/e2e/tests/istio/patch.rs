//! What istiod does with an EnvoyFilter, for the operations that ours use.
//!
//! Source: Istio, `pilot/pkg/networking/core/envoyfilter` (`listener_patch.go`, `cluster_patch.go`) and
//! `pkg/proto/merge`. An operation or a match that stands in none of our files makes it panic, so that
//! a new one is not passed over in silence.

use e2e::{Value, json};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// The part of a sidecar's configuration that the patches reach.
#[derive(Clone, Debug)]
pub(crate) struct Sidecar {
    /// In the order of LDS.
    pub(crate) listeners: Vec<Value>,
    /// In the order of CDS.
    pub(crate) clusters: Vec<Value>,
    /// What ECDS has.
    pub(crate) extensions: Vec<Value>,
}

impl Sidecar {
    /// Applies all patches of an EnvoyFilter, in istiod's order: existing listeners are patched
    /// before new ones join them, so no patch reaches a listener that another one adds.
    pub(crate) fn apply(&mut self, filter: &Value) {
        assert_eq!(filter["kind"], "EnvoyFilter");
        let patches: Vec<_> = list(&filter["spec"]["configPatches"]).iter().collect();
        let of = |kind: &'static str| {
            patches
                .iter()
                .copied()
                .filter(move |p| p["applyTo"] == kind)
        };
        for patch in &patches {
            assert_eq!(patch["match"]["context"], "SIDECAR_OUTBOUND");
            let kind = patch["applyTo"].as_str().expect("a kind");
            let operation = patch["patch"]["operation"].as_str().expect("an operation");
            assert!(
                matches!(
                    (kind, operation),
                    (
                        "LISTENER" | "CLUSTER" | "FILTER_CHAIN" | "EXTENSION_CONFIG",
                        "ADD"
                    ) | ("LISTENER", "MERGE")
                        | ("LISTENER_FILTER", "INSERT_FIRST")
                        | ("HTTP_FILTER", "INSERT_BEFORE" | "MERGE")
                        | ("VIRTUAL_HOST", "ADD" | "REMOVE")
                        | ("NETWORK_FILTER", "MERGE")
                ),
                "not known here: {operation} of a {kind}"
            );
        }
        for listener in &mut self.listeners {
            patch_listener(listener, &patches);
        }
        for manager in self.listeners.iter_mut().flat_map(managers) {
            patch_hosts(manager, of("VIRTUAL_HOST"));
        }
        let of_port_80 = self.listeners.iter_mut().filter(|listener| {
            let port = &listener["address"]["socket_address"]["port_value"];
            *port == 80
        });
        for manager in of_port_80.flat_map(managers) {
            for patch in of("NETWORK_FILTER") {
                let form = json!({"portNumber": 80, "filterChain": {"filter": {"name": MANAGER}}});
                assert_eq!(patch["match"]["listener"], form, "not known here");
                merge(manager, &patch["patch"]["value"]);
            }
            let filters = manager["typed_config"]["http_filters"].as_array_mut();
            let filters = filters.expect("http_filters");
            // All insertions come before all merges (`patchHTTPFilters`).
            for patch in of("HTTP_FILTER").filter(|p| p["patch"]["operation"] == "INSERT_BEFORE") {
                let anchor = anchor(patch);
                let at = filters.iter().position(|filter| filter["name"] == anchor);
                filters.insert(at.expect("the anchor"), patch["patch"]["value"].clone());
            }
            for patch in of("HTTP_FILTER").filter(|p| p["patch"]["operation"] == "MERGE") {
                let anchor = anchor(patch);
                for filter in filters.iter_mut().filter(|filter| filter["name"] == anchor) {
                    let value = &patch["patch"]["value"];
                    // `MergeAnyWithAny` refuses two different messages.
                    assert_eq!(
                        filter["typed_config"]["@type"],
                        value["typed_config"]["@type"]
                    );
                    merge(filter, value);
                }
            }
        }
        // Last, so that no patch above reaches what is in them.
        for listener in &mut self.listeners {
            for patch in of("FILTER_CHAIN") {
                if is_named(patch, listener) {
                    let chains = listener["filter_chains"].as_array_mut();
                    chains
                        .expect("filter_chains")
                        .push(patch["patch"]["value"].clone());
                }
            }
        }
        self.give_routes();
        let added = |kind| {
            let adding = of(kind).filter(|patch| patch["patch"]["operation"] == "ADD");
            adding.map(|patch| patch["patch"]["value"].clone())
        };
        self.listeners.extend(added("LISTENER"));
        self.clusters.extend(added("CLUSTER"));
        self.extensions.extend(added("EXTENSION_CONFIG"));
    }

    /// Puts routes that a connection manager asks istiod for where it asks.
    fn give_routes(&mut self) {
        let mut managers: Vec<_> = self.listeners.iter_mut().flat_map(managers).collect();
        let fields = |manager: &Value| manager["typed_config"].clone();
        let known: Vec<_> = managers.iter().map(|it| fields(it)).collect();
        for manager in &mut managers {
            let manager = manager["typed_config"].as_object_mut().expect("an object");
            let Some(asked) = manager.remove("rds") else {
                continue;
            };
            assert_eq!(asked["config_source"]["ads"], json!({}));
            let name = &asked["route_config_name"];
            let mut routes = known.iter().map(|it| &it["route_config"]);
            let routes = routes.find(|routes| routes["name"] == *name);
            let routes = routes.unwrap_or_else(|| panic!("no routes {name}"));
            manager.insert("route_config".into(), routes.clone());
        }
    }

    /// The listener of this name.
    pub(crate) fn listener(&mut self, name: &str) -> &mut Value {
        named(&mut self.listeners, name)
    }
}

/// The patches of a listener itself: first all merges, then its filters (`patchListener`).
fn patch_listener(listener: &mut Value, patches: &[&Value]) {
    let of = |kind: &'static str, operation: &'static str| {
        let patches = patches.iter().filter(move |patch| {
            patch["applyTo"] == kind && patch["patch"]["operation"] == operation
        });
        patches.map(|patch| (*patch, &patch["patch"]["value"]))
    };
    for (patch, value) in of("LISTENER", "MERGE") {
        if is_named(patch, listener) {
            merge(listener, value);
        }
    }
    for (patch, value) in of("LISTENER_FILTER", "INSERT_FIRST") {
        if is_named(patch, listener) {
            let filters = listener.as_object_mut().expect("an object");
            let filters = filters
                .entry("listener_filters")
                .or_insert_with(|| json!([]));
            filters
                .as_array_mut()
                .expect("a list")
                .insert(0, value.clone());
        }
    }
}

/// Whether a patch is for this listener: by its name or its port, the only forms of match that our files use for listeners.
fn is_named(patch: &Value, listener: &Value) -> bool {
    let wanted = &patch["match"]["listener"];
    if let Some(port) = wanted["portNumber"].as_u64() {
        assert_eq!(*wanted, json!({"portNumber": port}), "not known here");
        return listener["address"]["socket_address"]["port_value"] == port;
    }
    let form = json!({"name": wanted["name"].as_str().expect("a name")});
    assert_eq!(*wanted, form, "not known here");
    form["name"] == listener["name"]
}

/// As protobuf merges a message: fields one by one, lists are appended, scalars replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(key) {
                    Some(old) => merge(old, value),
                    None => drop(into.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// The HTTP filter that a patch is about: the only form of match that our files use.
fn anchor(patch: &Value) -> &str {
    let filter = &patch["match"]["listener"]["filterChain"]["filter"];
    let anchor = filter["subFilter"]["name"].as_str().expect("a sub-filter");
    let form = json!({
        "portNumber": 80,
        "filterChain": {"filter": {"name": MANAGER, "subFilter": {"name": anchor}}},
    });
    assert_eq!(patch["match"]["listener"], form, "not known here");
    anchor
}

/// All removals come before all additions (`patchVirtualHosts` of `rc_patch.go`).
fn patch_hosts<'a>(manager: &mut Value, patches: impl Iterator<Item = &'a Value> + Clone) {
    let routes = &mut manager["typed_config"]["route_config"];
    let of = |operation: &'static str| {
        let patches = patches.clone();
        patches.filter(move |patch| patch["patch"]["operation"] == operation)
    };
    let is_for = |patch: &Value, routes: &Value| {
        patch["match"]["routeConfiguration"]["name"] == routes["name"]
    };
    let removed: Vec<_> = of("REMOVE")
        .filter(|patch| is_for(patch, routes))
        .map(|patch| patch["match"]["routeConfiguration"]["vhost"]["name"].clone())
        .collect();
    let added: Vec<_> = of("ADD")
        .filter(|patch| is_for(patch, routes))
        .map(|patch| patch["patch"]["value"].clone())
        .collect();
    let hosts = routes["virtual_hosts"].as_array_mut();
    let hosts = hosts.expect("virtual hosts");
    hosts.retain(|host| !removed.contains(&host["name"]));
    hosts.extend(added);
}

/// Each HTTP connection manager, in any filter chain.
fn managers(listener: &mut Value) -> Vec<&mut Value> {
    let Value::Object(listener) = listener else {
        panic!("a listener is an object");
    };
    let mut chains = Vec::new();
    for (key, value) in listener {
        match (key.as_str(), value) {
            ("filter_chains", Value::Array(list)) => chains.extend(list),
            ("default_filter_chain", chain) => chains.push(chain),
            _ => {}
        }
    }
    let filters = chains.into_iter().flat_map(|chain| {
        let filters = chain["filters"].as_array_mut();
        filters.expect("filters")
    });
    filters.filter(|filter| filter["name"] == MANAGER).collect()
}

fn named<'a>(items: &'a mut [Value], name: &str) -> &'a mut Value {
    let item = items.iter_mut().find(|item| item["name"] == name);
    item.unwrap_or_else(|| panic!("no {name}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}
