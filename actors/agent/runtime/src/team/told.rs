//! Teams as the devices of one identity tell each other of them.
//!
//! A patient's other devices must be able to run a team and to end it, also when the one that
//! founded it is lost: each gets the owner's keys, and a seat of its own. A member's other devices
//! learn where they are called to, and ask for seats as that member does.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::message::{GroupMessage, Welcome};
use telesphor_clinical::own_device::SeatGiven;
use telesphor_clinical::roster::SignedRoster;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_identity::endpoint::EndReason;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{Cursor, MailboxKind};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use super::record::{Known, Standing, Team, Terms, View};
use crate::core::Ctx;
use crate::core::records::{Held, Job, MailboxState};
use crate::endpoints::mailboxes::owner_entry;
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;

/// A team, as one device tells another of it.
#[derive(Clone, Serialize, Deserialize)]
struct Told {
    mailbox: MailboxId,
    domain: Domain,
    grant: SignedGrant,
    patient: String,
    why: String,
    /// Since when it is over.
    over: Option<u64>,
    branch: u32,
    epoch: u64,
    /// The newest edition that was said there.
    roster: Option<SignedRoster>,
    barred: Vec<IdentityId>,
    shown: Vec<DocumentId>,
    /// Whoever tells it sits there, and has said what is shown.
    said: bool,
}

fn told_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"team-told/", &mailbox.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Tells the other devices of a team, if there are any.
    pub(crate) fn tell_team_record(&mut self, mailbox: &MailboxId) -> Result<()> {
        match self.keys.siblings {
            true => self.describe_team(mailbox),
            false => Ok(()),
        }
    }

    /// The same, whoever is there to read it.
    pub(crate) fn describe_team(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(Known { team, terms }) = self.team(mailbox)? else {
            return Ok(());
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        let (view, sits) = (self.team_view(mailbox)?, self.sits_in(mailbox)?);
        let roster = match view.newest() {
            Some(said) => Some(said.clone()),
            None => self.roster(&terms.organisation)?.map(|known| (*known).clone()),
        };
        let told = Told {
            mailbox: *mailbox,
            domain: team.domain,
            grant: team.grant,
            patient: team.patient,
            why: team.why,
            over: team.over,
            branch: held.as_ref().map_or(0, |h| h.branch),
            epoch: held.as_ref().map_or(0, |h| h.epoch),
            roster,
            barred: view.all_barred(),
            // What others showed is theirs to say again.
            shown: if terms.patient == self.me() {
                view.shown
            } else {
                Vec::new()
            },
            said: sits,
        };
        self.own(SelfEntry::Team(Bytes(canonical::encode(&told))))?;
        match held.and_then(|h| h.owner) {
            Some(owner) => self.own(owner_entry(*mailbox, &owner)),
            None => Ok(()),
        }
    }

    fn sits_in(&self, mailbox: &MailboxId) -> Result<bool> {
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        let open = held.is_some_and(|h| h.state == MailboxState::Open);
        Ok(open && self.has_group(mailbox)?)
    }

    /// Tells a new device of every team that is not over.
    pub(crate) fn brief_teams(&mut self) -> Result<()> {
        for Known { team, .. } in self.teams()? {
            if team.standing != Standing::Over {
                self.describe_team(&team.mailbox)?;
            }
        }
        Ok(())
    }

    /// Another device tells of a team.
    pub(crate) fn team_told(&mut self, bytes: &[u8]) -> Result<()> {
        let told: Told = canonical::decode(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        let terms = Terms::of(&told.grant).ok_or(Error::of(ErrorCode::BadDocument))?;
        self.check_grant(&told.grant)?;
        if let Some(roster) = &told.roster {
            self.roster_came(roster)?;
        }
        let mine = terms.patient == self.me();
        let mailbox = told.mailbox;
        let Some(known) = self.team(&mailbox)? else {
            if told.over.is_some() {
                return Ok(());
            }
            self.put_team(&Team {
                mailbox,
                domain: told.domain.clone(),
                grant: told.grant.clone(),
                patient: told.patient.clone(),
                why: told.why.clone(),
                standing: if mine { Standing::Own } else { Standing::Called },
                asked: None,
                tries: 0,
                over: None,
            })?;
            self.put(Table::Groups, &told_name(&mailbox), &told)?;
            if !mine {
                return self.want_seat(&mailbox);
            }
            self.put_view(&mailbox, &view_of(&told))?;
            return self.ask_seat(mailbox, None);
        };
        if !mine {
            return Ok(());
        }
        if told.over.is_some() && known.team.standing == Standing::Own {
            return self.team_over_by_sibling(known.team, told.over);
        }
        if !self.sits_in(&mailbox)? {
            self.put(Table::Groups, &told_name(&mailbox), &told)?;
            return self.put_view(&mailbox, &view_of(&told));
        }
        self.also_show(&mailbox, &told)
    }

    /// What another device added to what a team is shown. Whoever sits there says it, if the
    /// other does not.
    fn also_show(&mut self, mailbox: &MailboxId, told: &Told) -> Result<()> {
        let mut view = self.team_view(mailbox)?;
        let mut fresh = told.shown.clone();
        fresh.retain(|d| !view.shown.contains(d));
        if fresh.is_empty() {
            return Ok(());
        }
        if !told.said {
            return self.team_show(mailbox, &fresh);
        }
        view.shown.extend(&fresh);
        self.put_view(mailbox, &view)?;
        for who in self.others_in(mailbox)? {
            self.expect_opening(&who, &fresh)?;
        }
        Ok(())
    }

    /// Another device ended a team.
    fn team_over_by_sibling(&mut self, mut team: Team, at: Option<u64>) -> Result<()> {
        team.standing = Standing::Over;
        team.over = at;
        self.put_team(&team)?;
        let mailbox = team.mailbox;
        self.drop_said(&mailbox)?;
        self.drop_commits(&mailbox)?;
        for id in self.team_view(&mailbox)?.shown {
            self.tx
                .delete(Table::Receipts, &crate::core::names::came_in(&id))?;
        }
        Ok(())
    }

    /// The owner's keys of a team came from another device: from now on this one can end it, also
    /// without a seat.
    pub(crate) fn team_owner_told(&mut self, mailbox: &MailboxId) -> Result<()> {
        let known = self.team(mailbox)?;
        let Some(owner) = self.owner_keys_told(mailbox)? else {
            return Ok(());
        };
        let told: Option<Told> = self.get(Table::Groups, &told_name(mailbox))?;
        let (Some(known), Some(told), None) = (known, told, self.get::<Held>(Table::Mailboxes, &mailbox.0)?)
        else {
            return Ok(());
        };
        if known.team.standing != Standing::Own {
            return Ok(());
        }
        self.put_cursor(
            mailbox,
            &Cursor {
                seq: 0,
                hash: Digest([0; 32]),
            },
        )?;
        self.put_held(&Held {
            id: *mailbox,
            domain: told.domain,
            kind: MailboxKind::Shared,
            used: MailboxUse::Team,
            // Not followed before there is a seat: nothing of it could be opened.
            state: MailboxState::Ended,
            entered: 0,
            genesis: Digest([0; 32]),
            owner_key: owner.key().public(),
            owner: Some(owner),
            branch: told.branch,
            epoch: told.epoch,
            with: None,
            deposit_keys: Vec::new(),
            lease: NO_END,
            name: String::new(),
        })
    }

    /// A device was removed that knew the owner's keys of this identity's teams: they are founded
    /// anew under the same grants, and the old ones end and are given. Whoever is on duty is called to the new ones.
    /// One that was only put away leaves those in which this device sits by a change, as others do.
    pub(crate) fn found_teams_anew(&mut self) -> Result<Vec<MailboxId>> {
        let mut left = Vec::new();
        let history = self.history(&self.me())?.ok_or(Error::fault("own history"))?;
        let last = history
            .now()
            .endpoints
            .iter()
            .filter_map(|e| e.ended)
            .max_by_key(|end| end.n);
        let put_away = last.is_some_and(|end| end.reason == EndReason::Retired);
        for Known { team, terms } in self.teams()? {
            let mailbox = team.mailbox;
            let stays = team.standing != Standing::Own || (put_away && self.sits_in(&mailbox)?);
            if stays || self.get::<Held>(Table::Mailboxes, &mailbox.0)?.is_none() || terms.end <= self.now {
                continue;
            }
            let shown = self.team_view(&mailbox)?.shown;
            let until = self.roster(&terms.organisation)?;
            let until = until.map_or(0, |s| s.roster.until.stamp());
            // The removed device may have signed it, and its word counts no more.
            let grant = self.sign_grant_anew(&team.grant)?;
            let next = self.found_team(grant, &team.why, (terms.end, terms.end.min(until)))?;
            self.team_show(&next, &shown)?;
            self.end_team(&mailbox)?;
            left.push(mailbox);
        }
        Ok(left)
    }

    /// Gives another device of the patient's its seat: who sits there, what is shown, the way in.
    pub(crate) fn give_own_seat(
        &mut self,
        mailbox: &MailboxId,
        endpoint: PublicKey,
        welcome: Welcome,
    ) -> Result<()> {
        let own = self.profile.own.ok_or(Error::fault("self mailbox"))?;
        let people = self.others_in(mailbox)?;
        for who in people {
            let proofs = GroupMessage::Credentials(Bytes(self.proofs_about(&who)?.to_bytes()));
            let body = Bytes(canonical::encode(&proofs));
            let padding = super::padding_for(&body);
            self.say(own, &proofs, padding, Job::Nothing(true))?;
        }
        self.describe_team(mailbox)?;
        self.own(SelfEntry::SeatGiven(Box::new(SeatGiven {
            endpoint,
            with: None,
            welcome,
        })))
    }

    /// This device has its seat in a team of its own identity: it stands where whoever let it in
    /// stood.
    pub(crate) fn own_seat_taken(&mut self, mailbox: &MailboxId) -> Result<()> {
        let told: Option<Told> = self.get(Table::Groups, &told_name(mailbox))?;
        if let Some(told) = told {
            self.put_view(mailbox, &view_of(&told))?;
        }
        let mut held = self.held(mailbox)?;
        let known = self.team(mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let until = self.roster(&known.terms.organisation)?;
        let until = until.map_or(0, |s| s.roster.until.stamp());
        held.lease = known.terms.end.min(until);
        self.put_held(&held)
    }
}

fn view_of(told: &Told) -> View {
    View {
        rosters: told.roster.iter().cloned().collect(),
        barred: told.barred.clone(),
        shown: told.shown.clone(),
        ..View::default()
    }
}
