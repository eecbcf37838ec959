use proptest::prelude::*;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn the_date_of_the_aws_test_suite() {
    let date = AmzDate::new(at(1_440_938_160));
    assert_eq!(date.as_str(), "20150830T123600Z");
    assert_eq!(date.date(), "20150830");
}

#[test]
fn moments_out_of_range_are_clamped() {
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 40);
    assert_eq!(AmzDate::new(before).as_str(), "19700101T000000Z");
    assert_eq!(AmzDate::new(at(LAST_SECOND)).as_str(), "99991231T235959Z");
    assert_eq!(
        AmzDate::new(at(LAST_SECOND + 1)).as_str(),
        "99991231T235959Z"
    );
    assert_eq!(rfc3339(at(u64::MAX >> 2)), "9999-12-31T23:59:59Z");
}

#[test]
fn expiry_forms_of_sts_are_read() {
    #[track_caller]
    fn check(text: &str, seconds: u64, nanos: u32) {
        let expected = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        assert_eq!(parse_rfc3339(text), Some(expected), "{text}");
    }
    check("1970-01-01T00:00:00Z", 0, 0);
    check("2026-11-23T20:00:00Z", 1_795_464_000, 0);
    check("2026-11-23t20:00:00z", 1_795_464_000, 0);
    check("2026-11-23T21:30:00+01:30", 1_795_464_000, 0);
    check("2026-11-23T12:00:00-08:00", 1_795_464_000, 0);
    check("2026-11-23T20:00:00.25Z", 1_795_464_000, 250_000_000);
    check(
        "2026-11-23T20:00:00.1234567899Z",
        1_795_464_000,
        123_456_789,
    );
    check("2024-02-29T23:59:60Z", 1_709_251_200, 0);
}

#[test]
fn what_is_no_moment_is_refused() {
    for text in [
        "",
        "2026-11-23",
        "2026-11-23T20:00:00",
        "2026-11-23T20:00:00.Z",
        "2026-11-23T20:00:00.5",
        "2026-02-29T20:00:00Z",
        "2026-13-01T20:00:00Z",
        "2026-00-01T20:00:00Z",
        "2026-01-00T20:00:00Z",
        "2026-04-31T20:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T20:60:00Z",
        "2026-11-23T20:00:61Z",
        "2026-11-23T20:00:00+1:00",
        "2026-11-23T20:00:00+24:00",
        "2026-11-23T20:00:00Z ",
        "+026-11-23T20:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-1-023T20:00:00Z",
        "2026-11-23T20:00:00é",
        "20261123T200000Z",
    ] {
        assert_eq!(parse_rfc3339(text), None, "{text}");
    }
}

#[test]
fn the_date_of_a_response_is_read_in_one_form() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(parse_http_date(date), Some(at(784_111_777)));
    assert_eq!(
        parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"),
        Some(at(0))
    );
    for text in [
        "",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 x GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Tue, 29 Feb 2023 00:00:00 GMT",
        "Wed, 29 Feb 2023 00:00:00 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        " Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(parse_http_date(text), None, "{text}");
    }
}

#[test]
fn epoch_seconds_are_whole_or_fractional() {
    assert_eq!(from_epoch_seconds(1_795_464_000.0), Some(at(1_795_464_000)));
    assert_eq!(
        from_epoch_seconds(0.5),
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(500))
    );
    for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300, 1_795_464_000_000.0] {
        assert_eq!(from_epoch_seconds(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn agrees_with_the_time_crate(seconds in 0..=LAST_SECOND, nanos in 0..1_000_000_000u32, offset in -86_340..=86_340i32) {
        let moment = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let theirs = OffsetDateTime::from(moment);
        let basic = format_description!("[year][month][day]T[hour][minute][second]Z");
        let ours = AmzDate::new(moment);
        prop_assert_eq!(ours.as_str(), theirs.format(basic).unwrap());
        let whole = theirs.replace_nanosecond(0).unwrap();
        prop_assert_eq!(rfc3339(moment), whole.format(&Rfc3339).unwrap());
        prop_assert_eq!(parse_rfc3339(&theirs.format(&Rfc3339).unwrap()), Some(moment));
        let http = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        prop_assert_eq!(parse_http_date(&theirs.format(http).unwrap()), Some(at(seconds)));

        let zone = UtcOffset::from_whole_seconds(offset / 60 * 60).unwrap();
        if let Some(local) = theirs.checked_to_offset(zone).filter(|local| (1970..=9999).contains(&local.year())) {
            prop_assert_eq!(parse_rfc3339(&local.format(&Rfc3339).unwrap()), Some(moment));
        }
    }

    #[test]
    fn no_moment_panics(seconds in 0..u64::MAX, before in any::<bool>()) {
        let span = Duration::from_secs(seconds);
        let epoch = SystemTime::UNIX_EPOCH;
        let moment = if before { epoch.checked_sub(span) } else { epoch.checked_add(span) };
        if let Some(moment) = moment {
            prop_assert_eq!(AmzDate::new(moment).as_str().len(), 16);
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>(), near in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[Z+.0-9:é-]{0,8}") {
        let _ = (parse_rfc3339(&text), parse_http_date(&text));
        if let Some(moment) = parse_rfc3339(&near) {
            let zoneless = OffsetDateTime::from(moment).year();
            prop_assert!((1970..=9999).contains(&zoneless));
        }
    }
}
