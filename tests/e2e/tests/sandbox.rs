//! The sandbox of `envoy/kubernetes/sandbox`: the program reaches what its configuration says by the sidecar, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use e2e::envoy::{versions, workspace};
use e2e::namespace::{path, within};
use e2e::pod::Pod;
use e2e::shipped::runtime;

const NAMES: &[&str] = &["*.eu-west-1.amazonaws.com", "*.s3.eu-west-1.amazonaws.com"];
const S3: &str = "s3.eu-west-1.amazonaws.com";
const BEDROCK: &str = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/invoke";
/// What `tunnel_to` has, and what not.
const OTHER: &str = "other.example";
const GREETING: &str = "greeting.example";

/// Runs `steps` in a confined pod with every Envoy.
fn in_sandbox(test: &str, steps: impl AsyncFn(&Pod)) {
    within(test, || {
        for version in versions() {
            runtime().block_on(async {
                let pod = Pod::start_in_sandbox(&version, NAMES, &[OTHER]).await;
                // Twice: it may be run again.
                for _ in 0..2 {
                    let (is_done, said) = confine(&[]);
                    assert!(is_done, "{said}");
                    assert_eq!(
                        said,
                        "confine.sh: nothing leaves but what group 1337 sends (IPv4 and IPv6)\n"
                    );
                }
                steps(&pod).await;
                pod.shipped.aws.assert_never_unsigned();
            });
            // The next Envoy's fakes are the program here.
            for program in ["iptables", "ip6tables"] {
                for chain in ["OUTPUT", "INPUT"] {
                    run(program, &["-D", chain, "-j", &format!("SANDBOX_{chain}")]);
                }
            }
        }
    });
}

fn confine(variables: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new("sh")
        .arg(workspace().join("envoy/kubernetes/component/confine.sh"))
        .env("PATH", path())
        .envs(variables.iter().copied())
        .output()
        .expect("a shell");
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&printed).into_owned(),
    )
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program)
        .args(arguments)
        .env("PATH", path())
        .status();
    assert!(status.expect(program).success(), "{program} {arguments:?}");
}

/// The program: with no group of Envoy's, and no capability.
fn program(pod: &Pod, words: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    command
        .args(["--regid=1000", "--clear-groups"])
        .args(["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"])
        .args(words)
        .current_dir(pod.shipped.directory())
        .env(
            "HTTPS_PROXY",
            format!("http://127.0.0.1:{}", pod.shipped.port),
        );
    command
        .output()
        .expect("setpriv, of the package util-linux")
}

/// curl by HTTPS_PROXY: what it prints, with the status last.
fn curl(pod: &Pod, arguments: &[&str]) -> String {
    let mut words = vec!["curl", "--silent", "--show-error", "--max-time", "20"];
    words.extend(["--cacert", "pod-ca.pem", "--write-out", " %{http_code}"]);
    // In HTTP/2, curl 7.88 forgets an answer that comes before the end of its request.
    words.push("--http1.1");
    words.extend(arguments);
    let output = program(pod, &words);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn placeholder(service: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00"
    )
}

/// TCP, UDP, DNS to others, IPv6: all of it is refused at once, by whatever user, and nothing arrives.
#[test]
fn the_program_reaches_nothing_past_the_sidecar() {
    in_sandbox(
        "the_program_reaches_nothing_past_the_sidecar",
        async |pod| {
            for (kind, family, address, port) in [
                ("STREAM", "INET", "198.51.100.20", 443),
                ("STREAM", "INET6", "2001:db8::20", 443),
                ("STREAM", "INET", "198.51.100.10", 443),
                ("STREAM", "INET6", "2001:db8::10", 443),
                ("STREAM", "INET", "198.51.100.20", 22),
                ("DGRAM", "INET", "198.51.100.20", 53),
                ("DGRAM", "INET6", "2001:db8::20", 53),
                ("DGRAM", "INET", "198.51.100.20", 443),
                // The name server of a container engine, and the services of a node.
                ("DGRAM", "INET", "127.0.0.11", 53),
                ("STREAM", "INET", "127.0.0.11", 53),
            ] {
                let code = format!(
                    "import socket\ns = socket.socket(socket.AF_{family}, socket.SOCK_{kind})\ns.settimeout(10)\n\
                 s.connect(('{address}', {port}))\ns.send(b'out')\ns.recv(1)"
                );
                let output = program(pod, &["python3", "-c", &code]);
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().last().unwrap_or_default();
                let refused = [
                    "ConnectionRefusedError",
                    "PermissionError",
                    "OSError: [Errno 1",
                ];
                assert!(
                    refused.iter().any(|error| last.starts_with(error)),
                    "{kind} {address} {port}: {last}"
                );
            }
            assert_eq!(pod.other.wires().len(), 0);
            assert_eq!(pod.shipped.aws.received().len(), 0);
        },
    );
}

#[test]
fn what_the_configuration_allows_is_signed_and_nothing_else() {
    in_sandbox(
        "what_the_configuration_allows_is_signed_and_nothing_else",
        async |pod| {
            let s3 = placeholder("s3");
            let bedrock = placeholder("bedrock");
            let workspace = format!("https://{S3}/agent-workspace/notes");
            for arguments in [
                vec!["--header", &s3, &workspace],
                vec!["--header", &bedrock, "--data", "{}", BEDROCK],
            ] {
                let said = curl(pod, &arguments);
                assert!(said.ends_with(" 200"), "{arguments:?}: {said}");
            }
            assert_eq!(pod.shipped.aws.received().len(), 2);
            let keys_of_its_own = s3.replace("placeholder", "AKIAIOSFODNN7EXAMPLE");
            let elsewhere = format!("https://{S3}/somebody-elses/notes");
            let presigned = format!(
                "{workspace}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261123%2Feu-west-1%2Fs3\
             %2Faws4_request&X-Amz-Date=20261123T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
            );
            let sqs = placeholder("sqs");
            let balancer = "https://mine.elb.eu-west-1.amazonaws.com/";
            for (arguments, reason) in [
                (vec!["--header", &s3, &elsewhere], "denied"),
                (
                    vec!["--header", &sqs, "https://sqs.eu-west-1.amazonaws.com/"],
                    "denied",
                ),
                (vec!["--header", &s3, balancer], "denied"),
                (vec![&workspace], "marker_missing"),
                (
                    vec!["--header", &keys_of_its_own, &workspace],
                    "client_signature_refused",
                ),
                (vec!["--header", &keys_of_its_own, &elsewhere], "denied"),
                (vec![&presigned], "denied"),
                (
                    vec![
                        "--header",
                        "authorization: Bearer bedrock-api-key",
                        "--data",
                        "{}",
                        BEDROCK,
                    ],
                    "denied",
                ),
            ] {
                let mut words = vec!["--insecure", "--dump-header", "-"];
                words.extend(&arguments);
                let said = curl(pod, &words);
                assert!(
                    said.ends_with(" 403")
                        && said.contains(&format!("x-sigv4-egress-reason: {reason}")),
                    "{arguments:?}: {said}"
                );
            }
            assert_eq!(pod.shipped.aws.received().len(), 2);
            let sts = pod.shipped.sts.calls();
            let policy = format!("{:?}", sts.first().expect("a call to STS"));
            assert!(
                policy.contains("agent-workspace"),
                "no session policy: {policy}"
            );
        },
    );
}

#[test]
fn tunnels_lead_to_tunnel_to_alone() {
    in_sandbox("tunnels_lead_to_tunnel_to_alone", async |pod| {
        let connection = pod.shipped.connect().await;
        let tunnel = connection.tunnel(&format!("{OTHER}:443")).await;
        let tunnel = tunnel.expect("an answer").expect("a tunnel");
        let connector = pod.other.ca.connector(&[]);
        let mut connection = tunnel.tls(OTHER, &connector).await.expect("its own TLS");
        connection.send(b"echo").await.expect("it listens");
        assert_eq!(connection.raw(4).await.expect("an echo"), b"echo");
        for url in [
            format!("https://{GREETING}/"),
            format!("https://{OTHER}:8443/"),
            "https://169.254.169.254/".to_owned(),
            "https://127.0.0.1/".to_owned(),
            "https://198.51.100.20/".to_owned(),
        ] {
            let said = curl(pod, &["--noproxy", "none.invalid", &url]);
            assert!(said.contains("403"), "{url}: {said}");
        }
        assert_eq!(
            (pod.other.wires().len(), pod.greeting.wires().len()),
            (1, 0)
        );
    });
}

#[test]
fn the_scripts_say_what_is_wrong() {
    within("the_scripts_say_what_is_wrong", || {
        for (name, value) in [("PROXY_GID", "envoy"), ("INBOUND_PORTS", "8080 http")] {
            let (is_done, said) = confine(&[(name, value)]);
            let wrong = value.split(' ').next_back().expect("a word");
            let shown = format!("\"{wrong}\"; allowed in PROXY_GID and INBOUND_PORTS: numbers");
            assert!(!is_done && said.contains(&shown), "{said}");
        }
        let (is_done, said) = confine(&[("IPTABLES", "nosuch")]);
        assert!(!is_done && said.contains("there is no nosuch"), "{said}");
        let (is_done, said) = confine(&[("INBOUND_PORTS", "8080,8443")]);
        assert!(is_done, "{said}");
        for program in ["iptables", "ip6tables"] {
            let rules = Command::new(program)
                .args(["-w", "-S", "SANDBOX_INPUT"])
                .env("PATH", path())
                .output();
            let rules = String::from_utf8(rules.expect(program).stdout).expect("UTF-8");
            for port in ["8080", "8443"] {
                let rule = format!("-A SANDBOX_INPUT -p tcp -m tcp --dport {port} -j RETURN");
                assert!(rules.contains(&rule), "{rules}");
            }
            assert!(rules.ends_with("-j DROP\n"), "{rules}");
        }
        let sandbox = workspace().join("envoy/kubernetes/sandbox");
        for (arguments, shows) in [
            (vec![], "wants a file"),
            (
                vec!["filter.json", "https://pypi.org"],
                "\"https://pypi.org\" is no host",
            ),
            (
                vec!["filter.json"],
                "is not envoy/envoy.yaml as it is shipped",
            ),
        ] {
            let output = Command::new("sh")
                .arg("envoy.sh")
                .args(&arguments)
                .current_dir(&sandbox)
                .output();
            let output = output.expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && said.contains(shows),
                "{arguments:?}: {said}"
            );
        }
    });
}

/// As `sidecar.yaml` runs it: the volumes' own directories are root's, and open to all.
#[test]
fn the_certificate_takes_no_root() {
    within("the_certificate_takes_no_root", || {
        let directory = std::env::temp_dir().join("pod");
        for (name, mode) in [
            ("", 0o755),
            ("tls", 0o777),
            ("trust", 0o777),
            ("tmp", 0o777),
        ] {
            let path = directory.join(name);
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        }
        let envoy = workspace().join("envoy");
        for file in ["https/certificate.sh", "kubernetes/component/names.txt"] {
            let to = directory.join(file.rsplit('/').next().expect("a name"));
            fs::copy(envoy.join(file), &to).expect("copied");
            fs::set_permissions(to, Permissions::from_mode(0o644)).expect("a mode");
        }
        fs::set_permissions(std::env::temp_dir(), Permissions::from_mode(0o755)).expect("a mode");
        let output = Command::new("setpriv")
            .args([
                "--reuid=1337",
                "--regid=1337",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ])
            .args(["sh", "certificate.sh", "names.txt", "tls", "trust"])
            .current_dir(&directory)
            .env("TMPDIR", directory.join("tmp"))
            .output()
            .expect("setpriv");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let mode = |file: &str| {
            let metadata = fs::metadata(directory.join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(
            (mode("tls/tls.key"), mode("trust/bundle.pem")),
            (0o600, 0o644)
        );
    });
}
