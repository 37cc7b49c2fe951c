//! What the programs of a care team tell each other. The organisation's roster service carries
//! most of it from one to another in its conversations with them, and can open none of the seals.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use crate::grant::SignedGrant;
use crate::instant::Instant;
use crate::limits::{MAX_LIST, MAX_TEAM};
use crate::message::Welcome;
use crate::roster::SignedRoster;
use crate::text::{Text, bounded};

crate::open_tagged! {
    /// One word about a team. Kinds of newer versions are kept.
    pub enum TeamWord {
        /// The newest edition of an organisation's roster.
        1 => Roster(Box<SignedRoster>),
        /// There is a team: patient to roster service, and on to whoever may sit there.
        2 => Place(Box<TeamPlace>),
        /// Somebody asks for seats: to the roster service, and on to those who can give them.
        3 => Asks(Box<TeamAsks>),
        /// Said in the team before a change: what it rests on.
        4 => Basis(Box<TeamBasis>),
        /// Seats were given: to the roster service, and on to each who asked.
        5 => Seat(Box<TeamSeat>),
        /// The patient has ended the team.
        6 => Ended(TeamEnded),
        /// The patient bars somebody from this team, whatever the roster says.
        7 => Barred(IdentityId),
        /// The organisation has discharged the patient: to the patient and to everybody who was
        /// called to a team of his.
        8 => Discharged(Box<SignedDischarge>),
    }
}

/// That there is a team, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamPlace {
    /// The team's mailbox.
    pub mailbox: MailboxId,
    /// Where it lives.
    pub domain: Domain,
    /// The grant that it carries out: to a role of an organisation.
    pub grant: SignedGrant,
    /// By which name the organisation knows the patient.
    pub patient: Text,
    /// The patient's history (canonical bytes of the identity crate's form).
    pub history: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

/// Requests for seats. Whoever comes on duty asks in all of a ward's teams at once, and so they
/// travel together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamAsks {
    /// Each for another team, or by another endpoint.
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub asks: Vec<TeamAsk>,
}

/// A request for a seat in a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamAsk {
    /// The team's mailbox.
    pub mailbox: MailboxId,
    /// Who asks.
    pub person: IdentityId,
    /// With which endpoint.
    pub endpoint: PublicKey,
    /// A key package made for this team alone, sealed under `secret`.
    pub package: Bytes,
    /// Opens the package. It guards it from the relay, not from those who carry it.
    pub secret: Secret,
    /// The endpoint sits there already and has lost its way: it is removed and added in one.
    pub again: bool,
    /// What proves who asks (canonical bytes of the identity crate's proofs).
    pub proofs: Bytes,
}

/// What a change of a team rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamBasis {
    /// The edition of the roster.
    pub roster: SignedRoster,
    /// What proves who the people in it are (canonical bytes of the identity crate's proofs).
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub proofs: Vec<Bytes>,
    /// Whom the patient has barred; counts only for whoever enters by it.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub barred: Vec<IdentityId>,
}

/// Seats for those who asked and came by one change of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamSeat {
    /// For whom, and for which endpoint.
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub to: Vec<(IdentityId, PublicKey)>,
    /// The way in.
    pub welcome: Welcome,
    /// What the team stands on.
    pub basis: TeamBasis,
}

/// The end of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamEnded {
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// `H("grant-id", ..)` of what it carried out.
    pub grant: Digest,
    /// When.
    pub at: Instant,
}

/// That an organisation needs what a patient has granted to its roles no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discharge {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Who says so.
    pub organisation: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// Who is discharged.
    pub patient: IdentityId,
    /// `H("grant-id", ..)` of every grant that ends by it.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub grants: Vec<Digest>,
    /// When.
    pub at: Instant,
    /// In words, for the patient and the staff.
    pub why: Option<Text>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Discharge {
    const LABEL: SignLabel = SignLabel::Discharge;
}

/// A signed [`Discharge`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDischarge {
    /// What is signed.
    pub discharge: Discharge,
    /// By `discharge.endpoint`.
    pub signature: Signature,
}
