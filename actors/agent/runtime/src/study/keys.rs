//! Keys of studies: all follow from the identity's root secret, so that two devices of one person
//! are one to a study, and a new phone forgets none.

use telesphor_identity::kit::root_derived;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{DocumentId, Nonce};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::core::Ctx;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    fn study_secret(&self, purpose: &str, context: &[u8]) -> Result<Secret> {
        // A device that was let in a moment ago has not heard the root secret yet.
        let root = self.keys.stored.root.as_ref();
        let root = root.ok_or(Error::of(ErrorCode::NotLetIn))?;
        Ok(root_derived(root, purpose, context))
    }

    /// Who this identity is to one study: another one to every other.
    pub(super) fn study_key(&self, study: &DocumentId) -> Result<SigningKey> {
        Ok(SigningKey::from_seed(&self.study_secret("study", &study.0)?))
    }

    /// Who this identity is to one sum of a study: nobody whom its rows name.
    pub(super) fn sum_key(&self, study: &DocumentId, task: u16) -> Result<SigningKey> {
        let context = canonical::encode(&(study, task));
        Ok(SigningKey::from_seed(&self.study_secret("study-sum", &context)?))
    }

    /// With which key a study deposits its answer.
    pub(super) fn study_answer_seed(&self, study: &DocumentId) -> Result<Secret> {
        self.study_secret("study-answer", &study.0)
    }

    /// To which key the answer is sealed.
    pub(super) fn study_answer_key(&self, study: &DocumentId) -> Result<SealingKey> {
        Ok(SealingKey::from_seed(self.study_secret("study-open", &study.0)?))
    }

    /// To which key everything for a desk is sealed.
    pub(super) fn study_desk_key(&self, nonce: &Nonce) -> Result<SealingKey> {
        Ok(SealingKey::from_seed(self.study_secret("study-desk", &nonce.0)?))
    }
}

/// What halves of one sum are bound to.
pub(super) fn sum_context(study: &DocumentId, task: u16) -> Vec<u8> {
    canonical::encode(&("study-sum", study, task))
}

/// The name of a number: of the key that signs its halves, so that nobody has two.
pub(super) fn half_id(key: &PublicKey) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&key.0[..16]);
    name
}
