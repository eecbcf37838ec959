//! Reading the roles.

use super::object::Object;
use super::{ConfigError, Environment, Notes, Origin, keys};
use crate::identity::{
    ChainedDuration, ExternalId, RoleArn, SessionDuration, SessionName, SessionPolicy,
    SourceIdentity, Tags,
};
use crate::role::{Chained, Means, Role, Roles, WebIdentity};
use crate::source::{self, Source};
use serde_json::Value;

/// The pod's own role and those under `roles`.
pub(super) fn roles(
    object: &mut Object,
    environment: &Environment,
    notes: &mut Notes,
) -> Result<Roles<Role>, ConfigError> {
    let session_name = object.sourced(
        &keys::SESSION_NAME,
        environment,
        SessionName::parse,
        SessionName::ALLOWED,
    );
    let (session_name, origin) = match session_name {
        Some(found) => found,
        None => session_name_of_pod(object, environment)?,
    };
    let means = own(object, environment, &session_name, notes)?;
    let others = match object.object(&keys::ROLES) {
        None => Vec::new(),
        Some(named) => named
            .into_objects()?
            .into_iter()
            .map(|(name, role)| other(name, role, &session_name, &means))
            .collect::<Result<_, _>>()?,
    };
    // A container endpoint names its session itself.
    let is_used = !matches!(means, Means::Container { .. }) || !others.is_empty();
    notes.source(
        keys::SESSION_NAME.name,
        is_used.then(|| session_name.to_string()),
        origin,
    );
    let own = Role {
        name: Role::OWN.to_owned(),
        means,
    };
    Ok(Roles::new(own, others))
}

fn own(
    object: &mut Object,
    environment: &Environment,
    session_name: &SessionName,
    notes: &mut Notes,
) -> Result<Means, ConfigError> {
    let role = object.sourced(
        &keys::ROLE_ARN,
        environment,
        RoleArn::parse,
        RoleArn::ALLOWED,
    );
    let (arn, origin) = role.map_or((None, Origin::Default), |(arn, origin)| (Some(arn), origin));
    let duration = duration(
        object,
        SessionDuration::of_seconds,
        SessionDuration::ALLOWED,
    );
    let session_policy = session_policy(object);
    object.finish()?;
    let chosen = source::choose(environment, arn.as_ref())?;
    let means = match chosen.source {
        Source::WebIdentity(arn) => Means::WebIdentity(WebIdentity {
            arn,
            session_name: session_name.clone(),
            duration,
            session_policy,
        }),
        Source::Container { .. } if duration.is_some() || session_policy.is_some() => {
            let key = match duration {
                Some(_) => &keys::SESSION_DURATION_SECONDS,
                None => &keys::SESSION_POLICY,
            };
            let fault = "cannot be used with a container endpoint";
            return Err(object.error(key, fault, "it in a role of `roles`"));
        }
        Source::Container {
            endpoint,
            authorization,
        } => Means::Container {
            endpoint,
            authorization,
        },
    };
    for name in chosen.passed_over {
        let finding = format!("is set and not used: credentials come from {means}");
        notes.warn(&format!("environment variable {name}"), finding, "unset it");
    }
    let origin = chosen
        .variable
        .map_or(origin, |name| Origin::Environment(vec![name]));
    notes.source(
        keys::ROLE_ARN.name,
        arn.map(|arn| arn.to_string()),
        origin.clone(),
    );
    notes.source("credentials", Some(means.to_string()), origin);
    Ok(means)
}

fn other(
    name: String,
    mut object: Object,
    session_name: &SessionName,
    own: &Means,
) -> Result<Role, ConfigError> {
    object.refuse_unknown(keys::ROLE);
    object.finish()?;
    // It stands between spaces in the access log.
    let byte = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let fault = if name == Role::OWN {
        Some("is the name of the pod's own role")
    } else if name.is_empty() || !name.bytes().all(byte) {
        Some("is not a valid name")
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(ConfigError::new(
            &format!("roles.{name}"),
            fault.to_owned(),
            "another name of letters, digits, - and _",
        ));
    }
    let arn = object.required(&keys::role::ROLE_ARN, RoleArn::ALLOWED, RoleArn::parse)?;
    let own_name = object.parsed(
        &keys::role::SESSION_NAME,
        SessionName::ALLOWED,
        SessionName::parse,
    );
    let session_name = own_name.unwrap_or_else(|| session_name.clone());
    let is_chained = object.flag(&keys::role::CHAINED);
    let session_policy = session_policy(&mut object);
    if is_chained {
        let duration = duration(
            &mut object,
            ChainedDuration::of_seconds,
            ChainedDuration::ALLOWED,
        );
        let means = Means::Chained(Chained {
            arn,
            session_name,
            duration,
            session_policy,
            external_id: object.parsed(
                &keys::role::EXTERNAL_ID,
                ExternalId::ALLOWED,
                ExternalId::parse,
            ),
            tags: tags(&mut object)?,
            source_identity: object.parsed(
                &keys::role::SOURCE_IDENTITY,
                SourceIdentity::ALLOWED,
                SourceIdentity::parse,
            ),
        });
        object.finish()?;
        return Ok(Role { name, means });
    }
    if let Means::Container { .. } = own {
        let fault = "is not true, and there is no web identity token to assume the role with";
        return Err(object.error(&keys::role::CHAINED, fault, "true"));
    }
    let chained_only = [
        &keys::role::EXTERNAL_ID,
        &keys::role::TAGS,
        &keys::role::TRANSITIVE_TAG_KEYS,
        &keys::role::SOURCE_IDENTITY,
    ];
    if let Some(key) = chained_only.iter().find(|key| object.has(key)) {
        let fault = "is not a parameter of AssumeRoleWithWebIdentity";
        return Err(object.error(key, fault, "only together with \"chained\": true"));
    }
    let means = Means::WebIdentity(WebIdentity {
        arn,
        session_name,
        duration: duration(
            &mut object,
            SessionDuration::of_seconds,
            SessionDuration::ALLOWED,
        ),
        session_policy,
    });
    object.finish()?;
    Ok(Role { name, means })
}

fn duration<T>(
    object: &mut Object,
    of_seconds: impl Fn(u64) -> Option<T>,
    allowed: &str,
) -> Option<T> {
    let key = &keys::SESSION_DURATION_SECONDS;
    let value = object.take(key)?;
    let duration = value.as_u64().and_then(of_seconds);
    if duration.is_none() {
        object.refuse_value(key, &value, allowed);
    }
    duration
}

/// An object, or its JSON as a string.
fn session_policy(object: &mut Object) -> Option<SessionPolicy> {
    let key = &keys::SESSION_POLICY;
    let policy = match object.take(key)? {
        Value::Object(policy) => SessionPolicy::of_object(policy),
        Value::String(policy) => SessionPolicy::parse(&policy),
        other => {
            object.refuse_value(key, &other, SessionPolicy::ALLOWED);
            return None;
        }
    };
    match policy {
        Ok(policy) => Some(policy),
        Err(error) => {
            object.refuse(key, &error.to_string(), SessionPolicy::ALLOWED);
            None
        }
    }
}

fn tags(object: &mut Object) -> Result<Tags, ConfigError> {
    let tags = match object.object(&keys::role::TAGS) {
        None => Vec::new(),
        Some(tags) => tags.into_strings()?.into_iter().collect(),
    };
    let transitive = object
        .strings(&keys::role::TRANSITIVE_TAG_KEYS)
        .unwrap_or_default();
    Tags::parse(tags, transitive)
        .map_err(|error| object.error(&keys::role::TAGS, &error.to_string(), Tags::ALLOWED))
}

/// `<namespace>.<pod>`; a pod's HOSTNAME is its name. Outside Kubernetes, a name of ours.
fn session_name_of_pod(
    object: &Object,
    environment: &Environment,
) -> Result<(SessionName, Origin), ConfigError> {
    let variable = |name: &'static str| {
        let value = environment.get(name).map(String::as_str);
        Some((name, value.filter(|value| !value.is_empty())?))
    };
    let Some((name, pod)) = variable("POD_NAME").or_else(|| variable("HOSTNAME")) else {
        return SessionName::parse("sigv4-egress")
            .map(|name| (name, Origin::Default))
            .ok_or_else(|| object.missing(&keys::SESSION_NAME, SessionName::ALLOWED));
    };
    let namespace = variable("POD_NAMESPACE");
    let mut names: Vec<&'static str> = namespace.iter().map(|(name, _)| *name).collect();
    names.push(name);
    let session_name = SessionName::of_pod(namespace.map(|(_, value)| value), pod);
    session_name
        .map(|name| (name, Origin::Environment(names)))
        .ok_or_else(|| {
            let fault =
                format!("cannot be made from POD_NAMESPACE and POD_NAME or HOSTNAME ({pod:?})");
            object.error(&keys::SESSION_NAME, &fault, SessionName::ALLOWED)
        })
}
