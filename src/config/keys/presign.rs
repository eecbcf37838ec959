//! The keys of an entry of `presign`.
#![allow(missing_docs, reason = "each key says what it means")]

use super::key::{Choice, Fallback, Key, Kind, Number, choice, key, number};
use crate::presign::Service;

pub static SERVICE: Choice<Service, 7> = choice(
    "service",
    &[
        "s3",
        "rds-db",
        "dsql",
        "elasticache",
        "memorydb",
        "kafka-cluster",
        "eks",
    ],
    [
        Service::S3,
        Service::RdsDb,
        Service::Dsql,
        Service::ElastiCache,
        Service::MemoryDb,
        Service::KafkaCluster,
        Service::Eks,
    ],
    Fallback::Required,
    "The service that takes it: `s3` for objects, `rds-db` for databases of RDS and Aurora, `kafka-cluster` for MSK, `eks` for the API of EKS clusters.",
);

pub static BUCKETS: Key = key(
    "buckets",
    Kind::Texts,
    Fallback::Nothing,
    "For `s3`: names of buckets, and aliases of access points; a trailing `*` matches every bucket with that prefix. This or `hosts` is required, and with both, both must match.",
);

pub static HOSTS: Key = key(
    "hosts",
    Kind::Texts,
    Fallback::Told("all"),
    "Host names, with `*.` in front for what is below them; the name of a cache for `elasticache` and `memorydb`.",
);

pub static KEY_PREFIXES: Key = key(
    "key_prefixes",
    Kind::Texts,
    Fallback::Told("all keys"),
    "For `s3`: how the keys of objects begin.",
);

pub static METHODS: Key = key(
    "methods",
    Kind::Texts,
    Fallback::Json("[\"GET\", \"HEAD\"]"),
    "For `s3`: `GET`, `HEAD`, `PUT`, `DELETE`, and `POST` for the beginning and the end of a multipart upload. Parts are `PUT`. Forms are `max_form_bytes`.",
);

pub static CLUSTERS: Key = key(
    "clusters",
    Kind::Texts,
    Fallback::Told("required for `eks`"),
    "For `eks`: names of clusters; a trailing `*` matches every one with that prefix.",
);

pub static MAX_SECONDS: Number = number(
    "max_seconds",
    (1, 43_200),
    900,
    "The longest that it may hold. It ends with the session at the latest; credentials are refreshed early enough for it, where a session lives for twice as long.",
);

pub static MAX_FORM_BYTES: Key = key(
    "max_form_bytes",
    Kind::Bytes,
    Fallback::Told("no forms"),
    "For `s3`: the largest upload that a browser form may take, in bytes. A form must bind its bucket, its key or a prefix of it, and its length.",
);
