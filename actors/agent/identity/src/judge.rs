//! The judgements behind a verdict: attestation chains, status lists, mandates, second signatures.

use std::cell::RefCell;
use std::collections::BTreeMap;
use telesphor_clinical::document::CoSigned;
use telesphor_clinical::mandate::Power;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::attestation::{Claim, SignedAttestation};
use crate::bundle::Proofs;
use crate::endpoint::EndReason;
use crate::known::Known;
use crate::limits::{self, MAX_CHAIN};
use crate::mandate::{Act, MandateProblem};
pub use crate::problem::AttestationProblem;
use crate::report::{Attested, Finding, MandateFound, Seen};
use crate::signing::{Judged, SignerError, SignerSaid};
use crate::status::{RevocationReason, Revoked};
use crate::trust::{SeenHead, Verifier};
use crate::verify::Refusal;

type Link = Result<Option<Revoked>, AttestationProblem>;

/// One judgement: what is known, what was brought, by whom and for when it is judged.
pub(crate) struct Judge<'a> {
    pub(crate) known: &'a Known,
    pub(crate) proofs: &'a Proofs,
    pub(crate) verifier: &'a Verifier,
    pub(crate) judged: Judged,
    /// Links judged already, by where they stand in the proofs. Without it, attestations that
    /// all vouch for each other would be checked once for every way through them.
    links: RefCell<BTreeMap<*const SignedAttestation, Link>>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(known: &'a Known, proofs: &'a Proofs, verifier: &'a Verifier, judged: Judged) -> Self {
        Self {
            known,
            proofs,
            verifier,
            judged,
            links: RefCell::default(),
        }
    }

    /// Steps 6 and 7 for the author: what is demanded must hold, what else holds is reported.
    pub(crate) fn claims(&self, author: &IdentityId) -> Result<Vec<Finding>, Refusal> {
        let mut good = Vec::new();
        let mut worst: Vec<(String, AttestationProblem)> = Vec::new();
        for signed in self
            .proofs
            .attestations
            .iter()
            .filter(|a| a.attestation.subject == *author)
        {
            match self.attestation(signed) {
                Ok(attested) => good.push(attested),
                Err(why) => worst.push((signed.attestation.claim.word(), why)),
            }
        }
        for word in &self.verifier.demands {
            if good.iter().any(|a| a.word == *word) {
                continue;
            }
            let why = worst
                .iter()
                .filter(|(w, _)| w == word)
                .map(|(_, why)| *why)
                .max_by_key(AttestationProblem::weight)
                .unwrap_or(AttestationProblem::None);
            return Err(Refusal::Claim {
                word: word.clone(),
                why,
            });
        }
        match good.is_empty() {
            true => Ok(vec![Finding::NotAttested]),
            false => Ok(good.into_iter().map(Finding::Attested).collect()),
        }
    }

    /// One attestation, judged for the time of the signature.
    pub(crate) fn attestation(&self, signed: &SignedAttestation) -> Result<Attested, AttestationProblem> {
        let word = signed.attestation.claim.word();
        let (anchor, withdrawn_later) = self.chain(signed, &word, 1)?;
        let a = &signed.attestation;
        Ok(Attested {
            subject: a.subject,
            issuer: a.issuer,
            anchor,
            word,
            until: a.until,
            withdrawn_later,
            attestation: a.id(),
        })
    }

    /// Follows the chain to an anchor for `word`; every link must hold.
    fn chain(
        &self,
        signed: &SignedAttestation,
        word: &str,
        depth: usize,
    ) -> Result<(IdentityId, Option<Revoked>), AttestationProblem> {
        let issuer = signed.attestation.issuer;
        let anchored = self
            .verifier
            .anchors
            .iter()
            .any(|a| a.identity == issuer && a.covers(word));
        let anchor = match anchored {
            true => issuer,
            false => self.authorised(&issuer, word, depth)?,
        };
        let later = self.link(signed)?;
        Ok((anchor, later))
    }

    /// The anchor behind an issuer who is none himself.
    fn authorised(
        &self,
        issuer: &IdentityId,
        word: &str,
        depth: usize,
    ) -> Result<IdentityId, AttestationProblem> {
        if depth >= MAX_CHAIN {
            return Err(AttestationProblem::NotTrusted);
        }
        let mut problem = AttestationProblem::NotTrusted;
        for signed in self
            .proofs
            .attestations
            .iter()
            .filter(|a| a.attestation.subject == *issuer)
        {
            let Claim::MayAttest(words) = &signed.attestation.claim else {
                continue;
            };
            if !words.0.iter().any(|w| w.as_str() == word) {
                continue;
            }
            match self.chain(signed, word, depth + 1) {
                Ok((anchor, _)) => return Ok(anchor),
                Err(why) if why.weight() > problem.weight() => problem = why,
                Err(_) => {}
            }
        }
        Err(problem)
    }

    /// One link by itself, judged once.
    fn link(&self, signed: &SignedAttestation) -> Link {
        let place = std::ptr::from_ref(signed);
        let known = self.links.borrow().get(&place).copied();
        known.unwrap_or_else(|| {
            let link = self.judge_link(signed);
            self.links.borrow_mut().insert(place, link);
            link
        })
    }

    /// Form, signature, time, status.
    fn judge_link(&self, signed: &SignedAttestation) -> Link {
        let a = &signed.attestation;
        if a.version != limits::VERSION || a.ext.check(&[]).is_err() || matches!(a.claim, Claim::Foreign(_)) {
            return Err(AttestationProblem::Newer);
        }
        self.issued(&a.issuer, &a.issuer_head, &a.endpoint, a, &signed.signature)?;
        if self.judged.at < a.from || self.judged.at > a.until {
            return Err(AttestationProblem::NotThen {
                from: a.from,
                until: a.until,
                proved: self.judged.proved,
            });
        }
        self.place(&a.issuer, &a.list, a.index)
    }

    /// Whether an issuer's endpoint signed something that is to outlive the endpoint.
    pub(crate) fn issued<T: Signed>(
        &self,
        issuer: &IdentityId,
        head: &Digest,
        endpoint: &PublicKey,
        value: &T,
        signature: &Signature,
    ) -> Result<(), AttestationProblem> {
        let history = self.known.get(issuer).map_err(AttestationProblem::History)?;
        let state = history
            .at_head(head)
            .ok_or(AttestationProblem::Issuer(SignerError::UnknownHead))?;
        if history.disputed_from().is_some_and(|n| state.n >= n) {
            return Err(AttestationProblem::Issuer(SignerError::Disputed));
        }
        if state.live_endpoint(endpoint).is_none() {
            return Err(AttestationProblem::Issuer(SignerError::KeyNotValidThen));
        }
        // An issuer's endpoint that was merely retired keeps its word: the status list, signed by
        // one that is not, goes on vouching for it. One that was stolen does not.
        let end = history.now().endpoint(endpoint).and_then(|e| e.ended);
        if end.is_some_and(|e| e.reason == EndReason::Stolen && e.since <= self.judged.at) {
            return Err(AttestationProblem::Issuer(SignerError::KeyNotValidThen));
        }
        endpoint
            .verify(value, signature)
            .map_err(|_| AttestationProblem::Issuer(SignerError::BadSignature))
    }

    /// Step 7. A withdrawal after the judged time is reported, not refused.
    pub(crate) fn place(
        &self,
        issuer: &IdentityId,
        list: &Digest,
        index: u32,
    ) -> Result<Option<Revoked>, AttestationProblem> {
        let newest = self
            .proofs
            .lists
            .iter()
            .filter(|l| l.list.list == *list && l.list.issuer == *issuer)
            .max_by_key(|l| l.list.sequence)
            .ok_or(AttestationProblem::NoList)?;
        let list = &newest.list;
        let history = self.known.get(issuer).map_err(AttestationProblem::History)?;
        let said = SignerSaid {
            identity: &list.issuer,
            head: &list.issuer_head,
            endpoint: &list.endpoint,
        };
        let genuine = history
            .check_signed(said, Judged::now(self.verifier.now), list, &newest.signature)
            .is_ok();
        if !genuine || list.check().is_err() || list.ext.check(&[]).is_err() {
            return Err(AttestationProblem::NoList);
        }
        let lower = self
            .verifier
            .sequences
            .get(&list.list)
            .is_some_and(|&seen| list.sequence < seen);
        let due = list
            .next_update
            .saturating_add(self.verifier.freshness.list_grace_ms);
        if lower || self.verifier.now > due {
            return Err(AttestationProblem::ListTooOld);
        }
        let revoked = list.status(index).map_err(|_| AttestationProblem::NoList)?;
        match revoked {
            Some(r)
                if r.since <= self.judged.at
                    || r.reason == RevocationReason::Mistake
                    || (r.reason == RevocationReason::KeyStolen && !self.judged.proved) =>
            {
                Err(AttestationProblem::Withdrawn {
                    revoked: r,
                    proved: self.judged.proved,
                })
            }
            other => Ok(other),
        }
    }

    /// The mandate under which the author says he acted. Of parts the scopes are not known, so it
    /// can only be said what the mandate allows anywhere.
    pub(crate) fn mandate(
        &self,
        author: &IdentityId,
        whom: &IdentityId,
        named: Option<Digest>,
        scopes: Option<(&Scopes, &Scopes)>,
    ) -> MandateFound {
        let Some(named) = named else {
            return MandateFound::NotNamed;
        };
        let Some(signed) = self.proofs.mandates.iter().find(|m| m.mandate.id() == named) else {
            return MandateFound::NotProved(MandateProblem::Missing);
        };
        if scopes.is_none() && signed.mandate.scopes.is_some() {
            return MandateFound::NotProved(MandateProblem::ScopeHidden);
        }
        let documents: Vec<_> = scopes.into_iter().collect();
        let act = Act {
            by: author,
            whom,
            powers: &[Power::Write, Power::Decide],
            documents: &documents,
        };
        match self.allows(signed, &act) {
            Ok(until) => MandateFound::Holds(until),
            Err(
                why @ (MandateProblem::NotSigned(_)
                | MandateProblem::NotTrusted
                | MandateProblem::Newer
                | MandateProblem::Unknown(_)),
            ) => MandateFound::NotProved(why),
            Err(why) => MandateFound::DoesNotHold(why),
        }
    }

    /// The second signatures: those that can be checked, and those that cannot.
    pub(crate) fn cosignatures(&self, id: &DocumentId, cosigned: &[CoSigned]) -> Vec<Finding> {
        let check = |signed: &CoSigned| {
            let s = &signed.statement;
            let said = SignerSaid {
                identity: &s.signer,
                head: &s.head,
                endpoint: &s.endpoint,
            };
            // Evidence of time is about the document, not about a signature added later.
            let history = self.known.get(&s.signer).ok()?;
            let good = s.document == *id && s.ext.check(&[]).is_ok();
            history
                .check_signed(said, Judged::now(self.verifier.now), s, &signed.signature)
                .ok()
                .filter(|()| good)
        };
        cosigned
            .iter()
            .map(|signed| match check(signed) {
                Some(()) => Finding::CoSigned {
                    signer: signed.statement.signer,
                    role: signed.statement.role.clone(),
                },
                None => Finding::CoSignatureIgnored(signed.statement.signer),
            })
            .collect()
    }

    /// What to remember: heads that go beyond what was known, and genuine lists.
    pub(crate) fn seen(&self) -> Seen {
        let heads = self
            .known
            .iter()
            .filter(|(_, h)| h.disputed_from().is_none())
            .map(|(id, history)| {
                let before = self
                    .verifier
                    .heads
                    .get(id)
                    .filter(|s| s.head == history.head())
                    .map_or(0, |s| s.at);
                (
                    *id,
                    SeenHead {
                        n: history.now().n,
                        head: history.head(),
                        at: before,
                    },
                )
            });
        let lists = self.proofs.lists.iter().filter_map(|signed| {
            let list = &signed.list;
            let said = SignerSaid {
                identity: &list.issuer,
                head: &list.issuer_head,
                endpoint: &list.endpoint,
            };
            let history = self.known.get(&list.issuer).ok()?;
            history
                .check_signed(said, Judged::now(self.verifier.now), list, &signed.signature)
                .ok()?;
            Some((list.list, list.sequence))
        });
        Seen {
            heads: heads.collect(),
            lists: lists.collect(),
        }
    }
}
