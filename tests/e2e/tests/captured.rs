//! The captured way: port 443 of a pod comes to Envoy, in a network namespace with the rules of `envoy/https/capture.sh`.

use std::process::{Command, Output};
use std::time::Duration;

use e2e::bystander;
use e2e::dns::Families;
use e2e::envoy::{python, workspace};
use e2e::namespace::{capture, capture_script, release, rules, within};
use e2e::pod::{Pod, in_pod};
use e2e::verify::Received;
use e2e::{Connection, Request, Verdict, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const S3: &str = "s3.eu-west-1.amazonaws.com";
const NAMES: &[&str] = &[
    S3,
    "*.s3.eu-west-1.amazonaws.com",
    "*.eu-west-1.amazonaws.com",
];
const OTHER: &str = "other.example";
const PLACEHOLDER: &str = "AWS4-HMAC-SHA256 Credential=placeholder/20261123/eu-west-1/s3/aws4_request, \
                           SignedHeaders=host, Signature=00";
/// The authority that ends TLS in the pod, and that of AWS, in the directory of Envoy.
const POD_CA: &str = "pod-ca.pem";
const AWS_CA: &str = "ca.pem";
/// No connection of these tests takes longer to end.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn an_aws_name_ends_here_and_is_signed_and_only_the_programs_own_connections_are_captured() {
    let name =
        "an_aws_name_ends_here_and_is_signed_and_only_the_programs_own_connections_are_captured";
    in_pod(name, NAMES, async |pod| {
        capture(&[]);
        let hosts = [
            S3,
            "bucket.s3.eu-west-1.amazonaws.com",
            "sqs.eu-west-1.amazonaws.com",
        ];
        for host in hosts {
            for alpn in [&["http/1.1"][..], &[]] {
                let mut connection = pod.tls(host, alpn).await.expect("a handshake");
                for _ in 0..2 {
                    ask(&mut connection, host).await;
                }
            }
        }
        assert_eq!(pod.shipped.aws.received().len(), 12);
        // Those of Envoy, to AWS and to STS, are none of them.
        pod.has_captured(6, 0).await;
        assert!(!pod.shipped.sts.calls().is_empty());
    });
}

#[test]
fn the_name_may_be_in_upper_case() {
    in_pod("the_name_may_be_in_upper_case", NAMES, async |pod| {
        capture(&[]);
        let host = "Bucket.S3.EU-WEST-1.AmazonAWS.com";
        let curl = curl(pod, POD_CA, &[], host);
        let said = String::from_utf8_lossy(&curl.stdout);
        assert!(said.contains("Signed"), "{said} {curl:?}");
        pod.has_captured(1, 0).await;
    });
}

#[test]
fn what_is_not_awss_passes_byte_for_byte() {
    in_pod(
        "what_is_not_awss_passes_byte_for_byte",
        NAMES,
        async |pod| {
            capture(&[]);
            let named = pod.other.ca.connector(&["h2", "anything"]);
            for connector in [named, pod.other.ca.connector_without_name()] {
                let (connection, wire) = pod.connect(OTHER).await.expect("it accepts");
                let mut connection = connection
                    .tls(OTHER, &connector)
                    .await
                    .expect("its own TLS");
                let body = vec![7; 100_000];
                connection.send(&body).await.expect("it listens");
                assert_eq!(connection.raw(body.len()).await.expect("an echo"), body);
                let wires = pod.other.wires();
                let there = wires.last().expect("it came there");
                assert_eq!(there.read(), wire.written());
                assert_eq!(there.written(), wire.read());
            }
            // A name of AWS that the certificate does not have: AWS's own, untouched.
            let other_region = "s3.us-east-1.amazonaws.com";
            let (connection, _) = pod.connect(other_region).await.expect("it accepts");
            let connector = pod.shipped.aws_ca.connector(&[]);
            let mut connection = connection
                .tls(other_region, &connector)
                .await
                .expect("AWS's");
            let request = Request::get(other_region, "/").bytes();
            assert_eq!(
                connection.ask(&request).await.expect("an answer").status,
                403
            );
            pod.shipped.aws.take_anonymous();
            pod.has_captured(3, 3).await;
        },
    );
}

#[test]
fn what_is_no_tls_passes_too() {
    in_pod("what_is_no_tls_passes_too", NAMES, async |pod| {
        capture(&[]);
        // A server that speaks first, after the second that Envoy waits for a ClientHello.
        let mut stream = pod.stream("greeting.example").await.expect("it accepts");
        let mut greeting = vec![0; bystander::GREETING.len()];
        let read = timeout(LONG, stream.read_exact(&mut greeting)).await;
        read.expect("in time").expect("a greeting");
        assert_eq!(greeting, bystander::GREETING);
        stream.write_all(b"QUIT\n").await.expect("it listens");
        let mut rest = Vec::new();
        let read = timeout(LONG, stream.read_to_end(&mut rest)).await;
        read.expect("in time").expect("an end");
        assert_eq!(rest, b"QUIT\n");
        // A client that ends its side and waits for the answer.
        let mut stream = pod.stream(OTHER).await.expect("it accepts");
        stream
            .write_all(b"all that I have")
            .await
            .expect("it listens");
        // Not before it has gone on: Envoy resets a connection that ends while it looks for a ClientHello.
        until("it has come there", LONG, || {
            let wires = pod.other.wires();
            wires.last().is_some_and(|wire| !wire.read().is_empty())
        })
        .await;
        stream.shutdown().await.expect("half of it ends");
        let mut rest = Vec::new();
        let read = timeout(LONG, stream.read_to_end(&mut rest)).await;
        read.expect("in time").expect("an end");
        assert_eq!(rest, b"all that I have");
        pod.has_captured(2, 2).await;
    });
}

#[test]
fn ipv4_and_ipv6_are_captured() {
    in_pod("ipv4_and_ipv6_are_captured", NAMES, async |pod| {
        capture(&[]);
        let cases = [
            (Families::V4, "v4.s3.eu-west-1.amazonaws.com", 1),
            (Families::V6, "v6.s3.eu-west-1.amazonaws.com", 1),
            (Families::Both, "both.s3.eu-west-1.amazonaws.com", 2),
        ];
        let (mut captured, mut passed) = (0, 0);
        for (families, host, count) in cases {
            pod.dns.know(families);
            let found = tokio::net::lookup_host((host, 443)).await.expect("found");
            let found: Vec<_> = found.collect();
            assert_eq!(found.len(), count, "{found:?}");
            for address in found {
                let stream = TcpStream::connect(address).await.expect("it accepts");
                let connector = pod.shipped.pod_ca.connector(&[]);
                let connection = Connection::over(stream).tls(host, &connector).await;
                ask(&mut connection.expect("a handshake"), host).await;
                captured += 1;
                pod.has_captured(captured, passed).await;
            }
            // Others pass on both, too.
            let (connection, wire) = pod.connect(OTHER).await.expect("it accepts");
            let connector = pod.other.ca.connector(&[]);
            let mut connection = connection
                .tls(OTHER, &connector)
                .await
                .expect("its own TLS");
            connection.send(b"echo").await.expect("it listens");
            assert_eq!(connection.raw(4).await.expect("an echo"), b"echo");
            let there = pod.other.wires();
            assert_eq!(there.last().expect("it came").read(), wire.written());
            (captured, passed) = (captured + 1, passed + 1);
        }
    });
}

#[test]
fn users_groups_ports_and_destinations_are_left_out() {
    in_pod(
        "users_groups_ports_and_destinations_are_left_out",
        NAMES,
        async |pod| {
            let user = ["setpriv", "--reuid=65534", "--clear-groups"];
            let group = ["setpriv", "--regid=4242", "--clear-groups"];
            let cases: [(&str, &str, &[&str]); 5] = [
                ("EXCLUDE_UIDS", "1000,65534", &user),
                ("EXCLUDE_UIDS", "65000-65534", &user),
                ("EXCLUDE_GIDS", "4242", &group),
                ("CAPTURE_PORTS", "8443", &[]),
                ("EXCLUDE_CIDRS", "198.51.100.10 2001:db8::/32", &[]),
            ];
            let mut captured = 0;
            for (variable, value, launcher) in cases {
                capture(&[(variable, value)]);
                // AWS's own certificate, and a request that nobody signed.
                let around = curl(pod, AWS_CA, launcher, S3);
                let said = String::from_utf8_lossy(&around.stdout);
                assert!(said.contains("Unsigned"), "{variable}={value}: {around:?}");
                pod.shipped.aws.take_anonymous();
                pod.has_captured(captured, 0).await;
                // The others are captured still, and so is this one with the rules of no variable.
                capture(&[]);
                let through = curl(pod, POD_CA, launcher, S3);
                let said = String::from_utf8_lossy(&through.stdout);
                assert!(said.contains("Signed"), "{variable}={value}: {through:?}");
                captured += 1;
                pod.has_captured(captured, 0).await;
                pod.shipped.aws.take_received();
            }
        },
    );
}

#[test]
fn nothing_is_led_in_a_circle() {
    in_pod("nothing_is_led_in_a_circle", NAMES, async |pod| {
        capture(&[]);
        // The listener itself: closed, and not passed on to itself.
        for address in ["127.0.0.1:15443", "[::1]:15443"] {
            let mut stream = TcpStream::connect(address).await.expect("it accepts");
            // Whatever comes: nobody is told by it.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
            let mut came = Vec::new();
            // Closed in order, or reset because of what was sent.
            let _ = timeout(LONG, stream.read_to_end(&mut came))
                .await
                .expect("an end");
            assert_eq!(came, b"");
        }
        pod.has_captured(2, 0).await;
        // AWS's name for an address that is the pod's own: the request goes where DNS says.
        let mut connection = pod.tls(S3, &[]).await.expect("a handshake");
        ask(&mut connection, S3).await;
    });
}

#[test]
fn a_client_that_does_not_trust_the_pods_authority_says_so_itself() {
    let name = "a_client_that_does_not_trust_the_pods_authority_says_so_itself";
    in_pod(name, NAMES, async |pod| {
        capture(&[]);
        let (connection, _) = pod.connect(S3).await.expect("it accepts");
        let connector = pod.shipped.aws_ca.connector(&[]);
        let error = connection.tls(S3, &connector).await.err();
        let error = error.expect("no handshake").to_string();
        assert!(error.contains("invalid peer certificate"), "{error}");
        let curl = curl(pod, AWS_CA, &[], S3);
        assert_eq!(curl.status.code(), Some(60), "{curl:?}");
        assert_eq!(pod.shipped.aws.received().len(), 0);
    });
}

/// Over plain http these are refused: the SDK would send the session's secret in clear, and does not know the bucket's host.
#[test]
fn boto3_opens_sessions_of_s3_express_and_its_links_with_placeholder_keys_are_refused() {
    let name = "boto3_opens_sessions_of_s3_express_and_its_links_with_placeholder_keys_are_refused";
    // Links of boto3 name no region.
    let more = [
        "*.s3express-euw1-az1.eu-west-1.amazonaws.com",
        "*.s3.amazonaws.com",
    ];
    let names = [NAMES, &more].concat();
    in_pod(name, &names, async |pod| {
        capture(&[]);
        let (id, secret) = ("ASIASESSIONEXAMPLE00", "of-the-session");
        pod.shipped.ledger.client_key(id, secret);
        pod.shipped.aws.refuse_with(200, SESSION);
        let output = Command::new(python())
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/captured/express.py"
            ))
            .current_dir(pod.shipped.directory())
            .env("AWS_CA_BUNDLE", POD_CA)
            .env("SSL_CERT_FILE", POD_CA)
            .env("AWS_ACCESS_KEY_ID", "placeholder")
            .env("AWS_SECRET_ACCESS_KEY", "placeholder")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .output()
            .expect("Python runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        let refused = "403 presigned_by_placeholder\n";
        assert_eq!(printed, refused.repeat(2), "{output:?}");
        let received = pod.shipped.aws.received().into_iter();
        let received = received.map(|request| {
            let Received {
                method,
                host,
                path,
                verdict,
                ..
            } = request;
            assert_eq!(
                host,
                "demo--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com"
            );
            let signer = match verdict {
                Verdict::Signed(_) => "the role",
                Verdict::SignedByClient(_) => "the session",
                other => panic!("{other:?}"),
            };
            format!("{method} {path} by {signer}")
        });
        let expected = [
            "GET /?session by the role",
            "PUT /a%20b/%2Bc by the session",
            "GET /a%20b/%2Bc by the session",
        ];
        assert_eq!(received.collect::<Vec<_>>(), expected);
    });
}

/// As AWS answers CreateSession, and the fake everything else.
const SESSION: &str = "<CreateSessionResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Credentials>\
    <SessionToken>token-of-the-session</SessionToken><SecretAccessKey>of-the-session</SecretAccessKey>\
    <AccessKeyId>ASIASESSIONEXAMPLE00</AccessKeyId><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>\
    </CreateSessionResult>";

#[test]
fn the_script_says_what_is_wrong_and_can_be_run_again() {
    within("the_script_says_what_is_wrong_and_can_be_run_again", || {
        let clean = rules("iptables");
        let said = capture(&[]);
        assert_eq!(
            said,
            "capture.sh: ports 443 lead to 15443 (IPv4 and IPv6)\n"
        );
        let (first, first_v6) = (rules("iptables"), rules("ip6tables"));
        capture(&[("EXCLUDE_UIDS", "1"), ("CAPTURE_PORTS", "443 8443")]);
        assert!(rules("ip6tables").contains("8443"));
        capture(&[]);
        assert_eq!((rules("iptables"), rules("ip6tables")), (first, first_v6));
        release();
        release();
        assert_eq!(rules("iptables"), clean);
        let wrong = [
            (
                "EXCLUDE_UIDS",
                "me",
                "EXCLUDE_UIDS has \"me\"; allowed: numbers",
            ),
            (
                "EXCLUDE_GIDS",
                "1 -2",
                "EXCLUDE_GIDS has \"-2\"; allowed: numbers",
            ),
            (
                "EXCLUDE_CIDRS",
                "aws",
                "EXCLUDE_CIDRS has \"aws\"; allowed: addresses",
            ),
            (
                "CAPTURE_PORTS",
                "https",
                "CAPTURE_PORTS has \"https\"; allowed: numbers",
            ),
            (
                "PROXY_PORT",
                "0x",
                "PROXY_PORT has \"0x\"; allowed: a number",
            ),
            (
                "IPTABLES",
                "nosuch",
                "there is no nosuch: take an image that has it",
            ),
            (
                "IP6TABLES",
                "nosuch",
                "the pod has IPv6, and there is no nosuch",
            ),
        ];
        for (name, value, shows) in wrong {
            let (is_done, said) = capture_script(&[], &[(name, value)]);
            assert!(!is_done && said.contains(shows), "{name}={value}: {said}");
        }
        let (is_done, said) = capture_script(&["stop"], &[]);
        assert!(
            !is_done && said.contains("\"stop\" is no command"),
            "{said}"
        );
        // Without the capability.
        let script = workspace().join("envoy/https/capture.sh");
        let output = Command::new("setpriv")
            .args(["--inh-caps=-net_admin", "--bounding-set=-net_admin", "sh"])
            .arg(script)
            .env("PATH", e2e::namespace::path())
            .output()
            .expect("setpriv, of the package util-linux");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains("NET_ADMIN"),
            "{said}"
        );
        // A pod without IPv6 beyond its loopback.
        let flush = ["-6", "address", "flush", "dev", "lo", "scope", "global"];
        let status = Command::new("ip").args(flush).status().expect("ip");
        assert!(status.success());
        let (is_done, said) = capture_script(&[], &[("IP6TABLES", "nosuch")]);
        assert!(
            is_done && said.ends_with("(IPv4; the pod has no IPv6)\n"),
            "{said}"
        );
    });
}

async fn ask(connection: &mut Connection, host: &str) {
    let request = Request::get(host, "/b/k").header("authorization", PLACEHOLDER);
    let answer = connection.ask(&request.bytes()).await.expect("an answer");
    answer.ok();
}

/// Another process, which trusts this file of Envoy's directory alone.
fn curl(pod: &Pod, trusts: &str, launcher: &[&str], host: &str) -> Output {
    let mut words = launcher.to_vec();
    let url = format!("https://{host}/b/k");
    words.extend(["curl", "--silent", "--show-error", "--max-time", "20"]);
    words.extend(["--cacert", trusts, url.as_str()]);
    let authorization = format!("authorization: {PLACEHOLDER}");
    if trusts == POD_CA {
        words.extend(["--header", &authorization]);
    }
    let (program, arguments) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(pod.shipped.directory());
    command.output().expect("curl runs")
}
