//! `envoy/kubernetes`, put together by Kustomize as its README says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Value, envoy, json};

/// What the README says to copy into the component.
const COPIED: [&str; 4] = [
    "envoy.yaml",
    "https/sds.yaml",
    "https/certificate.sh",
    "https/capture.sh",
];

/// A directory with the component and its example, removed when it is dropped.
struct Built(PathBuf);

impl Built {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let shipped = envoy::workspace().join("envoy");
        let component = directory.join("component");
        copy(&shipped.join("kubernetes/component"), &component);
        for example in ["example", "sandbox"] {
            copy(
                &shipped.join("kubernetes").join(example),
                &directory.join(example),
            );
        }
        for file in COPIED {
            let to = component.join(Path::new(file).file_name().expect("a name"));
            fs::copy(shipped.join(file), to).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        Self(directory)
    }

    /// What the example becomes, its texts replaced.
    fn with(&self, replaced: &[(&str, &str)]) -> Vec<Value> {
        let path = self.0.join("example/reports.yaml");
        let shipped = fs::read_to_string(&path).expect("the example");
        let changed = replaced.iter().fold(shipped.clone(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        fs::write(&path, changed).expect("written");
        let built = self.build("example");
        fs::write(&path, shipped).expect("written");
        built
    }

    fn build(&self, directory: &str) -> Vec<Value> {
        let kustomize = envoy::workspace().join("target/tools/kustomize/kustomize");
        let output = Command::new(kustomize)
            .arg("build")
            .arg(self.0.join(directory))
            .output();
        let output = output.expect("cargo xtask test has built it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_saphyr::from_multiple(&String::from_utf8_lossy(&output.stdout)).expect("YAML")
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
    }
}

fn pod(documents: &[Value]) -> &Value {
    let workload = documents
        .iter()
        .find(|document| document["spec"]["template"].is_object());
    &workload.expect("a workload")["spec"]["template"]["spec"]
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn names(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .filter_map(|item| item["name"].as_str())
        .collect()
}

fn variables(container: &Value) -> BTreeSet<&str> {
    names(list(&container["env"])).into_iter().collect()
}

const TO_HTTPS_PROXY: (&str, &str) = ("sigv4-egress: captured", "sigv4-egress: https-proxy");

#[test]
fn the_certificate_is_there_before_envoy_and_envoy_before_the_redirect() {
    let built = Built::new("order");
    let own =
        "    spec:\n      initContainers: [{ name: migrate, image: m }]\n      serviceAccountName";
    let own = ("    spec:\n      serviceAccountName", own);
    let documents = built.with(&[own]);
    let found = names(list(&pod(&documents)["initContainers"]));
    let expected = [
        "sigv4-egress-certificate",
        "sigv4-egress",
        "sigv4-egress-capture",
        "migrate",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        pod(&documents)["initContainers"][1]["restartPolicy"],
        "Always"
    );
    let documents = built.with(&[TO_HTTPS_PROXY, own]);
    let found = names(list(&pod(&documents)["initContainers"]));
    assert_eq!(
        found,
        ["sigv4-egress-certificate", "sigv4-egress", "migrate"]
    );
}

#[test]
fn what_has_neither_label_stays_as_it_is() {
    let documents = Built::new("unlabelled").with(&[("sigv4-egress: captured", "app: reports")]);
    let found = pod(&documents);
    assert_eq!(found.get("initContainers"), None);
    assert_eq!(names(list(&found["containers"])), ["reports"]);
    assert_eq!(found["containers"][0].get("env"), None);
}

#[test]
fn a_stateful_set_gets_it_too() {
    let documents = Built::new("stateful").with(&[("kind: Deployment", "kind: StatefulSet")]);
    assert_eq!(list(&pod(&documents)["initContainers"]).len(), 3);
}

/// Every path that the shipped configuration names is in a volume of the sidecar's.
#[test]
fn envoy_has_the_files_that_its_configuration_names() {
    let documents = Built::new("files").with(&[]);
    let pod = pod(&documents);
    let sidecar = &pod["initContainers"][1];
    let mounts: Vec<_> = list(&sidecar["volumeMounts"])
        .iter()
        .map(|mount| &mount["mountPath"])
        .collect();
    let text = fs::read_to_string(envoy::workspace().join("envoy/envoy.yaml")).expect("envoy.yaml");
    let text = text
        + &fs::read_to_string(envoy::workspace().join("envoy/https/sds.yaml")).expect("sds.yaml");
    let mut found = 0;
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        for word in line
            .split([' ', ',', '}'])
            .filter(|word| word.starts_with('/') && word.matches('/').count() > 1)
        {
            // The image has it.
            if word == "/etc/ssl/certs/ca-certificates.crt" {
                continue;
            }
            found += 1;
            let path = Path::new(word);
            let mounted = mounts
                .iter()
                .filter_map(|mount| mount.as_str())
                .any(|mount| path.starts_with(mount));
            assert!(mounted, "no volume has {word}");
        }
    }
    assert!(found >= 8, "{found} paths are not all");
    let sources = volume(pod, "sigv4-egress-module")["projected"]["sources"].to_string();
    assert!(
        sources.contains("sigv4-egress-module") && sources.contains("sds.yaml"),
        "{sources}"
    );
    // The ConfigMaps are there under the names that volumes have.
    for volume in list(&pod["volumes"]) {
        let Some(wanted) = volume["configMap"]["name"].as_str() else {
            continue;
        };
        let made = documents
            .iter()
            .find(|document| document["metadata"]["name"] == wanted);
        let made = made.unwrap_or_else(|| panic!("no ConfigMap {wanted}"));
        for item in list(&volume["configMap"]["items"]) {
            let key = item["key"].as_str().expect("a key");
            assert!(made["data"][key].is_string(), "{wanted} has no {key}");
        }
    }
}

fn volume<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let volume = list(&pod["volumes"])
        .iter()
        .find(|volume| volume["name"] == name);
    volume.unwrap_or_else(|| panic!("no volume {name}"))
}

/// Who has the token has the role; who has the key is AWS to the program.
#[test]
fn the_token_and_the_key_are_in_no_container_but_envoy() {
    let built = Built::new("secrets");
    for documents in [built.with(&[]), built.with(&[TO_HTTPS_PROXY])] {
        let pod = pod(&documents);
        let all = ["initContainers", "containers"]
            .into_iter()
            .flat_map(|kind| list(&pod[kind]));
        for container in all {
            let mounted = names(list(&container["volumeMounts"]));
            let allowed: &[&str] = match container["name"].as_str().expect("a name") {
                "sigv4-egress" => &[
                    "sigv4-egress-envoy",
                    "sigv4-egress-module",
                    "sigv4-egress-tls",
                    "sigv4-egress-token",
                    "sigv4-egress-sockets",
                ],
                // It has made the key when it ends, which is before the program starts.
                "sigv4-egress-certificate" => &[
                    "sigv4-egress-scripts",
                    "sigv4-egress-tls",
                    "sigv4-egress-trust",
                    "sigv4-egress-tmp",
                ],
                "sigv4-egress-capture" => &["sigv4-egress-scripts", "sigv4-egress-run"],
                "reports" => &["sigv4-egress-trust"],
                other => panic!("what is {other}?"),
            };
            assert_eq!(mounted, allowed, "{}", container["name"]);
        }
        let program = &pod["containers"][0];
        assert_eq!(program["volumeMounts"][0]["readOnly"], true);
        let variables = variables(program);
        for missing in [
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ENDPOINT_URL",
        ] {
            assert!(!variables.contains(missing), "{missing}");
        }
        let annotations = documents
            .iter()
            .any(|document| document.to_string().contains("eks.amazonaws.com/role-arn"));
        assert!(!annotations, "EKS would give the token to the program");
        assert_eq!(pod.get("shareProcessNamespace"), None);
    }
}

/// Of the rules of the level `restricted`, those that a pod's containers can break
/// (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).
#[test]
fn without_the_redirect_it_fits_restricted_namespaces() {
    let built = Built::new("restricted");
    let documents = built.with(&[TO_HTTPS_PROXY]);
    assert_eq!(faults(pod(&documents)), Vec::<String>::new());
    // And with it, one container does not.
    let documents = built.with(&[]);
    let faults = faults(pod(&documents));
    assert!(!faults.is_empty());
    assert!(
        faults
            .iter()
            .all(|fault| fault.starts_with("sigv4-egress-capture:")),
        "{faults:?}"
    );
}

fn faults(pod: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
        if pod.get(field).is_some() {
            faults.push(field.to_owned());
        }
    }
    for container in ["initContainers", "containers"]
        .into_iter()
        .flat_map(|kind| list(&pod[kind]))
    {
        let security = &container["securityContext"];
        for (is_met, rule) in [
            (
                security["allowPrivilegeEscalation"] == false,
                "allowPrivilegeEscalation",
            ),
            (
                security["capabilities"] == json!({"drop": ["ALL"]}),
                "capabilities",
            ),
            (
                security["runAsNonRoot"] == true && security["runAsUser"] != 0,
                "root",
            ),
            (
                security["seccompProfile"]["type"] == "RuntimeDefault",
                "seccompProfile",
            ),
            (security.get("privileged").is_none(), "privileged"),
            (
                container["ports"].to_string().find("hostPort").is_none(),
                "hostPort",
            ),
        ] {
            if !is_met {
                faults.push(format!(
                    "{}: {rule}",
                    container["name"].as_str().unwrap_or_default()
                ));
            }
        }
    }
    let allowed = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    for volume in list(&pod["volumes"]) {
        let kinds = volume
            .as_object()
            .expect("an object")
            .keys()
            .filter(|key| *key != "name");
        faults.extend(
            kinds
                .filter(|kind| !allowed.contains(&kind.as_str()))
                .cloned(),
        );
    }
    faults
}

#[test]
fn the_program_gets_what_its_runtime_reads() {
    let built = Built::new("variables");
    let captured = built.with(&[]);
    let captured = variables(&pod(&captured)["containers"][0]);
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "CURL_CA_BUNDLE",
        "JAVA_TOOL_OPTIONS",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    ];
    assert_eq!(captured.iter().copied().collect::<Vec<_>>(), expected);
    let proxied = built.with(&[TO_HTTPS_PROXY]);
    let proxied = variables(&pod(&proxied)["containers"][0]);
    let more: Vec<_> = proxied.difference(&captured).copied().collect();
    assert_eq!(more, ["HTTPS_PROXY", "NO_PROXY", "https_proxy", "no_proxy"]);
}

/// The program can neither take Envoy's group nor change the rules, has no token, and knows the proxy.
#[test]
fn the_sandbox_confines_before_the_program_starts() {
    let documents = Built::new("sandbox").build("sandbox");
    let pod = pod(&documents);
    let found = names(list(&pod["initContainers"]));
    let expected = [
        "sigv4-egress-certificate",
        "sigv4-egress",
        "sigv4-egress-confine",
    ];
    assert_eq!(found, expected);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let faults = faults(pod);
    assert!(!faults.is_empty());
    let is_confine = |fault: &String| fault.starts_with("sigv4-egress-confine:");
    assert!(faults.iter().all(is_confine), "{faults:?}");
    let program = &pod["containers"][0];
    assert_ne!(program["securityContext"]["runAsGroup"], 1337);
    assert_eq!(
        names(list(&program["volumeMounts"])),
        ["sigv4-egress-trust", "workspace"]
    );
    assert!(variables(program).is_superset(&BTreeSet::from(["HTTPS_PROXY", "https_proxy"])));
    // What the network keeps, too, is for these pods.
    let policy = documents
        .iter()
        .find(|document| document["kind"] == "NetworkPolicy");
    let policy = &policy.expect("a policy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy.get("ingress"), None);
    let labels = policy["podSelector"]["matchLabels"]
        .as_object()
        .expect("labels");
    let workload = documents
        .iter()
        .find(|document| document["spec"]["template"].is_object());
    let of_pods = &workload.expect("a workload")["spec"]["template"]["metadata"]["labels"];
    for (label, value) in labels {
        assert_eq!(&of_pods[label], value);
    }
}

/// Region and role stand in several files: the README's one command finds all of them.
#[test]
fn one_command_sets_region_and_role() {
    let built = Built::new("region");
    let readme = fs::read_to_string(envoy::workspace().join("envoy/kubernetes/README.md"));
    let readme = readme.expect("the README");
    let command = readme.lines().find(|line| line.contains("sed -i "));
    let command = command
        .expect("a command")
        .replace("sigv4-egress/*", "component/*");
    let status = Command::new("sh")
        .current_dir(&built.0)
        .args(["-ec", command.trim()])
        .status();
    assert!(status.expect("sh").success());
    let documents = built.with(&[]);
    let text = json!(documents).to_string();
    for old in ["eu-west-1", "123456789012"] {
        assert!(!text.contains(old), "{old}");
    }
    assert!(text.contains("sts.us-east-1.amazonaws.com"));
    let pod = pod(&documents);
    let values = |container: &Value| -> BTreeSet<String> {
        let variables = list(&container["env"]).iter();
        let values = variables.filter_map(|variable| variable["value"].as_str());
        values.map(str::to_owned).collect()
    };
    let sidecar = values(&pod["initContainers"][1]);
    assert!(sidecar.contains("arn:aws:iam::210987654321:role/mine"));
    for container in [&pod["initContainers"][1], &pod["containers"][0]] {
        assert!(values(container).contains("us-east-1"), "{container}");
    }
}

/// Whoever is of the sidecar's group is not captured.
#[test]
fn the_redirect_spares_the_group_of_envoy_alone() {
    let documents = Built::new("group").with(&[]);
    let pod = pod(&documents);
    let capture =
        fs::read_to_string(envoy::workspace().join("envoy/https/capture.sh")).expect("capture.sh");
    assert!(capture.contains("1337"));
    let group = |container: &Value| container["securityContext"]["runAsGroup"].clone();
    assert_eq!(group(&pod["initContainers"][1]), 1337);
    assert_ne!(group(&pod["containers"][0]), 1337);
}

/// A certificate for what ends here, and for nothing else.
#[test]
fn the_names_are_those_of_the_shipped_configuration() {
    let names = fs::read_to_string(envoy::workspace().join("envoy/kubernetes/component/names.txt"));
    let names = names.expect("names.txt");
    let text = fs::read_to_string(envoy::workspace().join("envoy/envoy.yaml")).expect("envoy.yaml");
    let (_, listed) = text.split_once("server_names:\n").expect("server_names");
    let listed = listed
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    let listed: Vec<_> = listed.map(|name| name.trim_matches('"')).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), listed);
}
