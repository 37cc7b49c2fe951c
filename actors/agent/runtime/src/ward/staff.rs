//! Staff under pseudonyms: a key for each person and patient, which the organisation attests and
//! only the organisation can name.
//!
//! The key follows from the organisation's root secret, so all its devices have the same, the
//! patient sees the same whenever that person looks, and two patients who compare see nothing
//! alike. It lies with the organisation, not with the person: that it was this person proves to
//! the organisation the presence that it keeps, and to the patient nothing but the organisation.

use serde::{Deserialize, Serialize};
use telesphor_clinical::receipt::StaffPseudonym;
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, Issuer, SignedAttestation, StaffKey};
use telesphor_identity::kit::root_derived;
use telesphor_identity::status::StatusBook;
use telesphor_vault::Table;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::record::{Pseudonym, SignedIn};
use crate::attest::give::BOOK;
use crate::core::Ctx;
use crate::error::{Error, Result};

/// How long the organisation's word about a pseudonym is good, milliseconds (400 days).
const LIFE_MS: u64 = 400 * 24 * 3600 * 1000;
/// What must be left of it, milliseconds (a day).
const LEFT_MS: u64 = 24 * 3600 * 1000;
/// The role where none was said.
const STAFF: &str = "staff";

/// What a device keeps of a pseudonym it has attested.
#[derive(Clone, Serialize, Deserialize)]
struct Attested {
    signed: SignedAttestation,
    until: u64,
}

/// Letters by which a pseudonym is read and said: `3f9a-0c1b`.
pub(crate) fn code(key: &PublicKey) -> String {
    let Digest(bytes) = hash(HashLabel::Original, &("staff pseudonym", key));
    let hex = crate::attest::show::hex(&bytes[..4]);
    let (first, rest) = hex.split_at(4);
    format!("{first}-{rest}")
}

impl Ctx<'_, '_> {
    /// The pseudonym under which `towards` sees whoever is signed in: its key, and the
    /// organisation's word about it.
    pub(crate) fn staff_pseudonym(
        &mut self,
        here: &SignedIn,
        towards: &IdentityId,
    ) -> Result<(StaffPseudonym, SigningKey, SignedAttestation)> {
        let person = here.presence.statement.person;
        let root = self
            .keys
            .stored
            .root
            .as_ref()
            .ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let context = canonical::encode(&(person, towards));
        let key = SigningKey::from_seed(&root_derived(root, "staff-pseudonym", &context));
        let role = Text::cut(if here.role.is_empty() { STAFF } else { &here.role });
        let signed = self.attest_staff(&key.public(), &role)?;
        self.pseudonym_new(Pseudonym {
            key: key.public(),
            person,
            name: here.name.clone(),
            role: role.shown(),
            towards: *towards,
        })?;
        let pseudonym = StaffPseudonym {
            organisation: self.me(),
            key: key.public(),
            attestation: signed.attestation.id(),
            role,
        };
        Ok((pseudonym, key, signed))
    }

    /// This organisation's word that a key is one of its people's in a role. Not kept with what is
    /// attested otherwise: whoever is sent proofs of this organisation must not get these.
    fn attest_staff(&mut self, key: &PublicKey, role: &Text) -> Result<SignedAttestation> {
        let name = [b"staff/", &key.0[..], &hash(HashLabel::Original, role).0].concat();
        let known: Option<Attested> = self.get(Table::Receipts, &name)?;
        if let Some(known) = known.filter(|k| k.until > self.now + LEFT_MS) {
            return Ok(known.signed);
        }
        let mut book: StatusBook = self.get(Table::Attestations, BOOK)?.unwrap_or_default();
        let place = book.take_place().map_err(|_| Error::of(ErrorCode::TooMany))?;
        let claim = Claim::Staff(StaffKey {
            key: *key,
            role: role.clone(),
        });
        let until = self.now + LIFE_MS;
        let issuer = Issuer {
            identity: self.me(),
            head: self.my_head()?,
            key: &self.keys.endpoint,
        };
        let signed = issuer.attest(self.me(), claim, (self.now, until), (book.list, place));
        self.put(Table::Attestations, BOOK, &book)?;
        let attested = Attested {
            signed: signed.clone(),
            until,
        };
        self.put(Table::Receipts, &name, &attested)?;
        Ok(signed)
    }
}
