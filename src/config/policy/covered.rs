//! What of rules and allow-list has no effect, because something else covers it.
//!
//! For whoever writes a configuration: `check-config` says it. The module, which is loaded with what was written, is 7 kB
//! smaller without, and says what holds otherwise than it seems to.
//!
//! Rules that two earlier ones hide together, and never one alone, are not looked for.

use super::checks::warn;
use crate::bucket;
use crate::config::findings::Notes;
use crate::credentials::role::RoleId;
use crate::endpoint::{self, Hosts};
use crate::policy::{
    Allow, Condition, Effect, OnClientSignature, PayloadMode, Policy, Rule, host_covers,
};

/// How many rules, and entries of one list, are looked at.
const MOST: usize = 256;

const REMOVE: &str = "remove it";

/// One of the lists of a rule's conditions.
type List = fn(&mut Condition) -> &mut Vec<String>;

/// All of them.
const LISTS: [(&str, List); 5] = [
    ("hosts", |when| &mut when.hosts),
    ("buckets", |when| &mut when.buckets),
    ("services", |when| &mut when.services),
    ("regions", |when| &mut when.regions),
    ("placeholders", |when| &mut when.placeholders),
];

pub(super) fn check(policy: &Policy, notes: &mut Notes) {
    let rules = policy.rules();
    for (place, rule) in rules.iter().enumerate().take(MOST) {
        let key = ["rules[", &*place.to_string(), "]"].concat();
        check_list(&[&*key, ".hosts"].concat(), &rule.when.hosts, notes);
        check_list(&[&*key, ".buckets"].concat(), &rule.when.buckets, notes);
        check_entries(policy, place, rule, &key, notes);
        check_names(rule, &key, notes);
        check_payload(rule, &key, notes);
        check_against_allow(policy, place, rule, &key, notes);
    }
    check_allow(policy, notes);
}

/// Warns where a pattern in a list covers another entry: of hosts it begins with `*`, of buckets it ends with it.
pub(super) fn check_list(key: &str, list: &[String], notes: &mut Notes) {
    let patterns = list.iter().filter(|entry| entry.contains('*')).take(MOST);
    for pattern in patterns {
        let is_covered = |entry: &&String| {
            *entry != pattern && (host_covers(pattern, entry) || bucket::covers(pattern, entry))
        };
        if let Some(entry) = list.iter().find(is_covered) {
            let what = ["has no effect beside \"", pattern, "\""].concat();
            warn(notes, key, entry, &what, REMOVE);
        }
    }
}

/// Warns of the first entry of a list of which an earlier rule decides all.
fn check_entries(policy: &Policy, place: usize, rule: &Rule, key: &str, notes: &mut Notes) {
    for (name, list) in LISTS {
        let mut one = rule.clone();
        let entries = std::mem::take(list(&mut one.when));
        if entries.len() < 2 {
            continue;
        }
        // Each look reads all hosts that are left.
        let most = MOST / (1 + one.when.hosts.len());
        for entry in entries.iter().take(most) {
            *list(&mut one.when) = vec![entry.clone()];
            if let Some(earlier) = policy.hidden_by(&one, place) {
                let advice = "move the rule before that one, or remove the entry";
                let key = [key, ".", name].concat();
                warn(notes, &key, entry, &decided_by(earlier), advice);
                return;
            }
        }
    }
}

/// Warns of services and regions of which the rule has no host, or that sign for another region.
fn check_names(rule: &Rule, key: &str, notes: &mut Notes) {
    let Condition {
        services, regions, ..
    } = &rule.when;
    let hosts = rule.extent().hosts;
    let none_has =
        |is_other: &dyn Fn(&Hosts) -> bool| !hosts.is_empty() && hosts.iter().all(is_other);
    let of_no_host = "has no effect, because none of the rule's hosts has it";
    for service in services.iter().take(MOST) {
        if none_has(&|hosts| !hosts.service.is_empty() && hosts.service != *service) {
            let key = [key, ".services"].concat();
            warn(notes, &key, service, of_no_host, REMOVE);
        }
    }
    let key = [key, ".regions"].concat();
    for region in regions.iter().take(MOST) {
        let is_other = |hosts: &Hosts| !["", "*", region].contains(&&*hosts.region);
        if none_has(&is_other) {
            warn(notes, &key, region, of_no_host, REMOVE);
        }
        let is_elsewhere = |service: &String| endpoint::home_of(service, region).is_some();
        // Where there is no other, the service is warned about.
        if regions.len() > 1 && !services.is_empty() && services.iter().all(is_elsewhere) {
            let what = "has no effect, because the services of the rule sign for another region";
            warn(notes, &key, region, what, REMOVE);
        }
    }
}

/// Warns of a payload that is hashed whatever a rule says.
fn check_payload(rule: &Rule, key: &str, notes: &mut Notes) {
    let services = rule.extent().services;
    let is_hashed = |service: &String| {
        endpoint::is_known_service(service) && !endpoint::streams_by_default(service)
    };
    if rule.payload == Some(PayloadMode::Hashed)
        && !services.is_empty()
        && services.iter().all(is_hashed)
    {
        let what = "has no effect: payloads to these services are hashed anyway";
        let key = [key, ".payload"].concat();
        warn(notes, &key, "hashed", what, REMOVE);
    }
}

/// Warns of a rule that permits what is permitted, as the last one, or says how to sign what is not.
fn check_against_allow(policy: &Policy, place: usize, rule: &Rule, key: &str, notes: &mut Notes) {
    let Rule {
        effect,
        sign_as: None,
        role,
        client_signature,
        payload,
        ..
    } = rule
    else {
        return;
    };
    let allow = policy.allow();
    let sets_nothing = *role == RoleId::OWN
        && client_signature.unwrap_or_default() == OnClientSignature::LeaveAlone
        && payload.is_none()
        // Such a rule also takes the placeholders that it names.
        && rule.when.placeholders.is_empty();
    let is_last = place + 1 == policy.rules().len();
    let (what, advice) = match effect {
        Some(Effect::Allow)
            if sets_nothing && is_last && allow.permits_all(rule, &rule.extent()) =>
        {
            ("has no effect: the allow-list permits the same", REMOVE)
        }
        None if !sets_nothing && allow.permits_nothing(rule, &rule.extent()) => (
            "has no effect: the allow-list permits none of its requests",
            "add them there, or set `effect` to allow",
        ),
        None if is_last && client_signature.is_some() && sets_nothing => (
            "has no effect: signatures of clients are left alone anyway",
            REMOVE,
        ),
        _ => return,
    };
    notes.warn(key, what.to_owned(), advice);
}

/// Warns of services on the allow-list of which a rule lets nothing be signed.
fn check_allow(policy: &Policy, notes: &mut Notes) {
    let Allow::Listed { services, .. } = policy.allow() else {
        return;
    };
    let rules = policy.rules();
    for service in services.iter().take(MOST) {
        let mut all = Rule::default();
        all.when.services.push(service.clone());
        if let Some(place) = policy.hidden_by(&all, rules.len())
            && let mut before = rules.iter().take(place)
            && before.all(|rule| rule.effect.is_some())
            && rules
                .get(place)
                .is_some_and(|rule| matches!(rule.effect, Some(Effect::Deny | Effect::LeaveAlone)))
        {
            warn(notes, "allow", service, &decided_by(place), REMOVE);
        }
    }
}

fn decided_by(place: usize) -> String {
    format!("has no effect, because rules[{place}] matches all of its requests first")
}
