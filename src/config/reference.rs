//! The table of configuration keys: names and defaults for the parser, meanings for the reader.

#[cfg(not(target_family = "wasm"))]
use std::fmt::Write as _;

/// One key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its default: the value itself, or where it comes from; empty where there is none.
    pub default: &'static str,
    /// What the documentation says of it. The module, where nobody reads it, is 10 kB smaller without.
    #[cfg(not(target_family = "wasm"))]
    pub told: Told,
}

/// What the documentation says of a key.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its JSON type, with the range.
    pub kind: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

#[cfg_attr(
    target_family = "wasm",
    allow(unused_variables, reason = "it tells nothing")
)]
const fn key(
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        default,
        #[cfg(not(target_family = "wasm"))]
        told: Told { kind, meaning },
    }
}

const CLUSTERS: Key = key(
    "clusters",
    "list of strings",
    "[\"sigv4-egress-aws\"]",
    "Clusters whose requests are signed. List only clusters that verify AWS's certificate.",
);

const SESSION_DURATION: Key = key(
    "session_duration_seconds",
    "900 to 43200; chained: to 3600",
    "STS's own: an hour",
    "How long credentials of the role live.",
);

const SESSION_POLICY: Key = key(
    "session_policy",
    "IAM policy, as an object or a string",
    "",
    "What the session may do at most, whatever the role may.",
);

const POSITION: Key = key(
    "position",
    "`downstream`, `upstream` or `status`",
    "downstream",
    "`upstream` makes the plugin the guard among the router's `upstream_http_filters`; it then takes `clusters` only. `status`, in the token listener, makes it answer `/status`.",
);

/// The keys of the filter that signs.
pub const DOWNSTREAM: &[Key] = &[
    key(
        "allow",
        "`\"*\"` or list of strings and objects",
        "",
        "What may be signed: service names (`sqs`), hosts (`abc.lambda-url.eu-west-1.on.aws`) and, in the place of `s3`, buckets (`{\"buckets\": [\"reports\", \"team-a-*\"]}`). Hosts that customers create (function URLs, APIs, search domains) must be named as hosts. The rest is answered 403. Required.",
    ),
    key(
        "role_arn",
        "string",
        "environment `AWS_ROLE_ARN`",
        "The role to assume with the web identity token. Without one, credentials come from the container endpoint that the environment names: EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI`) or ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).",
    ),
    key(
        "region",
        "string",
        "environment `AWS_REGION`, then `AWS_DEFAULT_REGION`",
        "The pod's region: where STS is called, and the region of hosts that name none.",
    ),
    key(
        "session_name",
        "string of 2 to 64 `[\\w+=,.@-]`",
        "environment `AWS_ROLE_SESSION_NAME`, then `<POD_NAMESPACE>.<POD_NAME>` (`HOSTNAME` where `POD_NAME` is missing), then `sigv4-egress`",
        "What CloudTrail shows beside the role. A default longer than 64 keeps its first 55 characters, `-` and 8 digits of its SHA-256.",
    ),
    SESSION_DURATION,
    SESSION_POLICY,
    key(
        "roles",
        "object of roles",
        "{}",
        "Further roles by name, for rules to choose. Credentials are fetched when the first request asks for them.",
    ),
    CLUSTERS,
    key(
        "require_marker",
        "boolean",
        "false",
        "Sign only what carries a placeholder's signature or `marker_header`. Guards against requests that an attacker makes the application send.",
    ),
    key(
        "marker_header",
        "string",
        "x-sigv4-egress",
        "The header that asks for a signature. It is never forwarded with a signed request.",
    ),
    key(
        "placeholders",
        "list of strings",
        "[\"placeholder\"]",
        "Access key ids that stand for \"sign this for me\". Ids that are not shaped like AWS's do so anyway.",
    ),
    key(
        "rules",
        "list of rules",
        "[]",
        "What is done differently for some requests. The first rule that matches decides, before anything of the request's own signature is looked at.",
    ),
    key(
        "token_cluster",
        "string",
        "sigv4-egress-token",
        "The cluster that serves the web identity token at `/token`.",
    ),
    key(
        "container_cluster",
        "string",
        "sigv4-egress-container",
        "The cluster that leads to the container endpoint.",
    ),
    key(
        "token_audience",
        "string",
        "sts.amazonaws.com",
        "The audience the token must be meant for.",
    ),
    key(
        "sts_cluster",
        "string",
        "sigv4-egress-sts",
        "The cluster that leads to STS.",
    ),
    key(
        "sts_host",
        "string",
        "`sts.<region>.amazonaws.com`, or that of the region's partition; `sts-fips.` with environment `AWS_USE_FIPS_ENDPOINT=true`",
        "The host name of the call to STS.",
    ),
    key(
        "sts_timeout_ms",
        "100 to 60000",
        "5000",
        "How long one call to STS, or to a container endpoint, may take.",
    ),
    key(
        "start_jitter_ms",
        "0 to 60000",
        "2000",
        "The first fetch of a process waits a random part of this, so that pods that start together do not call STS together. A request that needs credentials ends it.",
    ),
    key(
        "max_wait_ms",
        "0 to 60000",
        "5000",
        "How long a request waits for the first credentials.",
    ),
    key(
        "max_parked",
        "0 to 100000",
        "1000",
        "How many requests wait in one worker.",
    ),
    key(
        "max_body_bytes",
        "0 to 134217728",
        "1048576",
        "The largest body that is held for its hash. Envoy's own buffer limit must be larger.",
    ),
    key(
        "max_held_bytes",
        "1048576 to 536870912",
        "268435456",
        "What one worker holds of bodies and chunks at most; one connection may hold a quarter of it. Beyond it, requests are answered 503. At least four times `max_body_bytes`, and by default that where it is more.",
    ),
    key(
        "body_timeout_ms",
        "100 to 3600000",
        "30000",
        "How long a client may take to send a body that is held.",
    ),
    POSITION,
];

/// The keys of the guard.
pub const UPSTREAM: &[Key] = &[CLUSTERS, POSITION];

/// The keys of the plugin that answers with the status document.
pub const STATUS: &[Key] = &[POSITION];

/// The keys of an object in `allow`.
pub const ALLOW: &[Key] = &[key(
    "buckets",
    "list of strings",
    "",
    "Names of buckets, with `*` at the end for all that begin so. Requests that name no bucket, such as ListBuckets, are not among what it allows. Required.",
)];

/// The keys of a rule.
pub const RULE: &[Key] = &[
    key(
        "hosts",
        "list of strings",
        "every AWS host",
        "Host names, with `*.` in front for what is below them. Hosts that are not AWS's must be named, and so must those that customers create where the rule allows them. A bucket's host is refused: see `buckets`.",
    ),
    key(
        "buckets",
        "list of strings",
        "every bucket, and none",
        "Names of buckets, with `*` at the end for all that begin so, in whatever form a request names them: in its path or host, through a VPC endpoint, as a copy's source. A request that names two is judged for each. A denial also holds for access points, which hide their bucket, unless an earlier rule names their host, or in `buckets` their alias.",
    ),
    key(
        "services",
        "list of strings",
        "every service",
        "Service names, as the credential scope spells them.",
    ),
    key(
        "regions",
        "list of strings",
        "every region",
        "Regions, as the credential scope spells them.",
    ),
    key(
        "route_metadata",
        "object of strings",
        "every route",
        "What the route's metadata must hold under `sigv4_egress`.",
    ),
    key(
        "effect",
        "`allow`, `deny` or `leave_alone`",
        "as `allow` says",
        "`allow` lets what `allow` does not name be signed; `deny` answers 403; `leave_alone` forwards the request as it came, which is for requests that are meant to be anonymous.",
    ),
    key(
        "sign_as",
        "object",
        "as the host says",
        "For custom domains: what the rule's `hosts` are signed as. They are allowed with it.",
    ),
    key(
        "role",
        "name of a role",
        "own",
        "Whose credentials sign: one of `roles`.",
    ),
    key(
        "client_signature",
        "`leave_alone`, `refuse` or `re_sign`",
        "leave_alone",
        "What happens to a request that the client signed with a real key of its own.",
    ),
    key(
        "payload",
        "`hashed` or `unsigned`",
        "unsigned for S3 and VPC Lattice, else hashed",
        "`unsigned` lets the body stream. S3 and VPC Lattice accept it, and single operations of EBS, Lex, MediaStore and HealthOmics.",
    ),
];

/// The keys of a role.
pub const ROLE: &[Key] = &[
    key("role_arn", "string", "", "The role to assume. Required."),
    key(
        "session_name",
        "string of 2 to 64 `[\\w+=,.@-]`",
        "that of the filter",
        "What CloudTrail shows beside the role.",
    ),
    SESSION_DURATION,
    SESSION_POLICY,
    key(
        "chained",
        "boolean",
        "false",
        "Assume it with the credentials of the pod's own role (`AssumeRole`), not with the web identity token: the way into another account that does not know this cluster. Needed with a container endpoint.",
    ),
    key(
        "external_id",
        "string",
        "",
        "What the role's account asks for. Chained only, as all that follow.",
    ),
    key("tags", "object of strings", "{}", "Session tags."),
    key(
        "transitive_tag_keys",
        "list of strings",
        "[]",
        "Tags that further chained roles keep.",
    ),
    key(
        "source_identity",
        "string",
        "",
        "Who is behind the session: CloudTrail keeps it through all further roles.",
    ),
];

/// The keys of `sign_as` in a rule.
pub const SIGN_AS: &[Key] = &[
    key(
        "service",
        "string",
        "",
        "The signing name, such as `execute-api` or `vpc-lattice-svcs`. Required.",
    ),
    key(
        "region",
        "string",
        "`region` of the filter",
        "The signing region.",
    ),
];

/// The literal default of a downstream key.
pub fn default_of(name: &str) -> &'static str {
    DOWNSTREAM
        .iter()
        .find(|key| key.name == name)
        .map_or("", |key| key.default)
}

/// The reference as Markdown, as it stands in the documentation.
#[cfg(not(target_family = "wasm"))]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Written by `UPDATE=1 cargo test --test reference` from `src/config/reference.rs`.\n\n\
         The plugin's `configuration` is a JSON object. An unknown key, a key that appears twice, a wrong type, a value out \
         of its range, an empty list, and what could never have an effect are refused when Envoy loads the configuration. \
         What is probably not meant is in force, with a warning in the log. `sigv4-egress check-config` prints both, and what else has no effect.\n",
    );
    for (title, keys) in [
        ("The filter", DOWNSTREAM),
        ("An object in `allow`", ALLOW),
        ("A rule in `rules`", RULE),
        ("`sign_as` in a rule", SIGN_AS),
        ("A role in `roles`", ROLE),
        ("The guard (`\"position\": \"upstream\"`)", UPSTREAM),
        ("The status document (`\"position\": \"status\"`)", STATUS),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
        );
        for key in keys {
            let literal = !key.default.is_empty() && !key.default.contains([' ', '`']);
            let default = if literal {
                format!("`{}`", key.default)
            } else {
                key.default.to_owned()
            };
            let _ = writeln!(
                page,
                "| `{}` | {} | {default} | {} |",
                key.name, key.told.kind, key.told.meaning
            );
        }
    }
    page
}
