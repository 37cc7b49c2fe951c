//! A hospital with a roster, a patient, and people who work there, all through a real relay.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telesphor_agent::views::TeamState;
use telesphor_agent::{Agent, Draft, TeamRequest, Turn};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::roster::RosterSource;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::{LONG, Relay, acquainted, create, reopen};

pub const HOUR: u64 = 3_600_000;

pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

pub fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|n| n.parse::<Scope>().unwrap()).collect()
}

pub async fn write(agent: &Agent, title: &str, scope: &str) -> DocumentId {
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", title, title.as_bytes().to_vec());
    draft.scopes = scopes(&[scope]);
    agent.add(vec![draft]).await.unwrap()[0].id
}

/// A turn that is under way.
pub fn turn(person: &str, role: &str) -> Turn {
    Turn {
        person: person.to_lowercase(),
        role: role.into(),
        from: now() - HOUR,
        until: now() + 8 * HOUR,
        source: RosterSource::Shift,
        approved_by: None,
    }
}

pub struct Ward {
    pub folder: tempfile::TempDir,
    pub relay: Relay,
    pub hospital: Agent,
    pub hospital_id: IdentityId,
    pub aino: Option<Agent>,
    pub staff: BTreeMap<String, Agent>,
    pub ids: BTreeMap<String, IdentityId>,
    edition: u64,
}

impl Ward {
    /// Everybody knows the hospital; nobody knows anybody else.
    pub async fn open(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(folder.path());
        let hospital = create(folder.path(), "Hospital", &relay).await.agent;
        let aino = create(folder.path(), "Aino", &relay).await.agent;
        acquainted(&hospital, &aino).await;
        let hospital_id = hospital.me().await.unwrap().id;
        let mut ward = Self {
            folder,
            relay,
            hospital,
            hospital_id,
            aino: None,
            staff: BTreeMap::new(),
            ids: BTreeMap::new(),
            edition: 0,
        };
        ward.ids.insert("Aino".into(), aino.me().await.unwrap().id);
        ward.aino = Some(aino);
        for name in names {
            let agent = create(ward.folder.path(), name, &ward.relay).await.agent;
            acquainted(&ward.hospital, &agent).await;
            ward.ids.insert((*name).into(), agent.me().await.unwrap().id);
            ward.staff.insert((*name).into(), agent);
        }
        ward
    }

    pub fn patient(&self) -> &Agent {
        self.aino.as_ref().unwrap()
    }

    pub fn one(&self, name: &str) -> &Agent {
        &self.staff[name]
    }

    /// The next edition; everybody who is online has it when this returns.
    pub async fn publish(&mut self, turns: Vec<Turn>) {
        self.publish_until(turns, now() + 48 * HOUR).await;
    }

    /// The same, good until an instant.
    pub async fn publish_until(&mut self, turns: Vec<Turn>, until: u64) {
        let edition = self.hospital.publish_roster("ward-4b", until, turns).await;
        self.edition = edition.unwrap().edition;
        let own = "Aino".to_owned();
        for (name, agent) in self.staff.iter().chain(self.aino.iter().map(|a| (&own, a))) {
            let came = agent.wait_roster(self.hospital_id, self.edition, LONG).await;
            assert!(came.is_ok(), "{name} does not hear of edition {}", self.edition);
        }
    }

    pub async fn share(&self, role: &str, names: &[&str], until: Option<u64>) -> MailboxId {
        let request = TeamRequest {
            organisation: "hospital".into(),
            role: role.into(),
            scopes: scopes(names),
            until,
            why: "operation".into(),
            although_unverified: true,
        };
        self.patient().share_team(request).await.unwrap().mailbox
    }

    /// Waits until everybody named, and nobody else, sits in a team: as each of them sees it.
    pub async fn sit(&self, mailbox: MailboxId, names: &[&str]) {
        let all: BTreeSet<IdentityId> = names.iter().chain(&["Aino"]).map(|n| self.ids[*n]).collect();
        let who = names.iter().map(|n| (self.ids[*n], self.one(n)));
        let aino = self.aino.as_ref().map(|a| (self.ids["Aino"], a));
        for (id, agent) in who.chain(aino) {
            let others = all.iter().filter(|other| **other != id).copied().collect();
            let came = agent.wait_team(mailbox, others, LONG).await;
            assert!(came.is_ok(), "{came:?}: {:?}", agent.teams().await);
        }
    }

    /// The same while the patient's phone is off; her seat stays.
    pub async fn sit_without_patient(&self, mailbox: MailboxId, names: &[&str]) {
        assert!(self.aino.is_none());
        self.sit(mailbox, names).await;
    }

    pub async fn patient_off(&mut self) {
        if let Some(aino) = self.aino.take() {
            let settled = aino.settle(LONG).await;
            let (status, found) = (aino.status().await, aino.check().await);
            assert!(settled.is_ok(), "{settled:?}: {status:?}, {found:?}");
            aino.close().await;
        }
    }

    pub async fn patient_on(&mut self) {
        self.aino = Some(reopen(self.folder.path(), "Aino").await);
    }

    /// Waits until somebody can read a document, and reads it.
    pub async fn reads(&self, name: &str, document: DocumentId) {
        let until = std::time::Instant::now() + LONG;
        loop {
            match reading(self.one(name), document).await {
                Ok(_) => return,
                Err(code) if std::time::Instant::now() > until => panic!("{name} cannot read: {code}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Everybody can open exactly what he should, and nothing else.
    pub async fn matrix(&self, documents: &BTreeMap<&str, DocumentId>, expected: &[(&str, &str)]) {
        for (name, title) in expected {
            self.reads(name, documents[title]).await;
        }
        for (name, agent) in &self.staff {
            for (title, id) in documents {
                let should = expected.contains(&(name.as_str(), title));
                let can = reading(agent, *id).await.is_ok();
                assert_eq!(can, should, "{name} and {title}: can {can}, should {should}");
            }
        }
    }

    /// Writes a note in a team.
    pub async fn write_note(&self, name: &str, mailbox: MailboxId, text: &str) -> DocumentId {
        let team = hex(&mailbox);
        let draft = Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec());
        self.one(name).write_in_team(&team, draft).await.unwrap().id
    }

    /// The same, and waits until the patient has it.
    pub async fn note(&self, name: &str, mailbox: MailboxId, text: &str) -> DocumentId {
        let id = self.write_note(name, mailbox, text).await;
        let until = std::time::Instant::now() + LONG;
        while reading(self.patient(), id).await.is_err() {
            assert!(std::time::Instant::now() < until, "the note does not come");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        id
    }

    /// Waits until somebody is out of a team, as his own program sees it.
    pub async fn out(&self, name: &str, mailbox: MailboxId) {
        let until = std::time::Instant::now() + LONG;
        loop {
            let teams = self.one(name).teams().await.unwrap();
            let sits = teams
                .iter()
                .any(|t| t.mailbox == mailbox && t.state == TeamState::Sitting);
            if !sits {
                return;
            }
            assert!(
                std::time::Instant::now() < until,
                "{name} still sits there: {teams:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub async fn reading(agent: &Agent, document: DocumentId) -> Result<Vec<u8>, ErrorCode> {
    let read = agent.read(&document.to_string()).await;
    read.map(|opened| opened.body).map_err(|error| error.code)
}

pub fn hex(mailbox: &MailboxId) -> String {
    mailbox.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
