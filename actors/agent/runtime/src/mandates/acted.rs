//! What a holder does for this identity, as his program tells it: noted, judged, and ended from
//! here if that is wanted or was not allowed.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::{Granted, Grantee};
use telesphor_clinical::mandate::Power;
use telesphor_clinical::receipt::SignedReceipt;
use telesphor_clinical::self_entry::{GrantEnded, MailboxUse, OwnerKeyEntry};
use telesphor_clinical::standing_in::{MandateAct, MandateWord};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::mandate::Act;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::text::Domain;

use super::record::mandate;
use crate::core::records::{Held, MailboxState, OwnerKeys};
use crate::core::{Ctx, names};
use crate::documents::send::SentRecord;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;
use crate::sharing::came::end_of;
use crate::sharing::give::{Given, given_name};
use crate::sharing::room::{Room, RoomState};
use crate::sharing::show::all_given;

/// By this name goes a mailbox that a holder opened and this identity can end. It is not followed,
/// and what the relay notes of it is sealed to the holder.
pub(crate) const OPENED_FOR_ME: &str = "opened for me by mandate";

const READER: &[u8] = b"reader-by-mandate/";

/// A room that a holder opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ActedRoom {
    by: IdentityId,
    domain: Domain,
}

fn acted_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"acted-room/", &mailbox.0[..]].concat()
}

fn reader_name(who: &IdentityId) -> Vec<u8> {
    [READER, &who.0].concat()
}

/// Names of people to whom a holder has shown something.
pub(crate) fn readers(records: &impl Records) -> Result<Vec<(IdentityId, String)>> {
    let mut all = Vec::new();
    for (name, bytes) in records.scan(Table::Grants)? {
        let id = name
            .strip_prefix(READER)
            .and_then(|id| <[u8; 32]>::try_from(id).ok());
        if let (Some(id), Ok(text)) = (id, telesphor_wire::canonical::decode::<Text>(&bytes)) {
            all.push((IdentityId(id), text.shown()));
        }
    }
    Ok(all)
}

impl Ctx<'_, '_> {
    /// Tells the one acted for of a grant that was given in his name.
    pub(crate) fn tell_acted(&mut self, given: &Given) -> Result<()> {
        let subject = given.signed.grant.subject;
        let reader = self.proofs_about(&given.to)?;
        let name = People::load(self.tx, &self.profile)?.name(&given.to);
        let act = MandateAct {
            grant: given.signed.clone(),
            mailbox: given.mailbox,
            domain: self.profile.domain().clone(),
            reader: Bytes(
                Proofs {
                    histories: reader.histories,
                    ..Proofs::default()
                }
                .to_bytes(),
            ),
            name: Text::cut(&name),
            ext: Extensions::none(),
        };
        self.tell_mandate(&subject, MandateWord::Acted(Box::new(act)))
    }

    /// A room that was opened for another is there: he gets its owner keys.
    pub(crate) fn hand_over_room(&mut self, held: &Held) -> Result<()> {
        let Some(under) = self.room(&held.id)?.and_then(|room| room.under) else {
            return Ok(());
        };
        let (subject, Some(owner)) = (self.acts_for(Some(&under))?, &held.owner) else {
            return Ok(());
        };
        if subject == self.me() {
            return Ok(());
        }
        let keys = OwnerKeyEntry {
            mailbox: held.id,
            seed: owner.seed.clone(),
            next_seed: Some(owner.next_seed.clone()),
            counter: owner.counter,
        };
        self.tell_mandate(&subject, MandateWord::Owner(keys))
    }

    /// A holder has granted something in this identity's name. What he was not allowed to ends as
    /// soon as his room can be ended from here.
    pub(crate) fn acted(&mut self, from: &Member, act: MandateAct) -> Result<()> {
        let grant = &act.grant.grant;
        let (Grantee::Identity(to), Granted::Documents(documents), Some(id)) =
            (&grant.to, &grant.what, grant.mandate)
        else {
            return Err(ErrorCode::BadDocument.into());
        };
        if grant.subject != self.me() || grant.by != from.identity || grant.endpoint != from.endpoint {
            return Err(ErrorCode::MandateOther.into());
        }
        let history = self
            .history(&grant.by)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &grant.by,
            head: &grant.head,
            endpoint: &grant.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), grant, &act.grant.signature)
            .map_err(|e| Error::of(e.code()))?;
        let proofs = Proofs::from_bytes(&act.reader).map_err(|e| Error::of(e.code()))?;
        self.take_proofs(&proofs)?;
        self.put(Table::Grants, &reader_name(to), &act.name)?;
        let allowed = self.was_allowed(from, &id, documents)?;
        let given = Given {
            signed: act.grant.clone(),
            to: *to,
            mailbox: act.mailbox,
            until: end_of(grant),
            why: grant
                .why
                .words
                .as_ref()
                .map_or_else(String::new, |w| w.as_str().to_owned()),
            documents: documents.clone(),
            revoked: (!allowed).then_some(self.now),
            under: Some(id),
        };
        let room = ActedRoom {
            by: from.identity,
            domain: act.domain,
        };
        self.put(Table::Grants, &acted_name(&act.mailbox), &room)?;
        self.put(Table::Grants, &given_name(&given.signed.grant.id()), &given)?;
        if self.room(&act.mailbox)?.is_none() {
            self.put_room(&Room {
                mailbox: act.mailbox,
                to: *to,
                end: given.until.unwrap_or(NO_END),
                state: RoomState::Sibling,
                voucher: None,
                retry_at: 0,
                under: Some(id),
            })?;
        }
        match allowed {
            true => Ok(()),
            false => self.end_room_of(&act.mailbox),
        }
    }

    fn was_allowed(
        &self,
        from: &Member,
        id: &Digest,
        documents: &[telesphor_wire::ids::DocumentId],
    ) -> Result<bool> {
        let mut headers = Vec::new();
        for document in documents {
            // What he wrote himself may be on its way here.
            headers.extend(self.kept(document)?.map(|kept| kept.header));
        }
        let of: super::judge::OfDocuments<'_> = headers.iter().map(|h| (&h.scopes, &h.sensitivity)).collect();
        let act = Act {
            by: &from.identity,
            whom: &self.me(),
            powers: &[Power::Share],
            documents: &of,
        };
        let running = mandate(self.tx, id)?.is_some_and(|kept| kept.over.is_none());
        Ok(running && self.judge_act(id, &act).is_ok())
    }

    /// The owner keys of a room that a holder opened.
    pub(crate) fn acted_owner(&mut self, from: &IdentityId, keys: OwnerKeyEntry) -> Result<()> {
        let room: Option<ActedRoom> = self.get(Table::Grants, &acted_name(&keys.mailbox))?;
        let Some(room) = room.filter(|room| room.by == *from) else {
            return Ok(());
        };
        let Some(next_seed) = keys.next_seed else {
            return Ok(());
        };
        let owner = OwnerKeys {
            seed: keys.seed,
            next_seed,
            counter: keys.counter,
        };
        self.put_held(&Held {
            id: keys.mailbox,
            domain: room.domain,
            kind: MailboxKind::Shared,
            used: MailboxUse::Shared,
            state: MailboxState::Ended,
            owner_key: owner.key().public(),
            owner: Some(owner),
            entered: 0,
            genesis: Digest([0; 32]),
            branch: 0,
            epoch: 0,
            with: Some(room.by),
            deposit_keys: Vec::new(),
            lease: NO_END,
            name: OPENED_FOR_ME.to_owned(),
        })?;
        // Ended here before it could be.
        match all_given(self.tx)?
            .iter()
            .any(|g| g.mailbox == keys.mailbox && g.runs(self.now))
        {
            true => Ok(()),
            false => self.close_room(&keys.mailbox, None),
        }
    }

    /// Ends a room that a holder opened, as a whole: this device does not sit in it, and cannot
    /// say there what would stay.
    pub(crate) fn end_room_of(&mut self, mailbox: &MailboxId) -> Result<()> {
        for mut given in all_given(self.tx)? {
            if given.mailbox != *mailbox {
                continue;
            }
            given.revoked.get_or_insert(self.now);
            let id = given.signed.grant.id();
            self.put(Table::Grants, &given_name(&id), &given)?;
            let ended = GrantEnded {
                grant: id,
                at: self.instant(),
                why: None,
                ext: Extensions::none(),
            };
            self.tell_siblings(telesphor_clinical::self_entry::SelfEntry::GrantEnded(
                ended.clone(),
            ))?;
            self.tell_mandate(&given.signed.grant.by, MandateWord::Over(ended))?;
        }
        match self.get::<Held>(Table::Mailboxes, &mailbox.0)? {
            Some(_) => self.close_room(mailbox, None),
            None => Ok(()),
        }
    }

    /// The one acted for has ended a grant that was given in his name.
    pub(crate) fn acted_over(&mut self, from: &IdentityId, ended: &GrantEnded) -> Result<()> {
        let given: Option<Given> = self.get(Table::Grants, &given_name(&ended.grant))?;
        let Some(mut given) = given.filter(|g| g.signed.grant.by == self.me()) else {
            return Ok(());
        };
        if given.signed.grant.subject != *from {
            return Err(ErrorCode::MandateOther.into());
        }
        given.revoked.get_or_insert(ended.at.stamp());
        self.put(Table::Grants, &given_name(&ended.grant), &given)?;
        match self.room_grant(&given.mailbox)? {
            None => self.close_room(&given.mailbox, None),
            Some(_) => Ok(()),
        }
    }

    /// What the reader of a room that was opened for another says goes on to him.
    pub(crate) fn pass_on_receipt(&mut self, from: &IdentityId, signed: &SignedReceipt) -> Result<()> {
        let sent: Option<SentRecord> =
            self.get(Table::Receipts, &names::sent(&signed.receipt.document, from))?;
        // A reader may be faster than the relay's receipt for what he reads.
        let room = match sent.and_then(|sent| sent.receipt) {
            Some(receipt) => Some(receipt.leaf.mailbox),
            None => all_given(self.tx)?
                .into_iter()
                .find(|g| g.to == *from && g.documents.contains(&signed.receipt.document))
                .map(|given| given.mailbox),
        };
        let under = match room {
            Some(mailbox) => self.room(&mailbox)?.and_then(|room| room.under),
            None => None,
        };
        let subject = self.acts_for(under.as_ref())?;
        match subject == self.me() {
            true => Ok(()),
            false => self.tell_mandate(&subject, MandateWord::Read(Box::new(signed.clone()))),
        }
    }

    /// A holder passes on what the reader of his room says: counts if that reader signed it.
    pub(crate) fn acted_read(&mut self, from: &IdentityId, signed: SignedReceipt) -> Result<()> {
        let receipt = &signed.receipt;
        let shown = all_given(self.tx)?.iter().any(|g| {
            g.signed.grant.by == *from && g.to == receipt.place && g.documents.contains(&receipt.document)
        });
        if !shown {
            return Err(ErrorCode::MandateOther.into());
        }
        let history = self
            .history(&receipt.place)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &receipt.place,
            head: &receipt.place_head,
            endpoint: &receipt.at_endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), receipt, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        self.push(Table::Receipts, names::LOG, &signed)?;
        Ok(())
    }
}
