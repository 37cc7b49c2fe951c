//! The self mailbox: what an identity's own endpoints agree on, as a log.
//!
//! Grants, contacts and keys are events here and nowhere else; each vault is a view of them.
//! So a second endpoint, a new phone or somebody with a mandate sees one order.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::blob::Carried;
use crate::contact::Contact;
use crate::grant::SignedGrant;
use crate::instant::Instant;
use crate::mandate::SignedMandate;
use crate::own_device::{BackupEntry, RecordEntry, SeatGiven, SeatRequest, VoucherShare};
use crate::receipt::SignedReceipt;
use crate::text::Text;

crate::open_tagged! {
    /// One entry of a self mailbox. Kinds of newer versions are kept.
    pub enum SelfEntry {
        /// Access was given.
        1 => Grant(Box<SignedGrant>),
        /// Access was ended.
        2 => GrantEnded(GrantEnded),
        /// A contact, new or changed.
        3 => Contact(Box<Contact>),
        /// A contact is gone.
        4 => ContactRemoved(IdentityId),
        /// Somebody may deposit, or no longer.
        5 => DepositKey(DepositKeyEntry),
        /// The owner key of a mailbox.
        6 => OwnerKey(OwnerKeyEntry),
        /// The identity's root secret.
        7 => RootSecret(Secret),
        /// A key to which deposits are sealed.
        8 => IntakeKey(IntakeKeyEntry),
        /// A mailbox of this identity.
        9 => Mailbox(MailboxEntry),
        /// A mandate given or received.
        10 => Mandate(Box<SignedMandate>),
        /// A document of one's own record.
        11 => Document(Carried),
        /// An authority whose word is taken (canonical bytes of the identity crate's `Anchor`).
        12 => Anchor(Bytes),
        /// An attestation about this identity (canonical bytes of the identity crate's form).
        13 => Attestation(Bytes),
        /// An invitation that was sent and is open.
        14 => Invitation(InvitationEntry),
        /// A change of one's own key history (canonical bytes of the identity crate's form).
        15 => History(Bytes),
        /// Where something was last seen: mailbox heads and contacts' heads.
        16 => Seen(crate::message::Heads),
        /// An endpoint asks for a seat in a group.
        17 => Seat(SeatRequest),
        /// An endpoint was given a seat.
        18 => SeatGiven(Box<SeatGiven>),
        /// Permissions to open mailboxes for another endpoint.
        19 => Vouchers(VoucherShare),
        /// Where the backup goes.
        20 => Backup(BackupEntry),
        /// A document as it is kept, also one that came from somebody else.
        21 => Record(Box<RecordEntry>),
        /// How far a sent document has come (the agent's own form, kept by it alone).
        22 => Sent(Bytes),
        /// The identity key under its own passphrase (the vault crate's form).
        23 => IdentityKey(Bytes),
        /// A document was accepted or declined, as whoever did so signed it.
        24 => Answer(Box<SignedReceipt>),
        /// Who is or was at a shared device, and under which pseudonyms people are shown (the
        /// agent's own form, kept by it alone).
        25 => Staff(Bytes),
        /// A care team of one's own, or one that this identity is called to (the agent's own form,
        /// kept by it alone).
        26 => Team(Bytes),
    }
}

/// The end of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEnded {
    /// `H("grant-id", ..)`.
    pub grant: Digest,
    /// When.
    pub at: Instant,
    /// In words.
    pub why: Option<Text>,
    /// For later versions.
    pub ext: Extensions,
}

/// Who may deposit in which mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositKeyEntry {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Whose key; `None` for one printed for everybody.
    pub contact: Option<IdentityId>,
    /// The public half.
    pub key: PublicKey,
    /// Whether it is still good.
    pub ended: bool,
}

/// The keys that own a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerKeyEntry {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Seed of the owner key.
    pub seed: Secret,
    /// Seed of the committed next one, if it is not kept elsewhere.
    pub next_seed: Option<Secret>,
    /// The counter of the last owner command accepted.
    pub counter: u64,
}

/// A key to which deposits are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeKeyEntry {
    /// Its name.
    pub id: Digest,
    /// The private key.
    pub key: SealingKey,
    /// When a newer one takes its place, Unix milliseconds. It opens for 30 days more.
    pub until: u64,
}

open_coded! {
    /// What a mailbox is for.
    pub enum MailboxUse {
        /// One's own endpoints.
        1 => Own "own",
        /// Deposits by contacts.
        2 => Inbox "inbox",
        /// A conversation with one contact.
        3 => Conversation "conversation",
        /// Documents of some scopes for those who were granted them.
        4 => Shared "shared",
        /// Vitals of a device.
        5 => Vitals "vitals",
        /// A team.
        6 => Team "team",
        /// An invitation's one-time mailbox.
        7 => OneTime "one-time",
        /// Deposits for emergencies.
        8 => Emergency "emergency",
        /// Orders to a laboratory.
        9 => Orders "orders",
        /// The answer to one laboratory order.
        10 => Results "results",
        /// What comes for a study.
        14 => Study "study",
        /// A study's answer to somebody who takes part.
        15 => StudyAnswers "study-answers",
        /// Requests for other domains, and what became of them.
        20 => Outbox "outbox",
    }
}

/// A mailbox of this identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxEntry {
    /// Which.
    pub mailbox: MailboxId,
    /// Where.
    pub domain: Domain,
    /// What for.
    pub used: MailboxUse,
    /// With whom, if with one.
    pub with: Option<IdentityId>,
    /// The grant it carries out, if any.
    pub grant: Option<Digest>,
    /// A name for lists.
    pub name: Option<Text>,
    /// Whether it was closed.
    pub closed: bool,
    /// For later versions.
    pub ext: Extensions,
}

/// An invitation that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationEntry {
    /// The link.
    pub link: crate::invite::InviteLink,
    /// The private half of the offered key.
    pub key: SealingKey,
    /// For whom it was meant, in words.
    pub meant_for: Text,
    /// Who took it, once somebody did.
    pub taken_by: Option<IdentityId>,
}
