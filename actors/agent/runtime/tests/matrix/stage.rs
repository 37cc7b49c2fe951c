//! Twelve people and a relay who carry a script out, and what is seen of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use telesphor_agent::link::{Pin, domain};
use telesphor_agent::views::TeamState;
use telesphor_agent::{Agent, ShareRequest, TeamRequest, Turn};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::roster::RosterSource;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};

use crate::fetch::Fetcher;
use crate::model::{Deed, Model, PATIENT, People, Scope, Who};
use crate::script::{CONTACTS, STRANGER, WARD};
use crate::support::ward::{HOUR, Ward, hex, now, reading, scopes};
use crate::support::{LONG, acquainted};

pub const SERVICE: Who = "Hospital";
/// How long whatever is limited lasts: longer than the few steps take that begin it. On a machine
/// where it is not, it ends earlier in the script, and the oracle hears of it.
const LIMITED_MS: u64 = 9_000;

pub struct Stage {
    pub ward: Ward,
    pub people: Vec<Who>,
    pub documents: Vec<DocumentId>,
    /// The mailbox of each grant.
    pub mailboxes: Vec<MailboxId>,
    pub fetchers: BTreeMap<Who, Fetcher>,
    pub limit: Option<u64>,
    rosters_until: u64,
}

impl Stage {
    pub async fn open() -> Self {
        let staff: Vec<Who> = WARD.into_iter().chain([STRANGER, CONTACTS[0]]).collect();
        let ward = Ward::open(&staff).await;
        // Both open more mailboxes than one admission of theirs is good for.
        for agent in [&ward.hospital, ward.patient()] {
            for _ in 0..3 {
                agent.admit(&ward.relay.admit(), LONG).await.unwrap();
            }
        }
        for contact in CONTACTS {
            acquainted(ward.patient(), ward.one(contact)).await;
        }
        let pin = Pin::of_link(&ward.relay.admit());
        let record = domain::fetch(&pin).await.unwrap().record;
        let relays: Vec<_> = record.relays.iter().map(|r| r.relay).collect();
        let people: Vec<Who> = [SERVICE, PATIENT].into_iter().chain(staff).collect();
        let mut fetchers = BTreeMap::new();
        for who in &people {
            fetchers.insert(*who, Fetcher::open(&pin, &relays).await);
        }
        Self {
            ward,
            people,
            documents: Vec::new(),
            mailboxes: Vec::new(),
            fetchers,
            limit: None,
            rosters_until: now() + 48 * HOUR,
        }
    }

    pub fn agent(&self, who: Who) -> Option<&Agent> {
        match who {
            PATIENT => self.ward.aino.as_ref(),
            SERVICE => Some(&self.ward.hospital),
            _ => self.ward.staff.get(who),
        }
    }

    /// Until when whatever is limited lasts that begins now.
    fn limited(&mut self, limited: bool) -> Option<u64> {
        limited.then(|| *self.limit.get_or_insert_with(|| now() + LIMITED_MS))
    }

    pub async fn write(&mut self, scopes_: &[Scope]) {
        let title = format!("D{}", self.documents.len());
        let text = title.as_bytes().to_vec();
        let mut draft = telesphor_agent::Draft::new(DocumentKind::Note, "text/plain", &title, text);
        draft.scopes = scopes(scopes_);
        let added = self.ward.patient().add(vec![draft]).await.unwrap();
        self.documents.push(added[0].id);
    }

    async fn grant(&mut self, role: Who, what: &[Scope], limited: bool) -> Option<MailboxId> {
        let request = TeamRequest {
            organisation: "hospital".into(),
            role: role.into(),
            scopes: scopes(what),
            until: self.limited(limited),
            why: "operation".into(),
            although_unverified: true,
        };
        match self.ward.patient().share_team(request).await {
            Ok(team) => Some(team.mailbox),
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn rooms(&self) -> BTreeSet<MailboxId> {
        let all = self.ward.patient().mailboxes().await.unwrap();
        all.into_iter()
            .filter(|m| m.purpose == "shared")
            .map(|m| m.id)
            .collect()
    }

    async fn show(&mut self, to: Who, what: &[Scope], limited: bool) -> Option<MailboxId> {
        let before = self.rooms().await;
        let request = ShareRequest {
            with: to.to_lowercase(),
            scopes: scopes(what),
            documents: Vec::new(),
            until: self.limited(limited),
            why: "follow-up".into(),
            although_unverified: true,
        };
        match self.ward.patient().share(request).await {
            Ok(_) => {}
            Err(error) if error.code == ErrorCode::NotFound => return None,
            Err(error) => panic!("{error}"),
        }
        let until = Instant::now() + LONG;
        loop {
            if let Some(room) = self.rooms().await.difference(&before).next() {
                return Some(*room);
            }
            assert!(Instant::now() < until, "no room for {to}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Carries one deed out. `before` and `after`: the oracle.
    pub async fn act(&mut self, deed: &Deed, before: &Model, after: &Model) {
        match deed {
            Deed::Plan(turns) => {
                let mut plan = Vec::new();
                for turn in turns {
                    let until = self.limited(turn.limited).unwrap_or(now() + 8 * HOUR);
                    plan.push(Turn {
                        person: turn.who.to_lowercase(),
                        role: turn.role.into(),
                        from: now() - HOUR,
                        until,
                        source: RosterSource::Shift,
                        approved_by: None,
                    });
                }
                self.ward.publish_until(plan, self.rosters_until).await;
            }
            Deed::Grant(what, role, limited) => {
                let mailbox = self.grant(role, what, *limited).await;
                self.learn(mailbox, before, after);
            }
            Deed::Show(what, to, limited) => {
                if after.grants.len() > before.grants.len() {
                    let mailbox = self.show(to, what, *limited).await;
                    self.learn(mailbox, before, after);
                }
            }
            Deed::Revoke(role, what) => {
                self.ward
                    .patient()
                    .revoke_team("hospital", role, scopes(what))
                    .await
                    .unwrap();
                for grant in &after.grants[before.grants.len()..] {
                    // What is left stands in a team of its own, which saying it again names.
                    let mailbox = self.grant(role, &grant.scopes, grant.limited).await;
                    self.mailboxes.extend(mailbox);
                }
            }
            Deed::Withdraw(to) => {
                let none = Default::default();
                self.ward
                    .patient()
                    .revoke(&to.to_lowercase(), none, Vec::new())
                    .await
                    .unwrap();
            }
            Deed::Write(what) => {
                self.write(what).await;
                for (grant, mailbox) in after.grants.iter().zip(self.mailboxes.clone()) {
                    let fresh = grant.live && grant.documents.contains(&(self.documents.len() - 1));
                    match (fresh, grant.personal) {
                        (false, _) => {}
                        (true, false) => {
                            let again = self.grant(grant.to, &grant.scopes, grant.limited).await;
                            assert_eq!(again, Some(mailbox), "the same grant, the same team");
                        }
                        (true, true) => {
                            let request = ShareRequest {
                                with: grant.to.to_lowercase(),
                                scopes: scopes(&grant.scopes),
                                documents: Vec::new(),
                                until: self.limited(grant.limited),
                                why: "follow-up".into(),
                                although_unverified: true,
                            };
                            self.ward.patient().share(request).await.unwrap();
                        }
                    }
                }
            }
            Deed::Note(who, role) => {
                let team = self.mailboxes[before.of(role)[0]];
                let text = format!("D{}", self.documents.len());
                let draft = telesphor_agent::Draft::new(
                    DocumentKind::Note,
                    "text/plain",
                    &text,
                    text.as_bytes().to_vec(),
                );
                let written = self
                    .ward
                    .one(who)
                    .write_in_team(&hex(&team), draft)
                    .await
                    .unwrap();
                self.documents.push(written.id);
            }
            Deed::Phone(true) => self.ward.patient_on().await,
            Deed::Phone(false) => self.ward.patient_off().await,
            Deed::Ends => {
                // The relay's clock is this machine's; nobody does anything until then.
                let left = self.limit.map_or(0, |at| at.saturating_sub(now()));
                tokio::time::sleep(std::time::Duration::from_millis(left)).await;
            }
        }
    }

    fn learn(&mut self, mailbox: Option<MailboxId>, before: &Model, after: &Model) {
        match after.grants.len() > before.grants.len() {
            true => self.mailboxes.push(mailbox.unwrap()),
            false => assert!(
                mailbox.is_none_or(|m| self.mailboxes.contains(&m)),
                "a grant that the oracle has not"
            ),
        }
    }

    /// What differs from the oracle in who sits where.
    pub async fn seats(&self, model: &Model) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut stands: BTreeMap<MailboxId, Vec<_>> = BTreeMap::new();
        for who in &self.people {
            let Some(agent) = self.agent(who) else { continue };
            let teams = agent.teams().await.unwrap();
            for (grant, mailbox) in model.grants.iter().zip(&self.mailboxes) {
                let view = teams.iter().find(|t| t.mailbox == *mailbox);
                let state = view.map(|t| t.state);
                let members = model.members(grant);
                let sits = !grant.personal && grant.live && (members.contains(who) || *who == PATIENT);
                let seen = matches!(state, Some(TeamState::Sitting | TeamState::Own));
                if sits != seen {
                    wrong.push(format!(
                        "{who} and the team of {}: sits {seen}, should {sits}",
                        grant.to
                    ));
                    continue;
                }
                if !sits {
                    continue;
                }
                let company = self.company(who, &members);
                let here: BTreeSet<_> = view.iter().flat_map(|t| t.members.iter().map(|m| m.id)).collect();
                if here != company {
                    wrong.push(format!(
                        "{who} sees {} in the team of {}, not {}",
                        here.len(),
                        grant.to,
                        company.len()
                    ));
                }
                stands
                    .entry(*mailbox)
                    .or_default()
                    .extend(agent.team_stand(*mailbox).await.ok());
            }
        }
        for stands in stands.values() {
            if stands.iter().any(|s| *s != stands[0]) {
                wrong.push(format!("members stand apart: {stands:?}"));
            }
        }
        wrong
    }

    fn company(&self, who: Who, members: &People) -> BTreeSet<telesphor_wire::ids::IdentityId> {
        let others = members
            .iter()
            .copied()
            .chain([PATIENT])
            .filter(|other| *other != who);
        others.map(|other| self.ward.ids[other]).collect()
    }

    /// Who can read what, as every program gives it out: a row for each person.
    pub async fn readings(&self) -> BTreeMap<Who, Vec<bool>> {
        let mut all = BTreeMap::new();
        for who in &self.people {
            let Some(agent) = self.agent(who) else { continue };
            let mut row = Vec::new();
            for document in &self.documents {
                row.push(reading(agent, *document).await.is_ok());
            }
            all.insert(*who, row);
        }
        all
    }

    /// What those say of themselves whose programs do not have everything sent and read.
    pub async fn ill(&self) -> String {
        let mut all = String::new();
        for who in &self.people {
            let Some(agent) = self.agent(who) else { continue };
            let status = agent.status().await.unwrap();
            if !status.connected || status.behind + status.outbox > 0 || status.last_failure.is_some() {
                all.push_str(&format!("{who}: {status:?} {:?}\n", agent.check().await.unwrap()));
            }
        }
        all
    }

    /// Keeps every key that anybody has now.
    pub async fn harvest(&mut self) {
        for who in self.people.clone() {
            let Some(agent) = self.agent(who) else { continue };
            let keys = agent.credentials().await.unwrap();
            let fetcher = self.fetchers.get_mut(who).unwrap();
            fetcher.harvest(keys);
            fetcher.show_oneself().await;
        }
    }
}
