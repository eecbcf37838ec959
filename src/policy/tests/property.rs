//! Random rules and requests: what the index finds, and what is said to be covered.

use super::*;
use crate::bucket::Patterns;
use proptest::prelude::*;

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(words, 0..=2)
        .prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

fn rule() -> impl Strategy<Value = Rule> {
    let hosts = some_of(&[
        "s3.eu-west-1.amazonaws.com",
        "*.eu-west-1.amazonaws.com",
        "*.amazonaws.com",
        "a.example",
        "*.example",
    ]);
    let route = proptest::option::of(proptest::sample::select(vec!["shop", "depot"]));
    let placeholders = prop_oneof![2 => Just(Vec::new()), 1 => some_of(&["p-a", "p-b", "p-c"])];
    let conditions = (
        some_of(&["s3", "sqs"]),
        some_of(&["eu-west-1", "us-east-1"]),
        some_of(&["team-a", "team-*", "t*", "other", "ap-s3alias"]),
    );
    (hosts, conditions, route, placeholders).prop_map(
        |(hosts, (services, regions, buckets), route, placeholders)| Rule {
            when: Condition {
                hosts,
                buckets,
                services,
                regions,
                route_metadata: route
                    .map(|team| ("team".to_owned(), team.to_owned()))
                    .into_iter()
                    .collect(),
                placeholders,
            },
            effect: Some(Effect::Deny),
            ..Rule::default()
        },
    )
}

/// What stands below a request for the placeholder that signed it.
fn signed_by() -> impl Strategy<Value = String> {
    let ids = vec![
        "",
        "\nplaceholder: p-a",
        "\nplaceholder: p-b",
        "\nplaceholder: p-x",
    ];
    proptest::sample::select(ids).prop_map(str::to_owned)
}

fn effect() -> impl Strategy<Value = Option<Effect>> {
    proptest::sample::select(vec![None, Some(Effect::Allow), Some(Effect::Deny)])
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (rule(), effect()).prop_map(|(rule, effect)| Rule { effect, ..rule });
    proptest::collection::vec(rule, 1..6)
}

/// A ruling without the place of its rule.
fn placeless(ruling: Ruling<'_>) -> String {
    match ruling {
        Ruling::Denied { named, .. } => format!("denied for {named:?}"),
        Ruling::Permit { endpoint, rule } => {
            format!("{endpoint:?} {:?}", rule.map(|found| found.rule))
        }
        Ruling::NotListed { unlisted, .. } => format!("{unlisted:?}"),
        other => verdict_word(other),
    }
}

fn allow() -> impl Strategy<Value = Allow> {
    let hosts = some_of(&[
        "*.eu-west-1.amazonaws.com",
        "sqs.us-east-1.amazonaws.com",
        "f.lambda-url.eu-west-1.on.aws",
    ]);
    let buckets = some_of(&["team-a", "team-*", "ap-s3alias"]);
    let services = some_of(&["s3", "sqs", "lambda"]);
    (services, hosts, buckets).prop_map(|(services, hosts, names)| {
        let mut buckets = Patterns::default();
        for (place, name) in names.iter().enumerate() {
            buckets.add(name, place);
        }
        Allow::Listed {
            services,
            hosts,
            buckets,
        }
    })
}

/// A rule with one entry of each list, for every combination.
fn entries(rule: &Rule) -> Vec<Rule> {
    let one_of = |list: &[String]| -> Vec<Vec<String>> {
        let entries = list.iter().map(|entry| vec![entry.clone()]);
        entries.chain([list.to_vec()]).collect()
    };
    let mut found = Vec::new();
    for services in one_of(&rule.when.services) {
        for buckets in one_of(&rule.when.buckets) {
            for hosts in one_of(&rule.when.hosts) {
                let mut one = rule.clone();
                one.when.services = services.clone();
                one.when.buckets = buckets.clone();
                one.when.hosts = hosts;
                found.push(one);
            }
        }
    }
    found
}

proptest! {
    /// What is said to have no effect has none, whatever is requested.
    #[test]
    fn what_is_covered_is_covered_for_every_request(
        by in signed_by(),
        rules in rules(),
        allow in allow(),
        request in proptest::sample::select(vec![
            "s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com/team-a/k", "team-b.s3.us-east-1.amazonaws.com", "other.s3.amazonaws.com",
            "ap-s3alias.s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com/%/k",
            "sqs.eu-west-1.amazonaws.com", "f.lambda-url.eu-west-1.on.aws", "g.lambda-url.eu-west-1.on.aws",
        ]),
        team in proptest::sample::select(vec!["", "team=shop", "team=depot, more=1"]),
    ) {
        let policy = Policy::new(allow.clone(), rules.clone());
        ask(&(request.to_owned() + &by), team, |subject, request| {
            let mut named = None;
            if let Some(place) = endpoint::bucket_place(request.host) {
                bucket::each_named(request, place, |_, found| named = Some(found.into_owned()));
            }
            let endpoint = subject.endpoint.unwrap();
            for (place, rule) in rules.iter().enumerate() {
                for one in entries(rule) {
                    if let Some(earlier) = policy.hidden_by(&one, place) {
                        // What hides its bucket, another entry or rule denies.
                        let is_hidden = named.as_ref().is_some_and(Named::hides_its_bucket)
                            && !one.when.buckets.is_empty();
                        let fits = one.fits(subject, named.as_ref()) && !is_hidden;
                        assert!(!fits || rules[earlier].fits(subject, named.as_ref()), "{one:?}");
                    }
                }
                if !rule.fits(subject, named.as_ref()) {
                    continue;
                }
                let permits = allow.permits(subject.host, &endpoint, named.as_ref());
                let extent = rule.extent();
                let is_signed = rule.effect.is_none() && permits;
                assert!(!is_signed || !allow.permits_nothing(rule, &extent), "{rule:?}");
                let may_permit = rule.effect == Some(Effect::Allow)
                    && (!endpoint.tenant || !rule.when.hosts.is_empty());
                assert!(!may_permit || permits || !allow.permits_all(rule, &extent), "{rule:?}");
            }
        });
    }

    /// What is signed with a placeholder, the rule that decides names, or the list; and what nobody signed is decided as if
    /// the rules for placeholders were not there. Without such rules, all placeholders are decided alike.
    #[test]
    fn a_placeholder_gets_what_names_it_and_changes_nothing_for_others(
        rules in rules(),
        allow in allow(),
        request in proptest::sample::select(vec![
            "s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com",
            "PUT s3.eu-west-1.amazonaws.com/team-a/k\nx-amz-copy-source: team-b/k", "f.lambda-url.eu-west-1.on.aws",
            "ap-s3alias.s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com/%/k", "a.example",
        ]),
        by in signed_by(),
    ) {
        let listed = ["p-b".to_owned()];
        let policy = Policy::new(allow.clone(), rules.clone()).with_placeholders(&listed);
        let is_general = |rule: &&Rule| rule.when.placeholders.is_empty();
        let general = Policy::new(allow, rules.iter().filter(is_general).cloned().collect());
        let tells_apart = policy.named_placeholders().next().is_some();
        let unsigned = ask(request, "", |subject, request| placeless(general.judge(subject, &|| request)));
        ask(&(request.to_owned() + &by), "", |subject, request| {
            let ruling = policy.judge(subject, &|| request);
            let general = placeless(general.judge(subject, &|| request));
            assert_eq!(general, unsigned);
            match (subject.placeholder, &ruling) {
                (None, _) => assert_eq!(placeless(ruling), general),
                _ if !tells_apart => assert_eq!(placeless(ruling), general),
                (Some(id), Ruling::Permit { rule, .. }) => {
                    let has = |list: &[String]| list.iter().any(|listed| listed == id);
                    assert!(has(&listed) || rule.is_some_and(|found| has(&found.rule.when.placeholders)));
                }
                (Some(id), Ruling::PlaceholderNotListed { .. }) => assert_ne!(id, "p-b"),
                _ => {}
            }
        });
    }

    /// What a workload does without, nothing signs; all else is as if it had kept everything.
    #[test]
    fn narrowing_takes_away_and_adds_nothing(
        rules in rules(),
        allow in allow(),
        narrowed in proptest::sample::select(vec![
            "s3", "sqs", "f.lambda-url.eu-west-1.on.aws", "*.s3.eu-west-1.amazonaws.com", "dynamodb",
        ]),
        request in proptest::sample::select(vec![
            "s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com",
            "PUT s3.eu-west-1.amazonaws.com/team-a/k\nx-amz-copy-source: team-b/k", "f.lambda-url.eu-west-1.on.aws",
            "a.example", "b.a.example",
        ]),
    ) {
        let (hosts, services) = match narrowed.contains('.') {
            true => (vec![narrowed.to_owned()], Vec::new()),
            false => (Vec::new(), vec![narrowed.to_owned()]),
        };
        let narrowed = Allow::Listed { services, hosts, buckets: Patterns::default() };
        let wide = Policy::new(allow, rules);
        let narrow = wide.clone().narrowed(Some(narrowed.clone()));
        ask(request, "", |subject, request| {
            let before = wide.judge(subject, &|| request);
            let after = narrow.judge(subject, &|| request);
            match (&before, &after) {
                (Ruling::Permit { endpoint, .. }, Ruling::NotListed { unlisted, .. }) => {
                    assert_eq!(**unlisted, Unlisted::Narrowed);
                    assert!(!narrowed.permits(subject.host, endpoint, None));
                }
                (Ruling::Permit { endpoint, .. }, _) => {
                    assert_eq!(&before, &after);
                    assert!(narrowed.permits(subject.host, endpoint, None));
                }
                // Roles of a copy that is not signed at all do not matter.
                (Ruling::Torn(_), Ruling::NotListed { .. }) => {}
                _ => assert_eq!(&before, &after),
            }
        });
    }

    /// The index finds what going through all the rules would find.
    #[test]
    fn the_index_finds_the_first_rule(
        rules in proptest::collection::vec(rule(), 0..12),
        by in signed_by(),
        host in proptest::sample::select(vec![
            "s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "sqs.us-east-1.amazonaws.com",
            "s3.eu-west-1.amazonaws.com/team-a/k", "team-b.s3.us-east-1.amazonaws.com", "other.s3.amazonaws.com",
            "ap-s3alias.s3.eu-west-1.amazonaws.com", "ap-1.s3-accesspoint.us-east-1.amazonaws.com",
            "s3.us-east-1.amazonaws.com/%/k", "m.mrap.accesspoint.s3-global.amazonaws.com/k",
            "team-a.s3-website-eu-west-1.amazonaws.com", "a.example", "b.a.example", "example",
        ]),
        team in proptest::sample::select(vec!["", "team=shop", "team=depot, more=1"]),
    ) {
        let host = &(host.to_owned() + &by);
        let one_by_one = ask(host, team, |subject, request| {
            let mut named = None;
            if let Some(place) = endpoint::bucket_place(request.host) {
                bucket::each_named(request, place, |_, found| named = Some(found.into_owned()));
            }
            rules.iter().position(|rule| rule.fits(subject, named.as_ref()))
        });
        let all = word(&Policy::new(Allow::Everything, rules), host, team);
        match one_by_one {
            Some(place) => prop_assert_eq!(all, format!("denied by {place}")),
            None => prop_assert!(!all.starts_with("denied"), "{}", all),
        }
    }
}
