//! Reading the roles.

use super::findings::{ConfigError, Notes, Origin};
use super::keys::{self, Key};
use super::object::Environment;
use super::object::Object;
use super::source;
use super::sts::Sts;
use crate::credentials::identity::{
    ExternalId, RoleArn, Session, SessionDuration, SessionName, SessionPolicy, SourceIdentity, Tags,
};
use crate::credentials::role::{Role, Roles};
use crate::credentials::source::CredentialSource;
use crate::credentials::source::chained_role::ChainedRole;
use crate::credentials::source::web_identity::WebIdentity;
use crate::policy::Mode;
use serde_json::Value;

/// What the pod's sessions are called, and what says so.
pub(super) type Named = (SessionName, Origin);

/// Reads it, or makes it from the pod's name.
pub(super) fn session_name(
    object: &mut Object,
    environment: &Environment,
) -> Result<Named, ConfigError> {
    let session_name = object.sourced(
        &keys::SESSION_NAME,
        environment,
        SessionName::parse,
        SessionName::ALLOWED,
    );
    match session_name {
        Some(found) => Ok(found),
        None => session_name_of_pod(object, environment),
    }
}

/// The pod's own role, whose credentials come from `own`, and those under `roles`.
pub(super) fn roles(
    object: &mut Object,
    environment: &Environment,
    (session_name, origin): Named,
    own: CredentialSource,
    sts: &Sts,
    notes: &mut Notes,
) -> Result<Roles<Role>, ConfigError> {
    let mut others = Vec::new();
    object.each_object(&keys::ROLES, &mut |name, role| {
        others.push(other(
            name,
            role,
            &session_name,
            &own,
            environment,
            sts,
            notes,
        )?);
        Ok(())
    })?;
    // A container endpoint names its session itself.
    let is_named_here = own.session_name().is_some();
    let is_used = is_named_here || !others.is_empty();
    notes.source(
        keys::SESSION_NAME.name,
        is_used.then(|| session_name.to_string()),
        origin,
    );
    let own = Role {
        name: Role::OWN.to_owned(),
        source: own,
        sts: sts.access.clone(),
    };
    Ok(Roles::new(own, others))
}

/// Where the credentials of the pod's own role come from.
pub(super) fn own(
    object: &mut Object,
    environment: &Environment,
    mode: Mode,
    (session_name, _): &Named,
    notes: &mut Notes,
) -> Result<CredentialSource, ConfigError> {
    let role = object.sourced(
        &keys::ROLE_ARN,
        environment,
        RoleArn::parse,
        RoleArn::ALLOWED,
    );
    let (arn, origin) = role.map_or((None, Origin::Default), |(arn, origin)| (Some(arn), origin));
    let duration = duration(
        object,
        SessionDuration::of_web_identity,
        SessionDuration::ALLOWED,
    );
    let policy = session_policy(object);
    object.finish()?;
    let for_sts = match (&duration, &policy) {
        (Some(_), _) => Some(&keys::SESSION_DURATION_SECONDS),
        (None, Some(_)) => Some(&keys::SESSION_POLICY),
        (None, None) => None,
    };
    let web_identity = arn.clone().map(|role_arn| WebIdentity {
        session: Session {
            role_arn,
            name: session_name.clone(),
            duration,
            policy,
        },
    });
    let chosen = source::choose(environment, web_identity, mode)?;
    let source = chosen.source;
    if let (CredentialSource::Container(_), Some(key)) = (&source, for_sts) {
        let fault = "cannot be used with a container endpoint";
        return Err(object.error(key, fault, "it in a role of `roles`"));
    }
    for name in chosen.passed_over {
        let finding = format!("is set and not used: credentials come from {source}");
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
    notes.source("credentials", Some(source.to_string()), origin);
    Ok(source)
}

fn other(
    name: String,
    mut object: Object,
    session_name: &SessionName,
    own: &CredentialSource,
    environment: &Environment,
    sts: &Sts,
    notes: &mut Notes,
) -> Result<Role, ConfigError> {
    object.refuse_unknown(keys::ROLE);
    object.finish()?;
    check_name(&name)?;
    let role_arn = object.required(&keys::role::ROLE_ARN, RoleArn::ALLOWED, RoleArn::parse)?;
    let own_name = object.parsed(
        &keys::role::SESSION_NAME,
        SessionName::ALLOWED,
        SessionName::parse,
    );
    let session_name = own_name.unwrap_or_else(|| session_name.clone());
    let is_chained = object.flag(&keys::role::CHAINED);
    let policy = session_policy(&mut object);
    let duration = if is_chained {
        let allowed = SessionDuration::ALLOWED_CHAINED;
        duration(&mut object, SessionDuration::of_chained_role, allowed)
    } else {
        let allowed = SessionDuration::ALLOWED;
        duration(&mut object, SessionDuration::of_web_identity, allowed)
    };
    let session = Session {
        role_arn,
        name: session_name,
        duration,
        policy,
    };
    if is_chained {
        refuse_token_keys(&object)?;
    }
    let sts = sts.of_role(&mut object, notes)?;
    if is_chained {
        object.fill_in(&[keys::role::SOURCE_IDENTITY.name.to_owned()], environment)?;
        let source = CredentialSource::ChainedRole(ChainedRole {
            session,
            external_id: object.parsed(
                &keys::role::EXTERNAL_ID,
                ExternalId::ALLOWED,
                ExternalId::parse,
            ),
            tags: tags(&mut object, environment)?,
            source_identity: object.parsed(
                &keys::role::SOURCE_IDENTITY,
                SourceIdentity::ALLOWED,
                SourceIdentity::parse,
            ),
        });
        object.finish()?;
        return Ok(Role { name, source, sts });
    }
    if let CredentialSource::Container(_) = own {
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
        let allowed = "only together with \"chained\": true; otherwise tags and source identity are claims of the token";
        return Err(object.error(key, fault, allowed));
    }
    object.finish()?;
    let source = CredentialSource::WebIdentity(WebIdentity { session });
    Ok(Role { name, source, sts })
}

/// What says which token a role takes has no effect where it takes none.
fn refuse_token_keys(object: &Object) -> Result<(), ConfigError> {
    let keys: [&Key; 2] = [&keys::role::TOKEN_AUDIENCE, &keys::role::TOKEN_PATH];
    let Some(key) = keys.into_iter().find(|key| object.has(key)) else {
        return Ok(());
    };
    let fault = "has no effect: a chained role is assumed without a token";
    Err(object.error(key, fault, "it in roles that are not chained"))
}

/// The name stands between spaces in the access log.
fn check_name(name: &str) -> Result<(), ConfigError> {
    let byte = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let fault = if name == Role::OWN {
        "is the name of the pod's own role"
    } else if name.is_empty() || !name.bytes().all(byte) {
        "is not a valid name"
    } else {
        return Ok(());
    };
    Err(ConfigError::new(
        &format!("roles.{name}"),
        fault.to_owned(),
        "another name of letters, digits, - and _",
    ))
}

fn duration(
    object: &mut Object,
    of_seconds: fn(u64) -> Option<SessionDuration>,
    allowed: &str,
) -> Option<SessionDuration> {
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

fn tags(object: &mut Object, environment: &Environment) -> Result<Tags, ConfigError> {
    let tags = match object.object(&keys::role::TAGS) {
        None => Vec::new(),
        Some(mut tags) => {
            tags.fill_in(&tags.keys(), environment)?;
            tags.into_strings()?.into_iter().collect()
        }
    };
    let transitive = object
        .strings(&keys::role::TRANSITIVE_TAG_KEYS)
        .unwrap_or_default();
    Tags::parse(tags, transitive)
        .map_err(|error| object.error(&keys::role::TAGS, &error.to_string(), Tags::ALLOWED))
}

/// `<cluster>.<namespace>.<pod>`; a pod's HOSTNAME is its name. Outside Kubernetes, a name of ours. Istio calls a cluster
/// that nobody has named `Kubernetes` (`multiCluster.clusterName` in `injection-template.yaml`, 1.28 to 1.31).
fn session_name_of_pod<'e>(
    object: &Object,
    environment: &'e Environment,
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
    let of_istio = || variable("ISTIO_META_CLUSTER_ID").filter(|(_, id)| *id != "Kubernetes");
    let cluster = variable("SIGV4_EGRESS_CLUSTER").or_else(of_istio);
    let mut names: Vec<&'static str> = Vec::new();
    names.extend(cluster.iter().chain(&namespace).map(|(name, _)| *name));
    names.push(name);
    let value = |found: Option<(_, &'e str)>| found.map(|(_, value)| value);
    let session_name = SessionName::of_pod(value(cluster), value(namespace), pod);
    session_name
        .map(|name| (name, Origin::Environment(names)))
        .ok_or_else(|| {
            let fault =
                format!("cannot be made from POD_NAMESPACE and POD_NAME or HOSTNAME ({pod:?})");
            object.error(&keys::SESSION_NAME, &fault, SessionName::ALLOWED)
        })
}
