//! A hospital with a roster, a patient, and as many nurses as are wanted.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telesphor_agent::{Agent, Draft, NewProfile, Passphrase, PassphraseCost, TeamRequest, Turn};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::roster::RosterSource;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_wire::ids::{DocumentId, MailboxId};

use crate::campaign::{CampaignError, admit};
use crate::relay::Relay;

/// Everything here takes seconds; on a busy machine with many members minutes.
const LONG: Duration = Duration::from_secs(900);
const DAY_MS: u64 = 24 * 3600 * 1000;

/// The passphrase of every profile. They hold nothing.
pub fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned())
}

/// A team of a patient's, with all the nurses of a roster in it.
pub struct Ward {
    /// Signs the roster.
    pub hospital: Agent,
    /// Owns the team.
    pub patient: Agent,
    /// The team's mailbox.
    pub team: MailboxId,
    /// Its members beside the patient.
    pub nurses: Vec<Agent>,
    /// Where each of them lives.
    pub profiles: Vec<PathBuf>,
}

fn said(error: telesphor_agent::Error) -> CampaignError {
    CampaignError::Apart(format!("setting up: {error}"))
}

async fn create(folder: &Path, name: &str, relay: &Relay, admissions: usize) -> Result<Agent, CampaignError> {
    let profile = folder.join(name);
    std::fs::create_dir_all(&profile)?;
    let new = NewProfile {
        cost: PassphraseCost::least(),
        ..NewProfile::person(name)
    };
    let created = Agent::create(&profile, &passphrase(), new, &admit(relay)?, LONG)
        .await
        .map_err(said)?;
    created.ready.map_err(said)?;
    for _ in 0..admissions {
        created.agent.admit(&admit(relay)?, LONG).await.map_err(said)?;
    }
    Ok(created.agent)
}

async fn acquainted(one: &Agent, other: &Agent) -> Result<(), CampaignError> {
    let invitation = one.invite("", LONG, LONG).await.map_err(said)?;
    other.accept(&invitation.link, "", LONG).await.map_err(said)?;
    one.wait_taken(&invitation.link, LONG).await.map_err(said)?;
    Ok(())
}

impl Ward {
    /// Returns when all of them sit in one team.
    ///
    /// # Errors
    /// If they do not.
    pub async fn open(folder: &Path, relay: &Relay, members: usize) -> Result<Self, CampaignError> {
        // Two mailboxes for each person it knows: an invitation's and a conversation's.
        let hospital = create(folder, "hospital", relay, members / 4 + 1).await?;
        let patient = create(folder, "aino", relay, 1).await?;
        acquainted(&hospital, &patient).await?;
        let (mut nurses, mut profiles) = (Vec::new(), Vec::new());
        for n in 0..members {
            let name = name_of(n);
            let nurse = create(folder, &name, relay, 0).await?;
            acquainted(&hospital, &nurse).await?;
            profiles.push(folder.join(name));
            nurses.push(nurse);
        }
        let all: Vec<usize> = (0..members).collect();
        publish(&hospital, &patient, &all).await?;
        write(&patient, vec!["sinus rhythm".to_owned()]).await?;
        let request = request()?;
        let team = patient.share_team(request).await.map_err(said)?.mailbox;
        let mut people = vec![patient.me().await.map_err(said)?.id];
        for nurse in &nurses {
            people.push(nurse.me().await.map_err(said)?.id);
        }
        // Each of them must see all the others there: the patient sees somebody sit as soon as the
        // change is in the order, and that one's seat is still on its way.
        for (n, member) in std::iter::once(&patient).chain(&nurses).enumerate() {
            let mut others = people.clone();
            others.remove(n);
            member.wait_team(team, others, LONG).await.map_err(said)?;
        }
        for member in std::iter::once(&patient).chain(&nurses) {
            member.settle(LONG).await.map_err(said)?;
        }
        Ok(Self {
            hospital,
            patient,
            team,
            nurses,
            profiles,
        })
    }

    /// The next edition of the roster: only these are on duty from now on.
    ///
    /// # Errors
    /// If it does not reach the patient.
    pub async fn on_duty(&self, nurses: &[usize]) -> Result<(), CampaignError> {
        publish(&self.hospital, &self.patient, nurses).await
    }

    /// The patient writes something and shows it to the team.
    ///
    /// # Errors
    /// Faults of her vault.
    pub async fn show(&self, texts: Vec<String>) -> Result<Vec<DocumentId>, CampaignError> {
        let written = write(&self.patient, texts).await?;
        self.patient.share_team(request()?).await.map_err(said)?;
        Ok(written)
    }

    /// Their programs end; the profiles stay.
    pub async fn send_home(&mut self) {
        for nurse in self.nurses.drain(..) {
            nurse.close().await;
        }
    }

    /// Everybody's program ends.
    pub async fn close(mut self) {
        self.send_home().await;
        self.patient.close().await;
        self.hospital.close().await;
    }
}

fn name_of(nurse: usize) -> String {
    format!("nurse-{nurse}")
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(0)
}

fn scope() -> Result<Scopes, CampaignError> {
    let heart = "heart".parse::<Scope>();
    heart
        .map(|heart| Scopes::from_iter([heart]))
        .map_err(|_| CampaignError::Stuck("no such scope"))
}

fn request() -> Result<TeamRequest, CampaignError> {
    Ok(TeamRequest {
        organisation: "hospital".into(),
        role: "nurse".into(),
        scopes: scope()?,
        until: None,
        why: "operation".into(),
        although_unverified: true,
    })
}

async fn write(patient: &Agent, texts: Vec<String>) -> Result<Vec<DocumentId>, CampaignError> {
    let mut drafts = Vec::new();
    for text in texts {
        let mut draft = Draft::new(DocumentKind::Note, "text/plain", &text, text.as_bytes().to_vec());
        draft.scopes = scope()?;
        drafts.push(draft);
    }
    let written = patient.add(drafts).await.map_err(said)?;
    Ok(written.into_iter().map(|d| d.id).collect())
}

async fn publish(hospital: &Agent, patient: &Agent, nurses: &[usize]) -> Result<(), CampaignError> {
    let turn = |n: &usize| Turn {
        person: name_of(*n),
        role: "nurse".into(),
        from: now() - DAY_MS,
        until: now() + 2 * DAY_MS,
        source: RosterSource::Shift,
        approved_by: None,
    };
    let turns = nurses.iter().map(turn).collect();
    let edition = hospital.publish_roster("ward", now() + 3 * DAY_MS, turns).await;
    let edition = edition.map_err(said)?;
    patient
        .wait_roster(edition.organisation, edition.edition, LONG)
        .await
        .map_err(said)
}
