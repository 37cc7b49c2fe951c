//! What the laboratory can read of an order: this, and nothing else.
//!
//! Everything in it is either random for this order, the same for everybody who orders on that
//! day, or what the test needs. The exact list is a test.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::{IdentityId, MailboxId, Nonce};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use super::code::LabCode;
use crate::limits::VERSION;
use crate::text::{Text, bounded};

/// Tests of one order.
pub const MAX_TESTS: usize = 32;
/// Characters of a test's name, a code, a centre, a number, bytes: short, so that no order is
/// longer than another one by much.
const MAX_WORD: usize = 128;

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabTest {
    /// A LOINC code, or the house's own word.
    pub code: Text,
    /// In words.
    pub name: Text,
}

open_coded! {
    /// For tests whose limits need it.
    pub enum Sex {
        /// Female.
        1 => Female "female",
        /// Male.
        2 => Male "male",
    }
}

/// Ten years in which somebody's age lies, for tests whose limits need it. Never the age itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeBand {
    /// A multiple of ten.
    pub from: u8,
}

impl AgeBand {
    /// The band of an age in years.
    pub const fn of(age: u8) -> Self {
        Self { from: age - age % 10 }
    }
}

/// What the laboratory is told of whoever gave the sample, only where a test needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Age, as a band of ten years.
    pub age: Option<AgeBand>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Whether nothing was eaten before.
    pub fasting: Option<bool>,
    /// The value of last time, for the delta check.
    pub previous: Option<Text>,
}

/// The hospital's word that whoever has the key may order for a day. All who order for one cost
/// centre share it, so it tells the laboratory no doctor from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPass {
    /// [`VERSION`].
    pub version: u16,
    /// Which hospital.
    pub organisation: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// Its endpoint whose key signs.
    pub endpoint: PublicKey,
    /// At which laboratory.
    pub laboratory: IdentityId,
    /// Whose private half signs orders.
    pub key: PublicKey,
    /// Not before, Unix milliseconds.
    pub from: u64,
    /// Not after, Unix milliseconds.
    pub until: u64,
    /// Who pays: a clinic, never a patient.
    pub cost_centre: Text,
    /// Where somebody answers by telephone who can find the ward: for critical values.
    pub switchboard: Text,
    /// The hospital's role to which critical values are written.
    pub critical_role: Option<IdentityId>,
    /// How soon somebody must have acknowledged one, minutes.
    pub critical_minutes: u16,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for LabPass {
    const LABEL: SignLabel = SignLabel::LabPass;
}

/// A signed [`LabPass`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLabPass {
    /// What is signed.
    pub pass: LabPass,
    /// By `pass.endpoint`.
    pub signature: Signature,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabOrder {
    /// [`VERSION`].
    pub version: u16,
    /// Its id ([`order_id`]): opens only to the one whose sample it is.
    pub order: Digest,
    /// The code on the tube.
    pub tube: LabCode,
    /// The code on the form: another one, so that a tube on the wrong form is found.
    pub form: LabCode,
    /// What is to be measured.
    #[serde(deserialize_with = "bounded::<{ MAX_TESTS }, _, _>")]
    pub tests: Vec<LabTest>,
    /// What these tests need to know.
    pub about: About,
    /// Whether somebody waits for it.
    pub urgent: bool,
    /// The hospital's word.
    pub pass: SignedLabPass,
    /// This order's own key: signs what is said of it later.
    pub key: PublicKey,
    /// Where the answer goes: a mailbox for this order alone.
    pub domain: Domain,
    /// Which.
    pub mailbox: MailboxId,
    /// With which key one deposits there.
    pub deposit_seed: Secret,
    /// To whom it is sealed.
    pub result: SealingPublic,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for LabOrder {
    const LABEL: SignLabel = SignLabel::LabOrder;
}

/// A signed [`LabOrder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLabOrder {
    /// What is signed.
    pub order: LabOrder,
    /// By the pass's key.
    pub signature: Signature,
}

/// `H("lab-order-id", {salt, patient, doctor, tests})`.
pub fn order_id(salt: &Nonce, patient: &IdentityId, doctor: &IdentityId, tests: &[LabTest]) -> Digest {
    hash(HashLabel::LabOrderId, &(salt, patient, doctor, tests))
}

impl SignedLabOrder {
    /// Whether it holds together by itself: signed by its pass's key, two codes, tests, bands.
    /// Whether the pass is a hospital's word is for whoever knows hospitals.
    pub fn is_sound(&self) -> bool {
        let order = &self.order;
        let pass = &order.pass.pass;
        let short = |text: &Text| text.as_str().len() <= MAX_WORD;
        let band = order.about.age.is_none_or(|band| band.from.is_multiple_of(10));
        order.version == VERSION
            && pass.version == VERSION
            && order.ext.check(&[]).is_ok()
            && pass.ext.check(&[]).is_ok()
            && order.tube != order.form
            && !order.tests.is_empty()
            && order
                .tests
                .iter()
                .all(|t| !t.code.is_empty() && short(&t.code) && short(&t.name))
            && short(&pass.cost_centre)
            && short(&pass.switchboard)
            && order.about.previous.as_ref().is_none_or(short)
            && band
            && pass.key.verify(order, &self.signature).is_ok()
    }
}
