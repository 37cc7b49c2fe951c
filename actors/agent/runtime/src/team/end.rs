//! The end of a team: on the patient's word for everybody, or for one member whose turn is over.

use telesphor_clinical::scope::Scopes;
use telesphor_clinical::self_entry::{GrantEnded, SelfEntry};
use telesphor_clinical::team::{TeamEnded, TeamWord};
use telesphor_vault::Table;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::record::{Known, Standing, View};
use super::verbs::TeamRequest;
use crate::core::records::{Held, Job, MailboxState};
use crate::core::{Ctx, names};
use crate::documents::send::SentRecord;
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;
use crate::views::Revoked;

impl Ctx<'_, '_> {
    /// Ends what was granted to a role of an organisation: all of it, or what lies in some
    /// scopes. What stays granted goes on in another team, because scopes stand in the grant.
    pub(crate) fn revoke_team(&mut self, organisation: &str, role: &str, scopes: &Scopes) -> Result<Revoked> {
        let known = crate::contacts::show::find(self.tx, organisation)?;
        let organisation_id = known.contact.record.identity;
        let mut revoked = Revoked::default();
        for Known { team, terms } in self.teams()? {
            let meant = team.standing == Standing::Own
                && terms.organisation == organisation_id
                && (role.is_empty() || terms.role == role);
            let touched = scopes.is_empty() || terms.scopes.iter().any(|s| scopes.contains(s));
            if !meant || !touched {
                continue;
            }
            let view = self.team_view(&team.mailbox)?;
            revoked.grants += 1;
            revoked.documents += view.shown.len();
            revoked.opened += self.opened_of(&view)?;
            self.end_team(&team.mailbox)?;
            let left: Scopes = terms
                .scopes
                .iter()
                .filter(|s| !scopes.contains(s))
                .cloned()
                .collect();
            // One whose end has passed goes on nowhere.
            if !scopes.is_empty() && !left.is_empty() && terms.end > self.now {
                let request = TeamRequest {
                    organisation: organisation.to_owned(),
                    role: terms.role.clone(),
                    scopes: left,
                    until: (terms.end != NO_END).then_some(terms.end),
                    why: team.why.clone(),
                    although_unverified: true,
                };
                match self.share_team(&request) {
                    // Nothing lies in what is left.
                    Err(error) if error.code == ErrorCode::NotFound => {}
                    other => {
                        other?;
                    }
                }
            }
        }
        match revoked.grants {
            0 => Err(Error::of(ErrorCode::NotFound)),
            _ => Ok(revoked),
        }
    }

    fn opened_of(&self, view: &View) -> Result<usize> {
        let mut opened = 0;
        for id in &view.shown {
            let mut by_any = false;
            for known in self.teams()? {
                for who in self.ever_in(&known.team.mailbox)? {
                    let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(id, &who))?;
                    by_any |= sent.is_some_and(|s| s.opened.is_some());
                }
            }
            opened += usize::from(by_any);
        }
        Ok(opened)
    }

    /// Ends a team of one's own at once: the relay serves no key of it any more.
    pub(crate) fn end_team(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(Known { mut team, terms }) = self.team(mailbox)? else {
            return Ok(());
        };
        if team.standing != Standing::Own {
            return Err(ErrorCode::NotOwner.into());
        }
        team.standing = Standing::Over;
        team.over = Some(self.now);
        self.put_team(&team)?;
        self.drop_said(mailbox)?;
        self.drop_commits(mailbox)?;
        // What came there stays; nobody can be told there any more what becomes of it.
        for id in self.team_view(mailbox)?.shown {
            self.tx.delete(Table::Receipts, &names::came_in(&id))?;
        }
        for act in [OwnerAct::SetCeiling(0), OwnerAct::Close(Extensions::none())] {
            self.enqueue_act(*mailbox, act, Job::Nothing(true), None)?;
        }
        let grant = team.grant.grant.id();
        self.own(SelfEntry::GrantEnded(GrantEnded {
            grant,
            at: self.instant(),
            why: None,
            ext: Extensions::none(),
        }))?;
        self.tell_team_record(mailbox)?;
        let ended = TeamEnded {
            mailbox: *mailbox,
            grant,
            at: self.instant(),
        };
        self.tell_team(&terms.organisation, TeamWord::Ended(ended))
    }

    /// This endpoint sits in a team no more: it was taken out, or the relay serves the team no
    /// longer. What it was shown there goes; what its own person wrote stays. If there is another
    /// turn to come, it asks for a seat again.
    pub(crate) fn team_over(&mut self, held: &Held, relay_now: u64) -> Result<()> {
        let Some(Known { mut team, terms }) = self.team(&held.id)? else {
            return Ok(());
        };
        if team.standing == Standing::Own {
            return Ok(());
        }
        self.drop_said(&held.id)?;
        self.drop_commits(&held.id)?;
        let agreed = terms.end <= relay_now || self.is_discharged(&held.id)?;
        if team.standing == Standing::Sitting {
            team.standing = match agreed {
                true => Standing::Over,
                false => Standing::Called,
            };
        }
        if agreed {
            team.over.get_or_insert(relay_now);
        }
        team.asked = None;
        self.put_team(&team)?;
        let going = self.team_view(&held.id)?.shown;
        self.end_showing(&terms.patient, &going, terms.end.min(relay_now), agreed)?;
        self.want_seat(&held.id)
    }

    /// The team of a patient in which this endpoint sits and is shown a document, if there is
    /// one, and until when.
    pub(crate) fn team_shows(
        &self,
        patient: &IdentityId,
        document: &DocumentId,
    ) -> Result<Option<(MailboxId, Option<u64>)>> {
        for Known { team, terms } in self.teams()? {
            let held: Option<Held> = self.get(Table::Mailboxes, &team.mailbox.0)?;
            let sits = held.is_some_and(|h| h.state == MailboxState::Open);
            if terms.patient == *patient && sits && self.team_view(&team.mailbox)?.shown.contains(document) {
                let until = (terms.end != NO_END).then_some(terms.end);
                return Ok(Some((team.mailbox, until)));
            }
        }
        Ok(None)
    }

    /// Who sits or sat in a team, as far as its changes were seen here.
    pub(crate) fn ever_in(&self, mailbox: &MailboxId) -> Result<Vec<IdentityId>> {
        let mut people = super::show::came_ever(self.tx, mailbox)?;
        people.extend(self.others_in(mailbox)?);
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}
