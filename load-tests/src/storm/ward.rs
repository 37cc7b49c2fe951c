//! A ward's people as real agents, each with a vault on the disk and a connection of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use telesphor_agent::{Agent, Draft, NewProfile, Passphrase, TeamRequest, Turn};
use telesphor_chaos::relay::Relay;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::roster::RosterSource;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_vault::PassphraseCost;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use tokio::runtime::Handle;

use crate::error::{Result, odd};
use crate::report;
use crate::teams::now;

const HOUR_MS: u64 = 3_600_000;
/// The whole of a ward shares two processors here.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// Of those who are set up at the same time.
const AT_ONCE: usize = 4;
/// As many people can be met with the mailboxes of one admission.
const PEOPLE_OF_AN_ADMISSION: usize = 24;
/// Of what waits, so much is told.
const TOLD: usize = 8;
/// Bytes of a chart.
const CHART: usize = 6 * 1024;

/// Somebody with a vault.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) id: IdentityId,
    folder: PathBuf,
    agent: Option<Agent>,
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned())
}

impl Person {
    async fn new(folder: &Path, name: String, link: AdmissionLink) -> Result<Self> {
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder)?;
        let new = NewProfile {
            cost: PassphraseCost::least(),
            ..NewProfile::person(&name)
        };
        let made = Agent::create(&folder, &passphrase(), new, &link, PATIENCE)
            .await
            .map_err(odd)?;
        made.ready.map_err(odd)?;
        let id = made.agent.me().await.map_err(odd)?.id;
        Ok(Self {
            name,
            id,
            folder,
            agent: Some(made.agent),
        })
    }

    pub(super) fn agent(&self) -> Result<&Agent> {
        self.agent
            .as_ref()
            .ok_or_else(|| odd(format!("{} is off", self.name)))
    }

    /// Goes home: whatever was under way is finished first.
    pub(super) async fn off(&mut self) -> Result<()> {
        if let Some(agent) = self.agent.take() {
            agent.settle(PATIENCE).await.map_err(odd)?;
            agent.close().await;
        }
        Ok(())
    }

    /// Badges in.
    pub(super) async fn on(&mut self) -> Result<()> {
        let opened = Agent::open(&self.folder, &passphrase()).await;
        self.agent = Some(opened.map_err(odd)?);
        Ok(())
    }
}

/// Somebody who is cared for.
pub(super) struct Patient {
    pub(super) person: Person,
    pub(super) chart: DocumentId,
    pub(super) team: MailboxId,
}

/// One ward with its patients.
pub(super) struct Ward {
    /// Which of the hospital's roster services plans it.
    desk: usize,
    role: String,
    place: String,
    pub(super) patients: Vec<Patient>,
    pub(super) day: Vec<Person>,
    pub(super) night: Vec<Person>,
}

/// A roster service.
pub(super) struct Desk {
    pub(super) person: Person,
    edition: u64,
}

/// How large a hospital is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) wards: usize,
    pub(super) patients: usize,
    pub(super) staff: usize,
    /// Each ward has a roster service of its own.
    pub(super) apart: bool,
}

/// A hospital, and the wards that change.
pub(super) struct House {
    pub(super) desks: Vec<Desk>,
    pub(super) wards: Vec<Ward>,
}

/// Everybody is acquainted with the hospital, and with nobody else.
async fn join(relay: &Relay, folder: &Path, hospital: &Agent, name: String) -> Result<Person> {
    let person = Person::new(folder, name, admission(relay, "clinician")?).await?;
    let hour = Duration::from_secs(3600);
    let link = hospital.invite("", hour, PATIENCE).await.map_err(odd)?.link;
    person.agent()?.accept(&link, "", PATIENCE).await.map_err(odd)?;
    hospital.wait_taken(&link, PATIENCE).await.map_err(odd)?;
    Ok(person)
}

fn admission(relay: &Relay, class: &str) -> Result<AdmissionLink> {
    let made = relay.json(&["admit", "new", "--class", class])?;
    let link = made["link"].as_str().ok_or_else(|| odd("no admission link"))?;
    AdmissionLink::from_text(link).map_err(odd)
}

async fn people(
    relay: &Relay,
    folder: &Path,
    hospital: &Agent,
    kind: &str,
    count: usize,
) -> Result<Vec<Person>> {
    stream::iter((0..count).map(|n| join(relay, folder, hospital, format!("{kind}{n:02}"))))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

impl House {
    /// In each ward `staff` by day who sit in every patient's team, and as many by night who are off.
    /// The roster services' programs have threads of their own, so that what they cost can be told.
    pub(super) async fn open(relay: &Relay, folder: &Path, extent: Extent, threads: &Handle) -> Result<Self> {
        let Extent {
            wards,
            patients,
            staff,
            apart,
        } = extent;
        let mut house = Self {
            desks: Vec::new(),
            wards: Vec::new(),
        };
        let desks = if apart { wards } else { 1 };
        for desk in 0..desks {
            let (place, link) = (folder.to_owned(), admission(relay, "organisation")?);
            let made = threads.spawn(async move { Person::new(&place, hospital(desk), link).await });
            let person = made.await.map_err(odd)??;
            // Two mailboxes for each person it knows: an invitation's and a conversation's.
            for _ in 0..=wards / desks * (patients + 2 * staff) / PEOPLE_OF_AN_ADMISSION {
                let link = admission(relay, "organisation")?;
                person.agent()?.admit(&link, PATIENCE).await.map_err(odd)?;
            }
            house.desks.push(Desk { person, edition: 0 });
        }
        let mut cared_for = Vec::new();
        for ward in 0..wards {
            let desk = ward % desks;
            let (agent, name) = (house.desks[desk].person.agent()?, |kind: &str| {
                format!("{kind}{ward:02}-")
            });
            let day = people(relay, folder, agent, &name("day"), staff).await?;
            let mut night = people(relay, folder, agent, &name("night"), staff).await?;
            cared_for.push(people(relay, folder, agent, &name("patient"), patients).await?);
            agent.settle(PATIENCE).await.map_err(odd)?;
            for person in &mut night {
                person.off().await?;
            }
            report::line_err(&format!("  ward {ward:02} is there"));
            house.wards.push(Ward {
                desk,
                role: format!("nurse-{ward:02}"),
                place: format!("ward-{ward:02}"),
                patients: Vec::new(),
                day,
                night,
            });
        }
        house.publish(true, false).await?;
        for (ward, cared_for) in house.wards.iter().zip(&cared_for) {
            house
                .wait_edition(ward, cared_for.iter().chain(&ward.day))
                .await?;
        }
        for (ward, cared_for) in house.wards.iter_mut().zip(cared_for) {
            for person in cared_for {
                let (chart, team) = share(person.agent()?, &hospital(ward.desk), &ward.role).await?;
                ward.patients.push(Patient { person, chart, team });
            }
        }
        house.sit(true, false).await?;
        Ok(house)
    }

    /// The next editions, with these shifts on them: one for each ward, as its plan is made.
    pub(super) async fn publish(&mut self, day: bool, night: bool) -> Result<()> {
        for ward in &self.wards {
            let on = |shift: &[Person], on: bool| -> Result<Vec<Turn>> {
                match on {
                    true => shift.iter().map(|p| turn(&p.name, &ward.role)).collect(),
                    false => Ok(Vec::new()),
                }
            };
            let turns = [on(&ward.day, day)?, on(&ward.night, night)?].concat();
            let until = now()? + 48 * HOUR_MS;
            let desk = &mut self.desks[ward.desk];
            let published = desk.person.agent()?.publish_roster(&ward.place, until, turns);
            desk.edition = published.await.map_err(odd)?.edition;
        }
        Ok(())
    }

    /// Waits until all who are on have the newest edition, and the services have told everybody.
    pub(super) async fn published(&self) -> Result<()> {
        for ward in &self.wards {
            self.wait_edition(ward, ward.day.iter()).await?;
        }
        for desk in &self.desks {
            desk.person.agent()?.settle(PATIENCE).await.map_err(odd)?;
        }
        Ok(())
    }

    async fn wait_edition(&self, ward: &Ward, people: impl Iterator<Item = &Person>) -> Result<()> {
        let desk = &self.desks[ward.desk];
        for person in people {
            let here = person
                .agent()?
                .wait_roster(desk.person.id, desk.edition, PATIENCE);
            if let Err(error) = here.await {
                let waiting = desk.person.agent()?.waiting().await.map_err(odd)?;
                let first = waiting.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
                return Err(odd(format!(
                    "{} has no edition {}: {error}; with the roster service {} wait: {first}",
                    person.name,
                    desk.edition,
                    waiting.len()
                )));
            }
        }
        Ok(())
    }

    /// Waits until exactly these shifts sit in every team, as each of those who are on sees it.
    pub(super) async fn sit(&self, day: bool, night: bool) -> Result<()> {
        for ward in &self.wards {
            ward.sit(day, night).await?;
        }
        Ok(())
    }

    /// Waits until these shifts have said and heard all there is.
    pub(super) async fn settle(&self, day: bool, night: bool) -> Result<()> {
        for ward in &self.wards {
            let shifts = [(&ward.day, day), (&ward.night, night)];
            let shifts = shifts.into_iter().filter(|(_, on)| *on);
            let all = shifts.flat_map(|(shift, _)| shift);
            let settled =
                all.map(|person| async move { person.agent()?.settle(PATIENCE).await.map_err(odd) });
            try_join_all(settled).await?;
        }
        Ok(())
    }

    /// Events of all teams' mailboxes, added up.
    pub(super) async fn events(&self, by_night: bool) -> Result<u64> {
        let mut sum = 0;
        for ward in &self.wards {
            let shift = if by_night { &ward.night } else { &ward.day };
            let seen_by = shift.first().ok_or_else(|| odd("an empty shift"))?.agent()?;
            let teams: Vec<MailboxId> = ward.patients.iter().map(|p| p.team).collect();
            let all = seen_by.mailboxes().await.map_err(odd)?;
            sum += all
                .iter()
                .filter(|m| teams.contains(&m.id))
                .map(|m| m.seq)
                .sum::<u64>();
        }
        Ok(sum)
    }

    /// Key packages that those who came have made for their seats.
    pub(super) async fn packages(&self) -> Result<u64> {
        let mut sum = 0;
        for person in self.wards.iter().flat_map(|w| &w.night) {
            sum += person.agent()?.packages_made().await.map_err(odd)?;
        }
        Ok(sum)
    }

    /// Epochs of all teams, added up.
    pub(super) async fn epochs(&self, by_night: bool) -> Result<u64> {
        let mut sum = 0;
        for ward in &self.wards {
            let shift = if by_night { &ward.night } else { &ward.day };
            let seen_by = shift.first().ok_or_else(|| odd("an empty shift"))?.agent()?;
            for patient in &ward.patients {
                sum += seen_by.team_stand(patient.team).await.map_err(odd)?.epoch;
            }
        }
        Ok(sum)
    }
}

impl Ward {
    async fn sit(&self, day: bool, night: bool) -> Result<()> {
        let shifts = [(&self.day, day), (&self.night, night)];
        let shifts = shifts.into_iter().filter(|(_, on)| *on);
        let there: Vec<&Person> = shifts.flat_map(|(shift, _)| shift).collect();
        for patient in &self.patients {
            for person in &there {
                let mut others: Vec<IdentityId> = there.iter().map(|p| p.id).collect();
                others.push(patient.person.id);
                others.retain(|id| *id != person.id);
                let came = person.agent()?.wait_team(patient.team, others, PATIENCE).await;
                came.map_err(|e| odd(format!("{}: {e}", person.name)))?;
            }
        }
        Ok(())
    }
}

/// What a roster service is called.
fn hospital(desk: usize) -> String {
    format!("hospital-{desk:02}")
}

/// A turn that is under way.
fn turn(name: &str, role: &str) -> Result<Turn> {
    let now = now()?;
    Ok(Turn {
        person: name.to_owned(),
        role: role.to_owned(),
        from: now - HOUR_MS,
        until: now + 8 * HOUR_MS,
        source: RosterSource::Shift,
        approved_by: None,
    })
}

/// A patient writes a chart and shares it with the role.
async fn share(agent: &Agent, organisation: &str, role: &str) -> Result<(DocumentId, MailboxId)> {
    let heart: Scope = "heart".parse().map_err(odd)?;
    let scopes: Scopes = std::iter::once(heart).collect();
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", "Chart", vec![b'.'; CHART]);
    draft.scopes = scopes.clone();
    let added = agent.add(vec![draft]).await.map_err(odd)?;
    let chart = added.first().ok_or_else(|| odd("no chart"))?.id;
    let request = TeamRequest {
        organisation: organisation.to_owned(),
        role: role.to_owned(),
        scopes,
        until: Some(now()? + 72 * HOUR_MS),
        why: "stay".into(),
        although_unverified: true,
    };
    let team = agent.share_team(request).await.map_err(odd)?.mailbox;
    Ok((chart, team))
}
