//! Instants: Unix milliseconds inside, RFC 3339 outside.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned, civil};

use crate::fault::Fault;

/// Now, Unix milliseconds.
pub fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// An instant in words, in UTC and to the second.
pub fn show(ms: u64) -> String {
    i64::try_from(ms / 1000)
        .ok()
        .and_then(|s| Timestamp::from_second(s).ok())
        .map_or_else(|| "beyond all dates".to_owned(), |t| t.to_string())
}

/// Reads `90d`, `12h`, `2027-02-18` (the end of that day here) or an RFC 3339 instant.
///
/// # Errors
/// A usage fault if it is none of these or lies in the past.
pub fn until(text: &str) -> Result<u64, Fault> {
    let now = Zoned::now();
    let at = relative(text, &now)
        .or_else(|| end_of_day(text, now.time_zone()))
        .or_else(|| text.parse::<Timestamp>().ok())
        .ok_or_else(|| {
            Fault::usage(format!(
                "'{text}' is no date: give 90d, 2027-02-18 or 2027-02-18T16:20:00Z"
            ))
        })?;
    if at <= now.timestamp() {
        return Err(Fault::usage(format!("'{text}' has passed already")));
    }
    Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

fn relative(text: &str, now: &Zoned) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    // A day is 24 hours here, also across a change of the clocks, so that what is printed
    // back is what a lease would run to.
    let hours = match unit {
        'h' => number,
        'd' => number.checked_mul(24)?,
        'w' => number.checked_mul(24 * 7)?,
        'y' => number.checked_mul(24 * 365)?,
        _ => return None,
    };
    let span: Span = (0..=24 * 365 * 100).contains(&hours).then(|| hours.hours())?;
    now.timestamp().checked_add(span).ok()
}

fn end_of_day(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let day: civil::Date = text.parse().ok()?;
    Some(day.at(23, 59, 59, 0).to_zoned(zone.clone()).ok()?.timestamp())
}

/// Reads a span such as `60s`, `5m`, `2h` or a bare number of seconds.
///
/// # Errors
/// A usage fault.
pub fn seconds(text: &str) -> Result<u64, Fault> {
    let bad = || Fault::usage(format!("'{text}' is no span of time: give 60s, 5m or 1h"));
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(bad()),
    };
    number
        .checked_mul(factor)
        .filter(|s| *s <= 24 * 3600)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_another_one() {
        let day = 24 * 3600 * 1000;
        let left = |text: &str| until(text).unwrap() - now_ms();
        assert!(left("90d").abs_diff(90 * day) < 5_000);
        assert!(left("12h").abs_diff(day / 2) < 5_000);
        assert_eq!(until("2100-01-01T00:00:00Z").unwrap(), 4_102_444_800_000);
        assert!(left("2099-12-31") > 70 * 365 * day);
        for bad in [
            "",
            "d",
            "-3d",
            "0",
            "2001-01-01",
            "tomorrow",
            "99999999999999999999d",
            "9000000000000000000w",
        ] {
            assert!(until(bad).is_err(), "{bad}");
        }
        assert_eq!(show(0), "1970-01-01T00:00:00Z");
        assert_eq!(show(u64::MAX), "beyond all dates");
    }

    #[test]
    fn a_span_is_read_as_another_one() {
        assert_eq!(seconds("60s").unwrap(), 60);
        assert_eq!(seconds("60").unwrap(), 60);
        assert_eq!(seconds("5m").unwrap(), 300);
        for bad in ["", "s", "5x", "-1s", "100000h", "18446744073709551615m"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
