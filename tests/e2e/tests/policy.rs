//! Who gets signed, and what leaves as it came.

use e2e::bootstrap::{AWS, ELSEWHERE, PLAIN};
use e2e::verify::{Algorithm, client_signature};
use e2e::{Request, SOON, Setup, Value, Verdict, World, json, scenario, until};

const SQS: &str = "sqs.eu-west-1.amazonaws.com";
const S3: &str = "s3.eu-west-1.amazonaws.com";
const DYNAMODB: &str = "dynamodb.eu-west-1.amazonaws.com";

/// What an SDK sends that was set up with placeholder keys.
fn placeholder(request: Request, key: &str, region: &str, service: &str) -> Request {
    let signed = "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=00ff";
    let scope = format!("{key}/20150830/{region}/{service}/aws4_request");
    request
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, {signed}"),
        )
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-security-token", "placeholder-session-token")
}

/// A workload can do without what the platform allows it, and a value that asks for more is no configuration.
#[test]
fn the_environment_narrows_and_never_widens() {
    let setup = Setup::new().plugin(json!({"allow": ["s3", "sqs"]}));
    scenario(&setup.env("SIGV4_EGRESS_ALLOW", "s3"), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        let refused = world.ask(Request::get(SQS, "/")).await;
        let text = String::from_utf8_lossy(&refused.body).into_owned();
        refused.refused(403, "not_allowed");
        assert!(text.contains("SIGV4_EGRESS_ALLOW"), "{text}");
        world.reconfigure_environment("SIGV4_EGRESS_ALLOW", "s3,sqs,dynamodb");
        let fault = "environment variable SIGV4_EGRESS_ALLOW: has \"dynamodb\"";
        until("the new one is refused", SOON, || {
            String::from_utf8_lossy(&world.envoy.log()).contains(fault)
        })
        .await;
        world
            .ask(Request::get(SQS, "/"))
            .await
            .refused(403, "not_allowed");
        world.ask(Request::get(S3, "/")).await.ok();
    });
}

#[test]
fn a_placeholder_signature_is_replaced_and_nothing_of_it_is_left() {
    for key in ["placeholder", "test"] {
        scenario(&Setup::new(), async |world| {
            let request = Request::new("POST", DYNAMODB, "/").body("{}");
            world
                .ask(placeholder(request, key, "eu-west-1", "dynamodb"))
                .await
                .ok();
            let received = world.aws.only();
            assert_eq!(received.verdict.signature().service, "dynamodb");
            let everything = format!("{:?}", received.headers);
            for rest in ["20150830", "placeholder-session-token", "00ff"] {
                assert!(!everything.contains(rest), "{rest} is left: {everything}");
            }
            assert_eq!(world.stat("requests.signed.placeholder").await, 1);
        });
    }
}

/// A request that carries a valid signature by a real key of the application's own.
fn signed_by_the_client(world: &World) -> Request {
    let key = world
        .ledger
        .client_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG");
    let scope = ("eu-west-1", "dynamodb");
    let headers = client_signature(&key, "POST", DYNAMODB, "/", scope, b"{}");
    Request::new("POST", DYNAMODB, "/")
        .headers(headers)
        .body("{}")
}

#[test]
fn a_real_keys_signature_is_left_alone() {
    scenario(&Setup::new(), async |world| {
        world.ask(signed_by_the_client(world)).await.ok();
        assert!(matches!(
            world.aws.only().verdict,
            Verdict::SignedByClient(_)
        ));
        assert_eq!(world.stat("requests.left_alone.client_signature").await, 1);
    });
}

#[test]
fn a_real_keys_signature_is_refused_where_a_rule_says_so() {
    let rules = json!([{"services": ["dynamodb"], "client_signature": "refuse"}]);
    scenario(
        &Setup::new().plugin(json!({"rules": rules})),
        async |world| {
            let answer = world.ask(signed_by_the_client(world)).await;
            answer.refused(403, "client_signature_refused");
            assert!(world.aws.received().is_empty());
        },
    );
}

#[test]
fn a_real_keys_signature_is_replaced_where_a_rule_says_so() {
    let rules = json!([{"hosts": ["*.amazonaws.com"], "client_signature": "re_sign"}]);
    scenario(
        &Setup::new().plugin(json!({"rules": rules})),
        async |world| {
            world.ask(signed_by_the_client(world)).await.ok();
            assert_ne!(
                world.aws.only().verdict.signature().access_key_id,
                "AKIAIOSFODNN7EXAMPLE"
            );
            assert_eq!(world.stat("requests.signed.re_signed").await, 1);
        },
    );
}

#[test]
fn a_rule_denies_by_the_metadata_of_the_route() {
    let rules = json!([{"route_metadata": {"team": "shop"}, "effect": "deny"}]);
    let route = |prefix: &str, metadata: Value| {
        json!({
            "match": {"prefix": prefix},
            "route": {"cluster": AWS},
            "metadata": {"filter_metadata": {"sigv4_egress": metadata}},
        })
    };
    let setup = Setup::new()
        .plugin(json!({"rules": rules}))
        .route(route("/shop", json!({"team": "shop", "more": 1})))
        .route(route("/depot", json!({"team": "depot"})))
        .route(route("/number", json!({"team": 1})));
    scenario(&setup, async |world| {
        let answer = world.ask(Request::get(S3, "/shop")).await;
        answer.refused(403, "denied");
        assert!(answer.text().contains("rules[0]"), "{}", answer.text());
        for path in ["/depot", "/number", "/none"] {
            world.ask(Request::get(S3, path)).await.ok();
        }
        assert_eq!(world.stat("requests.refused.denied").await, 1);
    });
}

#[test]
fn a_custom_domain_is_signed_where_a_rule_says_so() {
    let rules = json!([{"hosts": ["*.svc.example"], "sign_as": {"service": "vpc-lattice-svcs"}}]);
    let setup = Setup::new().plugin(json!({"allow": [], "rules": rules}));
    scenario(&setup, async |world| {
        let request = Request::new("POST", "cart.svc.example", "/items");
        world.ask(request.body("{}")).await.ok();
        let received = world.aws.only();
        let signature = received.verdict.signature();
        assert_eq!(
            (&*signature.service, &*signature.region),
            ("vpc-lattice-svcs", "eu-west-1")
        );
    });
}

#[test]
fn a_request_that_is_meant_to_be_anonymous_goes_on_as_it_came() {
    let rules = json!([{"buckets": ["public"], "effect": "leave_alone"}]);
    let setup = Setup::new().plugin(json!({"allow": ["s3"], "rules": rules}));
    scenario(&setup, async |world| {
        let request = Request::get("public.s3.eu-west-1.amazonaws.com", "/data");
        world.ask(request).await;
        assert_eq!(world.aws.take_anonymous().path, "/data");
        assert_eq!(world.stat("requests.left_alone.rule").await, 1);
    });
}

#[test]
fn a_scope_that_the_host_does_not_bear_out_is_counted() {
    scenario(&Setup::new(), async |world| {
        let request = Request::new("POST", DYNAMODB, "/").body("{}");
        let request = placeholder(request, "placeholder", "us-east-1", "sqs");
        world.ask(request).await.ok();
        assert_eq!(world.aws.only().verdict.signature().service, "dynamodb");
        assert_eq!(world.stat("requests.signed.placeholder_for_other").await, 1);
    });
}

#[test]
fn a_presigned_url_is_left_alone() {
    scenario(&Setup::new(), async |world| {
        let path = "/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261123%2Feu-west-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20261123T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=00ff";
        world.ask(Request::get(S3, path)).await.ok();
        let received = world.aws.only();
        assert_eq!(
            (received.verdict, &*received.path),
            (Verdict::Presigned, path)
        );
        assert_eq!(world.stat("requests.left_alone.presigned").await, 1);
    });
}

#[test]
fn a_placeholders_signature_gets_to_no_host_below_awss_names() {
    let presigned = "/k?X-Amz-Credential=placeholder%2F20261123%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0";
    scenario(&Setup::new(), async |world| {
        for host in [
            "lb-1.eu-west-1.elb.amazonaws.com",
            "newer.sqs.eu-west-1.amazonaws.com",
            "b.s3-website.eu-west-1.amazonaws.com",
        ] {
            let request = placeholder(Request::get(host, "/"), "placeholder", "eu-west-1", "sqs");
            let answer = world.ask(request).await;
            answer.refused(403, "placeholder_unreplaced");
            let answer = world.ask(Request::get(host, presigned)).await;
            answer.refused(403, "presigned_by_placeholder");
        }
        let answer = world.ask(Request::get(S3, presigned)).await;
        answer.refused(403, "presigned_by_placeholder");
        assert!(world.aws.received().is_empty());
        // The client's region is that of the bucket.
        let request = Request::get("b.s3.amazonaws.com", "/k");
        let request = placeholder(request, "placeholder", "eu-central-1", "s3");
        world.ask(request).await.ok();
        let received = world.aws.only();
        assert_eq!(received.verdict.signature().region, "eu-central-1");
    });
}

#[test]
fn another_authorization_scheme_is_left_alone() {
    scenario(&Setup::new(), async |world| {
        let host = "bedrock-runtime.eu-west-1.amazonaws.com";
        let request = Request::new("POST", host, "/model/m/invoke");
        world
            .ask(request.header("authorization", "Bearer api-key").body("{}"))
            .await
            .ok();
        let received = world.aws.only();
        assert_eq!(received.verdict, Verdict::OtherScheme);
        assert_eq!(
            received.value("authorization").as_deref(),
            Some("Bearer api-key")
        );
        assert_eq!(received.value("x-amz-date"), None);
        assert_eq!(
            world.stat("requests.left_alone.other_authorization").await,
            1
        );
    });
}

#[test]
fn an_authorization_that_cannot_be_read_is_refused() {
    scenario(&Setup::new(), async |world| {
        let request = Request::get(S3, "/").header("authorization", "AWS4-HMAC-SHA256 nonsense");
        world
            .ask(request)
            .await
            .refused(400, "malformed_authorization");
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn what_the_allow_list_does_not_name_is_refused() {
    let allow = json!([
        "s3",
        "*.sqs.eu-west-1.amazonaws.com",
        "sqs.eu-west-1.amazonaws.com"
    ]);
    scenario(
        &Setup::new().plugin(json!({"allow": allow})),
        async |world| {
            world.ask(Request::get(S3, "/")).await.ok();
            world
                .ask(Request::get("sqs.eu-west-1.amazonaws.com", "/"))
                .await
                .ok();
            let refused = [
                Request::get(DYNAMODB, "/"),
                Request::get("sqs.us-east-1.amazonaws.com", "/"),
                // No header gets a request around the list.
                Request::get(DYNAMODB, "/").header("authorization", "Bearer api-key"),
                Request::get(
                    DYNAMODB,
                    "/?X-Amz-Signature=00ff&X-Amz-Algorithm=AWS4-HMAC-SHA256",
                ),
                signed_by_the_client(world),
            ];
            for request in refused {
                let says = world.ask(request).await.refused(403, "not_allowed");
                assert!(says.contains("to `allow`"), "{says}");
            }
            assert_eq!(world.aws.received().len(), 2);
        },
    );
}

#[test]
fn with_a_required_marker_only_who_asks_is_signed() {
    scenario(
        &Setup::new().plugin(json!({"unmarked": "refuse"})),
        async |world| {
            let forged = Request::get(S3, "/");
            world
                .ask(forged.clone())
                .await
                .refused(403, "marker_missing");
            assert!(world.aws.received().is_empty());
            world
                .ask(forged.clone().header("x-sigv4-egress", "1"))
                .await
                .ok();
            world
                .ask(placeholder(forged, "placeholder", "eu-west-1", "s3"))
                .await
                .ok();
            for received in world.aws.received() {
                received.verdict.signature();
                assert_eq!(
                    received.value("x-sigv4-egress"),
                    None,
                    "the marker was forwarded"
                );
            }
            assert_eq!(world.aws.received().len(), 2);
        },
    );
}

#[test]
fn a_marker_of_the_operators_choice_is_not_forwarded() {
    let setup = Setup::new().plugin(json!({"unmarked": "refuse", "marker_header": "x-sign-me"}));
    scenario(&setup, async |world| {
        world
            .ask(Request::get(S3, "/").header("X-Sign-Me", "please"))
            .await
            .ok();
        assert_eq!(world.aws.only().value("x-sign-me"), None);
    });
}

#[test]
fn an_aws_host_in_a_cluster_that_is_not_listed_is_refused() {
    let route = json!({
        "match": {"prefix": "/", "headers": [{"name": "x-way", "present_match": true}]},
        "route": {"cluster": PLAIN},
    });
    scenario(&Setup::new().route(route), async |world| {
        let answer = world
            .ask(Request::get(S3, "/").header("x-way", "plain"))
            .await;
        let says = answer.refused(403, "cluster_not_listed");
        assert!(says.contains(PLAIN), "{says}");
        assert!(world.plain.requests().is_empty() && world.aws.received().is_empty());
    });
}

/// A route that matches only what the filter has written.
fn escape(header: &Value) -> Setup {
    let route = json!({
        "match": {"prefix": "/", "headers": [header]},
        "route": {"cluster": ELSEWHERE},
    });
    Setup::new().route(route).guard()
}

#[test]
fn a_signed_request_that_changes_its_route_is_stopped_by_the_guard() {
    let matcher = json!({"name": "x-amz-security-token", "present_match": true});
    scenario(&escape(&matcher), async |world| {
        world
            .ask(Request::get(S3, "/"))
            .await
            .refused(403, "escaped_cluster");
        world
            .ask(Request::new("POST", DYNAMODB, "/").body("{}"))
            .await
            .refused(403, "escaped_cluster");
        assert!(world.elsewhere.requests().is_empty(), "credentials escaped");
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn a_new_authority_that_changes_the_route_is_stopped_by_the_guard() {
    let matcher = json!({"name": ":authority", "string_match": {"exact": DYNAMODB}});
    scenario(&escape(&matcher), async |world| {
        let request = Request::new("POST", "127.0.0.1", "/").body("{}");
        let answer = world
            .ask(placeholder(request, "placeholder", "eu-west-1", "dynamodb"))
            .await;
        answer.refused(403, "escaped_cluster");
        assert!(world.elsewhere.requests().is_empty(), "credentials escaped");
    });
}

#[test]
fn the_guard_lets_pass_what_goes_where_it_should() {
    scenario(&Setup::new().guard(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        world
            .ask(Request::new("POST", DYNAMODB, "/").body("{}"))
            .await
            .ok();
        world.ask(Request::get("example.org", "/")).await.ok();
        assert_eq!(
            (world.aws.received().len(), world.plain.requests().len()),
            (2, 1)
        );
    });
}

#[test]
fn one_loopback_endpoint_serves_every_service() {
    scenario(&Setup::new(), async |world| {
        let port = world.port;
        let hosts = [
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ];
        let scopes = [
            ("eu-central-1", "dynamodb"),
            ("eu-west-1", "s3"),
            ("us-east-1", "sqs"),
        ];
        for (host, (region, service)) in hosts.iter().zip(scopes) {
            let request = Request::new("POST", host, "/path?x=1").body("body");
            world
                .ask(placeholder(request, "placeholder", region, service))
                .await
                .ok();
            let received = world.aws.received().pop().expect("a request");
            assert_eq!(received.host, format!("{service}.{region}.amazonaws.com"));
            let signature = received.verdict.signature();
            assert_eq!((&*signature.service, &*signature.region), (service, region));
        }
    });
}

#[test]
fn an_unsigned_request_to_the_loopback_endpoint_never_reaches_aws() {
    scenario(&Setup::new(), async |world| {
        let answer = world
            .ask(Request::get(&format!("127.0.0.1:{}", world.port), "/"))
            .await;
        answer.refused(400, "no_target");
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn hosts_for_every_region_get_a_signature_of_sigv4a() {
    const MRAP: &str = "mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com";
    const EVENTS: &str = "abcde.veo.endpoint.events.amazonaws.com";
    let placeholder = |request: Request, service: &str| {
        let scope = format!("placeholder/20150830/{service}/aws4_request");
        request
            .header(
                "authorization",
                format!(
                    "AWS4-ECDSA-P256-SHA256 Credential={scope}, SignedHeaders=host, Signature=30"
                ),
            )
            .header("x-amz-date", "20150830T123600Z")
            .header("x-amz-region-set", "eu-west-1,us-east-1")
    };
    scenario(&Setup::new(), async |world| {
        let put = || Request::new("PUT", MRAP, "/key").body("body");
        let trailer = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let events = || Request::new("POST", EVENTS, "/").body("{}");
        let cases = [
            (Request::get(MRAP, "/key"), "s3"),
            (placeholder(put(), "s3"), "s3"),
            (put().header(trailer.0, trailer.1), "s3"),
            (events(), "events"),
            (placeholder(events(), "events"), "events"),
        ];
        for (request, service) in cases {
            world.ask(request).await.ok();
            let received = world.aws.received().pop().expect("a request");
            let signature = received.verdict.signature();
            assert_eq!(signature.algorithm, Algorithm::SigV4A);
            assert_eq!((&*signature.service, &*signature.region), (service, "*"));
        }

        let chunks = put().header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let answer = world.ask(chunks).await;
        answer.refused(501, "chunk_signatures_unsupported");
        assert_eq!(world.aws.received().len(), 5);
    });
}

#[test]
fn an_event_stream_and_chunks_signed_with_sigv4a_are_refused() {
    scenario(&Setup::new(), async |world| {
        for payload in [
            "STREAMING-AWS4-HMAC-SHA256-EVENTS",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        ] {
            let request = Request::new("PUT", S3, "/bucket/key")
                .header("x-amz-content-sha256", payload)
                .body("body");
            world
                .ask(request)
                .await
                .refused(501, "chunk_signatures_unsupported");
        }
        assert!(world.aws.received().is_empty());
    });
}

#[test]
fn a_configuration_that_is_wrong_is_refused_with_its_key_and_the_old_one_stays() {
    scenario(&Setup::new(), async |world| {
        world.ask(Request::get(S3, "/")).await.ok();
        for (keys, line) in [
            (
                json!({"rolearn": "x"}),
                "configuration refused: unknown key \"rolearn\"; known keys: allow, mode, role_arn",
            ),
            (
                json!({"role_arn": "reports"}),
                "configuration refused: role_arn: is \"reports\"; allowed: arn:<partition>:iam::",
            ),
            (
                json!({"session_name": "a b"}),
                "configuration refused: session_name: is \"a b\"; allowed: 2 to 64",
            ),
            (
                json!({"max_parked": "many"}),
                "configuration refused: max_parked: is \"many\"; allowed: a whole number from 0",
            ),
            (
                json!({"session_policy": r#"{"Statement": [{"Effect": "Deny", "Effect": "Allow"}]}"#}),
                "configuration refused: session_policy: holds the key \"Statement[0].Effect\" twice",
            ),
            (
                json!({"rules": [{"services": [], "effect": "allow"}]}),
                "configuration refused: rules[0].services: is empty; allowed: at least one entry",
            ),
            (
                json!({"rules": [{"hosts": ["ledger.s3.eu-west-1.amazonaws.com"], "effect": "deny"}]}),
                "only one of the names of a bucket; allowed: {\"buckets\": [\"ledger\"]}",
            ),
            (
                json!({"rules": [{"services": ["s3"], "effect": "deny", "payload": "hashed"}]}),
                "configuration refused: rules[0].payload: has no effect, because the rule signs nothing",
            ),
            (
                json!({"rules": [{"services": ["s3"], "effect": "allow"}, {"buckets": ["secret"], "effect": "deny"}]}),
                "configuration refused: rules[1]: never decides, because rules[0] matches all of its requests first",
            ),
            (
                json!({"clusters": ["*"]}),
                "configuration refused: clusters: holds \"*\"",
            ),
            (
                json!({"marker_header": "content-length"}),
                "configuration refused: marker_header: is \"content-length\"",
            ),
        ] {
            world.reconfigure(keys);
            until(line, SOON, || {
                String::from_utf8_lossy(&world.envoy.log()).contains(line)
            })
            .await;
            world.ask(Request::get(S3, "/")).await.ok();
        }
    });
}

#[test]
fn what_is_probably_not_meant_is_in_force_and_in_the_log() {
    let rules = json!([
        {"services": ["email", "sqss"], "effect": "deny"},
        {"hosts": ["*.svc.example"], "sign_as": {"service": "vpc-lattice-svcs"}},
    ]);
    scenario(
        &Setup::new().plugin(json!({"rules": rules})),
        async |world| {
            let log = String::from_utf8_lossy(&world.envoy.log()).into_owned();
            for line in [
                "configuration: rules[0].services: no known AWS service signs as \"email\"; it stays in force; did you mean \"ses\"?",
                "configuration: rules[0].services: no known AWS service signs as \"sqss\"; it stays in force; did you mean \"sqs\"?",
                "configuration: rules[1].sign_as: \"*.svc.example\" is not an AWS host, and whoever answers there gets the session token",
            ] {
                assert_eq!(
                    log.matches(line).count(),
                    1,
                    "{line} is not in there once:\n{log}"
                );
            }
            // Tomorrow's service may have that name.
            let host = "sqss.eu-west-1.amazonaws.com";
            world
                .ask(Request::get(host, "/"))
                .await
                .refused(403, "denied");
        },
    );
}
