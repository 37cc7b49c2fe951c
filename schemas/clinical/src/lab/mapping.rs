//! The mapping: whose sample an order was for. Signed by the orderer when he orders, before there
//! is any value, and given to the patient. The laboratory never sees it.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, Nonce};

use super::code::LabCode;
use super::order::{LabTest, MAX_TESTS, order_id};
use crate::document::{DocumentError, SignedDocument};
use crate::header::{DocumentKind, Subject};
use crate::limits;
use crate::text::{Text, bounded};

/// Media type of such a body.
pub const LAB_MAPPING: &str = "application/vnd.telesphor.lab-mapping";

/// What opens an order's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabMapping {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The order.
    pub order: Digest,
    /// Random; part of the order's id.
    pub salt: Nonce,
    /// Whose sample.
    pub patient: IdentityId,
    /// Who ordered.
    pub doctor: IdentityId,
    /// What was ordered.
    #[serde(deserialize_with = "bounded::<{ MAX_TESTS }, _, _>")]
    pub tests: Vec<LabTest>,
    /// Which laboratory was asked: a result by another one is none.
    pub laboratory: IdentityId,
    /// Its name, as the orderer knows it.
    pub laboratory_name: Text,
    /// The code on the tube.
    pub tube: LabCode,
    /// The code on the form.
    pub form: LabCode,
    /// For later versions.
    pub ext: Extensions,
}

impl LabMapping {
    /// Reads the mapping that a document is: by the one whom it names as the orderer, about the one
    /// whose sample it was, and opening the order that it names.
    ///
    /// # Errors
    /// [`DocumentError::Header`] for any other document, [`DocumentError::Form`],
    /// [`DocumentError::Version`], [`DocumentError::Critical`].
    pub fn of(document: &SignedDocument) -> Result<Self, DocumentError> {
        let header = &document.header;
        if header.kind != DocumentKind::Order || header.format.as_str() != LAB_MAPPING {
            return Err(DocumentError::Header("not the mapping of a laboratory order"));
        }
        let read = Self::from_bytes(&document.body)?;
        let named = header.author == read.doctor && header.subject == Some(Subject::Identity(read.patient));
        match named {
            true => Ok(read),
            false => Err(DocumentError::Header("a mapping by or about somebody else")),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// As [`LabMapping::of`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = canonical::decode_bounded(body, limits::MAX_BODY_BYTES)?;
        if read.version != limits::VERSION {
            return Err(DocumentError::Version(read.version));
        }
        read.ext.check(&[])?;
        match read.opens() {
            true => Ok(read),
            false => Err(DocumentError::Header("a mapping that does not open its order")),
        }
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Whether it opens the order that it names.
    pub fn opens(&self) -> bool {
        order_id(&self.salt, &self.patient, &self.doctor, &self.tests) == self.order
    }
}

/// An order's id as a result names whom it is about.
pub fn blind_number(order: &Digest) -> Text {
    let text: String = order.0.iter().map(|b| format!("{b:02x}")).collect();
    Text::cut(&text)
}

/// The order whose result a document is, if it is one.
pub fn order_of(document: &SignedDocument) -> Option<Digest> {
    let header = &document.header;
    let Some(Subject::Blind(number)) = &header.subject else {
        return None;
    };
    let text = number.as_str();
    if header.kind != DocumentKind::Result || text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut order = [0u8; 32];
    for (at, byte) in order.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    let order = Digest(order);
    // One form only.
    (blind_number(&order).as_str() == text).then_some(order)
}
