//! The patient's part: a grant to a role, the team that carries it out, and what is shown there.

use telesphor_clinical::grant::{Grant, Granted, Grantee, RoleAt, SignedGrant, Until};
use telesphor_clinical::header::{Purpose, PurposeCode};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_clinical::team::{TeamPlace, TeamWord};
use telesphor_clinical::text::Text;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::{Binding, Founding, GroupSession, Suite};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::FirstAccess;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{MailboxKind, Policy};

use super::record::{Standing, Team, Terms, View, team_policy};
use super::serve::no_name;
use super::verbs::TeamRequest;
use crate::core::Ctx;
use crate::core::records::Held;
use crate::documents::keep::all_kept;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::mailbox::open::{NO_END, Plan};
use crate::sharing::give::chosen;

impl Ctx<'_, '_> {
    /// Grants scopes of one's own record to a role, and shows what lies in them now. The same
    /// role, scopes and end again add what is new.
    pub(crate) fn share_team(&mut self, request: &TeamRequest) -> Result<MailboxId> {
        let known = crate::contacts::show::find(self.tx, &request.organisation)?;
        let organisation = known.contact.record.identity;
        let verified = known.contact.certainty != telesphor_clinical::contact::Certainty::Unverified;
        if !verified && !request.although_unverified && !known.contact.allow_unverified {
            return Err(ErrorCode::Unverified.into());
        }
        if request.scopes.is_empty() || request.until.is_some_and(|until| until <= self.now) {
            return Err(ErrorCode::Usage.into());
        }
        let roster = self
            .roster(&organisation)?
            .ok_or(Error::of(ErrorCode::NotFound))?;
        let people = People::load(self.tx, &self.profile)?;
        let (shown, _, _) = chosen(all_kept(self.tx)?, &people, &request.scopes, &[]);
        let documents: Vec<DocumentId> = shown.iter().map(|k| k.id).collect();
        if documents.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        let end = request.until.unwrap_or(NO_END);
        let same = |t: &Terms| {
            t.organisation == organisation
                && t.role == request.role
                && t.scopes == request.scopes
                && t.end == end
        };
        let here = self.teams()?.into_iter();
        let mut here = here.filter(|k| k.team.standing == Standing::Own && same(&k.terms));
        let mailbox = match here.next() {
            Some(known) => known.team.mailbox,
            None => {
                let grant = self.sign_team_grant(organisation, request)?;
                let lease = end.min(roster.roster.until.stamp());
                self.found_team(grant, &request.why, (end, lease))?
            }
        };
        self.team_show(&mailbox, &documents)?;
        Ok(mailbox)
    }

    fn sign_team_grant(&self, organisation: IdentityId, request: &TeamRequest) -> Result<SignedGrant> {
        let grant = Grant {
            version: VERSION,
            subject: self.me(),
            by: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            mandate: None,
            to: Grantee::Role(RoleAt {
                organisation,
                role: Text::cut(&request.role),
            }),
            what: Granted::Scopes(request.scopes.clone()),
            from: self.instant(),
            until: match request.until {
                Some(at) => Until::Instant(Instant::now_of(at, 0, Clock::Device)),
                None => Until::Revoked(Extensions::none()),
            },
            why: Purpose {
                code: PurposeCode::Treatment,
                words: Some(Text::cut(&request.why)),
            },
            random: Digest(*Secret::random().expose()),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&grant);
        Ok(SignedGrant { grant, signature })
    }

    /// The same grant by this device's own hand.
    pub(crate) fn sign_grant_anew(&self, signed: &SignedGrant) -> Result<SignedGrant> {
        let grant = Grant {
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            from: self.instant(),
            random: Digest(*Secret::random().expose()),
            ..signed.grant.clone()
        };
        let signature = self.keys.endpoint.sign(&grant);
        Ok(SignedGrant { grant, signature })
    }

    /// Founds the group, alone, and opens its mailbox. Whoever is on duty comes in by asking.
    pub(crate) fn found_team(
        &mut self,
        grant: SignedGrant,
        why: &str,
        (end, lease): (u64, u64),
    ) -> Result<MailboxId> {
        let (mailbox, voucher) = self.draw_mailbox()?;
        let (suite, domain) = (Suite::default(), self.profile.domain().clone());
        let founding = Founding {
            binding: Binding::new(mailbox, domain.clone(), self.me(), suite, team_policy(&grant)),
            suite,
            members: Vec::new(),
            now: self.now,
        };
        let step = GroupSession::found(&Rows(self.tx), &self.keys.member, &founding)?;
        let founded = self.write_group(step)?;
        let access = FirstAccess {
            epoch: founded.epoch,
            key: founded.access,
            lease,
            ceiling: end,
        };
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Shared,
            used: MailboxUse::Team,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: Some(access),
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        self.own(SelfEntry::Grant(Box::new(grant.clone())))?;
        self.put_view(&mailbox, &View::default())?;
        self.put_team(&Team {
            mailbox,
            domain,
            grant,
            patient: self.profile.name.clone(),
            why: why.to_owned(),
            standing: Standing::Own,
            asked: None,
            tries: 0,
            over: None,
        })?;
        Ok(mailbox)
    }

    /// The mailbox is open: the organisation is told, and whoever holds the role asks for a seat.
    pub(crate) fn team_open(&mut self, held: &Held) -> Result<()> {
        let Some(known) = self.team(&held.id)? else {
            return Ok(());
        };
        self.announce(&held.id, held.branch, held.epoch)?;
        self.tell_team_record(&held.id)?;
        let place = TeamPlace {
            mailbox: held.id,
            domain: held.domain.clone(),
            grant: known.team.grant,
            patient: no_name(),
            history: Bytes(self.my_history()?),
            ext: Extensions::none(),
        };
        self.tell_team(&known.terms.organisation, TeamWord::Place(Box::new(place)))
    }

    /// The relay would not open it: another mailbox carries the same grant out.
    pub(crate) fn team_not_opened(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(mut known) = self.team(mailbox)? else {
            return Ok(());
        };
        let (held, view) = (self.held(mailbox)?, self.team_view(mailbox)?);
        known.team.standing = Standing::Over;
        known.team.over = Some(self.now);
        self.put_team(&known.team)?;
        let times = (known.terms.end, held.lease);
        let next = self.found_team(known.team.grant.clone(), &known.team.why.clone(), times)?;
        self.team_show(&next, &view.shown)
    }

    /// Whether a grant is its giver's word, as far as the giver's history is known here.
    pub(crate) fn check_grant(&self, signed: &SignedGrant) -> Result<()> {
        let grant = &signed.grant;
        let history = self
            .history(&grant.by)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &grant.by,
            head: &grant.head,
            endpoint: &grant.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), grant, &signed.signature)
            .map_err(|e| Error::of(e.code()))
    }
}
