//! What is signed no more, by any configuration of the process: an order for an incident.
//!
//! A new configuration's rules hold for new connections. One that is kept gets one request more from the configuration
//! before (seen on Envoy 1.36.4 and 1.40.0), and what waits there is signed there. So a configuration with an order says
//! it to all others, again and again: the order holds until half a minute after the last one that has it is gone. Envoy
//! may take up again what still drains, and tells nobody, so that none could take back what another has said.

use crate::refusal::Refusal;
use crate::report::status::{PULSE, SILENCE};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where it lies in shared data.
pub(crate) const KEY: &str = "suspended/1";

/// Services and roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspended {
    /// Services, as the credential scope spells them.
    pub services: Vec<String>,
    /// Roles, as the configuration names them.
    pub roles: Vec<String>,
}

impl Suspended {
    /// Why a request is not signed for this service by this role, if it is not.
    pub fn refusal(&self, service: &str, role: &str) -> Option<Refusal> {
        let names = |names: &[String], name: &str| names.iter().any(|other| other == name);
        let what = if names(&self.services, service) {
            ["service ", service]
        } else if names(&self.roles, role) {
            ["role ", role]
        } else {
            return None;
        };
        Some(Refusal::Suspended {
            what: what.concat(),
        })
    }

    /// What all configurations say by what lies in shared data; what cannot be read says nothing.
    pub(crate) fn in_force(stored: &[u8], now: SystemTime) -> Self {
        let mut all = Self::default();
        for order in orders(stored).filter(|order| order.is_recent(now, SILENCE)) {
            all.services.extend(order.what.services);
            all.roles.extend(order.what.roles);
        }
        all
    }

    /// What lies in shared data once a configuration has said this; `None` where it has nothing to say, or it was said
    /// just now.
    pub(crate) fn said(&self, stored: Option<&[u8]>, now: SystemTime) -> Option<Vec<u8>> {
        let mut said: Vec<Order> = orders(stored.unwrap_or_default()).collect();
        let is_mine = |order: &Order| order.what == *self;
        let is_recent = |order: &Order| is_mine(order) && order.is_recent(now, PULSE);
        if *self == Self::default() || said.iter().any(is_recent) {
            return None;
        }
        said.retain(|order| !is_mine(order) && order.is_recent(now, SILENCE));
        said.push(Order {
            at: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            what: self.clone(),
        });
        let said: Vec<Value> = said
            .iter()
            .map(|Order { at, what }| {
                json!({"at": at, "services": what.services, "roles": what.roles})
            })
            .collect();
        Some(Value::from(said).to_string().into_bytes())
    }
}

/// An order, and when it was said last, in seconds since 1970.
#[derive(Debug)]
struct Order {
    at: u64,
    what: Suspended,
}

impl Order {
    /// One from the future was said before the clock stepped back, and is said again soon.
    fn is_recent(&self, now: SystemTime, than: Duration) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        now.abs_diff(self.at) < than.as_secs()
    }
}

fn orders(stored: &[u8]) -> impl Iterator<Item = Order> {
    let stored: Value = serde_json::from_slice(stored).unwrap_or_default();
    let orders = stored.as_array().cloned().unwrap_or_default();
    orders.into_iter().map(|order| {
        let list = |name: &str| {
            let names = order.get(name).and_then(Value::as_array);
            let names = names.into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        Order {
            at: order.get("at").and_then(Value::as_u64).unwrap_or(0),
            what: Suspended {
                services: list("services"),
                roles: list("roles"),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_suspended_is_refused_by_name() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let suspended = Suspended {
            services: list(&["s3"]),
            roles: list(&["audit"]),
        };
        let said = |service: &str, role: &str| {
            suspended
                .refusal(service, role)
                .map(|refusal| refusal.to_string())
        };
        assert_eq!(said("sqs", "own"), None);
        assert_eq!(
            said("s3", "own").as_deref(),
            Some("nothing is signed for service s3 at present")
        );
        assert_eq!(
            said("sqs", "audit").as_deref(),
            Some("nothing is signed for role audit at present")
        );
    }

    #[test]
    fn an_order_holds_as_long_as_somebody_says_it_and_half_a_minute_more() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds);
        let of = |service: &str| Suspended {
            services: vec![service.to_owned()],
            roles: Vec::new(),
        };
        assert_eq!(Suspended::default().said(None, at(0)), None);
        let first = of("s3").said(None, at(0)).unwrap();
        assert_eq!(of("s3").said(Some(&first), at(9)), None);
        let both = of("sqs").said(Some(&first), at(9)).unwrap();
        assert_eq!(Suspended::in_force(&both, at(10)).services, ["s3", "sqs"]);
        assert_eq!(Suspended::in_force(&both, at(31)).services, ["sqs"]);
        assert_eq!(Suspended::in_force(&both, at(39)), Suspended::default());
        let again = of("s3").said(Some(&both), at(25)).unwrap();
        assert_eq!(Suspended::in_force(&again, at(38)).services, ["sqs", "s3"]);
        // A clock that is set back.
        assert!(of("s3").said(Some(&again), at(5)).is_some());
        assert_eq!(Suspended::in_force(b"?", at(0)), Suspended::default());
    }
}
