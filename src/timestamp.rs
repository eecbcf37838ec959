//! Wall-clock time in the four forms that AWS uses.
//!
//! * [`AmzDate`]: the `x-amz-date` of a signature, ISO 8601 basic format in UTC
//!   (AWS IAM User Guide, "Create a signed AWS API request").
//! * [`parse_rfc3339`] and [`rfc3339`]: the `Expiration` of an STS reply in XML.
//! * [`from_epoch_seconds`]: the `Expiration` of an STS reply in JSON, and `exp` of a JWT.
//! * [`parse_http_date`]: the `date` of a response.
//!
//! Years are 1970 to 9999. Calendar arithmetic is proleptic Gregorian, with years that start in
//! March, so that the leap day is the last day of a year.

use std::time::{Duration, SystemTime};

/// A moment as a signature names it, such as `20150830T123600Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmzDate([u8; 16]);

impl AmzDate {
    /// Cuts `at` to the second. Moments before 1970 become its first second, moments after 9999
    /// its last: AWS refuses either as skewed, and the caller needs no error path.
    pub fn new(at: SystemTime) -> Self {
        let (date, time) = Civil::at(at).numbers();
        let mut text = *b"00000000T000000Z";
        fill(text.iter_mut().take(8), date);
        fill(text.iter_mut().skip(9).take(6), time);
        Self(text)
    }

    /// The whole value, 16 characters: `20150830T123600Z`.
    pub fn as_str(&self) -> &str {
        // Never the default: the bytes are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The date alone, 8 characters: `20150830`, as in a credential scope.
    pub fn date(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

/// Writes `at` for people, cut to the second: `2026-11-23T20:00:00Z`. Clamps like [`AmzDate`].
pub fn rfc3339(at: SystemTime) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::at(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads `2026-11-23T20:00:00Z`, also with a fraction (kept to the nanosecond) or an offset such
/// as `+01:00` (RFC 3339 section 5.6). `None` for anything else, and outside 1970 to 9999.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let (year, month, day) = triple(date, '-')?;
    let (hour, minute, second) = triple(time, ':')?;
    // Second 60 is a leap second and falls on the next minute's first.
    if year < 1970 || hour > 23 || minute > 59 || second > 60 || !is_date(year, month, day) {
        return None;
    }

    let (nanos, zone) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let local = days_since_epoch(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    let utc = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => local,
        ("+", offset) => local.checked_sub(offset_seconds(offset)?)?,
        ("-", offset) => local + offset_seconds(offset)?,
        _ => return None,
    };
    moment(Duration::new(utc, nanos))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the form that RFC 9110 section 5.6.7 demands of servers
/// (IMF-fixdate). `None` for anything else: the two obsolete forms, a day of the week that is not that
/// day's, and years before 1970.
pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    let (weekday, rest) = text.split_once(", ")?;
    let rest = rest.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let has_widths = day.len() == 2 && year.len() == 4 && time.len() == 8;
    if !has_widths || parts.next().is_some() {
        return None;
    }
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let (day, year) = (digits(day)?, digits(year)?);
    let (hour, minute, second) = triple(time, ':')?;
    if year < 1970 || hour > 23 || minute > 59 || second > 60 || !is_date(year, month, day) {
        return None;
    }
    let days = days_since_epoch(year, month, day);
    let number = (0..).zip(WEEKDAYS).find(|(_, name)| *name == weekday)?.0;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second;
    (days % 7 == number).then(|| moment(Duration::from_secs(seconds)))?
}

/// Seconds since 1970, as JSON writes them: whole or with a fraction. `None` before 1970, after
/// 9999 (milliseconds taken for seconds land there) and for what is no number.
pub fn from_epoch_seconds(seconds: f64) -> Option<SystemTime> {
    moment(Duration::try_from_secs_f64(seconds).ok()?)
}

/// Date and time of day in UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn at(at: SystemTime) -> Self {
        let since_epoch = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = since_epoch.as_secs().min(LAST_SECOND);
        let (days, second_of_day) = (seconds / DAY + DAYS_TO_EPOCH, seconds % DAY);

        let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
        let leap_days = day_of_era / 1460 + day_of_era / (DAYS_IN_400_YEARS - 1);
        let year_of_era = (day_of_era - leap_days + day_of_era / 36_524) / 365;
        let day_of_year = day_of_era - days_before_year(year_of_era);
        let march_month = (5 * day_of_year + 2) / 153;
        let is_next_year = march_month >= 10;
        Self {
            year: era * 400 + year_of_era + u64::from(is_next_year),
            month: if is_next_year {
                march_month - 9
            } else {
                march_month + 3
            },
            day: day_of_year - days_before_month(march_month) + 1,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }

    /// `20150830` and `123600`. Their digits come by division, which in Wasm is fast for 32 bits only.
    fn numbers(&self) -> (u32, u32) {
        let number = |high: u64, middle: u64, low: u64| {
            // Always: no year has five digits.
            u32::try_from(high * 10_000 + middle * 100 + low).unwrap_or_default()
        };
        (
            number(self.year, self.month, self.day),
            number(self.hour, self.minute, self.second),
        )
    }
}

fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let (year, march_month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let day_of_year = days_before_month(march_month) + day - 1;
    let day_of_era = days_before_year(year % 400) + day_of_year;
    year / 400 * DAYS_IN_400_YEARS + day_of_era - DAYS_TO_EPOCH
}

fn days_before_year(year_of_era: u64) -> u64 {
    year_of_era * 365 + year_of_era / 4 - year_of_era / 100
}

/// March is month 0: from there the lengths repeat every five months, 153 days.
fn days_before_month(march_month: u64) -> u64 {
    (153 * march_month + 2) / 5
}

fn is_date(year: u64, month: u64, day: u64) -> bool {
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

fn moment(since_epoch: Duration) -> Option<SystemTime> {
    if since_epoch.as_secs() > LAST_SECOND {
        return None;
    }
    SystemTime::UNIX_EPOCH.checked_add(since_epoch)
}

/// `2026-11-23` or `20:00:00`: the caller has checked the length, the widths follow from it.
fn triple(text: &str, separator: char) -> Option<(u64, u64, u64)> {
    let (first, rest) = text.split_once(separator)?;
    let (second, third) = rest.split_once(separator)?;
    if second.len() != 2 || third.len() != 2 {
        return None;
    }
    Some((digits(first)?, digits(second)?, digits(third)?))
}

/// The nanoseconds of `123Z`, and what follows the digits. Further digits are cut.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = nine.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    Some((nanos, rest))
}

fn offset_seconds(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)
}

/// Unlike `parse` alone, no sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn fill<'a>(slots: impl DoubleEndedIterator<Item = &'a mut u8>, mut number: u32) {
    for slot in slots.rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// From 1 January 1970, a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Seconds in a day.
const DAY: u64 = 86_400;
const DAYS_IN_400_YEARS: u64 = 146_097;
/// From 1 March of year 0 to 1 January 1970.
const DAYS_TO_EPOCH: u64 = 719_468;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests;
