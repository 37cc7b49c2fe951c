//! Keys of orders and passes: all follow from the identity's root secret, so nothing is kept for
//! an order that could be lost apart from the rest.

use telesphor_identity::kit::root_derived;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

use crate::core::Ctx;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    fn lab_secret(&self, purpose: &str, context: &[u8]) -> Result<Secret> {
        // A device that was let in a moment ago has not heard the root secret yet.
        let root = self.keys.stored.root.as_ref();
        let root = root.ok_or(Error::of(ErrorCode::NotLetIn))?;
        Ok(root_derived(root, purpose, context))
    }

    /// The order's own key: signs what is said of it later.
    pub(super) fn order_key(&self, salt: &Nonce) -> Result<SigningKey> {
        Ok(SigningKey::from_seed(&self.lab_secret("lab-order", &salt.0)?))
    }

    /// With which key the laboratory deposits the answer.
    pub(super) fn answer_seed(&self, salt: &Nonce) -> Result<Secret> {
        self.lab_secret("lab-answer", &salt.0)
    }

    /// To which key the answer is sealed.
    pub(super) fn result_key(&self, salt: &Nonce) -> Result<SealingKey> {
        Ok(SealingKey::from_seed(self.lab_secret("lab-result", &salt.0)?))
    }

    /// To which key orders to this laboratory are sealed.
    pub(super) fn desk_key(&self) -> Result<SealingKey> {
        Ok(SealingKey::from_seed(self.lab_secret("lab-desk", &[])?))
    }

    /// The private half of a pass: the same for all of a cost centre, and another every day.
    pub(super) fn pass_seed(&self, laboratory: &IdentityId, centre: &str, day: u64) -> Result<Secret> {
        self.lab_secret("lab-pass", &canonical::encode(&(laboratory, centre, day)))
    }
}
