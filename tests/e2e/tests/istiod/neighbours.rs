//! Who shares the mesh: pods without the label, other namespaces, and other teams' EnvoyFilters.

use e2e::{Request, SOON, Value, eventually};

use crate::loopback::{LISTENER, signed_by_placeholder};
use crate::manifests::shipped;
use crate::mesh::{Mesh, On, in_mesh};
use crate::pod::{Pod, Spec, aws_over_http};
use crate::transparent::OTHER_SERVICE;
use crate::{MARKER, S3};

/// Of another team: for all of the mesh's sidecars, before the router.
fn team_filter(name: &str, code: &str) -> String {
    format!(
        r#"
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: {name}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_OUTBOUND
      listener:
        filterChain:
          filter:
            name: envoy.filters.network.http_connection_manager
            subFilter: {{ name: envoy.filters.http.router }}
    patch:
      operation: INSERT_BEFORE
      value:
        name: {name}
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
          default_source_code: {{ inline_string: "function envoy_on_request(h) {code} end" }}
"#
    )
}

/// What all sidecars get, wherever they are: a cluster that nothing leads to.
const SENTINEL: &str = r"
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: sentinel
spec:
  configPatches:
  - applyTo: CLUSTER
    match: { context: SIDECAR_OUTBOUND }
    patch:
      operation: ADD
      value: { name: sentinel, type: STATIC, connect_timeout: 1s }
";

/// Waits until a pod has all that was applied before, and gives its configuration.
async fn settled(mesh: &Mesh, pod: &Pod) -> Value {
    let has = async || {
        let clusters = pod.get(15000, "/clusters").await.expect("Envoy answers");
        clusters.text().contains("sentinel::")
    };
    mesh.apply_text("sentinel.yaml", SENTINEL, "istio-system")
        .await;
    eventually("the sentinel comes", SOON, async || {
        has().await.then_some(())
    })
    .await;
    mesh.delete("sentinel.yaml").await;
    eventually("the sentinel goes", SOON, async || {
        (!has().await).then_some(())
    })
    .await;
    pod.configuration().await
}

async fn assert_untouched(mesh: &Mesh, spec: Spec, file: &str) {
    let pod = mesh.pod(spec).await;
    let before = settled(mesh, &pod).await;
    assert!(
        before.to_string().contains("virtualOutbound"),
        "no dump: {before}"
    );
    mesh.apply(file).await;
    let after = settled(mesh, &pod).await;
    mesh.delete(file).await;
    if before != after {
        for (name, value) in [("before", &before), ("after", &after)] {
            let path = mesh.directory().join(format!("{name}.json"));
            std::fs::write(path, format!("{value:#}")).expect("a file");
        }
        panic!(
            "{file} changed the configuration: before.json and after.json in {}",
            mesh.directory().display()
        );
    }
}

#[test]
fn a_pod_without_the_label_keeps_its_configuration_to_the_byte() {
    let test = "neighbours::a_pod_without_the_label_keeps_its_configuration_to_the_byte";
    in_mesh(test, On::Newest, async |mesh| {
        let spec = Spec::of("pod.yaml")
            .without_volumes()
            .label("sigv4-egress", None);
        for file in ["loopback.yaml", "captured.yaml", "transparent.yaml"] {
            assert_untouched(mesh, spec.clone(), file).await;
            assert_untouched(mesh, spec.clone().namespace("other"), file).await;
        }
    });
}

#[test]
fn a_filter_of_another_team_that_comes_before_ours_is_signed_too() {
    let test = "neighbours::a_filter_of_another_team_that_comes_before_ours_is_signed_too";
    in_mesh(test, On::Newest, async |mesh| {
        let adds = team_filter("aa-team", "h:headers():replace('x-amz-meta-team', 'a')");
        mesh.apply_text("team.yaml", &adds, "istio-system").await;
        mesh.apply_text("other.yaml", OTHER_SERVICE, "default")
            .await;
        mesh.apply("transparent.yaml").await;
        let pod = mesh
            .pod(Spec::of("pod.yaml").label("sigv4-egress", Some("transparent")))
            .await;
        let request = Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1);
        pod.ask_when_ready(aws_over_http(), &request).await.ok();
        let received = mesh.aws.only();
        assert_eq!(received.value("x-amz-meta-team").as_deref(), Some("a"));
        assert!(
            received
                .signed_headers()
                .contains(&"x-amz-meta-team".to_owned()),
            "{received:?}"
        );
    });
}

/// Its name sorts after ours, and `INSERT_BEFORE` the router would put it between our filter and AWS.
#[test]
fn a_filter_of_another_team_that_sorts_after_ours_changes_nothing_that_was_signed() {
    let test = "neighbours::a_filter_of_another_team_that_sorts_after_ours_changes_nothing_that_was_signed";
    in_mesh(test, On::Newest, async |mesh| {
        let code = "h:headers():replace('x-amz-meta-team', 'z') h:headers():replace('x-amz-date', '20200101T000000Z')";
        let late = team_filter("zz-team", code);
        mesh.apply_text("team.yaml", &late, "default").await;
        mesh.apply_text("other.yaml", OTHER_SERVICE, "default")
            .await;
        mesh.apply("transparent.yaml").await;
        let pod = mesh
            .pod(Spec::of("pod.yaml").label("sigv4-egress", Some("transparent")))
            .await;
        let request = Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1);
        pod.ask_when_ready(aws_over_http(), &request).await.ok();
        // It has come before the signature, which has the right date.
        let received = mesh.aws.only();
        assert_eq!(received.value("x-amz-meta-team").as_deref(), Some("z"));
        received.verdict.signature();
    });
}

#[test]
fn all_shapes_live_in_one_namespace() {
    let test = "neighbours::all_shapes_live_in_one_namespace";
    in_mesh(test, On::Newest, async |mesh| {
        for file in ["loopback.yaml", "transparent.yaml", "captured.yaml"] {
            mesh.apply(file).await;
        }
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        pod.ask_when_ready(LISTENER, &signed_by_placeholder())
            .await
            .ok();
        drop(pod);
        let pod = mesh
            .pod(Spec::of("pod.yaml").label("sigv4-egress", Some("transparent")))
            .await;
        let request = Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1);
        pod.ask_when_ready(aws_over_http(), &request).await.ok();
        assert_eq!(mesh.aws.received().len(), 2);
    });
}

/// As the platform's own, for all namespaces (docs/governance.md).
#[test]
fn transparent_from_the_root_namespace_is_for_pods_with_the_label() {
    let test = "neighbours::transparent_from_the_root_namespace_is_for_pods_with_the_label";
    in_mesh(test, On::Newest, async |mesh| {
        let text = shipped("transparent.yaml");
        mesh.apply_text("transparent.yaml", &text, "istio-system")
            .await;
        let pod = mesh
            .pod(Spec::of("pod.yaml").label("sigv4-egress", Some("transparent")))
            .await;
        let request = Request::get(S3, "/reports-2026").header(MARKER.0, MARKER.1);
        pod.ask_when_ready(aws_over_http(), &request).await.ok();
    });
}

/// The listener of *loopback* is none that other teams' filters are for.
#[test]
fn loopback_is_out_of_reach_of_other_teams_filters() {
    let test = "neighbours::loopback_is_out_of_reach_of_other_teams_filters";
    in_mesh(test, On::Newest, async |mesh| {
        let breaks = team_filter(
            "zz-team",
            "h:headers():replace('x-amz-date', '20200101T000000Z')",
        );
        mesh.apply_text("team.yaml", &breaks, "default").await;
        mesh.apply("loopback.yaml").await;
        let pod = mesh.pod(Spec::of("pod.yaml")).await;
        pod.ask_when_ready(LISTENER, &signed_by_placeholder())
            .await
            .ok();
    });
}
