//! Roles, hosts of STS and requests that are of different partitions, for `check-config`: credentials hold in the
//! partition of their role alone (IAM User Guide, "Identify AWS resources with ARNs": a partition is a group of regions,
//! and an account is scoped to one).

use super::findings::Notes;
use super::plugin::Config;
use crate::credentials::role::{Role, RoleId};
use crate::credentials::source::CredentialSource;
use crate::endpoint::{self, Host, Resolution, arn_partition};
use crate::policy::{Effect, Rule};

/// Warns of what AWS will refuse.
pub(super) fn check(config: &Config, notes: &mut Notes) {
    let own = partition(config, config.roles.own());
    for (id, role) in config.roles.iter() {
        let (key, is_own) = match id == RoleId::OWN {
            true => ("role_arn".to_owned(), true),
            false => (["roles.", &*role.name].concat(), false),
        };
        check_hosts(config, role, &key, notes);
        if matches!(role.source, CredentialSource::ChainedRole(_)) && partition(config, role) != own
        {
            let finding = format!(
                "is of {}, and the pod's own role, which assumes it, of {own}: AWS lets no role into another partition",
                partition(config, role)
            );
            notes.warn(
                &key,
                finding,
                "take the web identity token to it: remove `chained`",
            );
        }
        let filter = &config.roles.own().sts;
        let is_same_token = role.sts.token_path == filter.token_path;
        if !is_own && is_same_token && role.sts.token_audience != filter.token_audience {
            let finding = format!(
                "is not that of the filter, and {} serves one token, which has one audience if kubelet makes it",
                role.sts.token_path
            );
            let advice = "serve a second token, and name its path in `token_path`";
            notes.warn(&[&*key, ".token_audience"].concat(), finding, advice);
        }
    }
    for (place, rule) in config.policy.rules().iter().enumerate() {
        if let Some(role) = config.roles.get(rule.role) {
            check_rule(config, place, rule, role, own, notes);
        }
    }
}

/// The partition of a role; that of the filter's region where a container endpoint chooses the role.
fn partition<'a>(config: &'a Config, role: &'a Role) -> &'a str {
    let arn = role.source.role_arn();
    arn.map_or(arn_partition(&config.region), |arn| arn.partition())
}

fn check_hosts(config: &Config, role: &Role, key: &str, notes: &mut Notes) {
    if matches!(role.source, CredentialSource::Container(_)) {
        return;
    }
    let partition = partition(config, role);
    for host in role.sts.hosts.iter() {
        let Ok(parsed) = Host::parse(host.name.as_bytes()) else {
            continue;
        };
        if let Resolution::Aws(endpoint) = endpoint::resolve(&parsed, "")
            && arn_partition(endpoint.region) != partition
        {
            let finding = format!(
                "is of the partition {partition}, and its STS at {} of {}",
                host.name,
                arn_partition(endpoint.region)
            );
            let advice = format!("give it a `region` or `sts_hosts` of {partition}");
            notes.warn(key, finding, &advice);
        }
    }
}

/// A rule's requests and the role that signs them.
fn check_rule(
    config: &Config,
    place: usize,
    rule: &Rule,
    role: &Role,
    own: &str,
    notes: &mut Notes,
) {
    if matches!(rule.effect, Some(Effect::Deny | Effect::LeaveAlone)) {
        return;
    }
    let partition = partition(config, role);
    let extent = rule.extent();
    let of_hosts = extent.hosts.iter().map(|hosts| hosts.region.as_str());
    let of_sign_as = rule.sign_as.iter().map(|sign_as| sign_as.region.as_str());
    let named: Vec<&str> = rule
        .when
        .regions
        .iter()
        .map(String::as_str)
        .chain(of_hosts)
        .chain(of_sign_as)
        .filter(|region| endpoint::is_region(region))
        .collect();
    let key = format!("rules[{place}]");
    let advice = format!("give it `regions` or `hosts` of {partition}, or another `role`");
    let other = named
        .iter()
        .find(|region| arn_partition(region) != partition);
    if let Some(region) = other {
        let finding = format!(
            "is for {region}, of the partition {}, and its role {} is of {partition}: AWS does not know the credentials there",
            arn_partition(region),
            role.name
        );
        notes.warn(&key, finding, &advice);
    } else if named.is_empty() && partition != own {
        let finding = format!(
            "is for every region, and its role {} is of {partition}, whose credentials no other partition knows",
            role.name
        );
        notes.warn(&key, finding, &advice);
    }
}

#[cfg(test)]
mod tests;
