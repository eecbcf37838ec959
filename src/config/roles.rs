//! Reading the roles.

use super::object::Object;
use super::{ConfigError, Environment, missing, reference};
use crate::identity::{RoleArn, SessionName};
use crate::role::{Assumption, Means, Role, Roles};

/// The pod's own role and those under `roles`.
pub(super) fn roles(
    object: &mut Object,
    environment: &Environment,
) -> Result<Roles<Role>, ConfigError> {
    let own = own(object, environment)?;
    let others = match object.object("roles")? {
        None => Vec::new(),
        Some(named) => named
            .into_objects()?
            .into_iter()
            .map(|(name, role)| other(name, role, &own))
            .collect::<Result<_, _>>()?,
    };
    let own = Role {
        name: Role::OWN.to_owned(),
        means: Means::WebIdentity(own),
    };
    Ok(Roles::new(own, others))
}

fn own(object: &mut Object, environment: &Environment) -> Result<Assumption, ConfigError> {
    let arn = object
        .sourced(
            "role_arn",
            environment,
            &["AWS_ROLE_ARN"],
            RoleArn::parse,
            RoleArn::ALLOWED,
        )?
        .ok_or_else(|| missing("role_arn", &["AWS_ROLE_ARN"], RoleArn::ALLOWED))?;
    let session_name = object.sourced(
        "session_name",
        environment,
        &["AWS_ROLE_SESSION_NAME"],
        SessionName::parse,
        SessionName::ALLOWED,
    )?;
    Ok(Assumption {
        arn,
        session_name: match session_name {
            Some(name) => name,
            None => session_name_of_pod(environment)?,
        },
    })
}

fn other(name: String, mut object: Object, own: &Assumption) -> Result<Role, ConfigError> {
    object.refuse_unknown(reference::ROLE)?;
    if name == Role::OWN {
        return Err(ConfigError {
            key: format!("roles.{name}"),
            fault: "is the name of the pod's own role".to_owned(),
            allowed: "another name".to_owned(),
        });
    }
    let arn = object.parsed("role_arn", RoleArn::ALLOWED, RoleArn::parse)?;
    let session_name = object.parsed("session_name", SessionName::ALLOWED, SessionName::parse)?;
    let assumption = Assumption {
        arn: arn.ok_or_else(|| object.error("role_arn", "is missing", RoleArn::ALLOWED))?,
        session_name: session_name.unwrap_or_else(|| own.session_name.clone()),
    };
    Ok(Role {
        name,
        means: Means::WebIdentity(assumption),
    })
}

/// `<namespace>.<pod>`; a pod's HOSTNAME is its name. Outside Kubernetes, a name of ours.
fn session_name_of_pod(environment: &Environment) -> Result<SessionName, ConfigError> {
    let variable = |name: &str| {
        environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let Some(pod) = variable("POD_NAME").or_else(|| variable("HOSTNAME")) else {
        return SessionName::parse("sigv4-egress")
            .ok_or_else(|| missing("session_name", &[], SessionName::ALLOWED));
    };
    SessionName::of_pod(variable("POD_NAMESPACE"), pod).ok_or_else(|| ConfigError {
        key: "session_name".to_owned(),
        fault: format!("cannot be made of POD_NAMESPACE and POD_NAME or HOSTNAME ({pod:?})"),
        allowed: SessionName::ALLOWED.to_owned(),
    })
}
