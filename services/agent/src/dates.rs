//! Instants as people say them: `90d`, `2027-02-18`, RFC 3339. Always said back exactly.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use crate::fault::{Fault, Result};

/// An instant that somebody said, with the zone he said it in.
#[derive(Clone, Debug)]
pub(crate) struct When {
    pub(crate) instant: Timestamp,
    pub(crate) zone: TimeZone,
}

impl When {
    /// Milliseconds since 1970, UTC.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.instant.as_millisecond()).unwrap_or(0)
    }

    /// `Thu 18 Feb 2027 23:59:59 EET (2027-02-18T21:59:59.999Z)`: for the speaker and for a script.
    pub(crate) fn exactly(&self) -> String {
        format!("{} ({})", day_and_time(self.instant, &self.zone), self.instant)
    }
}

/// A time to come. A number with a unit counts from `now` in units of exactly that length; a
/// day means its end in `zone`.
pub(crate) fn until(text: &str, now: Timestamp, zone: &TimeZone) -> Result<When> {
    let when = parse(text, now, zone, Edge::End)?;
    if when.instant <= now {
        return Err(Fault::usage(format!("{text} is in the past: {}", when.exactly())));
    }
    Ok(when)
}

/// The time of something that may be past. A number with a unit counts back from `now`; a day
/// means its end.
pub(crate) fn at(text: &str, now: Timestamp, zone: &TimeZone) -> Result<When> {
    parse(text, now, zone, Edge::Past)
}

/// The beginning of a time that may be past: as [`at`], but a day means its beginning.
pub(crate) fn since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<When> {
    parse(text, now, zone, Edge::Begin)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    End,
    Past,
    Begin,
}

fn parse(text: &str, now: Timestamp, zone: &TimeZone, edge: Edge) -> Result<When> {
    let unclear = || {
        Fault::usage(format!(
            "not a time: {text}. Write 90d, 2027-02-18 or 2027-02-18T16:20:00+02:00"
        ))
    };
    let text = text.trim();
    let instant = if let Some(length) = length(text) {
        let length = SignedDuration::try_from(length).map_err(|_| unclear())?;
        match edge {
            Edge::End => now.checked_add(length),
            Edge::Past | Edge::Begin => now.checked_sub(length),
        }
        .map_err(|_| unclear())?
    } else if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        let next = day.tomorrow().map_err(|_| unclear())?;
        let end = next.to_zoned(zone.clone()).map_err(|_| unclear())?.timestamp();
        end.checked_sub(SignedDuration::from_millis(1))
            .map_err(|_| unclear())?
    } else {
        // Anything without an offset would be guessed at.
        text.parse::<Timestamp>().map_err(|_| unclear())?
    };
    Ok(When {
        instant,
        zone: zone.clone(),
    })
}

/// `30s`, `15m`, `24h`, `90d`, `2w`, `1y`: a day is 24 hours, a year 365 days.
pub(crate) fn length(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        'y' => 365 * 24 * 3600,
        _ => return None,
    };
    // A century is far beyond any grant and far below any overflow.
    number
        .checked_mul(seconds)
        .filter(|s| *s <= 100 * 365 * 24 * 3600)
        .map(Duration::from_secs)
}

/// For clap: a length of time.
pub(crate) fn parse_length(text: &str) -> std::result::Result<Duration, String> {
    length(text).ok_or_else(|| "write a number and s, m, h, d, w or y, such as 30s or 7d".to_owned())
}

/// `Thu 18 Feb 2027 16:20`.
pub(crate) fn to_the_minute(instant: Timestamp, zone: &TimeZone) -> String {
    instant
        .to_zoned(zone.clone())
        .strftime("%a %-d %b %Y %H:%M")
        .to_string()
}

/// `Thu 18 Feb 2027 16:20:05 EET`.
pub(crate) fn day_and_time(instant: Timestamp, zone: &TimeZone) -> String {
    instant
        .to_zoned(zone.clone())
        .strftime("%a %-d %b %Y %H:%M:%S %Z")
        .to_string()
}

/// Milliseconds since 1970 as an instant; beyond what a calendar holds, its end.
pub(crate) fn instant(ms: u64) -> Timestamp {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Short, for a table: the time of today, else the day.
pub(crate) fn short(ms: u64, now: Timestamp, zone: &TimeZone) -> String {
    let at = instant(ms).to_zoned(zone.clone());
    let today = now.to_zoned(zone.clone());
    let form = if at.date() == today.date() {
        "%H:%M:%S"
    } else if at.year() == today.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y %H:%M"
    };
    at.strftime(form).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T14:20:00Z".parse().unwrap()
    }

    fn helsinki() -> TimeZone {
        TimeZone::get("Europe/Helsinki").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(2)))
    }

    #[test]
    fn ninety_days_are_ninety_times_24_hours_also_over_a_change_of_clocks() {
        let when = until("90d", now(), &helsinki()).unwrap();
        assert_eq!(when.instant.to_string(), "2027-02-18T14:20:00Z");
    }

    #[test]
    fn a_day_means_its_end_where_it_was_said() {
        let when = until("2027-02-18", now(), &helsinki()).unwrap();
        assert_eq!(when.instant.to_string(), "2027-02-18T21:59:59.999Z");
        let far = TimeZone::fixed(jiff::tz::offset(-11));
        assert_eq!(
            until("2027-02-18", now(), &far).unwrap().instant.to_string(),
            "2027-02-19T10:59:59.999Z"
        );
        assert!(
            when.exactly().starts_with("Thu 18 Feb 2027 23:59:59"),
            "{}",
            when.exactly()
        );
        assert!(when.exactly().ends_with("(2027-02-18T21:59:59.999Z)"));
    }

    #[test]
    fn an_instant_without_an_offset_is_not_guessed() {
        for unclear in [
            "2027-02-18T16:20:00",
            "18.2.2027",
            "02/18/2027",
            "tomorrow",
            "",
            "d",
            "90",
            "-5d",
        ] {
            assert!(until(unclear, now(), &helsinki()).is_err(), "{unclear}");
        }
        let when = until("2027-02-18T16:20:00+02:00", now(), &helsinki()).unwrap();
        assert_eq!(when.instant.to_string(), "2027-02-18T14:20:00Z");
    }

    #[test]
    fn a_time_that_is_over_is_refused_and_said() {
        let fault = until("2026-11-19", now(), &helsinki()).unwrap_err();
        assert!(fault.detail.unwrap().contains("in the past"));
        assert!(until("0d", now(), &helsinki()).is_err());
        assert!(at("2026-11-19", now(), &helsinki()).is_ok());
        assert_eq!(
            at("1h", now(), &helsinki()).unwrap().instant.to_string(),
            "2026-11-20T13:20:00Z"
        );
    }

    #[test]
    fn an_absurd_length_does_not_overflow() {
        assert!(length("999999999999999999y").is_none());
        assert!(length("101y").is_none());
        assert!(length("9\u{20ac}").is_none());
        assert!(short(u64::MAX, now(), &helsinki()).len() > 3);
    }
}
