//! The dispense ledger: what may be asked of an entry, and what is answered.
//!
//! An entry is a commitment that only the holder of a prescription can open. It counts in parts of
//! a whole that is the same for every prescription, and knows neither patient, drug, amount, doctor
//! nor pharmacy: every key in it is fresh and used in this entry alone.

mod step;

pub use step::{EntryStanding, LedgerAnswer, Step, StepKind};

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ext::Extensions;
use crate::hash::{Digest, hash};
use crate::ids::{CommandId, EntryId, MailboxId, Nonce};
use crate::labels::{HashLabel, SignLabel};
use crate::limits::{RX_KEEP_MINUTES, RX_MAX_KEEP_MINUTES, RX_PARTS};
use crate::sign::{BadSignature, PublicKey, Signature, Signed, SigningKey};
use crate::text::Domain;

/// What an entry commits to: `C = H("rx-entry", {domain, salt, H("rx-key", hk), H("rx-key", ck)})`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStatement {
    /// The one domain whose ledger may hold it: another refuses it.
    pub domain: Domain,
    /// Random.
    pub salt: Nonce,
    /// Hash of the holder's key.
    pub holder: Digest,
    /// Hash of the prescriber's cancel key.
    pub cancel: Digest,
}

impl EntryStatement {
    /// The entry's name.
    pub fn id(&self) -> EntryId {
        EntryId(hash(HashLabel::RxEntry, self).0)
    }
}

/// `H("rx-key", key)`.
pub fn key_hash(key: &PublicKey) -> Digest {
    hash(HashLabel::RxKey, key)
}

tagged! {
    /// One of an entry's two keys: shown by whoever needs its word believed, else its hash.
    pub enum EntryKey {
        /// The key itself.
        1 => Shown(PublicKey),
        /// Its hash only.
        2 => Hidden(Digest),
    }
}

impl EntryKey {
    /// The hash, as it stands in the commitment.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Shown(key) => key_hash(key),
            Self::Hidden(digest) => *digest,
        }
    }

    /// The key, if it is shown.
    pub const fn shown(&self) -> Option<&PublicKey> {
        match self {
            Self::Shown(key) => Some(key),
            Self::Hidden(_) => None,
        }
    }
}

/// The preimage of an entry, so that nobody else can speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Its salt.
    pub salt: Nonce,
    /// The holder's key.
    pub holder: EntryKey,
    /// The prescriber's cancel key.
    pub cancel: EntryKey,
}

impl Opening {
    /// The entry that it opens in a domain.
    pub fn entry(&self, domain: &Domain) -> EntryId {
        let statement = EntryStatement {
            domain: domain.clone(),
            salt: self.salt,
            holder: self.holder.digest(),
            cancel: self.cancel.digest(),
        };
        statement.id()
    }
}

/// The holder's word: this key may draw this amount, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Of which entry.
    pub entry: EntryId,
    /// The pharmacy's key, used for nothing else.
    pub key: PublicKey,
    /// How many of [`RX_PARTS`].
    pub parts: u64,
    /// Nothing is reserved on it after this instant, Unix milliseconds.
    pub not_after: u64,
    /// How long a reservation is kept, minutes.
    pub keep_minutes: u16,
    /// For a supply without the ledger: it is settled, and never reserved.
    pub offline: bool,
    /// For later versions.
    pub ext: Extensions,
}

impl Ticket {
    /// A ticket for the counter, kept as long as is usual.
    pub const fn new(entry: EntryId, key: PublicKey, parts: u64, not_after: u64) -> Self {
        Self {
            entry,
            key,
            parts,
            not_after,
            keep_minutes: RX_KEEP_MINUTES,
            offline: false,
            ext: Extensions::none(),
        }
    }

    /// Whether its numbers are possible at all.
    pub const fn is_possible(&self) -> bool {
        self.parts >= 1
            && self.parts <= RX_PARTS
            && self.keep_minutes >= 1
            && self.keep_minutes <= RX_MAX_KEEP_MINUTES
    }
}

impl Signed for Ticket {
    const LABEL: SignLabel = SignLabel::RxTicket;
}

impl Ticket {
    /// Signed by the holder.
    pub fn signed(self, holder: &SigningKey) -> SignedTicket {
        SignedTicket {
            signature: holder.sign(&self),
            ticket: self,
        }
    }
}

/// A [`Ticket`] as the holder gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTicket {
    /// What is signed.
    pub ticket: Ticket,
    /// By the holder's key.
    pub signature: Signature,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident under $label:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// Of which entry.
            pub entry: EntryId,
            $($(#[$fdoc])* pub $field: $type,)*
            /// For later versions.
            pub ext: Extensions,
        }

        impl Signed for $name {
            const LABEL: SignLabel = SignLabel::$label;
        }
    )*};
}

words! {
    /// The pharmacy's word that what it reserved is being handed over.
    ConfirmWord under RxConfirm {
        /// How many parts: the ticket's.
        parts: u64,
    }
    /// The pharmacy's word that it lets go of what it reserved.
    ReleaseWord under RxRelease {}
    /// The prescriber's word that nothing more is to be dispensed.
    CancelWord under RxCancel {}
    /// A pharmacist's word that nothing is to be dispensed before the prescriber has answered.
    HoldWord under RxHold {
        /// It ends by itself then, Unix milliseconds.
        until: u64,
    }
    /// The end of a hold, by the pharmacist or by the prescriber.
    LiftWord under RxLift {
        /// Whose hold.
        held: PublicKey,
    }
    /// The pharmacy's word that it has supplied this much without the ledger.
    SettleWord under RxSettle {
        /// How many parts: the ticket's.
        parts: u64,
    }
}

/// Setting parts aside for one pharmacy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// What opens the entry; shows the holder's key.
    pub opening: Opening,
    /// The holder's word.
    pub ticket: SignedTicket,
}

/// A word of the pharmacy's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByPharmacy<T> {
    /// The key of the ticket.
    pub key: PublicKey,
    /// What it says.
    pub word: T,
    /// By that key.
    pub signature: Signature,
}

impl<T: Signed> ByPharmacy<T> {
    /// Said and signed.
    pub fn new(key: &SigningKey, word: T) -> Self {
        Self {
            key: key.public(),
            signature: key.sign(&word),
            word,
        }
    }
}

/// A word of the prescriber's cancel key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByPrescriber<T> {
    /// What opens the entry; shows the cancel key.
    pub opening: Opening,
    /// What it says.
    pub word: T,
    /// By the cancel key.
    pub signature: Signature,
}

impl<T: Signed> ByPrescriber<T> {
    /// Said and signed; the opening shows the key.
    pub fn new(opening: &Opening, key: &SigningKey, word: T) -> Self {
        Self {
            opening: Opening {
                cancel: EntryKey::Shown(key.public()),
                ..opening.clone()
            },
            signature: key.sign(&word),
            word,
        }
    }
}

/// A supply that was made without the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// What opens the entry; shows the holder's key.
    pub opening: Opening,
    /// The holder's word, of the kind for supplies without the ledger.
    pub ticket: SignedTicket,
    /// The pharmacy's word.
    pub supplied: ByPharmacy<SettleWord>,
}

tagged! {
    /// What may be asked of an entry.
    pub enum LedgerAct {
        /// How it stands; changes nothing.
        1 => Look(Opening),
        /// Set parts aside.
        2 => Reserve(Box<Reserve>),
        /// They are handed over.
        3 => Confirm(ByPharmacy<ConfirmWord>),
        /// They are not.
        4 => Release(ByPharmacy<ReleaseWord>),
        /// Nothing more is to be dispensed.
        5 => Cancel(Box<ByPrescriber<CancelWord>>),
        /// Stop until the prescriber has answered.
        6 => Hold(ByPharmacy<HoldWord>),
        /// Go on, says the pharmacist who stopped it.
        7 => Lift(ByPharmacy<LiftWord>),
        /// Go on, says the prescriber.
        8 => Answered(Box<ByPrescriber<LiftWord>>),
        /// Parts that were supplied without the ledger.
        9 => Settle(Box<Settle>),
    }
}

/// One act on one entry. Every word in it has its effect once, whoever sends it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCommand {
    /// Which entry.
    pub entry: EntryId,
    /// What to do.
    pub act: LedgerAct,
    /// The sender's id.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl LedgerCommand {
    /// An act under a fresh id.
    pub fn new(entry: EntryId, act: LedgerAct, not_after: u64) -> Self {
        Self {
            entry,
            act,
            command_id: CommandId::random(),
            not_after,
            ext: Extensions::none(),
        }
    }

    /// Where the entry lies in the order: as a mailbox of this id would.
    pub const fn place(&self) -> MailboxId {
        self.entry.place()
    }

    /// The key whose word it is, with every signature in it found good. None for a look.
    ///
    /// # Errors
    /// [`BadSignature`]: one of them is not, or a key that must be shown is hidden.
    pub fn speaker(&self) -> Result<Option<PublicKey>, BadSignature> {
        fn pharmacy<T: Signed>(said: &ByPharmacy<T>) -> Result<PublicKey, BadSignature> {
            said.key.verify(&said.word, &said.signature).map(|()| said.key)
        }
        fn prescriber<T: Signed>(said: &ByPrescriber<T>) -> Result<PublicKey, BadSignature> {
            let key = said.opening.cancel.shown().ok_or(BadSignature)?;
            key.verify(&said.word, &said.signature).map(|()| *key)
        }
        fn holder(opening: &Opening, signed: &SignedTicket) -> Result<PublicKey, BadSignature> {
            let key = opening.holder.shown().ok_or(BadSignature)?;
            key.verify(&signed.ticket, &signed.signature)?;
            Ok(signed.ticket.key)
        }
        Ok(Some(match &self.act {
            LedgerAct::Look(_) => return Ok(None),
            LedgerAct::Reserve(r) => holder(&r.opening, &r.ticket)?,
            LedgerAct::Confirm(said) => pharmacy(said)?,
            LedgerAct::Release(said) => pharmacy(said)?,
            LedgerAct::Hold(said) => pharmacy(said)?,
            LedgerAct::Lift(said) => pharmacy(said)?,
            LedgerAct::Cancel(said) => prescriber(said)?,
            LedgerAct::Answered(said) => prescriber(said)?,
            LedgerAct::Settle(s) => {
                let key = holder(&s.opening, &s.ticket)?;
                if pharmacy(&s.supplied)? != key {
                    return Err(BadSignature);
                }
                key
            }
        }))
    }

    /// Whether every signed part of it is about this very entry, and asks for nothing that this
    /// version does not know.
    ///
    /// # Errors
    /// [`ErrorCode::Malformed`], [`ErrorCode::UnknownCritical`].
    pub fn check(&self) -> Result<(), ErrorCode> {
        let mut said: Vec<(EntryId, &Extensions)> = Vec::new();
        match &self.act {
            LedgerAct::Look(_) => {}
            LedgerAct::Reserve(r) => said.push((r.ticket.ticket.entry, &r.ticket.ticket.ext)),
            LedgerAct::Confirm(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Release(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Hold(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Lift(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Cancel(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Answered(s) => said.push((s.word.entry, &s.word.ext)),
            LedgerAct::Settle(s) => {
                said.push((s.ticket.ticket.entry, &s.ticket.ticket.ext));
                said.push((s.supplied.word.entry, &s.supplied.word.ext));
            }
        }
        if said.iter().any(|(entry, _)| *entry != self.entry) {
            return Err(ErrorCode::Malformed);
        }
        let mut all = said.iter().map(|(_, ext)| *ext).chain([&self.ext]);
        match all.all(|ext| ext.check(&[]).is_ok()) {
            true => Ok(()),
            false => Err(ErrorCode::UnknownCritical),
        }
    }
}
