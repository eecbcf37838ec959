//! The table of configuration keys. The parser takes names, ranges, words and defaults from it, `reference` and `schema`
//! the rest. A key that is not in it does not compile.
#![allow(missing_docs, reason = "each key says what it means")]

mod key;

use crate::policy::{Effect, OnClientSignature, PayloadMode};
#[cfg(not(target_family = "wasm"))]
pub use key::Told;
pub use key::{Choice, Fallback, Flag, Key, Kind, List, Number, Text, WithVariables};
use key::{choice, flag, key, list, number, sourced, text};

/// Where the plugin stands in Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In a listener's filter chain: it signs.
    Downstream,
    /// Among the router's upstream filters: it is the guard.
    Upstream,
    /// In the token listener's filter chain: it answers with the status document.
    Status,
}

const SESSION_NAME_KIND: Kind = Kind::Characters {
    least: 2,
    most: 64,
    class: "\\w+=,.@-",
};

/// All of it may be chunks, which lie in the VM's memory, and V8 gives a VM 1 GiB.
const MOST_HELD_BYTES: u32 = 512 << 20;

/// The allow-list.
pub static ALLOW: Key = key(
    "allow",
    Kind::AllowList,
    Fallback::Required,
    "What may be signed: service names (`sqs`), hosts (`abc.lambda-url.eu-west-1.on.aws`) and, in the place of `s3`, buckets (`{\"buckets\": [\"reports\", \"team-a-*\"]}`). Hosts that customers create (function URLs, APIs, OpenSearch domains) must be named as hosts. The rest is answered 403. `\"*\"` is everything, such hosts included.",
);

pub static ROLE_ARN: WithVariables = sourced(
    "role_arn",
    Kind::Text,
    &["AWS_ROLE_ARN"],
    Fallback::Nothing,
    "The role to assume with the web identity token. Without one, credentials come from the container endpoint that the environment names: EKS Pod Identity (`AWS_CONTAINER_CREDENTIALS_FULL_URI`) or ECS (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).",
);

pub static REGION: WithVariables = sourced(
    "region",
    Kind::Text,
    &["AWS_REGION", "AWS_DEFAULT_REGION"],
    Fallback::Nothing,
    "The pod's region: where STS is called, and the region of hosts that name none.",
);

pub static SESSION_NAME: WithVariables = sourced(
    "session_name",
    SESSION_NAME_KIND,
    &["AWS_ROLE_SESSION_NAME"],
    Fallback::Told(
        "`<POD_NAMESPACE>.<POD_NAME>` (`HOSTNAME` where `POD_NAME` is missing), then `sigv4-egress`",
    ),
    "What CloudTrail shows beside the role. A default longer than 64 keeps its first 55 characters, `-` and 8 digits of its SHA-256.",
);

pub static SESSION_DURATION_SECONDS: Key = key(
    "session_duration_seconds",
    Kind::Duration {
        low: 900,
        high: 43_200,
        chained: 3600,
    },
    Fallback::Told("3600, as STS chooses"),
    "How long credentials of the role live.",
);

pub static SESSION_POLICY: Key = key(
    "session_policy",
    Kind::IamPolicy,
    Fallback::Nothing,
    "What the session may do at most, whatever the role may.",
);

/// Further roles.
pub static ROLES: Key = key(
    "roles",
    Kind::Roles,
    Fallback::Json("{}"),
    "Further roles by name, for rules to choose. Credentials are fetched when the first request asks for them.",
);

pub static CLUSTERS: List = list(
    "clusters",
    "sigv4-egress-aws",
    "Clusters whose requests are signed. List only clusters that verify AWS's certificate.",
);

pub static REQUIRE_MARKER: Flag = flag(
    "require_marker",
    "Sign only what carries a placeholder's signature or `marker_header`. Guards against requests that an attacker makes the application send.",
);

pub static MARKER_HEADER: Text = text(
    "marker_header",
    "x-sigv4-egress",
    "The header that asks for a signature. It is never forwarded with a signed request.",
);

pub static PLACEHOLDERS: List = list(
    "placeholders",
    "placeholder",
    "Access key ids that stand for \"sign this for me\". Ids that are not shaped like AWS's do so anyway.",
);

/// The rules.
pub static RULES: Key = key(
    "rules",
    Kind::Rules,
    Fallback::Json("[]"),
    "What is done differently for some requests. The first rule that matches decides, before anything of the request's own signature is looked at.",
);

pub static TOKEN_CLUSTER: Text = text(
    "token_cluster",
    "sigv4-egress-token",
    "The cluster that serves the web identity token at `/token`.",
);

pub static CONTAINER_CLUSTER: Text = text(
    "container_cluster",
    "sigv4-egress-container",
    "The cluster that leads to the container endpoint.",
);

pub static TOKEN_AUDIENCE: Text = text(
    "token_audience",
    "sts.amazonaws.com",
    "The audience the token must be meant for.",
);

pub static STS_CLUSTER: Text = text(
    "sts_cluster",
    "sigv4-egress-sts",
    "The cluster that leads to STS.",
);

/// The host of STS. The variable is true or false, and changes the default.
pub static STS_HOST: WithVariables = WithVariables {
    key: key(
        "sts_host",
        Kind::Host,
        Fallback::Told(
            "`sts.<region>.amazonaws.com`, or that of the region's partition; `sts-fips.` with environment `AWS_USE_FIPS_ENDPOINT=true`",
        ),
        "The host name of the call to STS.",
    ),
    variables: &["AWS_USE_FIPS_ENDPOINT"],
};

pub static STS_TIMEOUT_MS: Number = number(
    "sts_timeout_ms",
    (100, 60_000),
    5000,
    "How long one call to STS, or to a container endpoint, may take.",
);

pub static START_JITTER_MS: Number = number(
    "start_jitter_ms",
    (0, 60_000),
    2000,
    "The first fetch of a process waits a random part of this, so that pods that start together do not call STS together. The first request that needs credentials ends the wait.",
);

pub static MAX_WAIT_MS: Number = number(
    "max_wait_ms",
    (0, 60_000),
    5000,
    "How long a request waits for the first credentials.",
);

pub static MAX_PARKED: Number = number(
    "max_parked",
    (0, 100_000),
    1000,
    "How many requests wait in one worker.",
);

pub static MAX_BODY_BYTES: Number = number(
    "max_body_bytes",
    (0, MOST_HELD_BYTES / 4),
    8 << 20,
    "The largest body that is held for its hash. Envoy's own buffer limit must be larger.",
);

pub static MAX_HELD_BYTES: Number = number(
    "max_held_bytes",
    (1 << 20, MOST_HELD_BYTES),
    256 << 20,
    "What one worker holds of bodies and chunks at most; one connection may hold a quarter of it. Beyond it, requests are answered 503. At least four times `max_body_bytes`; the default rises to that.",
);

pub static BODY_TIMEOUT_MS: Number = number(
    "body_timeout_ms",
    (100, 3_600_000),
    30_000,
    "How long a client may take to send a body that is held.",
);

pub static POSITION: Choice<Position, 3> = choice(
    "position",
    &["downstream", "upstream", "status"],
    [Position::Downstream, Position::Upstream, Position::Status],
    Fallback::Text("downstream"),
    "`upstream` makes the plugin the guard among the router's `upstream_http_filters`; it then takes `clusters` only. `status`, in the token listener, makes it answer `/status`.",
);

pub static PORTS: Key = key(
    "ports",
    Kind::Ports,
    Fallback::Json("{}"),
    "Ports of the loopback endpoint that stand for one host, for programs that can be given only a URL. The listener must have them (`additional_addresses`). Requests to `127.0.0.1` or `localhost` that come to one are signed for its host; without a signature of their own they need the marker where `require_marker` is on.",
);

/// The keys of the filter that signs.
pub static DOWNSTREAM: &[&Key] = &[
    &ALLOW,
    &ROLE_ARN.key,
    &REGION.key,
    &SESSION_NAME.key,
    &SESSION_DURATION_SECONDS,
    &SESSION_POLICY,
    &ROLES,
    &CLUSTERS.key,
    &REQUIRE_MARKER.key,
    &MARKER_HEADER.key,
    &PLACEHOLDERS.key,
    &RULES,
    &PORTS,
    &TOKEN_CLUSTER.key,
    &CONTAINER_CLUSTER.key,
    &TOKEN_AUDIENCE.key,
    &STS_CLUSTER.key,
    &STS_HOST.key,
    &STS_TIMEOUT_MS.key,
    &START_JITTER_MS.key,
    &MAX_WAIT_MS.key,
    &MAX_PARKED.key,
    &MAX_BODY_BYTES.key,
    &MAX_HELD_BYTES.key,
    &BODY_TIMEOUT_MS.key,
    &POSITION.key,
];

/// The keys that matter to some sources of credentials only.
pub static OF_SOURCES: [&Key; 7] = [
    &CONTAINER_CLUSTER.key,
    &SESSION_NAME.key,
    &STS_CLUSTER.key,
    &STS_HOST.key,
    &STS_TIMEOUT_MS.key,
    &TOKEN_AUDIENCE.key,
    &TOKEN_CLUSTER.key,
];

/// The keys of the guard.
pub static UPSTREAM: &[&Key] = &[&CLUSTERS.key, &POSITION.key];

/// The keys of the plugin that answers with the status document.
pub static STATUS: &[&Key] = &[&POSITION.key];

/// An object in `allow`.
pub mod allow {
    use super::key::key;
    use super::{Fallback, Key, Kind};

    pub static BUCKETS: Key = key(
        "buckets",
        Kind::Texts,
        Fallback::Required,
        "Names of buckets; a trailing `*` matches every name with that prefix. Requests that name no bucket, such as ListBuckets, are not among what it allows.",
    );
}

/// The keys of an object in `allow`.
pub static ALLOW_ENTRY: &[&Key] = &[&allow::BUCKETS];

/// A rule.
pub mod rule {
    use super::{Choice, Effect, Fallback, Key, Kind, OnClientSignature, PayloadMode, choice, key};

    pub static HOSTS: Key = key(
        "hosts",
        Kind::Texts,
        Fallback::Told("every AWS host"),
        "Host names, with `*.` in front for what is below them. Hosts that are not AWS's must be named, and so must those that customers create where the rule allows them. A bucket's host is refused: see `buckets`.",
    );

    pub static BUCKETS: Key = key(
        "buckets",
        Kind::Texts,
        Fallback::Told("every bucket, and none"),
        "Names of buckets, where a trailing `*` matches every name with that prefix, in whatever form a request names them: in its path or host, through a VPC endpoint, as a copy's source. A request that names two is judged for each. A denial also holds for access points, which hide their bucket, unless an earlier rule names their host, or in `buckets` their alias.",
    );

    pub static SERVICES: Key = key(
        "services",
        Kind::Texts,
        Fallback::Told("every service"),
        "Service names, as the credential scope spells them.",
    );

    pub static REGIONS: Key = key(
        "regions",
        Kind::Texts,
        Fallback::Told("every region"),
        "Regions, as the credential scope spells them.",
    );

    pub static ROUTE_METADATA: Key = key(
        "route_metadata",
        Kind::Metadata,
        Fallback::Told("every route"),
        "What the route's metadata must hold under `sigv4_egress`.",
    );

    pub static EFFECT: Choice<Effect, 3> = choice(
        "effect",
        &["allow", "deny", "leave_alone"],
        [Effect::Allow, Effect::Deny, Effect::LeaveAlone],
        Fallback::Told("as `allow` says"),
        "`allow` lets what `allow` does not name be signed; `deny` answers 403; `leave_alone` forwards the request as it came, which is for requests that are meant to be anonymous.",
    );

    pub static SIGN_AS: Key = key(
        "sign_as",
        Kind::SignAs,
        Fallback::Told("as the host says"),
        "For custom domains: what the rule's `hosts` are signed as. They are allowed with it.",
    );

    pub static ROLE: Key = key(
        "role",
        Kind::RoleName,
        Fallback::Text("own"),
        "Whose credentials sign: one of `roles`.",
    );

    pub static CLIENT_SIGNATURE: Choice<OnClientSignature, 3> = choice(
        "client_signature",
        &["leave_alone", "refuse", "re_sign"],
        [
            OnClientSignature::LeaveAlone,
            OnClientSignature::Refuse,
            OnClientSignature::ReSign,
        ],
        Fallback::Text("leave_alone"),
        "What happens to a request that the client signed with a real key of its own.",
    );

    pub static PAYLOAD: Choice<PayloadMode, 2> = choice(
        "payload",
        &["hashed", "unsigned"],
        [PayloadMode::Hashed, PayloadMode::Unsigned],
        Fallback::Told("unsigned for S3 and VPC Lattice, else hashed"),
        "`unsigned` lets the body stream. S3 and VPC Lattice accept it, and single operations of EBS, Lex, MediaStore and HealthOmics.",
    );
}

/// The keys of a rule.
pub static RULE: &[&Key] = &[
    &rule::HOSTS,
    &rule::BUCKETS,
    &rule::SERVICES,
    &rule::REGIONS,
    &rule::ROUTE_METADATA,
    &rule::EFFECT.key,
    &rule::SIGN_AS,
    &rule::ROLE,
    &rule::CLIENT_SIGNATURE.key,
    &rule::PAYLOAD.key,
];

/// `sign_as` in a rule.
pub mod sign_as {
    use super::key::key;
    use super::{Fallback, Key, Kind};

    pub static SERVICE: Key = key(
        "service",
        Kind::Text,
        Fallback::Required,
        "The signing name, such as `execute-api` or `vpc-lattice-svcs`.",
    );

    pub static REGION: Key = key(
        "region",
        Kind::Text,
        Fallback::Told("`region` of the filter"),
        "The signing region.",
    );
}

/// The keys of `sign_as` in a rule.
pub static SIGN_AS: &[&Key] = &[&sign_as::SERVICE, &sign_as::REGION];

/// A port in `ports`.
pub mod port {
    use super::{Fallback, Key, Kind, key};

    pub static HOST: Key = key(
        "host",
        Kind::Host,
        Fallback::Required,
        "The host that requests to the port are for: one of AWS's, or one that a rule has `sign_as` for. It must be allowed, as ever.",
    );

    pub static METHODS: Key = key(
        "methods",
        Kind::Texts,
        Fallback::Told("all"),
        "The methods that the port takes.",
    );

    pub static PATHS: Key = key(
        "paths",
        Kind::Texts,
        Fallback::Told("all"),
        "How the paths begin that the port takes. With it, paths with `..`, or with encoded dots, slashes or backslashes, are refused.",
    );

    pub static REQUIRE_MARKER: Key = key(
        "require_marker",
        Kind::Boolean,
        Fallback::Told("`require_marker` of the filter"),
        "`false`: what comes to the port without a signature is signed without the marker header.",
    );
}

/// The keys of a port.
pub static PORT: &[&Key] = &[
    &port::HOST,
    &port::METHODS,
    &port::PATHS,
    &port::REQUIRE_MARKER,
];

/// A role in `roles`.
pub mod role {
    use super::{Fallback, Flag, Key, Kind, SESSION_NAME_KIND, flag, key};

    pub static ROLE_ARN: Key = key(
        "role_arn",
        Kind::Text,
        Fallback::Required,
        "The role to assume.",
    );

    pub static SESSION_NAME: Key = key(
        "session_name",
        SESSION_NAME_KIND,
        Fallback::Told("that of the filter"),
        "What CloudTrail shows beside the role.",
    );

    pub static CHAINED: Flag = flag(
        "chained",
        "Assume it with the credentials of the pod's own role (`AssumeRole`), not with the web identity token: the way into another account that does not know this cluster. Needed with a container endpoint.",
    );

    pub static EXTERNAL_ID: Key = key(
        "external_id",
        Kind::Text,
        Fallback::Nothing,
        "What the role's account asks for. Chained only, as all that follow.",
    );

    pub static TAGS: Key = key(
        "tags",
        Kind::TextsByName,
        Fallback::Json("{}"),
        "Session tags.",
    );

    pub static TRANSITIVE_TAG_KEYS: Key = key(
        "transitive_tag_keys",
        Kind::TextsOrNone,
        Fallback::Json("[]"),
        "Tags that further chained roles keep.",
    );

    pub static SOURCE_IDENTITY: Key = key(
        "source_identity",
        Kind::Text,
        Fallback::Nothing,
        "Who is behind the session: CloudTrail keeps it through all further roles.",
    );
}

/// The keys of a role.
pub static ROLE: &[&Key] = &[
    &role::ROLE_ARN,
    &role::SESSION_NAME,
    &SESSION_DURATION_SECONDS,
    &SESSION_POLICY,
    &role::CHAINED.key,
    &role::EXTERNAL_ID,
    &role::TAGS,
    &role::TRANSITIVE_TAG_KEYS,
    &role::SOURCE_IDENTITY,
];

#[cfg(test)]
mod tests;
