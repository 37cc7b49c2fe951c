//! Where a removed device sat, and where it still does: what was done about it and what is open.

use serde::{Deserialize, Serialize};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::GroupSession;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::PublicKey;

use super::removing::{closing, endpoint_id};
use crate::core::records::{Entry, Held, Job, MailboxState, What};
use crate::core::{Ctx, Profile, names};
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::people;
use crate::sharing::room::is_over;
use crate::team::team_patient;
use crate::views::{CutView, Holds};

/// One mailbox in which a device sat when it was removed.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Sat {
    mailbox: MailboxId,
    used: MailboxUse,
    with: Option<IdentityId>,
    /// Whether this identity owns it.
    own: bool,
}

fn name(endpoint: &PublicKey) -> Vec<u8> {
    [b"cut/", &endpoint.0[..]].concat()
}

fn sits(records: &impl Records, mailbox: &MailboxId, endpoint: &PublicKey) -> Result<bool> {
    let session = GroupSession::load(&Rows(records), *mailbox)?;
    let seats = session.map(|s| s.members()).transpose()?.unwrap_or_default();
    Ok(seats.iter().any(|seat| seat.member.endpoint == *endpoint))
}

impl Ctx<'_, '_> {
    /// Notes where a device sits that is about to be removed.
    pub(crate) fn note_seats(&mut self, endpoint: &PublicKey) -> Result<()> {
        let mut all: Vec<Sat> = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            let room = self.room_opened_by(&held.id)? == Some(*endpoint);
            let here = held.kind == MailboxKind::Shared && held.state == MailboxState::Open;
            if here && (room || sits(self.tx, &held.id, endpoint)?) {
                all.push(Sat {
                    mailbox: held.id,
                    used: held.used,
                    with: held.with.or(team_patient(self.tx, &held.id)?),
                    own: held.owner.is_some(),
                });
            }
        }
        self.put(Table::Groups, &name(endpoint), &all)
    }
}

/// The device that a person means, ended ones too.
fn device(records: &impl Records, profile: &Profile, what: &str) -> Result<PublicKey> {
    let history = people::history(records, profile, &profile.identity)?;
    let (_, history) = history.ok_or(Error::fault("own history"))?;
    let all = &history.now().endpoints;
    let exact = |e: &&telesphor_identity::endpoint::EndpointState| {
        e.record.name.as_str() == what || endpoint_id(&e.record.key) == what
    };
    let mut fits = all.iter().filter(exact);
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one.record.key),
        (None, _) => Err(ErrorCode::NotFound.into()),
        _ => Err(ErrorCode::Ambiguous.into()),
    }
}

/// What was done about a removed device in each mailbox in which it sat, and what is open.
pub(crate) fn cut(records: &impl Records, profile: &Profile, what: &str) -> Result<Vec<CutView>> {
    let endpoint = device(records, profile, what)?;
    let people = People::load(records, profile)?;
    let all: Option<Vec<Sat>> = records.get_value(Table::Groups, &name(&endpoint))?;
    let mut views = Vec::new();
    for sat in all.unwrap_or_default() {
        let held: Option<Held> = records.get_value(Table::Mailboxes, &sat.mailbox.0)?;
        let open = held.is_some_and(|h| h.state == MailboxState::Open);
        if sat.used == MailboxUse::Team && crate::team::is_over(records, &sat.mailbox)? {
            views.push(CutView {
                purpose: sat.used.word(),
                with: sat.with.map(|who| people.name(&who)),
                done: true,
                waits_for: None,
            });
            continue;
        }
        // A room that the removed device opened is over once nothing of it is shown there any more
        // and the relay has closed it.
        let over = is_over(records, &sat.mailbox)? && !closing(records, &sat.mailbox)?;
        let in_room = sat.used == MailboxUse::Shared && open && !over;
        let still = in_room || (open && sits(records, &sat.mailbox, &endpoint)?);
        views.push(CutView {
            purpose: sat.used.word(),
            with: sat.with.map(|who| people.name(&who)),
            done: !still,
            waits_for: match (still, sat.own, sat.used) {
                (false, _, _) => None,
                (true, _, MailboxUse::Team) => Some(Holds::Team),
                (true, true, _) | (true, _, MailboxUse::Own) => Some(Holds::Here),
                (true, false, _) => Some(Holds::Other),
            },
        });
    }
    let waiting = keys_waiting(records)?;
    views.push(CutView {
        purpose: "keys",
        with: None,
        done: waiting == 0,
        waits_for: (waiting > 0).then_some(Holds::Here),
    });
    Ok(views)
}

/// Owner's acts that replace what a removed device knew and are not durable yet.
fn keys_waiting(records: &impl Records) -> Result<usize> {
    let mut waiting = 0;
    for (_, bytes) in records.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
        let Ok(entry) = canonical::decode::<Entry>(&bytes) else {
            continue;
        };
        let rotates = matches!(&entry.what, What::Owner(say) if matches!(say.act, OwnerAct::RotateOwner(_)));
        waiting += usize::from(rotates || matches!(entry.job, Job::OwnerReplaced(_)));
    }
    Ok(waiting)
}
