//! A verdict in words: what is proved, by whom, and what is not.

use telesphor_clinical::header::{Relation, RelationKind, Status};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::presentation::{Audience, ListShown};
use telesphor_clinical::text::Text;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::evidence::{BadEvidence, ProvedTime};
use crate::inception::Custody;
use crate::mandate::MandateProblem;
use crate::status::Revoked;
use crate::trust::{SeenHead, Verifier};

/// A claim about somebody that reached one of the verifier's anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// About whom.
    pub subject: IdentityId,
    /// Who said it.
    pub issuer: IdentityId,
    /// The anchor at the end of the chain; the issuer itself if the chain is short.
    pub anchor: IdentityId,
    /// The claim's word.
    pub word: String,
    /// Until when it was given, Unix milliseconds.
    pub until: u64,
    /// Withdrawn since, after the time for which it was judged.
    pub withdrawn_later: Option<Revoked>,
    /// `H("attestation-id", ..)`.
    pub attestation: Digest,
}

/// What is known of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MandateFound {
    /// The document names none.
    NotNamed,
    /// One is named, but it is not here, or its issuer cannot be checked.
    NotProved(MandateProblem),
    /// One is named and does not hold: not for this author, not then, not for this.
    DoesNotHold(MandateProblem),
    /// It is here, genuine, and held then; it runs until this instant, Unix milliseconds.
    Holds(Option<u64>),
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The signature is the author's.
    SignedBy(IdentityId),
    /// The author acted for somebody.
    OnBehalfOf {
        /// For whom.
        whom: IdentityId,
        /// What is known of the mandate.
        mandate: MandateFound,
    },
    /// The author's keys are not in his own hands.
    Custody(Custody),
    /// A claim about the author that the verifier takes.
    Attested(Attested),
    /// Nobody whom the verifier trusts says anything about the author.
    NotAttested,
    /// The time of signing is proved.
    Proved(ProvedTime),
    /// It is not: judged as if signed now.
    NoProofOfTime,
    /// Evidence was there and did not count.
    EvidenceIgnored(BadEvidence),
    /// When the author's history was last confirmed to be complete, Unix milliseconds.
    HistoryConfirmed(Option<u64>),
    /// Somebody else signed under it.
    CoSigned {
        /// Who.
        signer: IdentityId,
        /// As what, in his own words.
        role: Option<Text>,
    },
    /// A second signature that does not count.
    CoSignatureIgnored(IdentityId),
    /// The author says that it is preliminary, amended, or in error.
    Status(Status),
    /// It stands in another document's place.
    Supersedes(Relation),
    /// Another document stands in its place.
    Superseded(Relation),
    /// So many parts of it are shown, and nothing else of it.
    PartsShown(usize),
    /// What is known of a list of which something is shown.
    List(ListShown),
    /// By whom parts are shown; nobody is named where the holder key speaks.
    ShownBy(Option<IdentityId>),
    /// To whom they are made out, and when, by the clock of who shows.
    MadeOut {
        /// To whom.
        to: Audience,
        /// When.
        date: Instant,
        /// Whether it answers a question that the verifier asked.
        answers: bool,
    },
}

/// What a verdict has shown, to be remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Heads of histories, dated by what the verifier knew before.
    pub heads: Vec<(IdentityId, SeenHead)>,
    /// Sequences of status lists.
    pub lists: Vec<(Digest, u64)>,
}

/// A document that is genuine, and all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which document.
    pub document: DocumentId,
    /// Who signed it.
    pub author: IdentityId,
    /// For which instant it was judged, Unix milliseconds.
    pub judged_at: u64,
    /// Whether that instant is proved.
    pub time_proved: bool,
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// To be remembered by the verifier.
    pub seen: Seen,
}

/// An instant in words, UTC.
pub fn when(unix_ms: u64) -> String {
    let mut instant = Instant::now_of(unix_ms / 1000 * 1000, 0, Clock::Unknown);
    instant.precision = telesphor_clinical::instant::Precision::Second;
    instant.to_string().replacen('T', " ", 1).replace('Z', " UTC")
}

impl Report {
    /// Whether a claim of this word about the author was found and taken.
    pub fn holds(&self, word: &str) -> bool {
        self.findings
            .iter()
            .any(|f| matches!(f, Finding::Attested(a) if a.word == word))
    }

    /// The report in lines, with the verifier's own names for people.
    pub fn words(&self, verifier: &Verifier) -> Vec<String> {
        let proved = self.findings.iter().find_map(|f| match f {
            Finding::Proved(time) => Some(time),
            _ => None,
        });
        self.findings
            .iter()
            .map(|finding| line(finding, self, proved, verifier))
            .collect()
    }
}

fn line(finding: &Finding, report: &Report, proved: Option<&ProvedTime>, verifier: &Verifier) -> String {
    let name = |id: &IdentityId| verifier.name(id);
    match finding {
        Finding::SignedBy(author) => format!("signed by {}", name(author)),
        Finding::OnBehalfOf { whom, mandate } => {
            let how = match mandate {
                MandateFound::Holds(Some(until)) => format!("by mandate until {}", when(*until)),
                MandateFound::Holds(None) => "by mandate until it is ended".to_owned(),
                MandateFound::NotNamed => "as the author says; no mandate is named".to_owned(),
                MandateFound::NotProved(why) => {
                    format!("as the author says; the mandate named could not be checked: {why}")
                }
                MandateFound::DoesNotHold(why) => format!("BUT THE MANDATE NAMED DOES NOT HOLD: {why}"),
            };
            format!("{}, for {}, {how}", name(&report.author), name(whom))
        }
        Finding::Custody(Custody::Institution(by)) => {
            format!(
                "the keys of {} are held by an institution: {}",
                name(&report.author),
                name(by)
            )
        }
        Finding::Custody(Custody::Guardians(g)) => {
            let names: Vec<_> = g.guardians.iter().map(name).collect();
            format!(
                "the keys of {} are held by guardians: {}",
                name(&report.author),
                names.join(", ")
            )
        }
        Finding::Custody(Custody::Own(_)) => format!("the keys of {} are their own", name(&report.author)),
        Finding::Attested(a) => attested(a, proved, report, verifier),
        Finding::NotAttested => {
            format!(
                "nobody whom you trust says who {} is or may be",
                name(&report.author)
            )
        }
        Finding::Proved(time) => {
            format!("existed at {}, proved by domain {}", when(time.at), time.domain)
        }
        Finding::NoProofOfTime => {
            "no proof that it was signed before now; judged as if signed now".to_owned()
        }
        Finding::EvidenceIgnored(why) => format!("not counted: {why}"),
        Finding::HistoryConfirmed(Some(at)) => {
            format!(
                "the key history of {} was last confirmed at {}",
                name(&report.author),
                when(*at)
            )
        }
        Finding::HistoryConfirmed(None) => format!(
            "the key history of {} is as the file brings it; a later change would not be seen here",
            name(&report.author)
        ),
        Finding::CoSigned {
            signer,
            role: Some(role),
        } => {
            format!("signed under it: {} ({})", name(signer), role.shown())
        }
        Finding::CoSigned { signer, role: None } => format!("signed under it: {}", name(signer)),
        Finding::CoSignatureIgnored(signer) => {
            format!(
                "a second signature in the name of {} could not be checked and does not count",
                name(signer)
            )
        }
        Finding::Status(Status::EnteredInError) => {
            "ENTERED IN ERROR: the author says that it must not be relied on".to_owned()
        }
        Finding::Status(status) => format!("status: {status}"),
        Finding::Supersedes(relation) => format!("{} {}", relation.kind, relation.document),
        Finding::Superseded(relation) => {
            let how = match relation.kind {
                RelationKind::Replaces => "REPLACED by",
                RelationKind::Amends => "AMENDED by",
                RelationKind::Retracts => "WITHDRAWN by",
                _ => "superseded by",
            };
            format!("{how} {}", relation.document)
        }
        Finding::PartsShown(_) | Finding::List(_) | Finding::ShownBy(_) | Finding::MadeOut { .. } => {
            crate::parts::line(finding, verifier)
        }
    }
}

fn attested(a: &Attested, proved: Option<&ProvedTime>, report: &Report, verifier: &Verifier) -> String {
    let issuer = verifier.name(&a.issuer);
    let words = match a.word.strip_prefix("licensed-") {
        Some(profession) => format!("licensed {profession} by the word of {issuer}"),
        None => format!("{} by the word of {issuer}", a.word),
    };
    let through = match a.anchor == a.issuer {
        true => String::new(),
        false => format!(" (whom {} allows to say so)", verifier.name(&a.anchor)),
    };
    let ended = a
        .withdrawn_later
        .map(|r| r.since)
        .into_iter()
        .chain((a.until < verifier.now).then_some(a.until))
        .min();
    match (ended, proved) {
        (Some(end), Some(time)) => format!(
            "{words}{through} at the time; signed before that ended on {}, proved by domain {}",
            when(end),
            time.domain
        ),
        _ if report.time_proved => format!("{words}{through} at the time"),
        _ => format!("{words}{through}, now"),
    }
}
