//! Keys for one use. All follow from the identity's root secret and the asker's nonce, so every
//! device of an identity has them, also one that was recovered, and nothing is kept for a key
//! that nobody uses.

use telesphor_clinical::rx::Prescription;
use telesphor_clinical::rx_word::{RxAsk, RxKey, RxUse, RxWord};
use telesphor_identity::kit::root_derived;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::sign::SigningKey;

use super::record::Wanted;
use crate::core::Ctx;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    fn derived(&self, purpose: &str, context: &[u8]) -> Result<SigningKey> {
        // A device that was let in a moment ago has not heard the root secret yet.
        let root = self.keys.stored.root.as_ref();
        let root = root.ok_or(Error::of(ErrorCode::NotLetIn))?;
        Ok(SigningKey::from_seed(&root_derived(root, purpose, context)))
    }

    /// The key that somebody asked for. Bound to who asked: another's nonce gives him nothing.
    pub(super) fn rx_key(&self, what: RxUse, asker: &IdentityId, nonce: &Nonce) -> Result<SigningKey> {
        let purpose = match what {
            RxUse::Holder => "rx-holder",
            RxUse::Fill => "rx-fill",
            RxUse::Other(_) => return Err(ErrorCode::UnknownCritical.into()),
        };
        self.derived(purpose, &[&asker.0[..], &nonce.0[..]].concat())
    }

    /// The prescriber's cancel key of a prescription.
    pub(super) fn rx_cancel_key(&self, salt: &Nonce) -> Result<SigningKey> {
        self.derived("rx-cancel", &salt.0)
    }

    /// The patient's key of a prescription, if it is this identity's.
    pub(super) fn rx_holder_key(&self, rx: &Prescription, author: &IdentityId) -> Result<SigningKey> {
        let key = self.rx_key(RxUse::Holder, author, &rx.holder_nonce)?;
        match key.public() == rx.holder {
            true => Ok(key),
            false => Err(ErrorCode::Refused.into()),
        }
    }

    /// Asks a contact for a key, unless it was asked already.
    pub(super) fn want_key(&mut self, what: RxUse, who: &IdentityId) -> Result<()> {
        let nonce = match self.wanted_key(what, who)? {
            Some(wanted) if wanted.key.is_some() => return Ok(()),
            // Asked again with the same nonce: the answer is the same.
            Some(wanted) => wanted.nonce,
            None => Nonce::random(),
        };
        self.put_wanted(what, who, Some(&Wanted { nonce, key: None }))?;
        self.tell_rx(who, RxWord::AskKey(RxAsk { what, nonce }))
    }

    /// A key that came, for one use.
    pub(super) fn take_key(&mut self, what: RxUse, who: &IdentityId) -> Result<Option<RxKey>> {
        let Some(Wanted {
            nonce,
            key: Some(key),
        }) = self.wanted_key(what, who)?
        else {
            return Ok(None);
        };
        self.put_wanted(what, who, None)?;
        Ok(Some(RxKey { what, nonce, key }))
    }

    pub(super) fn key_asked(&mut self, from: &IdentityId, ask: &RxAsk) -> Result<()> {
        let key = self.rx_key(ask.what, from, &ask.nonce)?.public();
        let RxAsk { what, nonce } = *ask;
        self.tell_rx(from, RxWord::Key(RxKey { what, nonce, key }))
    }

    pub(super) fn key_for_rx(&mut self, from: &IdentityId, came: &RxKey) -> Result<()> {
        match self.wanted_key(came.what, from)? {
            Some(wanted) if wanted.nonce == came.nonce && wanted.key.is_none() => {
                let key = Some(came.key);
                self.put_wanted(came.what, from, Some(&Wanted { key, ..wanted }))
            }
            _ => Ok(()),
        }
    }
}
