//! What is kept of teams.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::{Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::roster::SignedRoster;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::team::{TeamAsk, TeamPlace};
use telesphor_sealing::WelcomeLetter;
use telesphor_vault::{Records, Table};
use telesphor_wire::coded;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::core::Ctx;
use crate::error::Result;
use crate::mailbox::open::NO_END;

/// The teams that this endpoint owns, sits in or was called to.
const TEAMS: &[u8] = b"teams";
/// The teams that this endpoint serves as a roster service.
const SERVED: &[u8] = b"teams-served";
/// Rosters said in one epoch that may be gone by; an organisation does not make more in a moment.
const MAX_VIEWS: usize = 8;

coded! {
    /// How this endpoint stands to a team.
    pub(crate) enum Standing {
        /// It is the patient's, and owns the mailbox.
        1 => Own,
        /// It may sit there when its person is on duty.
        2 => Called,
        /// It sits there.
        3 => Sitting,
        /// The team has ended.
        4 => Over,
    }
}

/// To whom and for what a team was granted; read out of the grant once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) patient: IdentityId,
    pub(crate) organisation: IdentityId,
    pub(crate) role: String,
    pub(crate) scopes: Scopes,
    /// Unix milliseconds; [`NO_END`]: on the patient's word.
    pub(crate) end: u64,
}

impl Terms {
    /// `None` if it is not a grant of scopes to a role by the patient.
    pub(crate) fn of(signed: &SignedGrant) -> Option<Self> {
        let grant = &signed.grant;
        let (Grantee::Role(to), Granted::Scopes(scopes)) = (&grant.to, &grant.what) else {
            return None;
        };
        let own_word = grant.by == grant.subject && grant.mandate.is_none();
        (own_word && grant.ext.check(&[]).is_ok()).then(|| Self {
            patient: grant.subject,
            organisation: to.organisation,
            role: to.role.as_str().to_owned(),
            scopes: scopes.clone(),
            end: match &grant.until {
                Until::Instant(at) => at.stamp(),
                _ => NO_END,
            },
        })
    }
}

/// The policy that stands in a team's binding: it names the grant, so that every member judges
/// changes by the same one.
pub(crate) fn team_policy(grant: &SignedGrant) -> Digest {
    hash(HashLabel::Original, &("team policy", 1u16, grant.grant.id()))
}

/// One team.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Team {
    pub(crate) mailbox: MailboxId,
    pub(crate) domain: Domain,
    pub(crate) grant: SignedGrant,
    /// By which name the patient goes here.
    pub(crate) patient: String,
    pub(crate) why: String,
    pub(crate) standing: Standing,
    /// When a seat was asked for that has not come, Unix milliseconds.
    pub(crate) asked: Option<u64>,
    /// Seats that came and could not be taken, since the last that could.
    pub(crate) tries: u32,
    /// Since when it is over.
    pub(crate) over: Option<u64>,
}

/// A team as it is understood here: the record and the terms in it.
pub(crate) struct Known {
    pub(crate) team: Team,
    pub(crate) terms: Terms,
}

/// What the team's own mailbox has shown, in its order: every member has the same.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct View {
    /// Editions that a change may rest on: the newest of the epoch before, and those said since.
    pub(crate) rosters: Vec<SignedRoster>,
    /// Whom the patient had barred when the epoch began.
    pub(crate) barred: Vec<IdentityId>,
    /// Whom she has barred since. A change that was made before it was said, and ordered after,
    /// is no mischief: for letting in, it counts from the next epoch.
    pub(crate) newly_barred: Vec<IdentityId>,
    /// Documents that are shown in it.
    pub(crate) shown: Vec<DocumentId>,
    /// Whom the patient bars here, before it has been said: not let in by this endpoint.
    pub(crate) barring: Vec<IdentityId>,
}

impl View {
    /// The newest edition said.
    pub(crate) fn newest(&self) -> Option<&SignedRoster> {
        self.rosters.iter().max_by_key(|r| r.roster.edition)
    }

    /// Takes up an edition that was said; an older one changes nothing.
    pub(crate) fn learn(&mut self, roster: SignedRoster) {
        let newer = self
            .newest()
            .is_none_or(|n| n.roster.edition < roster.roster.edition);
        if newer && self.rosters.len() < MAX_VIEWS {
            self.rosters.push(roster);
        }
    }

    /// Everybody who is barred.
    pub(crate) fn all_barred(&self) -> Vec<IdentityId> {
        [&self.barred[..], &self.newly_barred[..]].concat()
    }

    /// Whether the patient has barred somebody, or is about to.
    pub(crate) fn is_barred(&self, who: &IdentityId) -> bool {
        self.barring.contains(who) || self.all_barred().contains(who)
    }

    /// An epoch has begun: only the newest edition counts from here, and who was barred.
    pub(crate) fn settle(&mut self) {
        self.barred.append(&mut self.newly_barred);
        let newest = self.newest().cloned();
        self.rosters = newest.into_iter().collect();
    }
}

/// A team as the roster service knows it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) place: TeamPlace,
    /// The patient, who is a contact.
    pub(crate) owner: IdentityId,
    /// Who was told of it.
    pub(crate) told: Vec<IdentityId>,
    /// Requests that were not answered yet.
    pub(crate) asks: Vec<TeamAsk>,
}

/// A Welcome that waits until the order has confirmed its commit.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TeamLetter {
    pub(crate) letter: WelcomeLetter,
    pub(crate) to: Vec<(IdentityId, PublicKey)>,
}

fn named(prefix: &[u8], mailbox: &MailboxId) -> Vec<u8> {
    [prefix, &mailbox.0[..]].concat()
}

/// Where a request for a seat is kept.
pub(crate) fn ask_name(mailbox: &MailboxId, endpoint: &PublicKey) -> Vec<u8> {
    [b"team-ask/", &mailbox.0[..], &endpoint.0[..]].concat()
}

/// Whom this roster service has brought a seat in a team.
fn seated_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-seated/", mailbox)
}

/// Who asks there: devices and their people, oldest first.
fn ask_list(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-askers/", mailbox)
}

/// Where in the outbox this endpoint's change of a team lies.
pub(crate) fn change_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-change/", mailbox)
}

pub(crate) fn letter_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-letter/", mailbox)
}

/// Since when a team waits to be open to its members' changes again, after a repair.
pub(crate) fn closed_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-closed/", mailbox)
}

/// How often nobody knows who broke a team.
pub(crate) fn broken_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"team-broken/", mailbox)
}

fn read(records: &impl Records, list: &[u8]) -> Result<Vec<MailboxId>> {
    Ok(records.get_value(Table::Groups, list)?.unwrap_or_default())
}

/// Every team known here.
pub(crate) fn all_teams(records: &impl Records) -> Result<Vec<Known>> {
    let mut all = Vec::new();
    for mailbox in read(records, TEAMS)? {
        all.extend(team_of(records, &mailbox)?);
    }
    Ok(all)
}

pub(crate) fn team_of(records: &impl Records, mailbox: &MailboxId) -> Result<Option<Known>> {
    let team: Option<Team> = records.get_value(Table::Groups, &named(b"team/", mailbox))?;
    Ok(team.and_then(|team| Terms::of(&team.grant).map(|terms| Known { team, terms })))
}

/// Whether a team has ended.
pub(crate) fn is_over(records: &impl Records, mailbox: &MailboxId) -> Result<bool> {
    Ok(team_of(records, mailbox)?.is_some_and(|known| known.team.standing == Standing::Over))
}

/// Whose team it is, if the mailbox is one's.
pub(crate) fn team_patient(records: &impl Records, mailbox: &MailboxId) -> Result<Option<IdentityId>> {
    Ok(team_of(records, mailbox)?.map(|known| known.terms.patient))
}

pub(crate) fn view_of(records: &impl Records, mailbox: &MailboxId) -> Result<View> {
    let view = records.get_value(Table::Groups, &named(b"team-view/", mailbox))?;
    Ok(view.unwrap_or_default())
}

impl Ctx<'_, '_> {
    pub(crate) fn team(&self, mailbox: &MailboxId) -> Result<Option<Known>> {
        team_of(self.tx, mailbox)
    }

    pub(crate) fn teams(&self) -> Result<Vec<Known>> {
        all_teams(self.tx)
    }

    pub(crate) fn put_team(&mut self, team: &Team) -> Result<()> {
        self.enlist(TEAMS, team.mailbox)?;
        let before = self.team(&team.mailbox)?.map(|known| known.team.standing);
        // Whoever has a seat has looked at it where it came; all others may have something to do.
        self.fx.teams |= before != Some(team.standing) && team.standing != Standing::Sitting;
        self.put(Table::Groups, &named(b"team/", &team.mailbox), team)
    }

    pub(crate) fn team_view(&self, mailbox: &MailboxId) -> Result<View> {
        view_of(self.tx, mailbox)
    }

    pub(crate) fn put_view(&mut self, mailbox: &MailboxId, view: &View) -> Result<()> {
        self.put(Table::Groups, &named(b"team-view/", mailbox), view)
    }

    pub(crate) fn served(&self, mailbox: &MailboxId) -> Result<Option<Served>> {
        self.get(Table::Groups, &named(b"team-served/", mailbox))
    }

    pub(crate) fn all_served(&self) -> Result<Vec<Served>> {
        let mut all = Vec::new();
        for mailbox in read(self.tx, SERVED)? {
            all.extend(self.served(&mailbox)?);
        }
        Ok(all)
    }

    pub(crate) fn put_served(&mut self, served: &Served) -> Result<()> {
        self.enlist(SERVED, served.place.mailbox)?;
        self.put(
            Table::Groups,
            &named(b"team-served/", &served.place.mailbox),
            served,
        )
    }

    pub(crate) fn forget_served(&mut self, mailbox: &MailboxId) -> Result<()> {
        let mut list = read(self.tx, SERVED)?;
        list.retain(|m| m != mailbox);
        self.put(Table::Groups, SERVED, &list)?;
        self.tx.delete(Table::Groups, &named(b"team-served/", mailbox))?;
        self.tx.delete(Table::Groups, &seated_name(mailbox))?;
        Ok(())
    }

    /// Whom this roster service has ever brought a seat in a team.
    pub(crate) fn seated(&self, mailbox: &MailboxId) -> Result<Vec<IdentityId>> {
        Ok(self
            .get(Table::Groups, &seated_name(mailbox))?
            .unwrap_or_default())
    }

    pub(crate) fn put_seated(&self, mailbox: &MailboxId, seated: &Vec<IdentityId>) -> Result<()> {
        self.put(Table::Groups, &seated_name(mailbox), seated)
    }

    /// Requests for seats in a team, oldest first.
    pub(crate) fn asks(&self, mailbox: &MailboxId) -> Result<Vec<TeamAsk>> {
        let mut all = Vec::new();
        for (endpoint, _) in self.ask_list(mailbox)? {
            all.extend(self.get::<TeamAsk>(Table::Groups, &ask_name(mailbox, &endpoint))?);
        }
        Ok(all)
    }

    fn ask_list(&self, mailbox: &MailboxId) -> Result<Vec<(PublicKey, IdentityId)>> {
        Ok(self.get(Table::Groups, &ask_list(mailbox))?.unwrap_or_default())
    }

    /// Who asks for a seat in a team.
    pub(crate) fn askers(&self, mailbox: &MailboxId) -> Result<Vec<IdentityId>> {
        Ok(self.ask_list(mailbox)?.into_iter().map(|(_, who)| who).collect())
    }

    pub(crate) fn put_ask(&mut self, ask: &TeamAsk) -> Result<()> {
        let mut askers = self.ask_list(&ask.mailbox)?;
        if !askers.iter().any(|(endpoint, _)| *endpoint == ask.endpoint) {
            askers.push((ask.endpoint, ask.person));
            self.put(Table::Groups, &ask_list(&ask.mailbox), &askers)?;
        }
        self.put(Table::Groups, &ask_name(&ask.mailbox, &ask.endpoint), ask)
    }

    pub(crate) fn drop_ask(&mut self, mailbox: &MailboxId, endpoint: &PublicKey) -> Result<()> {
        let mut askers = self.ask_list(mailbox)?;
        let before = askers.len();
        askers.retain(|(key, _)| key != endpoint);
        if askers.len() < before {
            self.put(Table::Groups, &ask_list(mailbox), &askers)?;
            self.tx.delete(Table::Groups, &ask_name(mailbox, endpoint))?;
        }
        Ok(())
    }

    fn enlist(&mut self, list: &[u8], mailbox: MailboxId) -> Result<()> {
        let mut all = read(self.tx, list)?;
        if !all.contains(&mailbox) {
            all.push(mailbox);
            self.put(Table::Groups, list, &all)?;
        }
        Ok(())
    }
}
