//! The table of configuration keys. The parser takes names, ranges, words and defaults from it, `reference` and `schema`
//! the rest. A key that is not in it does not compile.
#![allow(missing_docs, reason = "each key says what it means")]

mod key;
pub mod presign;

use crate::policy::{Effect, Mode, OnClientSignature, PayloadMode, Unmarked};
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
    Fallback::Told("required, unless `mode` is `observe`"),
    "What may be signed: service names (`sqs`), hosts (`abc.lambda-url.eu-west-1.on.aws`) and, in the place of `s3`, buckets (`{\"buckets\": [\"reports\", \"team-a-*\"]}`). Hosts that customers create (function URLs, APIs, OpenSearch domains) must be named as hosts. The rest is answered 403. `\"*\"` is everything, such hosts included. `SIGV4_EGRESS_ALLOW` in the environment leaves only some of what `allow` and `rules` allow: services and hosts, with commas between them; it cannot add any.",
);

pub static MODE: Choice<Mode, 2> = choice(
    "mode",
    &["enforce", "observe"],
    [Mode::Enforce, Mode::Observe],
    Fallback::Text("enforce"),
    "`observe` signs and refuses nothing: every request goes on as it came, and access log and stats say what would have become of it. No role, no credentials and no `allow` are needed ([adoption.md](adoption.md)).",
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
        "`<cluster>.<POD_NAMESPACE>.<POD_NAME>` (`HOSTNAME` where `POD_NAME` is missing), then `sigv4-egress`",
    ),
    "What CloudTrail shows beside the role. The cluster is what `SIGV4_EGRESS_CLUSTER` says, or else Istio's `ISTIO_META_CLUSTER_ID` unless it is `Kubernetes`, its name for a cluster without one. A default longer than 64 keeps its first 55 characters, `-` and 8 digits of its SHA-256.",
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

pub static UNMARKED: Choice<Unmarked, 3> = choice(
    "unmarked",
    &["pass", "refuse", "sign"],
    [Unmarked::Pass, Unmarked::Refuse, Unmarked::Sign],
    Fallback::Told("`pass` where Envoy ends the client's TLS, else `sign`"),
    "What is done with a request that has neither a placeholder's signature nor `marker_header`, such as one that an attacker makes the application send. `pass` forwards it as it came, never signed, unless a rule denies it. `refuse` answers 403 where it has no signature of its own, and `sign` signs it.",
);

pub static MARKER_HEADER: Text = text(
    "marker_header",
    "x-sigv4-egress",
    "The header that asks for a signature. It is never forwarded with a signed request.",
);

pub static PLACEHOLDERS: List = list(
    "placeholders",
    "placeholder",
    "Access key ids that stand for \"sign this for me\". Ids that are not shaped like AWS's do so anyway, unless a rule has `placeholders`: then those that no list has are refused.",
);

/// The rules.
pub static RULES: Key = key(
    "rules",
    Kind::Rules,
    Fallback::Json("[]"),
    "What is done differently for some requests. The first rule that matches decides, before anything of the request's own signature is looked at but which placeholder made it, where a rule has `placeholders`.",
);

/// An order for an incident.
pub static SUSPENDED_SERVICES: Key = key(
    "suspended_services",
    Kind::TextsOrNone,
    Fallback::Json("[]"),
    "For incidents: services that nothing is signed for, whatever `allow` and `rules` say. Unlike a rule it also holds for what the configuration before has not ended, within seconds: requests that wait, and connections that are kept. They are answered 403 (`denied`). Requests with a signature of the client's own, or without one, go on as ever. It ends half a minute after Envoy has drained the last configuration that has it.",
);

/// An order for an incident.
pub static SUSPENDED_ROLES: Key = key(
    "suspended_roles",
    Kind::TextsOrNone,
    Fallback::Json("[]"),
    "The same for roles: `own`, or names of `roles`.",
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
    "The cluster that leads to STS, to the first of `sts_hosts`.",
);

/// The hosts of STS. The variable is true or false, and changes the default.
pub static STS_HOSTS: WithVariables = WithVariables {
    key: key(
        "sts_hosts",
        Kind::Texts,
        Fallback::Told(
            "`sts.<region>.amazonaws.com`, or that of the region's partition; `sts-fips.` with environment `AWS_USE_FIPS_ENDPOINT=true`",
        ),
        "Whom to ask for credentials, in this order, up to 4: each call that is not answered goes to the next at once, mostly STS of another region of the partition. The first is reached through `sts_cluster`, the second through `<sts_cluster>-2`, and so on ([sources.md](sources.md#sts-in-another-region)).",
    ),
    variables: &["AWS_USE_FIPS_ENDPOINT"],
};

pub static STS_TIMEOUT_MS: Number = number(
    "sts_timeout_ms",
    (100, 60_000),
    5000,
    "How long one call to STS, or to a container endpoint, may take. A host of STS after which another can be asked has half of it.",
);

pub static START_JITTER_MS: Number = number(
    "start_jitter_ms",
    (0, 60_000),
    2000,
    "The first fetch of a process waits a random part of this, so that pods that start together do not call STS together. The first request that needs credentials ends the wait.",
);

/// Of the credentials.
pub static CREDENTIALS_EPOCH: Key = key(
    "credentials_epoch",
    Kind::Characters {
        least: 1,
        most: 64,
        class: "\\w+=,.@:-",
    },
    Fallback::Nothing,
    "A value that a process has not met before replaces the credentials of all its roles within a minute of its arrival, though they have not expired: for sessions that were revoked. The old ones sign until then. A process remembers the last 16 values, so take a new one each time, such as the date with the incident's number. Removing it does nothing.",
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
    "Ports of the loopback endpoint that stand for one host, for programs that can be given only a URL. The listener must have them (`additional_addresses`). Requests to `127.0.0.1` or `localhost` that come to one are signed for its host; `unmarked` says what becomes of those without a signature of their own.",
);

pub static PRESIGN: Key = key(
    "presign",
    Kind::Presign,
    Fallback::Json("[]"),
    "What may be presigned at `/presign` of the loopback endpoint ([presign.md](presign.md)). What no entry is for is answered 403. Rules hold for all of it, and `allow` for objects of S3.",
);

pub static PRESIGN_PER_MINUTE: Number = number(
    "presign_per_minute",
    (1, 60_000),
    600,
    "How many are presigned a minute, in a whole process; more are answered 429.",
);

/// The keys of the filter that signs.
pub static DOWNSTREAM: &[&Key] = &[
    &ALLOW,
    &MODE.key,
    &ROLE_ARN.key,
    &REGION.key,
    &SESSION_NAME.key,
    &SESSION_DURATION_SECONDS,
    &SESSION_POLICY,
    &ROLES,
    &CLUSTERS.key,
    &UNMARKED.key,
    &MARKER_HEADER.key,
    &PLACEHOLDERS.key,
    &RULES,
    &SUSPENDED_SERVICES,
    &SUSPENDED_ROLES,
    &PORTS,
    &PRESIGN,
    &PRESIGN_PER_MINUTE.key,
    &TOKEN_CLUSTER.key,
    &CONTAINER_CLUSTER.key,
    &TOKEN_AUDIENCE.key,
    &STS_CLUSTER.key,
    &STS_HOSTS.key,
    &STS_TIMEOUT_MS.key,
    &START_JITTER_MS.key,
    &CREDENTIALS_EPOCH,
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
    &STS_HOSTS.key,
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

    pub static PLACEHOLDERS: Key = key(
        "placeholders",
        Kind::Texts,
        Fallback::Told("whoever signed the request, or nobody"),
        "Access key ids of placeholders, such as one per profile of a program that works in several accounts. The rule is for requests whose headers are signed with one of these. Once a rule has this key, a placeholder's request is signed only if the rule that decides names its id, or `placeholders` of the filter does; all others are answered 403.",
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
    &rule::PLACEHOLDERS,
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

/// A value that comes from the environment.
pub mod variable {
    use super::key::key;
    use super::{Fallback, Key, Kind};

    pub static ENV: Key = key(
        "env",
        Kind::Text,
        Fallback::Required,
        "The name of the variable, which begins with `SIGV4_EGRESS_`. Envoy hands it on where `host_env_keys` names it.",
    );

    pub static DEFAULT: Key = key(
        "default",
        Kind::Text,
        Fallback::Nothing,
        "The value where the variable is missing or empty. Without it, the configuration is refused there.",
    );
}

/// The keys of such a value.
pub static VARIABLE: &[&Key] = &[&variable::ENV, &variable::DEFAULT];

/// A port in `ports`.
pub mod port {
    use super::{Choice, Fallback, Key, Kind, Unmarked, choice, key};

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

    pub static UNMARKED: Choice<Unmarked, 2> = choice(
        "unmarked",
        &["refuse", "sign"],
        [Unmarked::Refuse, Unmarked::Sign],
        Fallback::Told("`unmarked` of the filter, with `refuse` for `pass`"),
        "What is done with a request that has neither a placeholder's signature nor `marker_header`.",
    );
}

/// The keys of a port.
pub static PORT: &[&Key] = &[
    &port::HOST,
    &port::METHODS,
    &port::PATHS,
    &port::UNMARKED.key,
];

/// The keys of an entry of `presign`.
pub static PRESIGN_ENTRY: &[&Key] = &[
    &presign::SERVICE.key,
    &presign::BUCKETS,
    &presign::HOSTS,
    &presign::KEY_PREFIXES,
    &presign::METHODS,
    &presign::CLUSTERS,
    &presign::MAX_SECONDS.key,
    &presign::MAX_FORM_BYTES,
];

/// A role in `roles`.
pub mod role {
    use super::{Fallback, Flag, Key, Kind, SESSION_NAME_KIND, Text, flag, key, text};

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

    pub static REGION: Key = key(
        "region",
        Kind::Text,
        Fallback::Told("that of the filter"),
        "Where STS is called for the role. A role of another partition needs one of its regions ([sources.md](sources.md#a-role-in-another-partition)).",
    );

    pub static STS_HOSTS: Key = key(
        "sts_hosts",
        Kind::Texts,
        Fallback::Told("those of the filter; with a `region` of the role's own, its STS"),
        "As `sts_hosts` of the filter.",
    );

    pub static STS_CLUSTER: Key = key(
        "sts_cluster",
        Kind::Text,
        Fallback::Told(
            "that of the filter, where the hosts are the filter's, too; else it is required",
        ),
        "As `sts_cluster` of the filter.",
    );

    pub static TOKEN_AUDIENCE: Key = key(
        "token_audience",
        Kind::Text,
        Fallback::Told("that of the filter"),
        "As `token_audience` of the filter. A projected token has one audience, so another one takes another token, and a `token_path`.",
    );

    pub static TOKEN_PATH: Text = text(
        "token_path",
        "/token",
        "Where the token listener serves the role's token.",
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
        Kind::FilledByName,
        Fallback::Json("{}"),
        "Session tags. A value that depends on the pod, such as one of its labels, comes from the sidecar's environment: `{\"team\": {\"env\": \"SIGV4_EGRESS_TEAM\"}}`.",
    );

    pub static TRANSITIVE_TAG_KEYS: Key = key(
        "transitive_tag_keys",
        Kind::TextsOrNone,
        Fallback::Json("[]"),
        "Tags that further chained roles keep.",
    );

    pub static SOURCE_IDENTITY: Key = key(
        "source_identity",
        Kind::Filled,
        Fallback::Nothing,
        "Who is behind the session: CloudTrail keeps it through all further roles. It can come from the environment, as tags.",
    );
}

/// The keys of a role.
pub static ROLE: &[&Key] = &[
    &role::ROLE_ARN,
    &role::SESSION_NAME,
    &SESSION_DURATION_SECONDS,
    &SESSION_POLICY,
    &role::REGION,
    &role::STS_HOSTS,
    &role::STS_CLUSTER,
    &role::TOKEN_AUDIENCE,
    &role::TOKEN_PATH.key,
    &role::CHAINED.key,
    &role::EXTERNAL_ID,
    &role::TAGS,
    &role::TRANSITIVE_TAG_KEYS,
    &role::SOURCE_IDENTITY,
];

#[cfg(test)]
mod tests;
