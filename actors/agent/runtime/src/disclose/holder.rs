//! The holder keys: one for each contact, from the root secret.

use telesphor_clinical::contact::ContactRecord;
use telesphor_clinical::document::{FHIR_JSON, SignOptions, SignedDocument};
use telesphor_clinical::header::{Header, Subject};
use telesphor_clinical::statement::Profile;
use telesphor_identity::kit::root_derived;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::contacts::record::all_known;
use crate::core::Ctx;
use crate::core::records::Known;
use crate::error::{Error, Result};

const PURPOSE: &str = "holder";

impl Ctx<'_, '_> {
    /// The holder key for whoever was given this contact secret. The secret only tells the keys
    /// apart; the contact knows it, and not the root.
    fn holder_key(&self, contact_secret: &Secret) -> Option<SigningKey> {
        let root = self.keys.stored.root.as_ref()?;
        let seed = root_derived(root, PURPOSE, contact_secret.expose());
        Some(SigningKey::from_seed(&seed))
    }

    /// A record for a contact, with the holder key. A new endpoint that has not heard the root
    /// secret yet gives none; it follows when the record is renewed.
    pub(crate) fn with_holder(&self, record: ContactRecord) -> ContactRecord {
        match self.holder_key(&record.contact_secret) {
            Some(key) => record.with_holder(&key.public()),
            None => record,
        }
    }

    /// What is signed beside a header: the holder, if the document has parts and is about a
    /// contact who gave a key for that.
    pub(crate) fn sign_options(&self, header: &Header) -> Result<SignOptions> {
        let mut options = SignOptions::default();
        if let (FHIR_JSON, Some(Subject::Identity(subject))) = (header.format.as_str(), &header.subject) {
            let known: Option<Known> = self.get(Table::Contacts, &subject.0)?;
            if let Some(key) = known.and_then(|k| k.contact.record.holder()) {
                options.profile = Profile::Holder;
                options.holder = Some(key);
            }
        }
        Ok(options)
    }

    /// The key with which parts of a document are shown.
    ///
    /// # Errors
    /// [`ErrorCode::NotTheHolder`] if it was written for somebody else.
    pub(super) fn shower_key(&self, document: &SignedDocument) -> Result<SigningKey> {
        let Some(wanted) = document.signing.holder else {
            return Ok(self.keys.endpoint.clone());
        };
        self.my_holder_key(&wanted)?
            .ok_or(Error::of(ErrorCode::NotTheHolder))
    }

    /// The private half of a holder key, if it is this identity's. Removed contacts count: what
    /// they wrote stays.
    fn my_holder_key(&self, wanted: &PublicKey) -> Result<Option<SigningKey>> {
        Ok(all_known(self.tx)?
            .into_iter()
            .filter_map(|known| self.holder_key(&known.contact.given?.contact_secret))
            .find(|key| key.public() == *wanted))
    }
}
