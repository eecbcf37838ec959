//! Reading `ports`: ports of the loopback endpoint that stand for one host.

use super::findings::{ConfigError, Notes};
use super::keys;
use super::object::Object;
use crate::bucket;
use crate::endpoint::{self, Host, Resolution};
use crate::policy::{
    NO_ROUTE_METADATA, Policy, Port, Ruling, Subject, Unlisted, Unmarked, is_plain,
};

const HOST: &str =
    "a host name, without https:// and path: AWS's, or one that a rule has `sign_as` for";
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
const PATHS: &str =
    "beginnings of paths, each with a / in front, without *, ?, dot segments and encoded slashes";

/// What the ports stand in.
pub(super) struct Filter<'a> {
    pub(super) policy: &'a Policy,
    pub(super) region: &'a str,
    pub(super) unmarked: Option<Unmarked>,
}

/// The ports, in the order of their numbers' digits.
#[cold]
pub(super) fn ports(
    object: &mut Object,
    filter: &Filter<'_>,
    notes: &mut Notes,
) -> Result<Vec<Port>, ConfigError> {
    let mut ports = Vec::new();
    object.each_object(&keys::PORTS, &mut |digits, port| {
        ports.push(read(&digits, port, filter, notes)?);
        Ok(())
    })?;
    Ok(ports)
}

fn read(
    digits: &str,
    mut object: Object,
    filter: &Filter<'_>,
    notes: &mut Notes,
) -> Result<Port, ConfigError> {
    object.refuse_unknown(keys::PORT);
    object.finish()?;
    let place = [keys::PORTS.name, ".", digits].concat();
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let Some(number) = digits.parse().ok().filter(|_| is_number) else {
        let fault = "is no port".to_owned();
        return Err(ConfigError::new(&place, fault, "a port from 1 to 65535"));
    };
    let host = object.required(&keys::port::HOST, HOST, |text| {
        Host::parse(text.as_bytes()).ok()
    })?;
    let methods = object.list(&keys::port::METHODS).unwrap_or_default();
    let is_method = |text: &str| METHODS.split(", ").any(|method| method == text);
    object.refuse_invalid(&keys::port::METHODS, &methods, METHODS, is_method);
    let paths = object.list(&keys::port::PATHS).unwrap_or_default();
    let is_path = |text: &str| {
        text.starts_with('/') && !text.bytes().any(|b| b"?#*".contains(&b)) && is_plain(text)
    };
    object.refuse_invalid(&keys::port::PATHS, &paths, PATHS, is_path);
    let unmarked = object.choice(&keys::port::UNMARKED);
    check_host(&mut object, &place, &host, filter, notes);
    object.finish()?;
    if filter
        .unmarked
        .is_some_and(|filter| filter != Unmarked::Sign)
        && unmarked == Some(Unmarked::Sign)
        && methods.is_empty()
        && paths.is_empty()
    {
        let fault = "signs whatever comes to it, without the marker".to_owned();
        notes.warn(&place, fault, "name `methods` or `paths`");
    }
    Ok(Port {
        number,
        host,
        methods,
        paths,
        unmarked,
    })
}

/// Refuses a host that is never signed for, and warns of one that is not allowed.
fn check_host(
    object: &mut Object,
    place: &str,
    host: &Host,
    filter: &Filter<'_>,
    notes: &mut Notes,
) {
    let endpoint = match endpoint::resolve(host, filter.region) {
        Resolution::Aws(endpoint) => Some(endpoint),
        Resolution::NotAws => None,
    };
    let host = host.name();
    let ids = filter.policy.named_placeholders().map(String::as_str);
    let mut found = Ruling::NotAws;
    // Last, what asks for no rule of a placeholder's.
    for placeholder in ids.map(Some).chain([None]) {
        let subject = Subject {
            host,
            endpoint,
            route_metadata: NO_ROUTE_METADATA,
            placeholder,
        };
        found = filter.policy.judge(subject, &|| bucket::Request {
            host,
            method: b"GET",
            target: b"/",
            headers: &[],
        });
        if let Ruling::Permit { .. } = found {
            return;
        }
    }
    let key = &keys::port::HOST;
    let (why, advice) = match found {
        Ruling::NotAws => {
            let fault = ["is \"", host, "\", for which nothing is signed"];
            return object.refuse(key, &fault.concat(), HOST);
        }
        // Which bucket, only a request says.
        Ruling::Permit { .. } | Ruling::Torn(_) | Ruling::PlaceholderNotListed { .. } => return,
        Ruling::NotListed { unlisted, .. }
            if matches!(*unlisted, Unlisted::NoBucket | Unlisted::Named(_)) =>
        {
            return;
        }
        Ruling::NotListed { .. } => ("which is not in `allow`".to_owned(), "name it there"),
        Ruling::Denied { rule, .. } => (format!("which rules[{rule}] denies"), "change the rule"),
        Ruling::LeaveAlone { rule } => (
            format!("which rules[{rule}] leaves alone"),
            "change the rule",
        ),
    };
    let fault = ["is \"", host, "\", ", &*why].concat();
    notes.warn(&[place, ".", key.name].concat(), fault, advice);
}
