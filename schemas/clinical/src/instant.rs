//! Instants: UTC, with the offset and zone in which a person or machine said them.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

use crate::text::Text;

open_coded! {
    /// How far the clock behind an instant can be believed.
    pub enum Clock {
        /// Set by a time service that the organisation watches.
        1 => Trusted "trusted",
        /// A device's own clock.
        2 => Device "device",
        /// Nothing is known of it (paper, an imported file).
        3 => Unknown "unknown",
    }
}

open_coded! {
    /// How exactly an instant was said.
    pub enum Precision {
        /// To the millisecond.
        1 => Millisecond "millisecond",
        /// To the second.
        2 => Second "second",
        /// Only the day is known.
        3 => Day "day",
        /// Only the month is known.
        4 => Month "month",
        /// Only the year is known.
        5 => Year "year",
    }
}

/// Widest offset from UTC that exists, minutes (RFC 3339 allows 23:59, the world uses 14:00).
const MAX_OFFSET_MINUTES: i16 = 18 * 60;
const DAY_MS: i64 = 86_400_000;

/// An instant as somebody said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instant {
    /// Unix milliseconds, UTC.
    pub unix_ms: i64,
    /// Offset from UTC where it was said, minutes east.
    pub offset_minutes: i16,
    /// Name of the zone, if it is known (`Europe/Helsinki`).
    pub zone: Option<Text>,
    /// How exactly.
    pub precision: Precision,
    /// By which clock.
    pub clock: Clock,
}

impl Instant {
    /// An instant of this program's own clock.
    pub fn now_of(unix_ms: u64, offset_minutes: i16, clock: Clock) -> Self {
        Self {
            unix_ms: i64::try_from(unix_ms).unwrap_or(i64::MAX),
            offset_minutes: offset_minutes.clamp(-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES),
            zone: None,
            precision: Precision::Millisecond,
            clock,
        }
    }

    /// The last millisecond of a day as people at this offset count it: what "until
    /// 2027-02-18" means. `None` if there is no such day.
    pub fn end_of_day(year: i32, month: u8, day: u8, offset_minutes: i16) -> Option<Self> {
        let start = civil_to_days(year, month, day)?.checked_mul(DAY_MS)?;
        Some(Self {
            unix_ms: start + DAY_MS - 1 - i64::from(offset_minutes) * 60_000,
            offset_minutes,
            zone: None,
            precision: Precision::Millisecond,
            clock: Clock::Unknown,
        })
    }

    /// Reads a FHIR `dateTime` or `instant` (R4, 2.24.0.1): year, month, day, or full with
    /// offset. Parts that are missing count from their beginning, and `precision` says so.
    pub fn from_fhir(text: &str) -> Option<Self> {
        parse_fhir(text)
    }

    /// As Unix milliseconds for comparing with order stamps; instants before 1970 are 0.
    pub fn stamp(&self) -> u64 {
        u64::try_from(self.unix_ms).unwrap_or(0)
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 with the offset as said, cut to the precision as said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self
            .unix_ms
            .saturating_add(i64::from(self.offset_minutes) * 60_000);
        let (year, month, day) = days_to_civil(local.div_euclid(DAY_MS));
        let ms = local.rem_euclid(DAY_MS);
        match self.precision {
            Precision::Year => return write!(f, "{year:04}"),
            Precision::Month => return write!(f, "{year:04}-{month:02}"),
            Precision::Day => return write!(f, "{year:04}-{month:02}-{day:02}"),
            _ => {}
        }
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}")?;
        if self.precision != Precision::Second && ms % 1000 != 0 {
            write!(f, ".{:03}", ms % 1000)?;
        }
        let o = self.offset_minutes;
        if o == 0 {
            f.write_str("Z")
        } else {
            write!(
                f,
                "{}{:02}:{:02}",
                if o < 0 { '-' } else { '+' },
                o.abs() / 60,
                o.abs() % 60
            )
        }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (unix_ms, offset_minutes, zone, precision, clock) =
            <(i64, i16, Option<Text>, Precision, Clock)>::deserialize(d)?;
        if offset_minutes.abs() > MAX_OFFSET_MINUTES {
            return Err(de::Error::custom("no such offset"));
        }
        Ok(Self {
            unix_ms,
            offset_minutes,
            zone,
            precision,
            clock,
        })
    }
}

/// Days from 1970-01-01 of a date in the proleptic Gregorian calendar.
pub(crate) fn civil_to_days(year: i32, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    // Years are counted from March, so that the leap day is the last of its year.
    let y = i64::from(year) - i64::from(month <= 2);
    let m = (i64::from(month) + 9) % 12;
    let era = y.div_euclid(400);
    let in_era = y.rem_euclid(400) * 365 + y.rem_euclid(400) / 4 - y.rem_euclid(400) / 100;
    Some(era * 146_097 + in_era + (153 * m + 2) / 5 + i64::from(day) - 1 - 719_468)
}

fn days_to_civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let in_era = z.rem_euclid(146_097);
    let y = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let doy = in_era - (365 * y + y / 4 - y / 100);
    let m = (5 * doy + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (
        era * 400 + y + i64::from(month <= 2),
        month,
        doy - (153 * m + 2) / 5 + 1,
    )
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn parse_fhir(text: &str) -> Option<Instant> {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    let at = |i: usize| text.as_bytes().get(i).copied();
    let year = i32::try_from(number(0..4)?).ok()?;
    let made = |days: i64, ms: i64, offset: i16, precision| Instant {
        unix_ms: days * DAY_MS + ms - i64::from(offset) * 60_000,
        offset_minutes: offset,
        zone: None,
        precision,
        clock: Clock::Unknown,
    };
    if text.len() == 4 {
        return Some(made(civil_to_days(year, 1, 1)?, 0, 0, Precision::Year));
    }
    let month = u8::try_from(number(5..7)?).ok().filter(|_| at(4) == Some(b'-'))?;
    if text.len() == 7 {
        return Some(made(civil_to_days(year, month, 1)?, 0, 0, Precision::Month));
    }
    let day = u8::try_from(number(8..10)?)
        .ok()
        .filter(|_| at(7) == Some(b'-'))?;
    let days = civil_to_days(year, month, day)?;
    if text.len() == 10 {
        return Some(made(days, 0, 0, Precision::Day));
    }
    let shape = at(10) == Some(b'T') && at(13) == Some(b':') && at(16) == Some(b':');
    let (h, m, s) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // A leap second (60) counts as the second after it.
    if !shape || h > 23 || m > 59 || s > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(f) => {
            let end = f.find(|c: char| !c.is_ascii_digit()).filter(|&e| e > 0)?;
            let mut ms = 0i64;
            for i in 0..3 {
                ms = ms * 10 + f.as_bytes()[..end].get(i).map_or(0, |d| i64::from(d - b'0'));
            }
            (Some(ms), &f[end..])
        }
        None => (None, rest),
    };
    let offset = parse_offset(zone)?;
    let ms = i64::from(h * 3600 + m * 60 + s) * 1000 + fraction.unwrap_or(0);
    let precision = if fraction.is_some() {
        Precision::Millisecond
    } else {
        Precision::Second
    };
    Some(made(days, ms, offset, precision))
}

fn parse_offset(zone: &str) -> Option<i16> {
    if zone == "Z" {
        return Some(0);
    }
    let bytes = zone.as_bytes();
    let digit = |i: usize| {
        bytes
            .get(i)
            .filter(|b| b.is_ascii_digit())
            .map(|b| i16::from(b - b'0'))
    };
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let minutes = (digit(1)? * 10 + digit(2)?) * 60 + digit(4)? * 10 + digit(5)?;
    match bytes[0] {
        b'+' if minutes <= MAX_OFFSET_MINUTES => Some(minutes),
        b'-' if minutes <= MAX_OFFSET_MINUTES => Some(-minutes),
        _ => None,
    }
}
