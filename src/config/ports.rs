//! Reading `ports`: ports of the loopback endpoint that stand for one host.

use super::findings::{ConfigError, Notes};
use super::keys;
use super::object::Object;
use crate::bucket;
use crate::endpoint::{self, Host, Resolution};
use crate::policy::{NO_ROUTE_METADATA, Policy, Port, Ruling, Subject, Unlisted};

const HOST: &str = "an AWS host, or one that a rule has `sign_as` for";

/// The ports, in the order of their numbers' digits.
#[cold]
pub(super) fn ports(
    object: &mut Object,
    policy: &Policy,
    region: &str,
    notes: &mut Notes,
) -> Result<Vec<Port>, ConfigError> {
    let mut ports = Vec::new();
    object.each_object(&keys::PORTS, &mut |digits, port| {
        ports.push(read(&digits, port, policy, region, notes)?);
        Ok(())
    })?;
    Ok(ports)
}

fn read(
    digits: &str,
    mut object: Object,
    policy: &Policy,
    region: &str,
    notes: &mut Notes,
) -> Result<Port, ConfigError> {
    object.refuse_unknown(keys::PORT);
    object.finish()?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let Some(number) = digits.parse().ok().filter(|_| is_number) else {
        let key = [keys::PORTS.name, ".", digits].concat();
        let fault = "is no port".to_owned();
        return Err(ConfigError::new(&key, fault, "a port from 1 to 65535"));
    };
    let host = object.required(&keys::port::HOST, HOST, |text| {
        Host::parse(text.as_bytes()).ok()
    })?;
    let methods = object.list(&keys::port::METHODS).unwrap_or_default();
    let is_method = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    object.refuse_invalid(
        &keys::port::METHODS,
        &methods,
        "methods in capital letters",
        is_method,
    );
    let paths = object.list(&keys::port::PATHS).unwrap_or_default();
    let is_path = |text: &str| text.starts_with('/') && !text.contains(['?', '#']);
    object.refuse_invalid(
        &keys::port::PATHS,
        &paths,
        "beginnings of paths, each with a / in front",
        is_path,
    );
    let require_marker = object.flag_or_none(&keys::port::REQUIRE_MARKER);
    let place = [keys::PORTS.name, ".", digits, ".", keys::port::HOST.name].concat();
    check_host(&mut object, &place, &host, policy, region, notes);
    object.finish()?;
    Ok(Port {
        number,
        host,
        methods,
        paths,
        require_marker,
    })
}

/// Refuses a host that is never signed for, and warns of one that is not allowed.
fn check_host(
    object: &mut Object,
    place: &str,
    host: &Host,
    policy: &Policy,
    region: &str,
    notes: &mut Notes,
) {
    let endpoint = match endpoint::resolve(host, region) {
        Resolution::Aws(endpoint) => Some(endpoint),
        Resolution::NotAws => None,
    };
    let host = host.name();
    let subject = Subject {
        host,
        endpoint,
        route_metadata: NO_ROUTE_METADATA,
    };
    let ruling = policy.judge(subject, &|| bucket::Request {
        host,
        method: b"GET",
        target: b"/",
        headers: &[],
    });
    let key = &keys::port::HOST;
    match ruling {
        Ruling::NotAws => object.refuse(
            key,
            &["is \"", host, "\", for which nothing is signed"].concat(),
            HOST,
        ),
        // Which bucket, only a request says.
        Ruling::Permit { .. } | Ruling::Torn(_) => {}
        Ruling::NotListed { unlisted, .. }
            if matches!(*unlisted, Unlisted::NoBucket | Unlisted::Named(_)) => {}
        Ruling::NotListed { .. } | Ruling::Denied { .. } | Ruling::LeaveAlone { .. } => {
            let fault = ["is \"", host, "\", for which no request may be signed"].concat();
            notes.warn(place, fault, "name it in `allow` or in a rule");
        }
    }
}
