//! Saying something signed about a contact, and taking it back.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, Issuer, SignedAttestation};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::status::{RevocationReason, Revoked, StatusBook};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::proofs::{all_attestations, list_name};
use crate::core::Ctx;
use crate::core::records::{Job, Padding, TalkSay, What};
use crate::error::{Error, Result};

pub(crate) const BOOK: &[u8] = b"book";
/// How long a status list is good, milliseconds (7 days).
pub(super) const LIST_LIFE_MS: u64 = 7 * 24 * 3600 * 1000;
/// The same of somebody for whom another acts (90 days): his devices may be switched off for long,
/// and whoever acts for him must not come to a halt with them.
const MANDATE_LIFE_MS: u64 = 90 * 24 * 3600 * 1000;

impl Ctx<'_, '_> {
    /// Attests a claim about a contact and sends it there, with a fresh status list.
    pub(crate) fn attest(
        &mut self,
        subject: IdentityId,
        word: &str,
        detail: &str,
        until: u64,
    ) -> Result<SignedAttestation> {
        let usage = Error::of(ErrorCode::Usage);
        let claim = Claim::from_word(word, Text::cut(detail)).ok_or(usage)?;
        let mut book: StatusBook = self.get(Table::Attestations, BOOK)?.unwrap_or_default();
        let place = book.take_place().map_err(|_| Error::of(ErrorCode::TooMany))?;
        let signed = self
            .issuer()?
            .attest(subject, claim, (self.now, until), (book.list, place));
        self.put(Table::Attestations, &signed.attestation.id().0, &signed)?;
        self.put(Table::Attestations, BOOK, &book)?;
        self.publish_list(book)?;
        self.send_proofs(&subject, &subject)?;
        Ok(signed)
    }

    /// Withdraws an attestation given here, for the reason said, from now on.
    pub(crate) fn withdraw(&mut self, id: &str, reason: RevocationReason) -> Result<SignedAttestation> {
        let me = self.me();
        let mut fits = all_attestations(self.tx)?.into_iter().filter(|a| {
            a.attestation.issuer == me && super::show::hex(&a.attestation.id().0).starts_with(id)
        });
        let signed = match (fits.next(), fits.next()) {
            (Some(one), None) => one,
            (None, _) => return Err(ErrorCode::NotFound.into()),
            _ => return Err(ErrorCode::Ambiguous.into()),
        };
        let mut book: StatusBook = self.get(Table::Attestations, BOOK)?.unwrap_or_default();
        let revoked = Revoked {
            index: signed.attestation.index,
            since: self.now,
            reason,
        };
        book.withdraw(revoked)
            .map_err(|_| Error::of(ErrorCode::NotFound))?;
        self.publish_list(book)?;
        // Everybody known here gets the new list: asking for one entry would tell who is checked.
        for known in self.all_known()? {
            if !known.removed {
                let to = known.contact.record.identity;
                self.send_proofs(&signed.attestation.subject, &to)?;
            }
        }
        Ok(signed)
    }

    fn issuer(&self) -> Result<Issuer<'_>> {
        Ok(Issuer {
            identity: self.me(),
            head: self.my_head()?,
            key: &self.keys.endpoint,
        })
    }

    /// How long this identity's list is good.
    pub(super) fn list_life(&self) -> Result<u64> {
        let all = crate::mandates::record::all_mandates(self.tx)?;
        let me = self.me();
        let stands_in = all
            .iter()
            .any(|k| k.over.is_none() && k.signed.mandate.issuer == me && k.signed.mandate.subject == me);
        Ok(if stands_in { MANDATE_LIFE_MS } else { LIST_LIFE_MS })
    }

    pub(crate) fn publish_list(&mut self, mut book: StatusBook) -> Result<()> {
        let life = self.list_life()?;
        let list = book.sign(&self.issuer()?, self.now, self.now + life);
        let me = self.me();
        self.put(Table::Attestations, &list_name(&me), &list)?;
        self.put(Table::Attestations, BOOK, &book)
    }

    /// Shows one contact everything that others attest about this identity.
    pub(crate) fn show_credentials(&mut self, to: &IdentityId) -> Result<()> {
        let proofs = self.proofs_about(&self.me())?;
        if proofs.attestations.is_empty() {
            return Ok(());
        }
        self.send_bundle(&proofs, to)
    }

    /// Shows every contact, after something new was attested.
    pub(crate) fn show_credentials_to_all(&mut self) -> Result<()> {
        for known in self.all_known()? {
            if !known.removed {
                self.show_credentials(&known.contact.record.identity)?;
            }
        }
        Ok(())
    }

    pub(crate) fn send_bundle(&mut self, proofs: &Proofs, to: &IdentityId) -> Result<()> {
        let body = GroupMessage::Credentials(Bytes(proofs.to_bytes()));
        let say = TalkSay {
            contact: *to,
            body: Bytes(canonical::encode(&body)),
            padding: Padding::Message,
        };
        self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
        Ok(())
    }
}
