//! Is it genuine? The checks of the crypto profile (8), in its order, offline.
//!
//! 1 parse and bounds; 2 hashes of body, header and field tree; 3 the author's history, forks,
//! freshness; 4 the author's key at the proved time; 5 the signature; 6 attestations up to one of
//! the verifier's anchors, for that time; 7 status lists, fresh now; 8 the holder's presentation
//! (only where parts are shown); 9 what supersedes it.
//!
//! The first failure is the verdict. No evidence of time means: judged as if signed now.

use telesphor_clinical::document::{DocumentError, SignedDocument};
use telesphor_clinical::header::Status;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::attestation::{Claim, SignedAttestation};
use crate::bundle::{Bundle, Proofs};
use crate::endpoint::EndReason;
use crate::evidence::{ProvedTime, TimeEvidence};
use crate::inception::Custody;
use crate::known::{HistoryProblem, Known};
use crate::limits::{self, MAX_CHAIN};
use crate::report::{Attested, Finding, Report, Seen, when};
use crate::signing::{Judged, SignerError, SignerSaid};
use crate::status::{RevocationReason, Revoked};
use crate::trust::{SeenHead, Verifier};

/// Why a document is not genuine, or cannot be said to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Steps 1 and 2.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Step 3.
    #[error("the author's history: {0}")]
    History(#[from] HistoryProblem),
    /// Steps 3 to 5.
    #[error("the author's signature: {0}")]
    Signer(#[from] SignerError),
    /// Steps 6 and 7: a claim that the verifier demands is not proved.
    #[error("{word}: {why}")]
    Claim {
        /// Which claim.
        word: String,
        /// Why not.
        why: AttestationProblem,
    },
}

impl Refusal {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Document(e) => e.code(),
            Self::History(e) => e.code(),
            Self::Signer(e) => e.code(),
            Self::Claim { why, .. } => why.code(),
        }
    }

    /// At which of the nine steps it failed.
    pub const fn step(&self) -> u8 {
        match self {
            Self::Document(DocumentError::Changed) => 2,
            Self::Document(_) => 1,
            Self::History(_) | Self::Signer(SignerError::OtherIdentity | SignerError::Disputed) => 3,
            Self::Signer(SignerError::UnknownHead | SignerError::KeyNotValidThen) => 4,
            Self::Signer(SignerError::BadSignature) => 5,
            Self::Claim { why: AttestationProblem::NoList | AttestationProblem::ListTooOld | AttestationProblem::Withdrawn { .. }, .. } => 7,
            Self::Claim { .. } => 6,
        }
    }
}

/// Why an attestation does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationProblem {
    /// Nobody says it.
    #[error("nobody says so of the author")]
    None,
    /// Whoever says it is not among those whom the verifier trusts.
    #[error("nobody whom you trust says so of the author")]
    NotTrusted,
    /// Made by a newer version, in a way that must not be passed over.
    #[error("made by a newer version")]
    Newer,
    /// Its signature is not the issuer's.
    #[error("the attestation is not genuine: {0}")]
    Issuer(SignerError),
    /// The issuer's history cannot be relied on.
    #[error("the issuer's history: {0}")]
    History(HistoryProblem),
    /// It did not hold then.
    #[error("it held from {} to {}, {}", when(*from), when(*until), proof_words(*proved))]
    NotThen {
        /// From, Unix milliseconds.
        from: u64,
        /// Until, Unix milliseconds.
        until: u64,
        /// Whether the time of signing is proved.
        proved: bool,
    },
    /// It was withdrawn.
    #[error("it was withdrawn from {} on ({}), {}", when(revoked.since), revoked.reason, proof_words(*proved))]
    Withdrawn {
        /// Since when and why.
        revoked: Revoked,
        /// Whether the time of signing is proved.
        proved: bool,
    },
    /// The status list it names is missing or not genuine.
    #[error("the list that would tell whether it was withdrawn is missing or not genuine")]
    NoList,
    /// The list's next update is overdue, or an earlier one than seen before.
    #[error("the list of withdrawn attestations is too old; fetch a new one")]
    ListTooOld,
}

fn proof_words(proved: bool) -> &'static str {
    if proved { "and it is proved that this was signed outside that time" } else { "and there is no proof that this was signed before" }
}

impl AttestationProblem {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotThen { .. } | Self::Withdrawn { .. } => ErrorCode::AttestationEnded,
            Self::ListTooOld | Self::NoList => ErrorCode::StatusTooOld,
            Self::Newer => ErrorCode::UnknownCritical,
            Self::History(p) => p.code(),
            Self::None | Self::NotTrusted | Self::Issuer(_) => ErrorCode::NotAttested,
        }
    }

    /// Later problems say more: an attestation that ended tells more than one that is not there.
    const fn weight(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::NotTrusted => 1,
            Self::Newer | Self::Issuer(_) | Self::History(_) => 2,
            Self::NoList => 3,
            Self::ListTooOld => 4,
            Self::NotThen { .. } => 5,
            Self::Withdrawn { .. } => 6,
        }
    }
}

/// Judges a document with its proofs. Needs no network.
///
/// # Errors
/// [`Refusal`]: the first check that failed.
pub fn verify(bundle: &Bundle, verifier: &Verifier) -> Result<Report, Refusal> {
    let document = SignedDocument::from_bytes(&bundle.document)?;
    verify_document(&document, &bundle.proofs, &bundle.evidence, verifier)
}

/// [`verify`] for a document that was parsed and checked already (steps 1 and 2).
///
/// # Errors
/// [`Refusal`].
pub fn verify_document(
    document: &SignedDocument,
    proofs: &Proofs,
    evidence: &[TimeEvidence],
    verifier: &Verifier,
) -> Result<Report, Refusal> {
    document.check()?;
    let statement = document.statement();
    let id = statement.id();
    let author = statement.author;

    let known = Known::check(proofs, verifier);
    let history = known.get(&author)?;
    let confirmed = fresh(&author, history.head(), verifier)?;

    let (time, ignored) = proved_time(document, evidence, verifier);
    let judged = time.as_ref().map_or(Judged::now(verifier.now), |t| Judged { at: t.at, proved: true });
    let said = SignerSaid { identity: &author, head: &statement.author_head, endpoint: &statement.endpoint };
    history.check_signed(said, judged, &statement, &document.signature)?;

    let mut findings = vec![Finding::SignedBy(author)];
    if let Some(whom) = statement.on_behalf_of {
        findings.push(Finding::OnBehalfOf { whom, mandate: statement.mandate.is_some() });
    }
    if let Some(state) = history.at_head(&statement.author_head).filter(|s| !matches!(s.custody, Custody::Own(_))) {
        findings.push(Finding::Custody(state.custody.clone()));
    }
    let judge = Judge { known: &known, proofs, verifier, judged };
    findings.extend(judge.claims(&author)?);
    findings.push(time.map_or(Finding::NoProofOfTime, Finding::Proved));
    findings.extend(ignored);
    findings.push(Finding::HistoryConfirmed(confirmed));
    findings.extend(judge.cosignatures(document));
    if statement.status != Status::Final {
        findings.push(Finding::Status(statement.status));
    }
    findings.extend(statement.supersedes.iter().copied().map(Finding::Supersedes));
    findings.extend(verifier.superseded.get(&id).copied().map(Finding::Superseded));

    Ok(Report {
        document: id,
        author,
        judged_at: judged.at,
        time_proved: judged.proved,
        findings,
        seen: judge.seen(),
    })
}

/// Everything that the verifier's anchors say of somebody now: for contact lists.
pub fn attested_now(subject: &IdentityId, proofs: &Proofs, verifier: &Verifier) -> Vec<Attested> {
    let known = Known::check(proofs, verifier);
    let judge = Judge { known: &known, proofs, verifier, judged: Judged::now(verifier.now) };
    proofs
        .attestations
        .iter()
        .filter(|a| a.attestation.subject == *subject)
        .filter_map(|a| judge.attestation(a).ok())
        .collect()
}

/// When the history was last confirmed complete; an error if the policy wants that recently.
fn fresh(
    author: &IdentityId,
    head: telesphor_wire::hash::Digest,
    verifier: &Verifier,
) -> Result<Option<u64>, HistoryProblem> {
    let confirmed = verifier.heads.get(author).filter(|seen| seen.head == head).map(|seen| seen.at);
    match verifier.freshness.history_ms {
        Some(max) if confirmed.is_none_or(|at| verifier.now.saturating_sub(at) > max) => Err(HistoryProblem::NotFresh),
        _ => Ok(confirmed),
    }
}

/// The earliest proved time; evidence that does not count is reported.
fn proved_time(
    document: &SignedDocument,
    evidence: &[TimeEvidence],
    verifier: &Verifier,
) -> (Option<ProvedTime>, Vec<Finding>) {
    let id = document.id();
    let mut earliest: Option<ProvedTime> = None;
    let mut ignored = Vec::new();
    for item in evidence {
        match item.verify_document(&id, &verifier.domains) {
            Ok(time) if earliest.as_ref().is_none_or(|e| time.at < e.at) => earliest = Some(time),
            Ok(_) => {}
            Err(why) => ignored.push(Finding::EvidenceIgnored(why)),
        }
    }
    (earliest, ignored)
}

struct Judge<'a> {
    known: &'a Known,
    proofs: &'a Proofs,
    verifier: &'a Verifier,
    judged: Judged,
}

impl Judge<'_> {
    /// Steps 6 and 7 for the author: what is demanded must hold, what else holds is reported.
    fn claims(&self, author: &IdentityId) -> Result<Vec<Finding>, Refusal> {
        let mut good = Vec::new();
        let mut worst: Vec<(String, AttestationProblem)> = Vec::new();
        for signed in self.proofs.attestations.iter().filter(|a| a.attestation.subject == *author) {
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
            return Err(Refusal::Claim { word: word.clone(), why });
        }
        match good.is_empty() {
            true => Ok(vec![Finding::NotAttested]),
            false => Ok(good.into_iter().map(Finding::Attested).collect()),
        }
    }

    /// One attestation, judged for the time of the signature.
    fn attestation(&self, signed: &SignedAttestation) -> Result<Attested, AttestationProblem> {
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
        let anchored = self.verifier.anchors.iter().any(|a| a.identity == issuer && a.covers(word));
        let anchor = match anchored {
            true => issuer,
            false => self.authorised(&issuer, word, depth)?,
        };
        let later = self.link(signed)?;
        Ok((anchor, later))
    }

    /// The anchor behind an issuer who is none himself.
    fn authorised(&self, issuer: &IdentityId, word: &str, depth: usize) -> Result<IdentityId, AttestationProblem> {
        if depth >= MAX_CHAIN {
            return Err(AttestationProblem::NotTrusted);
        }
        let mut problem = AttestationProblem::NotTrusted;
        for signed in self.proofs.attestations.iter().filter(|a| a.attestation.subject == *issuer) {
            let Claim::MayAttest(words) = &signed.attestation.claim else { continue };
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

    /// One link by itself: form, signature, time, status.
    fn link(&self, signed: &SignedAttestation) -> Result<Option<Revoked>, AttestationProblem> {
        let a = &signed.attestation;
        if a.version != limits::VERSION || a.ext.check(&[]).is_err() || matches!(a.claim, Claim::Foreign(_)) {
            return Err(AttestationProblem::Newer);
        }
        let history = self.known.get(&a.issuer).map_err(AttestationProblem::History)?;
        let state = history.at_head(&a.issuer_head).ok_or(AttestationProblem::Issuer(SignerError::UnknownHead))?;
        if history.disputed_from().is_some_and(|n| state.n >= n) {
            return Err(AttestationProblem::Issuer(SignerError::Disputed));
        }
        if state.live_endpoint(&a.endpoint).is_none() {
            return Err(AttestationProblem::Issuer(SignerError::KeyNotValidThen));
        }
        // An issuer's endpoint that was merely retired keeps its word: the status list, signed by
        // one that is not, goes on vouching for it. One that was stolen does not.
        let end = history.now().endpoint(&a.endpoint).and_then(|e| e.ended);
        if end.is_some_and(|e| e.reason == EndReason::Stolen && e.since <= self.judged.at) {
            return Err(AttestationProblem::Issuer(SignerError::KeyNotValidThen));
        }
        a.endpoint
            .verify(a, &signed.signature)
            .map_err(|_| AttestationProblem::Issuer(SignerError::BadSignature))?;
        if self.judged.at < a.from || self.judged.at > a.until {
            return Err(AttestationProblem::NotThen { from: a.from, until: a.until, proved: self.judged.proved });
        }
        self.status(signed)
    }

    /// Step 7. A withdrawal after the judged time is reported, not refused.
    fn status(&self, signed: &SignedAttestation) -> Result<Option<Revoked>, AttestationProblem> {
        let a = &signed.attestation;
        let newest = self
            .proofs
            .lists
            .iter()
            .filter(|l| l.list.list == a.list && l.list.issuer == a.issuer)
            .max_by_key(|l| l.list.sequence)
            .ok_or(AttestationProblem::NoList)?;
        let list = &newest.list;
        let history = self.known.get(&a.issuer).map_err(AttestationProblem::History)?;
        let said = SignerSaid { identity: &list.issuer, head: &list.issuer_head, endpoint: &list.endpoint };
        let genuine = history.check_signed(said, Judged::now(self.verifier.now), list, &newest.signature).is_ok();
        if !genuine || list.check().is_err() || list.ext.check(&[]).is_err() {
            return Err(AttestationProblem::NoList);
        }
        let lower = self.verifier.sequences.get(&list.list).is_some_and(|&seen| list.sequence < seen);
        let due = list.next_update.saturating_add(self.verifier.freshness.list_grace_ms);
        if lower || self.verifier.now > due {
            return Err(AttestationProblem::ListTooOld);
        }
        let revoked = list.status(a.index).map_err(|_| AttestationProblem::NoList)?;
        match revoked {
            Some(r) if r.since <= self.judged.at
                || r.reason == RevocationReason::Mistake
                || (r.reason == RevocationReason::KeyStolen && !self.judged.proved) =>
            {
                Err(AttestationProblem::Withdrawn { revoked: r, proved: self.judged.proved })
            }
            other => Ok(other),
        }
    }

    fn cosignatures(&self, document: &SignedDocument) -> Vec<Finding> {
        let id = document.id();
        let check = |signed: &telesphor_clinical::document::CoSigned| {
            let s = &signed.statement;
            let said = SignerSaid { identity: &s.signer, head: &s.head, endpoint: &s.endpoint };
            // Evidence of time is about the document, not about a signature added later.
            let history = self.known.get(&s.signer).ok()?;
            let good = s.document == id && s.ext.check(&[]).is_ok();
            history.check_signed(said, Judged::now(self.verifier.now), s, &signed.signature).ok().filter(|()| good)
        };
        document
            .cosigned
            .iter()
            .map(|signed| match check(signed) {
                Some(()) => Finding::CoSigned { signer: signed.statement.signer, role: signed.statement.role.clone() },
                None => Finding::CoSignatureIgnored(signed.statement.signer),
            })
            .collect()
    }

    /// What to remember: heads that go beyond what was known, and genuine lists.
    fn seen(&self) -> Seen {
        let heads = self.known.iter().filter(|(_, h)| h.disputed_from().is_none()).map(|(id, history)| {
            let before = self.verifier.heads.get(id).filter(|s| s.head == history.head()).map_or(0, |s| s.at);
            (*id, SeenHead { n: history.now().n, head: history.head(), at: before })
        });
        let lists = self.proofs.lists.iter().filter_map(|signed| {
            let list = &signed.list;
            let said = SignerSaid { identity: &list.issuer, head: &list.issuer_head, endpoint: &list.endpoint };
            let history = self.known.get(&list.issuer).ok()?;
            history.check_signed(said, Judged::now(self.verifier.now), list, &signed.signature).ok()?;
            Some((list.list, list.sequence))
        });
        Seen { heads: heads.collect(), lists: lists.collect() }
    }
}
