//! What goes with an act at a shared device: who it was, and what proves it.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::present::WrittenBy;
use telesphor_clinical::receipt::{Person, SignedPresence, SignedReceipt};
use telesphor_identity::bundle::Proofs;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::SigningKey;

use super::record::{SignedIn, policy};
use crate::core::Ctx;
use crate::core::records::{GroupSay, Job, TalkSay, What};
use crate::error::Result;

/// Whoever acts at this device, as a receipt names him.
pub(crate) struct Named {
    pub(crate) person: Person,
    pub(crate) presence: Option<SignedPresence>,
    /// Signs the receipt too, for staff under a pseudonym.
    pub(crate) key: Option<SigningKey>,
    /// What proves it to whoever does not know it.
    pub(crate) proofs: Proofs,
}

impl Named {
    /// The receipt with the pseudonym's own signature, if there is one.
    pub(crate) fn sign_too(&self, mut signed: SignedReceipt) -> SignedReceipt {
        signed.staff = self.key.as_ref().map(|key| key.sign(&signed.receipt));
        signed
    }
}

impl Ctx<'_, '_> {
    /// How whoever is signed in is named towards somebody.
    pub(crate) fn named_towards(&mut self, here: &SignedIn, towards: &IdentityId) -> Result<Named> {
        if policy(self.tx)?.pseudonyms {
            let (pseudonym, key, attestation) = self.staff_pseudonym(here, towards)?;
            let own = crate::people::history(self.tx, &self.profile, &self.me())?;
            return Ok(Named {
                person: Person::Staff(pseudonym),
                presence: None,
                key: Some(key),
                proofs: Proofs {
                    histories: own.into_iter().map(|(history, _)| history).collect(),
                    attestations: vec![attestation],
                    ..Proofs::default()
                },
            });
        }
        let person = here.presence.statement.person;
        Ok(Named {
            person: Person::Identity(person),
            presence: Some(here.presence.clone()),
            key: None,
            proofs: self.proofs_about(&person)?,
        })
    }

    /// Who wrote a document that is signed at this device, as its header says it.
    pub(crate) fn written_by(&mut self, towards: &IdentityId) -> Result<Option<(WrittenBy, String)>> {
        let Some(here) = self.acting()? else {
            return Ok(None);
        };
        let by = if policy(self.tx)?.pseudonyms {
            let (pseudonym, _, _) = self.staff_pseudonym(&here, towards)?;
            WrittenBy::Staff(pseudonym)
        } else {
            WrittenBy::Present(Box::new(here.presence.clone()))
        };
        Ok(Some((by, here.role)))
    }

    /// Says what proves who acted where that is going to be said; the same once in each place.
    pub(crate) fn vouch(&mut self, proofs: &Proofs, what: &What) -> Result<()> {
        if proofs.histories.is_empty() && proofs.attestations.is_empty() {
            return Ok(());
        }
        let bytes = proofs.to_bytes();
        let place = match what {
            What::Room(say) => say.mailbox.0,
            What::Talk(say) => say.contact.0,
            _ => return Ok(()),
        };
        let name = [
            b"vouched/",
            &place[..],
            &hash(HashLabel::Original, &Bytes(bytes.clone())).0,
        ]
        .concat();
        if self.tx.contains(Table::Receipts, &name)? {
            return Ok(());
        }
        self.put(Table::Receipts, &name, &true)?;
        let body = Bytes(canonical::encode(&GroupMessage::Credentials(Bytes(bytes))));
        let padding = crate::team::padding_for(&body);
        let what = match what {
            What::Room(say) => What::Room(GroupSay {
                body,
                padding,
                mailbox: say.mailbox,
            }),
            What::Talk(say) => What::Talk(TalkSay {
                body,
                padding,
                contact: say.contact,
            }),
            _ => return Ok(()),
        };
        self.enqueue(what, Job::Nothing(true), None)?;
        Ok(())
    }

    /// Whether whoever is signed in has not opened a document yet, and notes that he has. Others at
    /// this device may have: each opening is a person's.
    pub(crate) fn opens_first(&mut self, here: &SignedIn, document: &DocumentId) -> Result<bool> {
        let person = here.presence.statement.person;
        let name = [b"opened-by/", &document.0[..], &person.0[..]].concat();
        if self.tx.contains(Table::Receipts, &name)? {
            return Ok(false);
        }
        self.put(Table::Receipts, &name, &true)?;
        Ok(true)
    }
}
