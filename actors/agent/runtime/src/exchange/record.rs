//! What is kept of requests on their way.

use serde::{Deserialize, Serialize};
use telesphor_vault::{Records, Table};
use telesphor_wire::blob::call::BlobRequest;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::facts::ExchangeFacts;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::tagged;
use telesphor_wire::text::{Domain, SupportCode};

use crate::core::Ctx;
use crate::error::Result;

/// Home's word about other domains.
pub(super) const FACTS: &[u8] = b"exchange";
/// This endpoint's outbox at home.
pub(super) const OUT: &[u8] = b"exchange-outbox";

tagged! {
    /// What is wished of another domain.
    pub(crate) enum FarWish {
        /// A command that carries its own signature, canonical bytes.
        1 => Command(Bytes),
        /// The next events of a mailbox that is read over there; its right is proved anew for each
        /// request.
        2 => Look(MailboxId),
        /// What comes next in a shared mailbox over there.
        3 => Follow(MailboxId),
        /// A piece of a file that stands in a shared mailbox over there.
        4 => File(BlobRequest),
    }
}

/// A wish, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FarSay {
    pub(crate) domain: Domain,
    pub(crate) mailbox: MailboxId,
    pub(crate) wish: FarWish,
}

/// An entry of the outbox on its way to another domain.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Away {
    pub(super) say: FarSay,
    pub(super) request: Forwarded,
    /// Opens its answer, and no other.
    pub(super) reply: SealingKey,
    pub(super) support: SupportCode,
    /// Where it lies in the outbox at home, once that is durable.
    pub(super) lies: Option<u64>,
}

/// What home said, and when.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) at: u64,
    /// Nothing: home exchanges nothing with others.
    pub(super) said: Option<ExchangeFacts>,
}

/// The outbox at home.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Out {
    pub(super) mailbox: MailboxId,
    /// Up to here home was told that it may let go.
    pub(super) acknowledged: u64,
}

fn away_name(seq: u64) -> Vec<u8> {
    [b"away/", &seq.to_be_bytes()[..]].concat()
}

fn asked_name(request: &Digest) -> Vec<u8> {
    [b"asked/", &request.0[..]].concat()
}

/// The lane in which a mailbox over there is written to.
pub(super) fn lane_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"lane/", &mailbox.0[..]].concat()
}

/// The lane in which a mailbox over there is followed: nothing else waits for its answers.
pub(super) fn follow_lane_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"follow-lane/", &mailbox.0[..]].concat()
}

/// The lane in which files of a mailbox over there are fetched.
pub(super) fn files_lane_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"files-lane/", &mailbox.0[..]].concat()
}

/// Which entry follows a mailbox over there.
pub(super) fn follow_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"follow/", &mailbox.0[..]].concat()
}

/// Why a mailbox over there could not be looked at.
pub(crate) fn unread_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"unread/", &mailbox.0[..]].concat()
}

/// By which code an entry for another domain is followed at both hospitals.
pub(crate) fn support_of(records: &impl Records, seq: u64) -> Result<Option<SupportCode>> {
    let away: Option<Away> = records.get_value(Table::Outbox, &away_name(seq))?;
    Ok(away.map(|away| away.support))
}

impl Ctx<'_, '_> {
    pub(super) fn away(&self, seq: u64) -> Result<Option<Away>> {
        self.get(Table::Outbox, &away_name(seq))
    }

    pub(super) fn put_away(&mut self, seq: u64, away: &Away) -> Result<()> {
        self.put(Table::Outbox, &away_name(seq), away)?;
        self.put(Table::Outbox, &asked_name(&away.request.digest()), &seq)
    }

    /// Which entry a request is of.
    pub(super) fn asked_by(&self, request: &Digest) -> Result<Option<u64>> {
        self.get(Table::Outbox, &asked_name(request))
    }

    /// The answer to what was asked until now counts no more; what is wished stays known.
    pub(super) fn unasked(&mut self, away: &Away) -> Result<()> {
        self.tx
            .delete(Table::Outbox, &asked_name(&away.request.digest()))?;
        Ok(())
    }

    /// Whether an entry is one for another domain that was sealed before.
    pub(crate) fn is_away(&self, seq: u64) -> Result<bool> {
        Ok(self.tx.contains(Table::Outbox, &away_name(seq))?)
    }

    /// The entry is done.
    pub(crate) fn back(&mut self, seq: u64) -> Result<()> {
        let Some(away) = self.away(seq)? else {
            return Ok(());
        };
        self.unasked(&away)?;
        self.tx.delete(Table::Outbox, &away_name(seq))?;
        Ok(())
    }
}
