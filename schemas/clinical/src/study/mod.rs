//! Studies: what a researcher asks for, signed; what leaves a record for it, and nothing else.
//!
//! The study is a document by the researcher: purpose, approval, whom it is about, which values it
//! gets, how exactly dates are told, until when, how many people any cell must have, what is paid.
//! Whether somebody is meant, and what would leave, is worked out where the record lies. What
//! leaves is stripped ([`crate::stripped`]) and signed by a key that was made for this study alone.
//!
//! Where to start: [`Study`] for what is asked, [`facts`] for who is meant, [`row`] for what
//! leaves, [`word`] for how it travels, [`table`] for what the researcher is shown, [`task`] for
//! numbers that nobody sees one by one.

pub mod ask;
pub mod facts;
pub mod row;
pub mod table;
pub mod task;
pub mod word;

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;

use self::ask::{Criterion, Field};
use self::task::SumTask;
use self::word::SignedStudyPlace;
use crate::document::{DocumentError, SignedDocument};
use crate::header::DocumentKind;
use crate::limits;
use crate::stripped::Dates;
use crate::text::{Text, bounded};

/// Media type of such a body.
pub const STUDY: &str = "application/vnd.telesphor.study";
/// Conditions, fields, sums and languages of one study.
pub const MAX_OF_STUDY: usize = 32;
/// No study may show a cell of fewer people.
pub const LEAST_CELL: u16 = 3;

open_coded! {
    /// How exactly a study gets to know dates.
    pub enum StudyDates {
        /// To the day.
        1 => Day "day",
        /// To the month.
        2 => Month "month",
        /// To the year.
        3 => Year "year",
        /// Not at all.
        4 => None "none",
    }
}

impl StudyDates {
    /// The filter's word for it. A word of a newer version tells no dates.
    pub const fn dates(self) -> Dates {
        match self {
            Self::Day => Dates::Day,
            Self::Month => Dates::Month,
            Self::Year => Dates::Year,
            Self::None | Self::Other(_) => Dates::None,
        }
    }
}

/// What whoever is asked is told, in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// BCP 47.
    pub language: Text,
    /// In words.
    pub words: Text,
}

/// What is given for taking part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// What, and where, in words.
    pub words: Text,
    /// The key under which vouchers are signed blindly (RFC 9474; DER).
    pub key: Bytes,
}

/// Where a study takes what comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyDesk {
    /// The cluster.
    pub domain: Domain,
    /// A mailbox for this study alone.
    pub mailbox: MailboxId,
    /// With which key one deposits there: the same for everybody, so it tells nobody apart.
    pub deposit_seed: Secret,
    /// To whom it is sealed.
    pub key: SealingPublic,
}

/// A study, as its researcher signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Study {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Random: no two studies are the same.
    pub nonce: Nonce,
    /// By which name it goes.
    pub name: Text,
    /// What for.
    pub purpose: Text,
    /// The number under which it was approved.
    pub approval: Text,
    /// What people are told.
    #[serde(deserialize_with = "bounded::<{ MAX_OF_STUDY }, _, _>")]
    pub told: Vec<Told>,
    /// Who is meant: whoever fits all of these.
    #[serde(deserialize_with = "bounded::<{ MAX_OF_STUDY }, _, _>")]
    pub criteria: Vec<Criterion>,
    /// Which values leave.
    #[serde(deserialize_with = "bounded::<{ MAX_OF_STUDY }, _, _>")]
    pub fields: Vec<Field>,
    /// How exactly dates are told.
    pub dates: StudyDates,
    /// Until when anything may be sent, Unix milliseconds.
    pub until: u64,
    /// Nothing is shown of fewer people.
    pub min_cell: u16,
    /// What is given for it.
    pub payout: Option<Payout>,
    /// Where it goes.
    pub desk: StudyDesk,
    /// Numbers of which only the sum is ever seen.
    #[serde(deserialize_with = "bounded::<{ MAX_OF_STUDY }, _, _>")]
    pub sums: Vec<SumTask>,
    /// The two who add up, if there are sums.
    #[serde(deserialize_with = "bounded::<2, _, _>")]
    pub adders: Vec<SignedStudyPlace>,
    /// Invented data: the two may be of one domain.
    pub trial: bool,
    /// For later versions.
    pub ext: Extensions,
}

impl Study {
    /// Reads the study that a document is.
    ///
    /// # Errors
    /// [`DocumentError::Header`] for any other document and for a study that does not hold together,
    /// [`DocumentError::Form`], [`DocumentError::Version`], [`DocumentError::Critical`].
    pub fn of(document: &SignedDocument) -> Result<Self, DocumentError> {
        let header = &document.header;
        if header.kind != DocumentKind::Study || header.format.as_str() != STUDY {
            return Err(DocumentError::Header("not a study"));
        }
        let read = Self::from_bytes(&document.body)?;
        // Whoever adds up gave his place to this researcher and nobody else.
        let own = |place: &SignedStudyPlace| place.place.researcher == header.author;
        match header.on_behalf_of.is_none() && read.adders.iter().all(own) {
            true => Ok(read),
            false => Err(DocumentError::Header("a study with somebody else's places")),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// As [`Study::of`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = canonical::decode_bounded(body, limits::MAX_BODY_BYTES)?;
        if read.version != limits::VERSION {
            return Err(DocumentError::Version(read.version));
        }
        read.ext.check(&[])?;
        match read.fault() {
            None => Ok(read),
            Some(fault) => Err(DocumentError::Header(fault)),
        }
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// What is wrong with it, in words: for whoever writes one as for whoever is asked.
    pub fn fault(&self) -> Option<&'static str> {
        let named = [&self.name, &self.purpose, &self.approval];
        if named.iter().any(|text| text.is_empty()) || self.told.is_empty() {
            return Some("a study without name, purpose, approval or words for whoever is asked");
        }
        if self.min_cell < LEAST_CELL {
            return Some("min-cell is at least 3");
        }
        if self.fields.is_empty() && self.sums.is_empty() {
            return Some("a study that asks for nothing");
        }
        let asks = self.criteria.iter().find_map(Criterion::fault);
        let asks = asks.or_else(|| self.fields.iter().find_map(Field::fault));
        if let Some(fault) = asks.or_else(|| self.sums.iter().find_map(SumTask::fault)) {
            return Some(fault);
        }
        if let StudyDates::Other(_) = self.dates {
            return Some("dates are told by day, month, year or none");
        }
        match (self.sums.is_empty(), self.adders.as_slice()) {
            (true, []) => None,
            (false, [one, other]) => {
                let (one, other) = (&one.place, &other.place);
                if one.aggregator == other.aggregator {
                    Some("the two who add up must be two")
                } else if one.domain == other.domain && !self.trial {
                    Some("the two who add up must be of two domains")
                } else {
                    None
                }
            }
            _ => Some("sums need two who add up, and nothing else does"),
        }
    }
}
