//! The staff member's part: called to a team, asking for a seat, taking it.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::team::{TeamAsk, TeamPlace, TeamSeat};
use telesphor_identity::bundle::Proofs;
use telesphor_sealing::package::{make_packages, seal_package};
use telesphor_sealing::{Expectation, GroupSession, Joined, PackageAddress, Suite, WelcomeLetter};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::PublicKey;

use super::record::{Known, Standing, Team, Terms, View, team_policy};
use super::{EARLY_MS, GRACE_MS};
use crate::core::Ctx;
use crate::core::records::{Held, MailboxState};
use crate::error::{Error, Result};
use crate::group::begin::OWNER_KEY_EXTENSION;
use crate::group::rows::{Rows, apply};

/// How long a seat is waited for before it is asked for again, milliseconds.
const ASK_AGAIN_MS: u64 = 3600 * 1000;
/// Seats in a row that may lead nowhere before that time is waited for.
const MAX_TRIES: u32 = 8;

impl Ctx<'_, '_> {
    /// A roster service calls this person to a team.
    pub(crate) fn called(&mut self, from: &IdentityId, place: TeamPlace) -> Result<()> {
        let terms = Terms::of(&place.grant).ok_or(Error::of(ErrorCode::BadDocument))?;
        if terms.organisation != *from || terms.patient == self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        place
            .ext
            .check(&[])
            .map_err(|_| Error::of(ErrorCode::UnknownCritical))?;
        if self.team(&place.mailbox)?.is_some() {
            return Ok(());
        }
        self.learn_history(&terms.patient, &place.history)?;
        self.check_grant(&place.grant)?;
        let why = place.grant.grant.why.words.as_ref();
        self.put_team(&Team {
            mailbox: place.mailbox,
            domain: place.domain,
            why: why.map_or_else(String::new, telesphor_clinical::text::Text::shown),
            grant: place.grant,
            patient: place.patient.shown(),
            standing: Standing::Called,
            asked: None,
            tries: 0,
            over: None,
        })?;
        self.want_seat(&place.mailbox)
    }

    /// Asks for a seat, if this person has a turn in the team's role now or later and does not
    /// sit there.
    pub(crate) fn want_seat(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(Known { mut team, terms }) = self.team(mailbox)? else {
            return Ok(());
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        let sits = held.is_some_and(|h| h.state == MailboxState::Open);
        let waits = team.asked.is_some_and(|at| self.now < at + ASK_AGAIN_MS);
        let may = matches!(team.standing, Standing::Called | Standing::Sitting);
        let Some(roster) = self.roster(&terms.organisation)? else {
            return Ok(());
        };
        let me = self.me();
        let turn = roster
            .roster
            .turns(&me, &terms.role)
            .any(|t| t.until.stamp() > self.now);
        let discharged = self.is_discharged(mailbox)?;
        if sits || waits || !may || !turn || discharged || self.now >= terms.end {
            return Ok(());
        }
        team.asked = Some(self.now);
        self.put_team(&team)?;
        self.ask_for_seat(mailbox, &terms)
    }

    /// Sends a request for a seat, with a key package for that team alone.
    pub(crate) fn ask_for_seat(&mut self, mailbox: &MailboxId, terms: &Terms) -> Result<()> {
        let me = self.me();
        let again = self.has_group(mailbox)?;
        let step = make_packages(
            &Rows(self.tx),
            &self.keys.member,
            Suite::default(),
            1,
            false,
            self.now,
        )?;
        let packages = step.commit(|diff, _| apply(self.tx, diff))?;
        let package = packages.first().ok_or(Error::fault("package"))?;
        let endpoint = self.keys.endpoint.public();
        let to = PackageAddress {
            mailbox: *mailbox,
            contact: endpoint,
        };
        self.fx.packages += 1;
        let secret = Secret::random();
        let package = seal_package(package, &self.keys.member, &self.keys.endpoint, &to, &secret)?;
        let ask = TeamAsk {
            mailbox: *mailbox,
            person: me,
            endpoint,
            package,
            secret,
            again,
            proofs: Bytes(self.proofs_about(&me)?.to_bytes()),
        };
        self.fx.asks.push((terms.organisation, ask));
        Ok(())
    }

    /// A roster service brings a seat that was asked for. One that leads nowhere is asked for again.
    pub(crate) fn seat_came(&mut self, from: &IdentityId, seat: TeamSeat) -> Result<()> {
        if !seat.to.contains(&(self.me(), self.keys.endpoint.public())) {
            return Ok(());
        }
        let mailbox = seat.welcome.mailbox;
        let Some(Known { mut team, terms }) = self.team(&mailbox)? else {
            return Ok(());
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        let sits = held.is_some_and(|h| h.state == MailboxState::Open);
        if terms.organisation != *from || sits || team.standing == Standing::Over {
            return Ok(());
        }
        self.take_all_proofs(&seat.basis.proofs)?;
        self.roster_came(&seat.basis.roster)?;
        match self.enter(&team, &terms, &seat) {
            Ok(held) => {
                team.standing = Standing::Sitting;
                (team.asked, team.tries) = (None, 0);
                self.put_team(&team)?;
                let view = View {
                    rosters: vec![seat.basis.roster],
                    barred: seat.basis.barred,
                    ..View::default()
                };
                self.put_view(&mailbox, &view)?;
                self.hold_papers(&mailbox, self.now)?;
                self.announce(&mailbox, held.branch, held.epoch)?;
                self.team_line(&mailbox)
            }
            Err(error) if crate::sync::events::is_local(error.code) => Err(error),
            Err(_) => {
                team.tries += 1;
                if team.tries <= MAX_TRIES {
                    team.asked = None;
                }
                self.put_team(&team)?;
                self.want_seat(&mailbox)
            }
        }
    }

    /// Keeps proofs that came along; they prove themselves.
    pub(crate) fn take_all_proofs(&mut self, all: &[Bytes]) -> Result<()> {
        for bytes in all {
            let proofs = Proofs::from_bytes(bytes).map_err(|e| Error::of(e.code()))?;
            self.take_proofs(&proofs)?;
        }
        Ok(())
    }

    fn enter(&mut self, team: &Team, terms: &Terms, seat: &TeamSeat) -> Result<Held> {
        let refused = Error::of(ErrorCode::CannotOpen);
        let welcome = &seat.welcome;
        let letter: WelcomeLetter = canonical::decode(&welcome.mls).map_err(|_| refused.clone())?;
        let same = letter.branch == welcome.branch
            && letter.epoch == welcome.epoch
            && letter.domain == welcome.domain
            && welcome.domain == team.domain
            && welcome.used == MailboxUse::Team
            && welcome.owner == terms.patient;
        if !same {
            return Err(refused);
        }
        let owner_key: PublicKey = welcome
            .ext
            .get(OWNER_KEY_EXTENSION)
            .and_then(|e| canonical::decode(&e.body).ok())
            .ok_or(refused.clone())?;
        let expect = Expectation {
            mailbox: Some(welcome.mailbox),
            min_suite: self.min_suite(),
            owner: Some(terms.patient),
            policy: Some(team_policy(&team.grant)),
            replace: true,
        };
        let step =
            GroupSession::join(&Rows(self.tx), &self.keys.member, &letter, &expect).map_err(|_| refused)?;
        step.commit(|diff, (_, joined)| {
            self.company(terms, seat, joined)?;
            apply(self.tx, diff)
        })?;
        let roster = &seat.basis.roster.roster;
        let held = Held {
            id: welcome.mailbox,
            domain: welcome.domain.clone(),
            kind: MailboxKind::Shared,
            used: MailboxUse::Team,
            state: MailboxState::Open,
            owner: None,
            entered: welcome.from.seq,
            genesis: Digest([0; 32]),
            owner_key,
            branch: welcome.branch,
            epoch: welcome.epoch,
            with: None,
            deposit_keys: Vec::new(),
            lease: terms.end.min(roster.until.stamp()),
            name: String::new(),
        };
        self.put_cursor(&held.id, &welcome.from)?;
        self.put_held(&held)?;
        self.note_link(&held.id, welcome.from.seq, &welcome.from.hash)?;
        Ok(held)
    }

    /// Everybody there is the patient, or on the roster that came along, and who he says he is.
    /// Somebody whose turn has just ended may still sit there: the next change takes him out.
    fn company(&self, terms: &Terms, seat: &TeamSeat, joined: &Joined) -> Result<()> {
        let roster = &seat.basis.roster.roster;
        let day = 24 * 3600 * 1000;
        for other in &joined.members {
            let who = other.member.identity;
            let belongs =
                who == terms.patient || roster.on_duty(&who, &terms.role, self.now, EARLY_MS + GRACE_MS, day);
            let history = self.history(&who)?;
            let proved = history.is_some_and(|h| crate::people::all_members(&h).contains(&other.member));
            if !belongs || !proved {
                return Err(ErrorCode::BadDocument.into());
            }
        }
        Ok(())
    }

    /// The patient has ended a team that this person was called to. If he sits there, the relay's
    /// word ends it.
    pub(crate) fn team_gone(&mut self, from: &IdentityId, mailbox: &MailboxId) -> Result<()> {
        let Some(Known { mut team, terms }) = self.team(mailbox)? else {
            return Ok(());
        };
        if terms.organisation == *from && team.standing != Standing::Own {
            team.standing = Standing::Over;
            team.over.get_or_insert(self.now);
            self.put_team(&team)?;
        }
        Ok(())
    }
}
