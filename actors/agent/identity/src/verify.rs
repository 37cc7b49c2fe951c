//! Is it genuine? The checks of the crypto profile (8), in its order, offline.
//!
//! 1 parse and bounds; 2 hashes of body, header and field tree; 3 the author's history, forks,
//! freshness; 4 the author's key at the proved time; 5 the signature; 6 attestations up to one of
//! the verifier's anchors, for that time; 7 status lists, fresh now; 8 the holder's presentation
//! (only where parts are shown); 9 what supersedes it.
//!
//! The first failure is the verdict. No evidence of time means: judged as if signed now.

use telesphor_clinical::document::{CoSigned, DocumentError, SignedDocument};
use telesphor_clinical::header::Status;
use telesphor_clinical::presentation::{Expected, Presentation, PresentationError, ShownBy};
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::statement::Statement;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::sign::Signature;

use crate::bundle::{Bundle, Proofs};
use crate::evidence::{ProvedTime, TimeEvidence};
use crate::inception::Custody;
use crate::judge::{AttestationProblem, Judge};
use crate::known::{HistoryProblem, Known};
use crate::report::{Attested, Finding, Report};
use crate::signing::{Judged, SignerError, SignerSaid};
use crate::trust::Verifier;

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
    /// Step 8: what is shown of it, and by whom.
    #[error(transparent)]
    Presentation(#[from] PresentationError),
    /// Step 8: the signature of an identity that shows parts.
    #[error("whoever shows it: {0}")]
    Shower(String, ErrorCode),
}

impl Refusal {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Document(e) => e.code(),
            Self::History(e) => e.code(),
            Self::Signer(e) => e.code(),
            Self::Claim { why, .. } => why.code(),
            Self::Presentation(e) => e.code(),
            Self::Shower(_, code) => *code,
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
            Self::Claim {
                why:
                    AttestationProblem::NoList
                    | AttestationProblem::ListTooOld
                    | AttestationProblem::Withdrawn { .. },
                ..
            } => 7,
            Self::Claim { .. } => 6,
            Self::Presentation(e) => e.step(),
            Self::Shower(..) => 8,
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
    let signed = Said {
        statement: &document.statement(),
        signature: &document.signature,
        scopes: Some((&document.header.scopes, &document.header.sensitivity)),
        cosigned: &document.cosigned,
    };
    let known = Known::check(proofs, verifier);
    judge(&signed, &known, proofs, evidence, verifier)
}

/// Judges parts of a document: all that is judged of a whole one, and by whom, to whom and for
/// what they are shown.
///
/// # Errors
/// [`Refusal`]: the first check that failed.
pub fn verify_presentation(
    presentation: &Presentation,
    proofs: &Proofs,
    evidence: &[TimeEvidence],
    expected: &Expected,
    verifier: &Verifier,
) -> Result<Report, Refusal> {
    presentation.check()?;
    let signed = Said {
        statement: &presentation.statement,
        signature: &presentation.signature,
        // They stand in the header, which is not shown.
        scopes: None,
        cosigned: &[],
    };
    let known = Known::check(proofs, verifier);
    let mut report = judge(&signed, &known, proofs, evidence, verifier)?;
    presentation.check_for(expected)?;
    let showing = &presentation.showing;
    let by = match &showing.by {
        ShownBy::Holder(_) => None,
        ShownBy::Identity(by) => {
            let refused = |words: String, code| Refusal::Shower(words, code);
            let history = known
                .get(&by.identity)
                .map_err(|e| refused(e.to_string(), e.code()))?;
            let said = SignerSaid {
                identity: &by.identity,
                head: &by.head,
                endpoint: &by.endpoint,
            };
            history
                .check_endpoint(said, Judged::now(verifier.now))
                .map_err(|e| refused(e.to_string(), e.code()))?;
            Some(by.identity)
        }
    };
    report
        .findings
        .extend(crate::parts::findings(presentation, by, expected));
    Ok(report)
}

/// What an author signed, as far as the verifier has it.
struct Said<'a> {
    statement: &'a Statement,
    signature: &'a Signature,
    /// Scopes, and those of them that are sensitive; not known of parts.
    scopes: Option<(&'a Scopes, &'a Scopes)>,
    cosigned: &'a [CoSigned],
}

/// Steps 3 to 7, and 9.
fn judge(
    signed: &Said<'_>,
    known: &Known,
    proofs: &Proofs,
    evidence: &[TimeEvidence],
    verifier: &Verifier,
) -> Result<Report, Refusal> {
    let statement = signed.statement;
    let id = statement.id();
    let author = statement.author;
    let history = known.get(&author)?;
    let confirmed = fresh(&author, history.head(), verifier)?;

    let (time, ignored) = proved_time(&id, evidence, verifier);
    let judged = time.as_ref().map_or(Judged::now(verifier.now), |t| Judged {
        at: t.at,
        proved: true,
    });
    let said = SignerSaid {
        identity: &author,
        head: &statement.author_head,
        endpoint: &statement.endpoint,
    };
    history.check_signed(said, judged, statement, signed.signature)?;

    let mut findings = vec![Finding::SignedBy(author)];
    if let Some(state) = history
        .at_head(&statement.author_head)
        .filter(|s| !matches!(s.custody, Custody::Own(_)))
    {
        findings.push(Finding::Custody(state.custody.clone()));
    }
    let judge = Judge::new(known, proofs, verifier, judged);
    if let Some(whom) = statement.on_behalf_of {
        let mandate = judge.mandate(&author, &whom, statement.mandate, signed.scopes);
        findings.push(Finding::OnBehalfOf { whom, mandate });
    }
    findings.extend(judge.claims(&author)?);
    findings.push(time.map_or(Finding::NoProofOfTime, Finding::Proved));
    findings.extend(ignored);
    findings.push(Finding::HistoryConfirmed(confirmed));
    findings.extend(judge.cosignatures(&id, signed.cosigned));
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
    let judge = Judge::new(&known, proofs, verifier, Judged::now(verifier.now));
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
    let confirmed = verifier
        .heads
        .get(author)
        .filter(|seen| seen.head == head && seen.at > 0)
        .map(|seen| seen.at);
    match verifier.freshness.history_ms {
        Some(max) if confirmed.is_none_or(|at| verifier.now.saturating_sub(at) > max) => {
            Err(HistoryProblem::NotFresh)
        }
        _ => Ok(confirmed),
    }
}

/// The earliest proved time; evidence that does not count is reported.
fn proved_time(
    id: &DocumentId,
    evidence: &[TimeEvidence],
    verifier: &Verifier,
) -> (Option<ProvedTime>, Vec<Finding>) {
    let mut earliest: Option<ProvedTime> = None;
    let mut ignored = Vec::new();
    for item in evidence {
        match item.verify_document(id, &verifier.domains) {
            Ok(time) if earliest.as_ref().is_none_or(|e| time.at < e.at) => earliest = Some(time),
            Ok(_) => {}
            Err(why) => ignored.push(Finding::EvidenceIgnored(why)),
        }
    }
    (earliest, ignored)
}
