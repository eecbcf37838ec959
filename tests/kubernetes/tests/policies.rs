//! `envoy/istio/admission.yaml` and `admission-pods.yaml`, evaluated by the API server: what a tenant may do, and may not.

use kubernetes::cases::check;
use kubernetes::platform;

#[test]
fn tenants_do_not_change_what_sidecars_do() {
    platform();
    check("envoy_filters");
    check("extensions");
    check("proxy_configs");
    check("sidecars");
}

#[test]
fn tenants_do_not_move_the_hosts_of_aws() {
    platform();
    check("service_entries");
    check("workload_entries");
    check("virtual_services");
    check("destination_rules");
    check("routes");
}

#[test]
fn tenants_do_not_have_signed_headers_shown() {
    platform();
    check("telemetry");
}
