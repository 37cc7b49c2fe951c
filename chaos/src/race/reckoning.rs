//! What the log and the members say when the race is over.

use std::collections::{BTreeMap, HashSet};

use telesphor_wire::mailbox::EventKind;

use super::crew::Crew;
use crate::campaign::CampaignError;
use crate::ward::Ward;

/// The promises, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// Epochs that a commit ended while the race ran.
    pub commits: u64,
    /// Epochs with another number of winners than one, or missing between others.
    pub not_one_winner: u64,
    /// Commits whose branch is not the first: somebody had to be led back.
    pub led_back: u64,
    /// Messages in the log.
    pub messages: u64,
    /// The same ciphertext at two places: something accepted was taken in twice.
    pub doubled: u64,
    /// Notes whose writing was confirmed.
    pub notes: u64,
    /// Readers who lack a note, over all notes, the patient among them.
    pub lost: u64,
}

impl Reckoning {
    /// Whether every promise was kept.
    pub const fn holds(&self) -> bool {
        self.not_one_winner == 0 && self.led_back == 0 && self.doubled == 0 && self.lost == 0
    }
}

pub(crate) async fn reckon(crew: &mut Crew, ward: &Ward, start: u64) -> Result<Reckoning, CampaignError> {
    let said = |e: telesphor_agent::Error| CampaignError::Apart(format!("reading the log: {e}"));
    let mut door = ward.patient.owner_door(ward.team).await.map_err(said)?;
    let events = door.all(0).await.map_err(said)?;
    let mut reckoning = Reckoning::default();
    let mut winners: BTreeMap<u64, u64> = BTreeMap::new();
    let mut seen = HashSet::new();
    for event in &events {
        let header = &event.header;
        match header.kind {
            EventKind::COMMIT if header.epoch >= start => {
                *winners.entry(header.epoch).or_default() += 1;
                reckoning.led_back += u64::from(header.branch > 0);
            }
            EventKind::REWIND => reckoning.led_back += 1,
            EventKind::MESSAGE => {
                reckoning.messages += 1;
                reckoning.doubled += u64::from(!seen.insert(event.payload_hash));
            }
            _ => {}
        }
    }
    let last = winners.keys().last().map_or(start, |epoch| epoch + 1);
    reckoning.commits = last - start;
    let wrong = (start..last).filter(|epoch| winners.get(epoch) != Some(&1));
    reckoning.not_one_winner = wrong.count() as u64;
    reckoning.notes = crew.said.len() as u64;
    reckoning.lost = crew.missing()? as u64;
    for note in &crew.said {
        reckoning.lost += u64::from(ward.patient.read(note).await.is_err());
    }
    Ok(reckoning)
}
