//! The hospital's roster as a file, and its signed editions.

use std::fmt::Write;

use super::cast::{Cast, STAFF};
use crate::stage::StageError;
use jiff::{SignedDuration, Timestamp};

/// Where everybody works.
const PLACE: &str = "Ward 4B";

/// One turn, in minutes from now.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) profile: &'static str,
    pub(super) from: i64,
    pub(super) until: i64,
    /// Who approved somebody who does not belong to the house.
    pub(super) agency: Option<&'static str>,
}

impl Turn {
    /// A shift that is under way.
    pub(super) const fn now(profile: &'static str) -> Self {
        Self {
            profile,
            from: -60,
            until: 8 * 60,
            agency: None,
        }
    }

    /// The same, over since a minute.
    pub(super) const fn over(profile: &'static str) -> Self {
        Self {
            until: -1,
            ..Self::now(profile)
        }
    }

    /// One that begins in so many minutes.
    pub(super) const fn soon(profile: &'static str, minutes: i64) -> Self {
        Self {
            from: minutes,
            until: minutes + 10 * 60,
            ..Self::now(profile)
        }
    }

    /// Somebody from an agency, for the night that has begun.
    pub(super) const fn agency(profile: &'static str, by: &'static str) -> Self {
        Self {
            agency: Some(by),
            ..Self::now(profile)
        }
    }
}

/// Publishes the next edition; gives what the command said.
pub(super) fn publish(cast: &Cast, turns: &[Turn]) -> Result<String, StageError> {
    let now = Timestamp::now();
    let at = |minutes: i64| {
        let at = now.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(now);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let mut file = format!("place = \"{PLACE}\"\n");
    for turn in turns {
        let role = STAFF.iter().find(|s| s.0 == turn.profile).map_or("", |s| s.2);
        let person = alias(cast, turn.profile)?;
        let _ = write!(
            file,
            "\n[[turn]]\nperson = \"{person}\"\nrole = \"{role}\"\nfrom = {}\nuntil = {}\n",
            at(turn.from),
            at(turn.until)
        );
        if let Some(by) = turn.agency {
            let _ = write!(
                file,
                "source = \"agency\"\napproved-by = \"{}\"\n",
                alias(cast, by)?
            );
        }
    }
    let path = cast.hospital.home().join("ward-4b.toml");
    std::fs::write(&path, file)?;
    let arguments = [
        "team",
        "roster",
        "publish",
        &path.to_string_lossy(),
        "--good",
        "3d",
    ];
    let output = cast.hospital.attempt(&arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        return Err(StageError::Command {
            who: cast.hospital.profile.to_owned(),
            what: arguments.join(" "),
            code: output.status.code().unwrap_or(-1),
            said,
        });
    }
    Ok(said.lines().last().unwrap_or_default().to_owned())
}

/// What the hospital calls somebody.
fn alias(cast: &Cast, profile: &str) -> Result<String, StageError> {
    let name = &cast.one(profile).name;
    let contacts = cast.hospital.json(&["contacts"])?;
    let found = contacts.iter().find(|c| c["name"] == name.as_str());
    found
        .and_then(|c| c["who"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| StageError::Answer {
            field: name.clone(),
            what: "contacts".to_owned(),
        })
}
