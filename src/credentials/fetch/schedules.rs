//! Random schedules: several workers, roles of every source, replies of every kind, calls that cannot be made, and
//! workers that end. What must hold at each moment is asserted where it could break.

use super::*;
use crate::config::{self, Config, Environment, Plugin};
use crate::credentials::cache::Pace;
use crate::credentials::call::Failed;
use crate::credentials::role::Roles;
use crate::timestamp::rfc3339;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Good,
    Denied,
    Throttled,
    Expired,
    Silent,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Elapse {
        ms: u64,
    },
    Request {
        worker: usize,
        role: usize,
    },
    Reply {
        call: usize,
        reply: Reply,
    },
    Clusters {
        are_there: bool,
    },
    End {
        worker: usize,
    },
    /// Somebody asks for other credentials of all roles.
    Flush,
}

#[derive(Debug)]
struct Flight {
    callout: u32,
    worker: usize,
    role: RoleId,
    since: SystemTime,
    timeout: Duration,
    expected: Expected,
    /// The `:authority`.
    host: String,
    sent: Vec<Secret>,
}

fn host(call: &Call<'_>) -> String {
    let headers = call.headers.expose();
    let host = headers.iter().find(|(name, _)| *name == ":authority");
    host.expect("a host").1.to_owned()
}

#[derive(Debug)]
struct Vm {
    owner: u64,
    views: Roles<View>,
    fetches: Fetches,
    asked: Vec<RoleId>,
}

#[derive(Debug)]
struct Process {
    config: Rc<Config>,
    now: SystemTime,
    random: u32,
    clusters: bool,
    /// Shared data: each role's record and its CAS number.
    stored: Roles<(Record, u32)>,
    workers: Vec<Vm>,
    flights: Vec<Flight>,
    /// Access key ids and when they expire.
    keys: Vec<(String, SystemTime)>,
    number: u32,
}

fn config(own: Own) -> Rc<Config> {
    let (chained, batch) = (
        json!({"role_arn": "arn:aws:iam::210987654321:role/audit", "chained": true}),
        json!({"role_arn": "arn:aws:iam::123456789012:role/batch"}),
    );
    let hosts = [
        "sts.eu-west-1.amazonaws.com",
        "sts.eu-central-1.amazonaws.com",
    ];
    let mut plugin = json!({
        "region": "eu-west-1", "allow": "*", "roles": {"audit": chained}, "sts_hosts": hosts,
    });
    let mut environment = Environment::new();
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
    if own == Own::WebIdentity {
        plugin["role_arn"] = json!("arn:aws:iam::123456789012:role/app");
        plugin["roles"]["batch"] = batch;
    } else {
        set(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1/credentials",
        );
        set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
    }
    match config::parse(plugin.to_string().as_bytes(), &environment) {
        Ok(Plugin::Downstream(config)) => Rc::new(*config),
        other => panic!("{other:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    WebIdentity,
    Container,
}

impl Process {
    fn new(own: Own, workers: usize, random: u32) -> Self {
        let config = config(own);
        let mut process = Self {
            now: UNIX_EPOCH + Duration::from_secs(1_795_464_000),
            random,
            clusters: true,
            stored: config.roles.map(|_| (Record::default(), 0)),
            config,
            workers: Vec::new(),
            flights: Vec::new(),
            keys: Vec::new(),
            number: 0,
        };
        for _ in 0..workers {
            let vm = process.vm();
            process.workers.push(vm);
        }
        process
    }

    fn vm(&mut self) -> Vm {
        Vm {
            owner: self.number().into(),
            views: self.config.roles.map(|_| View::default()),
            fetches: Fetches::default(),
            asked: Vec::new(),
        }
    }

    fn number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    fn jitter(&mut self) -> u32 {
        // Numerical Recipes' generator.
        let next = self.random.wrapping_mul(1_664_525);
        self.random = next.wrapping_add(1_013_904_223);
        self.random
    }

    fn read(&mut self, worker: usize, role: RoleId) -> (Rc<Record>, u32) {
        let jitter = self.jitter();
        let stored = self.stored.get_mut(role).unwrap();
        if stored.1 == 0 {
            *stored = (Record::started(self.now, Duration::from_secs(2), jitter), 1);
        }
        let (record, cas) = (Rc::new(stored.0.clone()), stored.1);
        let view = self.workers[worker].views.get_mut(role).unwrap();
        view.record = Rc::clone(&record);
        (record, cas)
    }

    fn write(&mut self, worker: usize, role: RoleId, record: Record) {
        let stored = self.stored.get_mut(role).unwrap();
        *stored = (record, stored.1 + 1);
        self.read(worker, role);
    }

    /// What the shell does at each tick.
    fn tick(&mut self, worker: usize) {
        let now = self.now;
        let ids: Vec<RoleId> = self.config.roles.iter().map(|(id, _)| id).collect();
        let views = &self.workers[worker].views;
        let anyone_waits = views.iter().any(|(_, view)| view.is_waited_for(now));
        for id in ids {
            let vm = &self.workers[worker];
            let view = vm.views.get(id).unwrap();
            let Some(demand) = vm.fetches.look(id, view, anyone_waits, now) else {
                continue;
            };
            assert!(
                id == RoleId::OWN || vm.asked.contains(&id) || view.record.is_flushed(),
                "nobody asked for {id:?}"
            );
            let (record, _) = self.read(worker, id);
            if record.next(now, demand) == Next::Fetch {
                self.begin(worker, id, &record);
            }
        }
    }

    fn begin(&mut self, worker: usize, id: RoleId, record: &Record) {
        let (own, _) = self.read(worker, RoleId::OWN);
        let (config, now) = (Rc::clone(&self.config), self.now);
        let role = config.roles.get(id).unwrap();
        let settings = config.calls(role);
        let context = Context {
            settings,
            own: &own,
            first: first_turn(&settings.sts.hosts, record, &own, now),
            now,
        };
        let first = config.roles.get(id).unwrap().source.first_call(&context);
        if first == Progress::Later {
            assert!(own.usable(now).is_none() || own.is_being_replaced(now));
            return;
        }
        let others = self.flights.iter().filter(|flight| flight.role == id);
        assert_eq!(others.count(), 0, "two fetches at once for {id:?}");
        let owner = self.workers[worker].owner;
        let leased = record.leased(owner, now, context.settings.lease());
        self.write(worker, id, leased);
        self.go_on(worker, id, first, &context);
    }

    fn go_on<'a>(
        &mut self,
        worker: usize,
        id: RoleId,
        mut progress: Progress<'a>,
        context: &Context<'a>,
    ) {
        let config = Rc::clone(&self.config);
        while let Progress::Call(call) = progress {
            self.check_call(&call);
            let fetch = Fetch::new(id, &call);
            if self.clusters {
                let callout = self.number();
                self.flights.push(Flight {
                    callout,
                    worker,
                    role: id,
                    since: self.now,
                    timeout: call.timeout,
                    expected: call.expected,
                    host: host(&call),
                    sent: call.sent,
                });
                self.workers[worker].fetches.wait(callout, fetch);
                return;
            }
            let source = &config.roles.get(id).unwrap().source;
            let (record, _) = self.read(worker, id);
            progress = match fetch.go_on(source, &record, context, 0, b"no cluster") {
                Progress::Failed(failed) => Progress::Failed(failed),
                Progress::Call(call) if call.instead.is_some() => Progress::Call(call),
                other => panic!("{other:?} where nothing can be called"),
            };
        }
        match progress {
            Progress::Done(credentials, by) => {
                assert!(credentials.expires_at > self.now);
                let (before, _) = self.read(worker, id);
                let (owner, jitter, now) = (self.workers[worker].owner, self.jitter(), self.now);
                let key = credentials.access_key_id.clone();
                let mut record = before.succeeded(owner, credentials, now, jitter, Pace::REAL);
                if let Some(by) = by {
                    record = record.given_by(by, &key, &before, now, Pace::REAL);
                }
                self.write(worker, id, record);
            }
            Progress::Failed(failed) => self.fail(worker, id, failed),
            other => panic!("{other:?} is no end"),
        }
    }

    fn fail(&mut self, worker: usize, id: RoleId, failed: Failed) {
        let jitter = self.jitter();
        if failed.is_of_own_credentials() {
            let (own, _) = self.read(worker, RoleId::OWN);
            let key = own.credentials.as_ref().map(|own| &own.credentials);
            let key = key.map(|own| own.access_key_id.clone()).unwrap_or_default();
            if let Some(stale) = own.stale(&key, self.now, jitter, Pace::REAL) {
                self.write(worker, RoleId::OWN, stale);
            }
        }
        let (record, _) = self.read(worker, id);
        let owner = self.workers[worker].owner;
        let record = record.failed(owner, failed.failure, self.now, jitter, Pace::REAL);
        self.write(worker, id, record);
    }

    /// A call goes to a cluster of the configuration, and is signed with nothing that has expired.
    fn check_call(&self, call: &Call<'_>) {
        let settings = self.config.calls(self.config.roles.own());
        let mut known = vec![settings.token_cluster, settings.container_cluster];
        known.extend(settings.sts.hosts.iter().map(|host| &*host.cluster));
        assert!(known.contains(&call.cluster));
        let headers = call.headers.expose();
        let signed = headers.iter().find_map(|(_, value)| {
            let (_, rest) = value.split_once("AWS4-HMAC-SHA256 Credential=")?;
            rest.split('/').next()
        });
        if let Some(signed) = signed {
            let (_, expires_at) = self.keys.iter().find(|(id, _)| id == signed).unwrap();
            assert!(*expires_at > self.now, "signed with expired credentials");
        }
    }

    fn on_reply(&mut self, place: usize, reply: Reply) {
        let flight = self.flights.remove(place);
        let (status, body) = self.reply(&flight, reply);
        let (worker, id) = (flight.worker, flight.role);
        let fetch = self.workers[worker].fetches.take(flight.callout).unwrap();
        assert_eq!(fetch.role, id);
        let own = Rc::clone(&self.workers[worker].views.own().record);
        let record = Rc::clone(&self.workers[worker].views.get(id).unwrap().record);
        let config = Rc::clone(&self.config);
        let context = Context {
            settings: config.calls(config.roles.get(id).unwrap()),
            own: &own,
            first: first_turn(&config.roles.own().sts.hosts, &record, &own, self.now),
            now: self.now,
        };
        let source = &config.roles.get(id).unwrap().source;
        let progress = fetch.go_on(source, &record, &context, status, &body);
        match (&progress, flight.expected) {
            (Progress::Call(call), Expected::Token) => {
                assert_eq!(call.expected, Expected::Credentials);
            }
            (Progress::Call(call), Expected::Credentials) => {
                // What another host would answer alike is asked of none.
                assert!(
                    matches!(reply, Reply::Silent | Reply::Throttled),
                    "{reply:?}"
                );
                assert_ne!(flight.host, host(call));
                let failed = call.instead.as_ref().unwrap();
                assert!(failed.failure.cause.starts_with(&flight.host), "{failed:?}");
                let text = format!("{failed:?}");
                let mut sent = flight.sent.iter();
                assert!(!sent.any(|secret| text.contains(secret.expose())), "{text}");
            }
            (Progress::Done(..), Expected::Credentials) => assert_eq!(reply, Reply::Good),
            (Progress::Failed(failed), _) => {
                assert_ne!(reply, Reply::Good);
                let text = format!("{failed:?}");
                let mut sent = flight.sent.iter();
                assert!(!sent.any(|secret| text.contains(secret.expose())), "{text}");
            }
            (other, expected) => panic!("{other:?} follows {expected:?}"),
        }
        self.go_on(worker, id, progress, &context);
    }

    /// What the other side answers. Its errors repeat what it was sent.
    fn reply(&mut self, flight: &Flight, reply: Reply) -> (u16, Vec<u8>) {
        let now = self.now;
        let until = |seconds| now + Duration::from_secs(seconds);
        let code = match (reply, flight.expected) {
            (Reply::Silent, _) => return (0, Vec::new()),
            (Reply::Good, Expected::Token) => {
                let exp = until(600).duration_since(UNIX_EPOCH).unwrap().as_secs();
                let claims = json!({"exp": exp, "aud": "sts.amazonaws.com"}).to_string();
                let token = ["{}", &claims, "signature"].map(|part| URL_SAFE_NO_PAD.encode(part));
                return (200, token.join(".").into_bytes());
            }
            (_, Expected::Token) => return (404, Vec::new()),
            (Reply::Good, Expected::Credentials) => {
                let expires_at = until(900 + 60 * u64::from(self.jitter() % 50));
                let number = self.number();
                let id = format!("ASIA{number:016}");
                self.keys.push((id.clone(), expires_at));
                let credentials = json!({
                    "AccessKeyId": id, "SecretAccessKey": format!("secret-key-{number:016}"),
                    "SessionToken": format!("session-token-{number:016}"), "Expiration": rfc3339(expires_at),
                });
                let mut body = credentials.clone();
                for name in ["AssumeRole", "AssumeRoleWithWebIdentity"] {
                    let result = json!({format!("{name}Result"): {"Credentials": credentials}});
                    body[format!("{name}Response")] = result;
                }
                return (200, body.to_string().into_bytes());
            }
            (Reply::Denied, _) => "AccessDenied",
            (Reply::Throttled, _) => "Throttling",
            (Reply::Expired, _) => "ExpiredToken",
        };
        let sent: Vec<&str> = flight.sent.iter().map(Secret::expose).collect();
        let message = sent.join(" ");
        let body =
            json!({"Error": {"Code": code, "Message": message}, "code": code, "message": message});
        (403, body.to_string().into_bytes())
    }

    fn elapse(&mut self, duration: Duration, reply: Option<Reply>) {
        let end = self.now + duration;
        while self.now < end {
            // At once: a step may be longer than a call may take.
            if let Some(reply) = reply {
                while !self.flights.is_empty() {
                    self.on_reply(0, reply);
                }
            }
            let step = end.min(self.now + Duration::from_millis(100).max(duration / 50));
            // Envoy ends a call on time: the next host is asked while the lease still holds.
            let ends = self
                .flights
                .iter()
                .map(|flight| flight.since + flight.timeout);
            self.now = ends
                .filter(|end| *end > self.now)
                .fold(step, SystemTime::min);
            let now = self.now;
            let ended = |flight: &Flight| flight.since + flight.timeout <= now;
            while let Some(place) = self.flights.iter().position(ended) {
                self.on_reply(place, Reply::Silent);
            }
            (0..self.workers.len()).for_each(|worker| self.tick(worker));
        }
    }

    fn happen(&mut self, event: Event) {
        let count = self.workers.len();
        match event {
            Event::Elapse { ms } => self.elapse(Duration::from_millis(ms), None),
            Event::Request { worker, role } => {
                let mut ids = self.config.roles.iter().map(|(id, _)| id);
                let id = ids.nth(role).unwrap_or_default();
                let vm = &mut self.workers[worker % count];
                vm.asked.push(id);
                vm.views.get_mut(id).unwrap().note_use(self.now);
            }
            Event::Reply { call, reply } if !self.flights.is_empty() => {
                self.on_reply(call % self.flights.len(), reply);
            }
            Event::Reply { .. } => {}
            Event::Clusters { are_there } => self.clusters = are_there,
            Event::Flush => {
                let ids: Vec<RoleId> = self.config.roles.iter().map(|(id, _)| id).collect();
                for id in ids {
                    let (record, _) = self.read(0, id);
                    if let Some(flushed) = record.flushed(self.now, self.now, Pace::REAL) {
                        self.write(0, id, flushed);
                    }
                    // They are told.
                    for worker in 0..self.workers.len() {
                        self.read(worker, id);
                    }
                }
            }
            Event::End { worker } => {
                let worker = worker % count;
                let owner = self.workers[worker].owner;
                let roles: Vec<RoleId> = self.workers[worker].fetches.roles().collect();
                for id in roles {
                    let (record, _) = self.read(worker, id);
                    self.write(worker, id, record.released(owner));
                }
                self.flights.retain(|flight| flight.worker != worker);
                self.workers[worker] = self.vm();
            }
        }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let answers = vec![
        Reply::Good,
        Reply::Good,
        Reply::Denied,
        Reply::Throttled,
        Reply::Expired,
        Reply::Silent,
    ];
    let worker = 0usize..4;
    let event = prop_oneof![
        6 => (0u64..9_000).prop_map(|ms| Event::Elapse { ms }),
        1 => (0u64..1_800_000).prop_map(|ms| Event::Elapse { ms }),
        4 => (worker.clone(), 0usize..3).prop_map(|(worker, role)| Event::Request { worker, role }),
        8 => (0usize..4, prop::sample::select(answers)).prop_map(|(call, reply)| Event::Reply { call, reply }),
        1 => any::<bool>().prop_map(|are_there| Event::Clusters { are_there }),
        1 => worker.prop_map(|worker| Event::End { worker }),
        1 => Just(Event::Flush),
    ];
    prop::collection::vec(event, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_fetch_ends_and_those_who_wait_are_served_at_last(
        own in prop::sample::select(vec![Own::WebIdentity, Own::Container]),
        workers in 1usize..=3, random: u32, events in events(),
    ) {
        let mut process = Process::new(own, workers, random);
        for event in events {
            process.happen(event);
        }
        // Everything works again. The longest pause where there are no credentials is ten seconds, and a chained role
        // may wait for it twice.
        process.clusters = true;
        process.elapse(Duration::from_secs(30), Some(Reply::Good));
        let now = process.now;
        for vm in &process.workers {
            prop_assert!(vm.views.own().record.usable(now).is_some());
            for (id, view) in vm.views.iter() {
                prop_assert!(!view.is_waited_for(now), "{:?} waits", id);
            }
        }
        // The longest pause of a flush is five minutes.
        process.elapse(Duration::from_secs(330), Some(Reply::Good));
        let now = process.now;
        for vm in &process.workers {
            for (id, View { record, .. }) in vm.views.iter() {
                prop_assert!(!record.is_flushed() || record.usable(now).is_none(), "{:?} is left", id);
            }
        }
    }
}
