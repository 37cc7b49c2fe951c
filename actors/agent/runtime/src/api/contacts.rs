//! `invite`, `accept`, `contacts`.

use std::time::Duration;

use telesphor_clinical::contact::Certainty;
use telesphor_clinical::invite::InviteLink;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::SigningKey;

use super::agent::Agent;
use crate::attest::show::attestations;
use crate::contacts::invite::Invited;
use crate::contacts::record::all_known;
use crate::contacts::show::{find, view};
use crate::core::records::{Acquaintance, Known, Refused};
use crate::error::{Error, Result};
use crate::exchange::record::unread_name;
use crate::views::{ContactView, Invitation};

impl Agent {
    /// Makes a one-time invitation, good for `lasting`. Returns when the relay holds the offer.
    ///
    /// # Errors
    /// [`ErrorCode::AdmissionInvalid`] if no mailbox can be opened any more;
    /// [`ErrorCode::NotYetDurable`] or [`ErrorCode::Unreachable`] after `wait`: the invitation
    /// goes on by itself, [`Agent::invitations`] shows it.
    pub async fn invite(&self, meant_for: &str, lasting: Duration, wait: Duration) -> Result<Invitation> {
        let name = meant_for.to_owned();
        let lasting_ms = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        let link = self
            .shared
            .change(move |core| {
                core.write(|ctx| {
                    let expires = ctx.now.saturating_add(lasting_ms);
                    ctx.invite(&name, expires)
                })
            })
            .await?;
        let mailbox = link.mailbox;
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let invited: Option<Invited> = snapshot.get_value(Table::Invitations, &mailbox.0)?;
            let said = invited.is_some_and(|i| i.said);
            let waiting = core
                .index
                .outbox
                .values()
                .any(|slot| slot.lane == crate::core::index::Lane::Mailbox(mailbox));
            Ok((said && !waiting).then_some(()))
        })
        .await?;
        Ok(Invitation {
            link: link.to_text(),
            meant_for: meant_for.to_owned(),
            expires: link.expires,
        })
    }

    /// Invitations sent and not taken yet.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn invitations(&self) -> Result<Vec<Invitation>> {
        self.look(|snapshot, _| {
            let mut all = Vec::new();
            for (_, bytes) in snapshot.scan(Table::Invitations)? {
                let Ok(i) = telesphor_wire::canonical::decode::<Invited>(&bytes) else {
                    continue;
                };
                if i.key.is_some() && i.taken_by.is_none() {
                    all.push(Invitation {
                        link: i.link.to_text(),
                        meant_for: i.name,
                        expires: i.link.expires,
                    });
                }
            }
            Ok(all)
        })
        .await
    }

    /// Takes an invitation and waits until the answer counts. `alias` is one's own short name
    /// for the inviter; empty takes the one it goes by.
    ///
    /// # Errors
    /// [`ErrorCode::InviteUsed`], [`ErrorCode::InviteExpired`]; [`ErrorCode::NotYetDurable`] after
    /// `wait`: it goes on by itself.
    pub async fn accept(&self, link: &str, alias: &str, wait: Duration) -> Result<ContactView> {
        let link = InviteLink::from_text(link).map_err(|e| Error::of(e.code()))?;
        let (inviter, mailbox, alias) = (link.inviter, link.mailbox, alias.to_owned());
        self.shared
            .change(move |core| core.write(|ctx| ctx.accept(link, &alias)))
            .await?;
        self.wait_contact(inviter, Some(mailbox), wait).await
    }

    /// Waits until the acquaintance with an identity is settled.
    async fn wait_contact(
        &self,
        id: IdentityId,
        offer: Option<MailboxId>,
        wait: Duration,
    ) -> Result<ContactView> {
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let known: Option<Known> = snapshot.get_value(Table::Contacts, &id.0)?;
            let unread: Option<Refused> = match offer {
                Some(offer) => snapshot.get_value(Table::Invitations, &unread_name(&offer))?,
                None => None,
            };
            if let Some(refused) = unread {
                return Err(refused.into());
            }
            match known {
                Some(k) if k.state == Acquaintance::TooLate => Err(Error {
                    support: k.support,
                    ..Error::of(ErrorCode::InviteUsed)
                }),
                Some(k) if k.state == Acquaintance::Settled => Ok(Some(view(&core.profile, &k))),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Waits until somebody has taken an invitation made here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a link not made here; [`ErrorCode::NotYetDurable`] after `wait`.
    pub async fn wait_taken(&self, link: &str, wait: Duration) -> Result<ContactView> {
        let link = InviteLink::from_text(link).map_err(|e| Error::of(e.code()))?;
        let mailbox: MailboxId = link.mailbox;
        let taker = self
            .wait_for(wait, move |core| {
                let snapshot = core.read()?;
                let invited: Invited = snapshot
                    .get_value(Table::Invitations, &mailbox.0)?
                    .ok_or(Error::of(ErrorCode::NotFound))?;
                Ok(invited.taken_by)
            })
            .await?;
        self.wait_contact(taker, None, wait).await
    }

    /// All contacts, by alias.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn contacts(&self) -> Result<Vec<ContactView>> {
        self.look(|snapshot, profile| {
            let mut views = Vec::new();
            for known in all_known(snapshot)?.iter().filter(|k| !k.removed) {
                views.push(with_attestations(snapshot, profile, known)?);
            }
            Ok(views)
        })
        .await
    }

    /// One contact, by alias, identity, or the beginning of either.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn contact(&self, who: &str) -> Result<ContactView> {
        let who = who.to_owned();
        self.look(move |snapshot, profile| with_attestations(snapshot, profile, &find(snapshot, &who)?))
            .await
    }

    /// The words were compared: the contact is who it says.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn confirm_contact(&self, who: &str) -> Result<ContactView> {
        let who = who.to_owned();
        self.shared
            .change(move |core| {
                let view_profile = core.profile.clone();
                core.write(|ctx| {
                    let mut known = find(ctx.tx, &who)?;
                    known.contact.certainty = Certainty::Compared;
                    ctx.put(Table::Contacts, &known.contact.record.identity.0, &known)?;
                    ctx.own(SelfEntry::Contact(Box::new(known.contact.clone())))?;
                    Ok(view(&view_profile, &known))
                })
            })
            .await
    }

    /// Removes a contact: it can deposit no more, and nothing is sent to it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn remove_contact(&self, who: &str) -> Result<()> {
        let who = who.to_owned();
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let mut known = find(ctx.tx, &who)?;
                    known.removed = true;
                    let id = known.contact.record.identity;
                    if let Some(address) = known.contact.given.as_ref().and_then(|g| g.addresses.first()) {
                        let key = SigningKey::from_seed(&address.deposit_seed).public();
                        let mailbox = address.mailbox;
                        ctx.end_deposits(&mailbox, &key)?;
                    }
                    ctx.put(Table::Contacts, &id.0, &known)?;
                    ctx.own(SelfEntry::ContactRemoved(id))
                })
            })
            .await
    }
}

fn with_attestations(
    records: &impl Records,
    profile: &crate::core::Profile,
    known: &Known,
) -> Result<ContactView> {
    let mut shown = view(profile, known);
    let id = known.contact.record.identity;
    shown.attested = attestations(records, profile, |a| a.attestation.subject == id)?;
    Ok(shown)
}
