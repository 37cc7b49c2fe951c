//! The steps of the story, and what they share.

use std::time::Instant;

use super::cast::Cast;
use super::columns::Columns;
use super::grants::Grant;
use super::matrix::{Should, holds, print};
use super::roster::{Turn, publish};
use super::screens::Screens;
use crate::page::Page;
use crate::stage::{Person, StageError};
use crate::stolen;

/// Rounds of sending and receiving until a step has come through. Each waits for the relay itself.
const ROUNDS: usize = 12;
/// "Not yet": it goes on by itself, here in the next round.
const NOT_YET: i32 = 6;
/// Access ended.
const REFUSED: i32 = 3;

/// Lets everybody send and receive once.
pub(super) fn round(people: &[&Person]) -> Result<(), StageError> {
    for person in people {
        let arguments = ["--wait", "60s", "sync"];
        let code = person.attempt(&arguments)?.status.code().unwrap_or(-1);
        if code != 0 && code != NOT_YET {
            return Err(StageError::Command {
                who: person.profile.to_owned(),
                what: arguments.join(" "),
                code,
                said: String::new(),
            });
        }
    }
    Ok(())
}

/// The story so far.
pub(super) struct Story<'a> {
    pub(super) page: &'a mut Page,
    pub(super) cast: &'a Cast,
    pub(super) screens: Screens,
    pub(super) columns: Columns,
    pub(super) grants: Vec<Grant>,
    pub(super) on_duty: Vec<&'static str>,
    pub(super) wrote: Vec<(&'static str, String)>,
    pub(super) in_team: Vec<(&'static str, String)>,
    /// Whether the patient's phone is on.
    pub(super) phone: bool,
}

impl Story<'_> {
    fn should(&self) -> Should<'_> {
        Should {
            columns: &self.columns,
            grants: &self.grants,
            on_duty: self.on_duty.clone(),
            wrote: self.wrote.clone(),
            in_team: self.in_team.clone(),
        }
    }

    /// Lets everybody who is online send and receive until all is as it should be; prints the
    /// matrix as it then is. Gives how long that took.
    pub(super) async fn come_true(&mut self) -> Result<f64, StageError> {
        let begun = Instant::now();
        let mut people: Vec<&Person> = self.cast.at_work();
        people.extend(self.phone.then_some(&self.cast.aino));
        for _ in 0..ROUNDS {
            round(&people)?;
            if holds(self.cast, &self.should()).await? {
                break;
            }
        }
        let took = begun.elapsed().as_secs_f64();
        self.matrix().await?;
        Ok(took)
    }

    pub(super) async fn matrix(&mut self) -> Result<(), StageError> {
        let should = Should {
            columns: &self.columns,
            grants: &self.grants,
            on_duty: self.on_duty.clone(),
            wrote: self.wrote.clone(),
            in_team: self.in_team.clone(),
        };
        print(self.page, self.cast, &should).await
    }

    /// A new edition, and who is on duty by it.
    pub(super) fn edition(&mut self, turns: &[Turn]) -> Result<(), StageError> {
        let said = publish(self.cast, turns)?;
        self.on_duty = turns
            .iter()
            .filter(|t| t.from <= 30 && t.until > 0)
            .map(|t| t.profile)
            .collect();
        self.page.fact(
            "Roster",
            &format!("signed by {}: {said}", self.cast.hospital.name),
        );
        Ok(())
    }

    /// What the program of somebody who is out still gives: of everything that was shown, nothing.
    pub(super) fn is_out(&mut self, profile: &'static str, what: &str) -> Result<(), StageError> {
        let person = self.cast.one(profile);
        let listed = person.json(&["--wait", "0s", "list"])?;
        let shown = listed.iter().filter(|d| d["way"] != "mine");
        let shown: Vec<&str> = shown.filter_map(|d| d["id"].as_str()).collect();
        let code = match shown.first() {
            Some(id) => person.attempt(&["--wait", "0s", "read", id])?.status.code(),
            None => Some(REFUSED),
        };
        self.page.must(
            code == Some(REFUSED),
            what,
            &format!(
                "{} documents had been shown; `read` of one ends with exit code {}",
                shown.len(),
                code.unwrap_or(-1)
            ),
            "exit code 3: access ended",
        );
        Ok(())
    }

    /// What the bare keys of somebody are worth at the relay, whatever his program honours.
    pub(super) async fn no_door(&mut self, profile: &'static str) -> Result<(), StageError> {
        let person = self.cast.one(profile);
        let teams = person.json(&["--wait", "0s", "team", "list"])?;
        let agent = stolen::vault_of(person).await?;
        let (mut doors, mut tried) = (0, 0);
        for mailbox in agent.mailboxes().await.map_err(|e| refused(&e))? {
            if teams.iter().any(|t| t["id"] == hex(&mailbox.id.0).as_str()) {
                tried += 1;
                doors += usize::from(agent.door(mailbox.id).await.is_ok());
            }
        }
        agent.close().await;
        self.page.must(
            doors == 0 && tried > 0,
            &person.name,
            &format!("with the bare keys at the relay: {doors} of {tried} teams open"),
            "the relay to serve none of them",
        );
        Ok(())
    }
}

fn refused(error: &telesphor_agent::Error) -> StageError {
    StageError::Answer {
        field: error.to_string(),
        what: "mailboxes".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
