//! Giving somebody a mandate, and ending it.

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::mandate::{Mandate, Power, SignedMandate, StatusPlace};
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::Claim;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::status::{RevocationReason, Revoked, StatusBook};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;

use super::judge::proofs_of;
use super::record::{KeptMandate, all_mandates};
use crate::attest::give::BOOK;
use crate::attest::proofs::list_name;
use crate::attest::show::hex;
use crate::contacts::show::find;
use crate::core::Ctx;
use crate::error::{Error, Result};

/// A mandate to be given.
#[derive(Clone, Debug)]
pub struct MandateDraft {
    /// Who may act, as a command line names it.
    pub holder: String,
    /// For whom, if for somebody else than this identity: then it is given as an authority.
    pub subject: Option<String>,
    /// What he may do.
    pub powers: Vec<Power>,
    /// In which scopes; `None`: in all.
    pub scopes: Option<Scopes>,
    /// Until when, Unix milliseconds; `None`: until it is ended.
    pub until: Option<u64>,
    /// It sleeps until this is attested about the one it speaks for.
    pub dormant_until: Option<String>,
    /// The holder has not been compared, and that is known.
    pub although_unverified: bool,
}

impl Ctx<'_, '_> {
    /// Gives a mandate: signed, told to its holder and to the one it speaks for, and carried out
    /// as far as this device can.
    pub(crate) fn give_mandate(&mut self, draft: &MandateDraft) -> Result<Digest> {
        let usage = Error::of(ErrorCode::Usage);
        let holder = find(self.tx, &draft.holder)?;
        let compared = holder.contact.certainty != telesphor_clinical::contact::Certainty::Unverified;
        if !compared && !draft.although_unverified && !holder.contact.allow_unverified {
            return Err(ErrorCode::Unverified.into());
        }
        let holder = holder.contact.record.identity;
        let subject = match &draft.subject {
            Some(who) => find(self.tx, who)?.contact.record.identity,
            None => self.me(),
        };
        let mut powers = draft.powers.clone();
        powers.sort_unstable_by_key(|power| power.code());
        powers.dedup();
        // What one cannot open one cannot show.
        let blind = powers.contains(&Power::Share) && !powers.contains(&Power::Read);
        if powers.is_empty() || blind || holder == subject || draft.until.is_some_and(|at| at <= self.now) {
            return Err(usage);
        }
        if draft.scopes.as_ref().is_some_and(Scopes::is_empty) {
            return Err(usage);
        }
        let holds =
            |k: &KeptMandate| k.signed.mandate.holder == self.me() && k.signed.mandate.subject == subject;
        if subject != self.me() && all_mandates(self.tx)?.iter().any(holds) {
            return Err(ErrorCode::MandateGivenOn.into());
        }
        if let Some(word) = &draft.dormant_until {
            Claim::from_word(word, Text::default()).ok_or(usage)?;
        }
        let mut book: StatusBook = self.get(Table::Attestations, BOOK)?.unwrap_or_default();
        let index = book.take_place().map_err(|_| Error::of(ErrorCode::TooMany))?;
        let mandate = Mandate {
            version: VERSION,
            issuer: self.me(),
            issuer_head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            subject,
            holder,
            powers,
            scopes: draft.scopes.clone(),
            from: self.instant(),
            until: draft.until.map(|at| Instant::now_of(at, 0, Clock::Device)),
            status: Some(StatusPlace {
                list: book.list,
                index,
            }),
            dormant_until: draft.dormant_until.as_deref().map(Text::cut),
            words: None,
            random: Digest(*Secret::random().expose()),
            ext: Extensions::none(),
        };
        let signed = SignedMandate {
            signature: self.keys.endpoint.sign(&mandate),
            mandate,
        };
        self.put(Table::Attestations, BOOK, &book)?;
        self.keep_mandate(&signed)?;
        self.publish_list(book)?;
        self.tell_parties(&signed)?;
        Ok(signed.mandate.id())
    }

    /// Shows holder and subject the mandate with what proves it.
    pub(crate) fn tell_parties(&mut self, signed: &SignedMandate) -> Result<()> {
        let proofs = proofs_of(self.tx, &self.profile, signed)?;
        for to in [signed.mandate.holder, signed.mandate.subject] {
            if to != self.me() && self.reachable(&to)? {
                self.send_bundle(&proofs, &to)?;
            }
        }
        Ok(())
    }

    /// Ends a mandate that was given here, named by its id or by its holder: everybody known gets
    /// the new list, and what rests on it is ended as far as this device can.
    pub(crate) fn end_mandate(&mut self, what: &str) -> Result<Digest> {
        let by_name = find(self.tx, what).ok().map(|k| k.contact.record.identity);
        let mut fits = all_mandates(self.tx)?.into_iter().filter(|kept| {
            let m = &kept.signed.mandate;
            let open = kept.over.is_none() && [m.issuer, m.subject].contains(&self.me());
            open && (hex(&m.id().0).starts_with(what) || by_name == Some(m.holder))
        });
        let signed = match (fits.next(), fits.next()) {
            (Some(one), None) => one.signed,
            (None, _) => return Err(ErrorCode::NotFound.into()),
            _ => return Err(ErrorCode::Ambiguous.into()),
        };
        let m = &signed.mandate;
        let (Some(place), true) = (m.status, m.issuer == self.me()) else {
            // Somebody under guardianship cannot end what a court gave.
            return Err(ErrorCode::NotIssuer.into());
        };
        let mut book: StatusBook = self.get(Table::Attestations, BOOK)?.unwrap_or_default();
        book.withdraw(Revoked {
            index: place.index,
            since: self.now,
            reason: RevocationReason::Withdrawn,
        })
        .map_err(|_| Error::of(ErrorCode::NotFound))?;
        self.publish_list(book)?;
        self.tell_parties(&signed)?;
        self.tell_list_to_all(&[m.holder, m.subject])?;
        self.mandate_over(&m.id())?;
        Ok(m.id())
    }

    /// Everybody known here gets this identity's list, and learns of no mandate by it.
    fn tell_list_to_all(&mut self, told: &[IdentityId]) -> Result<()> {
        let me = self.me();
        let mut proofs = Proofs::default();
        if let Some((history, _)) = crate::people::history(self.tx, &self.profile, &me)? {
            proofs.histories.push(history);
        }
        proofs.lists.extend(
            self.get::<telesphor_identity::status::SignedStatusList>(Table::Attestations, &list_name(&me))?,
        );
        for known in self.all_known()? {
            let to = known.contact.record.identity;
            if !known.removed && !told.contains(&to) {
                self.send_bundle(&proofs, &to)?;
            }
        }
        Ok(())
    }
}
