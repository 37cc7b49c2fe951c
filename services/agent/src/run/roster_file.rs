//! A roster as a file: the turns of one place.

use serde::{Deserialize, Serialize};
use telesphor_agent::Turn;
use telesphor_agent::views::RosterView;
use telesphor_clinical::roster::RosterSource;
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};

/// The file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RosterFile {
    /// Which ward, clinic or service.
    pub(super) place: String,
    /// Everybody's turns there.
    #[serde(default)]
    pub(super) turn: Vec<TurnLine>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TurnLine {
    /// A contact.
    person: String,
    role: String,
    from: toml::value::Datetime,
    until: toml::value::Datetime,
    #[serde(default = "shift")]
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
}

fn shift() -> String {
    RosterSource::Shift.word().to_owned()
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::of(ErrorCode::InputRefused).with(why.into())
}

/// Anything without an offset would be guessed at.
fn instant(at: &toml::value::Datetime) -> Result<u64> {
    let text = at.to_string();
    let instant: jiff::Timestamp = text.parse().map_err(|_| {
        refused(format!(
            "{text}: write the offset too, such as 2027-02-18T06:30:00+02:00"
        ))
    })?;
    Ok(u64::try_from(instant.as_millisecond()).unwrap_or(0))
}

impl RosterFile {
    pub(super) fn read(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| refused(e.message()))
    }

    pub(super) fn turns(&self) -> Result<Vec<Turn>> {
        let mut turns = Vec::new();
        for line in &self.turn {
            let source = RosterSource::from_word(&line.source).ok_or_else(|| {
                let words: Vec<&str> = RosterSource::KNOWN.iter().map(|s| s.word()).collect();
                refused(format!("{}: source is one of {}", line.source, words.join(", ")))
            })?;
            let (from, until) = (instant(&line.from)?, instant(&line.until)?);
            if from >= until {
                return Err(refused(format!(
                    "{}: the turn ends before it begins",
                    line.person
                )));
            }
            turns.push(Turn {
                person: line.person.clone(),
                role: line.role.clone(),
                from,
                until,
                source,
                approved_by: line.approved_by.clone(),
            });
        }
        Ok(turns)
    }

    /// The turns of one place, as a file again.
    pub(super) fn of(roster: &RosterView, place: &str) -> Result<Self> {
        let at = |ms: u64| -> Result<toml::value::Datetime> {
            let text = crate::dates::instant(ms).to_string();
            text.parse().map_err(|_| refused(text))
        };
        let mut turn = Vec::new();
        for t in roster.turns.iter().filter(|t| t.place == place) {
            turn.push(TurnLine {
                person: t.alias.clone(),
                role: t.role.clone(),
                from: at(t.from)?,
                until: at(t.until)?,
                source: t.source.to_owned(),
                approved_by: t.approved_by.clone(),
            });
        }
        Ok(Self {
            place: place.to_owned(),
            turn,
        })
    }

    pub(super) fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| refused(e.to_string()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILE: &str = r#"place = "ward-4b"
[[turn]]
person = "maria"
role = "nurse"
from = 2027-02-18T06:30:00+02:00
until = 2027-02-18T15:10:00+02:00

[[turn]]
person = "kim"
role = "nurse"
from = 2027-02-18T21:00:00+02:00
until = 2027-02-19T07:30:00+02:00
source = "agency"
approved-by = "maria"
"#;

    #[test]
    fn a_turn_is_read_as_another_time_or_kind() {
        let file = RosterFile::read(FILE).unwrap();
        let turns = file.turns().unwrap();
        assert_eq!((file.place.as_str(), turns.len()), ("ward-4b", 2));
        assert_eq!(turns[0].source, RosterSource::Shift);
        assert_eq!(turns[0].from, 1_802_925_000_000);
        assert_eq!(turns[1].source, RosterSource::Agency);
        assert_eq!(turns[1].approved_by.as_deref(), Some("maria"));
        let again = RosterFile::read(&file.to_text().unwrap()).unwrap();
        assert_eq!(again.turns().unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_meant_is_guessed_at() {
        for (good, bad) in [
            ("2027-02-18T06:30:00+02:00", "2027-02-18T06:30:00"),
            ("until = 2027-02-18T15", "until = 2027-02-18T05"),
            ("\"agency\"", "\"stranger\""),
            ("role =", "rule ="),
        ] {
            let text = FILE.replace(good, bad);
            assert_ne!(text, FILE);
            let read = RosterFile::read(&text).and_then(|f| f.turns());
            assert_eq!(read.unwrap_err().code, ErrorCode::InputRefused, "{bad}");
        }
    }
}
