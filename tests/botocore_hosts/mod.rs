//! The hosts of `tests/data/botocore-hosts.txt`, whose head says how to read it.

use std::collections::HashMap;

/// A host of botocore's, or what is below a place.
pub(crate) struct Known {
    /// Before the place; `.` where there are none.
    pub(crate) labels: &'static str,
    /// The signing name.
    pub(crate) service: &'static str,
    /// The signing region, or the file's mark for it.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub(crate) region: &'static str,
    /// `SigV4` or `SigV4A`.
    #[allow(dead_code, reason = "not every test asks for it")]
    pub(crate) algorithm: &'static str,
    /// The region and what follows it; empty where the labels are all.
    pub(crate) place: String,
}

impl Known {
    pub(crate) fn host(&self) -> String {
        match (self.labels, self.place.as_str()) {
            (".", place) => place.to_owned(),
            (labels, "") => labels.to_owned(),
            (labels, place) => format!("{labels}.{place}"),
        }
    }

    /// Of the place.
    pub(crate) fn own_region(&self) -> &str {
        self.place.split('.').next().unwrap()
    }
}

pub(crate) fn all() -> Vec<Known> {
    let mut sets: HashMap<&str, Vec<String>> = HashMap::new();
    let mut hosts = Vec::new();
    for line in include_str!("../data/botocore-hosts.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["#", ..] => {}
            [set, suffix, regions @ ..] if set.starts_with('@') => {
                let places = regions.iter().map(|region| format!("{region}.{suffix}"));
                sets.insert(set, places.collect());
            }
            [labels, service, region, algorithm, places @ ..] => {
                let mut add = |place: String| {
                    hosts.push(Known {
                        labels,
                        service,
                        region,
                        algorithm,
                        place,
                    });
                };
                if places.is_empty() {
                    add(String::new());
                }
                for word in places {
                    match sets.get(word) {
                        Some(places) => places.iter().cloned().for_each(&mut add),
                        None => add((*word).to_owned()),
                    }
                }
            }
            _ => panic!("what is this line: {line}"),
        }
    }
    hosts
}
