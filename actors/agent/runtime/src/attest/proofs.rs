//! Proofs about people travel between contacts: histories, attestations, status lists.

use telesphor_identity::attestation::{Claim, SignedAttestation};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::status::SignedStatusList;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::people;

impl Ctx<'_, '_> {
    /// Sends a contact what it needs to judge somebody: history, attestations, status lists.
    pub(crate) fn send_proofs(&mut self, about: &IdentityId, to: &IdentityId) -> Result<()> {
        let proofs = self.proofs_about(about)?;
        self.send_bundle(&proofs, to)
    }

    /// Everything known here that proves something about an identity.
    pub(crate) fn proofs_about(&self, about: &IdentityId) -> Result<Proofs> {
        self.proofs_among(about, &all_attestations(self.tx)?)
    }

    /// The same, of attestations that are read already: for many people one after the other.
    pub(crate) fn proofs_among(&self, about: &IdentityId, all: &[SignedAttestation]) -> Result<Proofs> {
        let mut proofs = Proofs::default();
        let mut people = vec![*about];
        for attestation in all {
            // Who goes by which pseudonym towards whom is nobody else's to see.
            let staff = matches!(attestation.attestation.claim, Claim::Staff(_));
            if attestation.attestation.subject == *about && !staff {
                people.push(attestation.attestation.issuer);
                proofs.attestations.push(attestation.clone());
            }
        }
        people.sort_unstable();
        people.dedup();
        for id in &people {
            if let Some((history, _)) = people::history(self.tx, &self.profile, id)? {
                proofs.histories.push(history);
            }
            if let Some(list) = self.get::<SignedStatusList>(Table::Attestations, &list_name(id))? {
                proofs.lists.push(list);
            }
        }
        Ok(proofs)
    }

    /// A contact sent proofs. Histories are kept if they hold and continue what is known;
    /// attestations and lists if their issuer signed them. What is new about oneself is shown
    /// to one's other contacts.
    pub(crate) fn credentials_came(&mut self, _from: &IdentityId, bytes: &[u8]) -> Result<()> {
        let proofs = Proofs::from_bytes(bytes).map_err(|e| Error::of(e.code()))?;
        let before = self.held_about_me()?;
        let mut ended = Vec::new();
        for history in &proofs.histories {
            ended.push((history.id(), self.ended_count(&history.id())?));
        }
        self.take_proofs(&proofs)?;
        for (who, count) in ended {
            if who != self.me() && self.ended_count(&who)? > count {
                self.leave_behind(&who)?;
            }
        }
        if self.held_about_me()? == before {
            Ok(())
        } else {
            self.show_credentials_to_all()
        }
    }

    /// Attestations about oneself, and the sequences of the lists they stand in.
    fn held_about_me(&self) -> Result<Vec<(telesphor_wire::hash::Digest, u64)>> {
        let mut held = Vec::new();
        for signed in all_attestations(self.tx)? {
            let a = &signed.attestation;
            if a.subject == self.me() && a.issuer != self.me() {
                let list: Option<SignedStatusList> = self.get(Table::Attestations, &list_name(&a.issuer))?;
                held.push((a.id(), list.map_or(0, |l| l.list.sequence)));
            }
        }
        Ok(held)
    }

    /// Keeps proofs, whoever brought them: they prove themselves.
    pub(crate) fn take_proofs(&mut self, proofs: &Proofs) -> Result<()> {
        for history in &proofs.histories {
            let id = history.id();
            match self.learn_history(&id, &history.to_bytes()) {
                Ok(_) => {}
                Err(error) if matches!(error.code, ErrorCode::Disputed | ErrorCode::BrokenHistory) => {}
                Err(error) => return Err(error),
            }
        }
        for attestation in &proofs.attestations {
            self.keep_attestation(attestation)?;
        }
        for list in &proofs.lists {
            self.keep_list(list)?;
        }
        for mandate in &proofs.mandates {
            self.keep_mandate(mandate)?;
        }
        Ok(())
    }

    /// Keeps an attestation whose signature is the issuer's.
    pub(crate) fn keep_attestation(&mut self, signed: &SignedAttestation) -> Result<()> {
        let attestation = &signed.attestation;
        // Checked when it was kept; the same bytes would only be written again.
        let name = attestation.id();
        if self
            .get::<SignedAttestation>(Table::Attestations, &name.0)?
            .as_ref()
            == Some(signed)
        {
            return Ok(());
        }
        let Some(history) = self.history(&attestation.issuer)? else {
            return Ok(());
        };
        let state = history.at_head(&attestation.issuer_head);
        let known = state.is_some_and(|s| s.endpoint(&attestation.endpoint).is_some());
        if known
            && attestation
                .endpoint
                .verify(attestation, &signed.signature)
                .is_ok()
        {
            self.put(Table::Attestations, &name.0, signed)?;
        }
        Ok(())
    }

    /// Keeps a status list that is newer than the one known.
    pub(crate) fn keep_list(&mut self, signed: &SignedStatusList) -> Result<()> {
        let list = &signed.list;
        let name = list_name(&list.issuer);
        let older: Option<SignedStatusList> = self.get(Table::Attestations, &name)?;
        if older.is_some_and(|o| o.list.sequence >= list.sequence) {
            return Ok(());
        }
        let Some(history) = self.history(&list.issuer)? else {
            return Ok(());
        };
        let known = history.now().endpoint(&list.endpoint).is_some();
        if !known || list.endpoint.verify(list, &signed.signature).is_err() {
            return Ok(());
        }
        self.put(Table::Attestations, &name, signed)
    }
}

/// Where an issuer's newest status list stands.
pub(crate) fn list_name(issuer: &IdentityId) -> Vec<u8> {
    [b"list/", &issuer.0[..]].concat()
}

/// Every attestation kept here.
pub(crate) fn all_attestations(records: &impl Records) -> Result<Vec<SignedAttestation>> {
    let mut all = Vec::new();
    for (name, bytes) in records.scan(Table::Attestations)? {
        if name.len() == 32
            && let Ok(signed) = canonical::decode::<SignedAttestation>(&bytes)
        {
            all.push(signed);
        }
    }
    Ok(all)
}
