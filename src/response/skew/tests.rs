use proptest::prelude::*;

use super::*;
use crate::endpoint::{Host, Resolution, of_custom_domain, resolve};

const HOST: &str = "sqs.eu-west-1.amazonaws.com";
const DATE: &str = "Mon, 23 Nov 2026 20:00:00 GMT";

/// What [`DATE`] says.
fn server() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_464_000)
}

fn moved(at: SystemTime, seconds: i64) -> SystemTime {
    Offset(seconds).apply(at)
}

fn aws() -> Endpoint<'static> {
    Endpoint {
        tenant: false,
        ..of_custom_domain("sqs", "eu-west-1")
    }
}

fn learn(skews: &mut Skews, verdict: Option<Verdict>, seconds: i64) -> Learned {
    skews.learn(HOST, &aws(), verdict, Measurement(Offset(seconds)))
}

#[test]
fn the_skew_is_taken_from_the_middle_of_the_round_trip() {
    #[track_caller]
    fn check(ahead: i64, round_trip: u64, expected: Option<i64>) {
        let sent = moved(server(), -ahead);
        let received = sent + Duration::from_secs(round_trip);
        let measured = Measurement::new(Some(DATE), None, sent, received);
        assert_eq!(measured.map(|m| m.0.0), expected);
    }
    check(0, 0, Some(0));
    check(301, 2, Some(300));
    check(-299, 2, Some(-300));
    check(600, 60, Some(570));
    check(600, 61, None);
    check(86_400 * 365, 0, Some(86_400 * 365));
}

#[test]
fn an_answer_that_measures_nothing_is_passed_over() {
    let now = server();
    let measure = |date, age, received| Measurement::new(date, age, now, received);
    assert!(measure(Some(DATE), None, now).is_some());
    assert_eq!(measure(None, None, now), None);
    assert_eq!(measure(Some("2026-11-23T20:00:00Z"), None, now), None);
    assert_eq!(measure(Some(DATE), Some("17280"), now), None);
    assert_eq!(measure(Some(DATE), None, moved(now, -1)), None);
}

#[test]
fn only_a_refusal_for_the_clock_begins_a_correction() {
    for (verdict, seconds, learned) in [
        (None, 600, Learned::Nothing),
        (Some(Verdict::Credentials), 600, Learned::Nothing),
        (Some(Verdict::Clock), 0, Learned::Nothing),
        (Some(Verdict::Clock), 240, Learned::Nothing),
        (Some(Verdict::Clock), -240, Learned::Nothing),
        (
            Some(Verdict::Clock),
            86_401,
            Learned::TooFar(Offset(86_401)),
        ),
        (
            Some(Verdict::Clock),
            -86_401,
            Learned::TooFar(Offset(-86_401)),
        ),
    ] {
        let mut skews = Skews::default();
        assert_eq!(learn(&mut skews, verdict, seconds), learned);
        assert_eq!(skews.signing_time(HOST, server()), server());
    }
    for seconds in [241, -241, 86_400, -86_400] {
        let mut skews = Skews::default();
        let learned = learn(&mut skews, Some(Verdict::Clock), seconds);
        assert_eq!(learned, Learned::Corrected(Offset(seconds)));
        assert_eq!(skews.signing_time(HOST, server()), moved(server(), seconds));
        assert_eq!(
            skews.signing_time("sqs.us-east-1.amazonaws.com", server()),
            server()
        );
    }
}

#[test]
fn every_later_answer_measures_again_and_one_that_agrees_ends_it() {
    let mut skews = Skews::default();
    learn(&mut skews, Some(Verdict::Clock), 600);
    assert_eq!(learn(&mut skews, None, 601), Learned::Nothing);
    assert_eq!(skews.signing_time(HOST, server()), moved(server(), 601));
    assert_eq!(
        learn(&mut skews, None, 900),
        Learned::Corrected(Offset(900))
    );
    assert_eq!(learn(&mut skews, None, 1), Learned::Dropped);
    assert_eq!(skews.signing_time(HOST, server()), server());
    assert_eq!(learn(&mut skews, None, 900), Learned::Nothing);

    learn(&mut skews, Some(Verdict::Clock), 600);
    let too_far = Learned::TooFar(Offset(-90_000));
    assert_eq!(learn(&mut skews, None, -90_000), too_far);
    assert_eq!(skews.signing_time(HOST, server()), server());
}

#[test]
fn a_host_that_a_tenant_operates_sets_no_clock() {
    let begin = |host: &str, endpoint: &Endpoint<'_>| {
        let measured = Measurement(Offset(600));
        Skews::default().learn(host, endpoint, Some(Verdict::Clock), measured)
    };
    let custom = of_custom_domain("s3", "eu-west-1");
    assert_eq!(begin("s3.example.com", &custom), Learned::Nothing);
    for (host, learned) in [
        (
            "s3.eu-west-1.amazonaws.com",
            Learned::Corrected(Offset(600)),
        ),
        (
            "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            Learned::Nothing,
        ),
        ("a1b2c3.lambda-url.eu-west-1.on.aws", Learned::Nothing),
    ] {
        let parsed = Host::parse(host.as_bytes()).unwrap();
        let Resolution::Aws(endpoint) = resolve(&parsed, "eu-west-1") else {
            panic!("{host} is not AWS's");
        };
        assert_eq!(begin(host, &endpoint), learned, "{host}");
    }
}

#[test]
fn at_most_32_hosts_are_kept_and_the_oldest_goes() {
    let mut skews = Skews::default();
    let host = |number: usize| format!("s{number}.eu-west-1.amazonaws.com");
    let mut refuse = |number: usize| {
        let measured = Measurement(Offset(600));
        skews.learn(&host(number), &aws(), Some(Verdict::Clock), measured);
        skews.clone()
    };
    for number in 0..CAPACITY {
        refuse(number);
    }
    // Host 0 is measured again, so host 1 is the oldest.
    refuse(0);
    let kept = refuse(CAPACITY);
    assert_eq!(kept.kept.len(), CAPACITY);
    let gone: Vec<usize> = (0..=CAPACITY)
        .filter(|n| kept.signing_time(&host(*n), server()) == server())
        .collect();
    assert_eq!(gone, [1]);
}

#[test]
fn offsets_are_readable() {
    assert_eq!(
        Offset(301).to_string(),
        "AWS's clock is 301 s ahead of ours"
    );
    assert_eq!(Offset(-301).to_string(), "AWS's clock is 301 s behind ours");
}

/// AWS's check, and the answer that an honest server gives.
fn serve(signed_at: SystemTime, true_now: SystemTime) -> Option<Verdict> {
    let off = signed_at
        .duration_since(true_now)
        .unwrap_or_else(|early| early.duration());
    (off > Duration::from_secs(300)).then_some(Verdict::Clock)
}

proptest! {
    /// Whatever a clock does within a day, at most one request a step of it is refused.
    #[test]
    fn one_refusal_is_enough(steps in prop::collection::vec((-86_300..86_300_i64, 1..5_usize), 1..12)) {
        let mut skews = Skews::default();
        let mut true_now = server();
        for (error, requests) in steps {
            for request in 0..requests {
                true_now += Duration::from_secs(7);
                let now = moved(true_now, error);
                let verdict = serve(skews.signing_time(HOST, now), true_now);
                prop_assert!(request == 0 || verdict.is_none(), "refused again with {error} s");
                if verdict.is_some() || skews.signing_time(HOST, now) != now {
                    let ahead = -error;
                    skews.learn(HOST, &aws(), verdict, Measurement(Offset(ahead)));
                }
            }
        }
    }

    /// Whatever is answered, no signature is more than a day away and no more than 32 hosts are kept.
    #[test]
    fn corrections_are_bounded(answers in prop::collection::vec((0..50_u8, any::<i32>(), 0..3_u8, any::<bool>()), 0..200)) {
        let mut skews = Skews::default();
        for (host, seconds, verdict, tenant) in answers {
            let verdict = [None, Some(Verdict::Credentials), Some(Verdict::Clock)][usize::from(verdict)];
            let measured = Measurement(Offset(seconds.into()));
            skews.learn(&format!("h{host}"), &Endpoint { tenant, ..aws() }, verdict, measured);
            prop_assert!(skews.kept.len() <= CAPACITY);
            for host in 0..50 {
                let signed_at = skews.signing_time(&format!("h{host}"), server());
                let away = signed_at.duration_since(server()).unwrap_or_else(|early| early.duration());
                prop_assert!(away <= LARGEST && (away == Duration::ZERO || away > SMALLEST));
            }
        }
    }
}
