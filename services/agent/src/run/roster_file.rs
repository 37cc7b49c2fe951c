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
        toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|at| text.get(..at.start));
            let line = before.map(|t| t.matches('\n').count() + 1);
            refused(line.map_or_else(
                || e.message().to_owned(),
                |n| format!("line {n}: {}", e.message()),
            ))
        })
    }

    pub(super) fn turns(&self) -> Result<Vec<Turn>> {
        let mut turns: Vec<Turn> = Vec::new();
        if self.place.trim().is_empty() {
            return Err(refused("place: which ward, clinic or service?"));
        }
        for line in &self.turn {
            if line.person.trim().is_empty() || line.role.trim().is_empty() {
                return Err(refused("a turn without person or role"));
            }
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
            let twice = turns.iter().any(|t| {
                t.person == line.person
                    && t.role.trim() == line.role.trim()
                    && t.from < until
                    && from < t.until
            });
            if twice {
                return Err(refused(format!(
                    "{}: two turns as {} overlap; write them as one",
                    line.person,
                    line.role.trim()
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

    /// The turns that are not over, and who had one that is. A file with nothing to come is refused:
    /// it is last week's, most likely.
    pub(super) fn to_come(&self, now: u64) -> Result<(Vec<Turn>, Vec<String>)> {
        let (come, over): (Vec<Turn>, Vec<Turn>) = self.turns()?.into_iter().partition(|t| t.until > now);
        if come.is_empty() && !over.is_empty() {
            return Err(refused("every turn in it is over"));
        }
        let mut over: Vec<String> = over.into_iter().map(|t| t.person).collect();
        over.dedup();
        Ok((come, over))
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
    fn two_turns_at_once_or_none_to_come_are_published() {
        let (came, went) = RosterFile::read(FILE)
            .unwrap()
            .to_come(1_802_970_000_000)
            .unwrap();
        assert_eq!((came.len(), went.as_slice()), (1, &["maria".to_owned()][..]));
        let last_week = RosterFile::read(FILE).unwrap().to_come(1_900_000_000_000);
        assert_eq!(last_week.unwrap_err().code, ErrorCode::InputRefused);
        let overlap = FILE.replace("\"kim\"", "\"maria\"").replace("18T21", "18T15");
        assert_ne!(overlap, FILE);
        let refused = RosterFile::read(&overlap).unwrap().turns().unwrap_err();
        assert!(refused.detail.unwrap().contains("overlap"));
        // One after the other, and in two roles at once, is how people work.
        let later = FILE.replace("\"kim\"", "\"maria\"");
        assert_eq!(RosterFile::read(&later).unwrap().turns().unwrap().len(), 2);
        let other = overlap.replacen("\"nurse\"", "\"midwife\"", 1);
        assert_eq!(RosterFile::read(&other).unwrap().turns().unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_meant_is_guessed_at() {
        for (good, bad) in [
            ("2027-02-18T06:30:00+02:00", "2027-02-18T06:30:00"),
            ("until = 2027-02-18T15", "until = 2027-02-18T05"),
            ("\"agency\"", "\"stranger\""),
            ("role =", "rule ="),
            ("\"ward-4b\"", "\" \""),
            ("person = \"maria\"", "person = \"\""),
            ("from = 2027-02-18T21:00:00+02:00", "from = soon"),
        ] {
            let text = FILE.replace(good, bad);
            assert_ne!(text, FILE);
            let read = RosterFile::read(&text).and_then(|f| f.turns());
            assert_eq!(read.unwrap_err().code, ErrorCode::InputRefused, "{bad}");
        }
    }
}
