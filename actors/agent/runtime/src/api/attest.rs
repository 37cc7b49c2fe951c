//! `attest give|list|withdraw`, `trust add|list|remove`.

use telesphor_clinical::self_entry::SelfEntry;
use telesphor_identity::status::RevocationReason;
use telesphor_identity::trust::Anchor;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::agent::Agent;
use crate::attest::show::attestations;
use crate::attest::trust::anchors;
use crate::contacts;
use crate::error::{Error, Result};
use crate::views::{AttestationView, TrustView};

impl Agent {
    /// Attests a claim (`licensed-physician`, `employed-by`, `made-by` ...) about a contact until
    /// an instant (Unix milliseconds), and sends it there. `detail` is what the claim's word
    /// needs beside it: a licence number, a role; may be empty.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Usage`] for a claim that is not known.
    pub async fn attest(&self, who: &str, claim: &str, detail: &str, until: u64) -> Result<AttestationView> {
        let (who, claim, detail) = (who.to_owned(), claim.to_owned(), detail.to_owned());
        let id = self
            .shared
            .change(move |core| {
                core.write(|ctx| {
                    let known = contacts::show::find(ctx.tx, &who)?;
                    let signed = ctx.attest(known.contact.record.identity, &claim, &detail, until)?;
                    Ok(signed.attestation.id())
                })
            })
            .await?;
        self.look(move |snapshot, profile| {
            attestations(snapshot, profile, |a| a.attestation.id() == id)?
                .pop()
                .ok_or(Error::fault("attestation"))
        })
        .await
    }

    /// Every attestation kept here: given, held, and seen.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn attestations(&self) -> Result<Vec<AttestationView>> {
        self.look(|snapshot, profile| attestations(snapshot, profile, |_| true))
            .await
    }

    /// Withdraws an attestation given here, named by its id or the beginning of it, and tells
    /// every contact by a new status list.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn withdraw(&self, id: &str, reason: RevocationReason) -> Result<()> {
        let id = id.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.withdraw(&id, reason).map(|_| ())))
            .await
    }

    /// Accepts an authority's word for a claim. `card` is what [`Agent::my_card`] of the
    /// authority gave; `name` is one's own name for it.
    ///
    /// # Errors
    /// [`ErrorCode::BrokenHistory`] if the card does not hold.
    pub async fn trust(&self, card: &[u8], name: &str, claim: &str) -> Result<TrustView> {
        let (card, name, claim) = (card.to_vec(), name.to_owned(), claim.to_owned());
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let anchor = ctx.trust(&card, &name, &claim)?;
                    Ok(TrustView {
                        authority: anchor.identity,
                        name: anchor.name.shown(),
                        claim,
                    })
                })
            })
            .await
    }

    /// Accepts a contact's word for a claim.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn trust_contact(&self, who: &str, claim: &str) -> Result<TrustView> {
        let found = who.to_owned();
        let (card, name) = self
            .look(move |snapshot, _| {
                let known = contacts::show::find(snapshot, &found)?;
                let id = known.contact.record.identity;
                let card = snapshot
                    .get(Table::Histories, &id.0)?
                    .ok_or(Error::of(ErrorCode::BrokenHistory))?;
                Ok((card.to_vec(), known.alias))
            })
            .await?;
        self.trust(&card, &name, claim).await
    }

    /// Whose word is accepted for what.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn trusted(&self) -> Result<Vec<TrustView>> {
        self.look(|snapshot, _| {
            let mut views = Vec::new();
            for anchor in anchors(snapshot)? {
                for word in &anchor.words {
                    views.push(TrustView {
                        authority: anchor.identity,
                        name: anchor.name.shown(),
                        claim: word.shown(),
                    });
                }
            }
            Ok(views)
        })
        .await
    }

    /// Accepts an authority's word no longer.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn distrust(&self, authority: IdentityId) -> Result<()> {
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let mut anchor: Anchor = ctx
                        .get(Table::Trust, &authority.0)?
                        .ok_or(Error::of(ErrorCode::NotFound))?;
                    ctx.tx.delete(Table::Trust, &authority.0)?;
                    // An anchor for nothing is no anchor.
                    anchor.words.clear();
                    ctx.own(SelfEntry::Anchor(canonical::encode(&anchor).into()))
                })
            })
            .await
    }
}
