//! A submission with everything that can be worked out from it alone, so that the bulk of it
//! is hashed once, and on any thread.

use telesphor_wire::batch::{SessionWord, Submission};
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{MailboxKind, payload_hash, payload_hashes};
use telesphor_wire::sign::PublicKey;

use crate::facts::{MemoryKey, token_hash};

/// A submission, hashed, with the deposit key's signature checked if it has one.
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    /// The command.
    pub command: &'a Command,
    /// The relay's word for the sender, if it needs one.
    pub word: Option<&'a SessionWord>,
    /// `H("command", body)`.
    pub body: Digest,
    /// `H("payload", ..)` of a deposit; of no meaning for other commands.
    pub payload: Digest,
    /// Who deposits.
    pub depositor: Depositor,
    /// Hash of the admission token that is used, registered or ended.
    token: Option<Digest>,
}

/// The costly part of [`Prepared`], apart from its submission: made by whoever takes the
/// submission in, so that it is not made by the one thread that decides.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    body: Digest,
    payload: Digest,
    depositor: Depositor,
    token: Option<Digest>,
}

/// Who says that a deposit may be made, or whose word an act on a ledger entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depositor {
    /// Neither of the two, or nobody.
    Nobody,
    /// The relay that held the session.
    Word,
    /// This key's own signature, found good.
    Signed(PublicKey),
    /// A signature that is not good.
    Forged,
}

impl Hashed {
    /// Hashes a submission and checks the signature that a deposit, or an act on the ledger, bears.
    pub fn of(submission: &Submission) -> Self {
        let payload = payload_of(submission).map(payload_hash);
        Self::with(submission, payload)
    }

    /// [`Hashed::of`] for each of these, whose payloads are hashed side by side.
    pub fn of_all<'a>(submissions: impl Iterator<Item = &'a Submission> + Clone) -> Vec<Self> {
        let payloads: Vec<&[u8]> = submissions.clone().filter_map(payload_of).collect();
        let mut hashes = payload_hashes(&payloads).into_iter();
        submissions
            .map(|submission| Self::with(submission, payload_of(submission).and_then(|_| hashes.next())))
            .collect()
    }

    fn with(submission: &Submission, payload: Option<Digest>) -> Self {
        let command = &submission.command;
        let mut token = None;
        let (payload, mut depositor) = (payload.unwrap_or(Digest([0; 32])), Depositor::Nobody);
        let body = match command {
            Command::Deposit(d) => {
                depositor = depositor_of(d, submission.word.as_ref(), payload);
                command.body_hash_with(&payload)
            }
            Command::Enrol(e) => {
                token = Some(token_hash(&e.token));
                command.body_hash()
            }
            Command::Admit(a) => {
                token = Some(a.admission.token);
                command.body_hash()
            }
            Command::Ledger(l) => {
                depositor = match l.speaker() {
                    Ok(key) => key.map_or(Depositor::Nobody, Depositor::Signed),
                    Err(_) => Depositor::Forged,
                };
                command.body_hash()
            }
            _ => command.body_hash(),
        };
        Self {
            body,
            payload,
            depositor,
            token,
        }
    }
}

impl<'a> Prepared<'a> {
    /// Hashes a submission and checks a deposit's own signature.
    pub fn new(submission: &'a Submission) -> Self {
        Self::with(submission, &Hashed::of(submission))
    }

    /// With what was made of this very submission, in this process.
    pub fn with(submission: &'a Submission, hashed: &Hashed) -> Self {
        Self {
            command: &submission.command,
            word: submission.word.as_ref(),
            body: hashed.body,
            payload: hashed.payload,
            depositor: hashed.depositor,
            token: hashed.token,
        }
    }

    /// Hash of the admission token of an enrolment.
    pub fn token(&self) -> Option<Digest> {
        self.token
    }

    /// The key under which its id is remembered, given the kind of its mailbox (`None` if
    /// there is no such mailbox, or none is concerned).
    pub fn memory_key(&self, kind: Option<MailboxKind>) -> MemoryKey {
        let scope = match (kind, self.command, self.depositor) {
            (Some(MailboxKind::Personal), Command::Deposit(_), Depositor::Signed(key)) => key.0,
            (Some(MailboxKind::Personal), Command::Deposit(_), Depositor::Word) => {
                self.word.map_or([0; 32], |w| w.key.0)
            }
            (_, Command::Ledger(_), Depositor::Signed(key)) => key.0,
            _ => [0; 32],
        };
        let mailbox = match (self.command.place(), self.token) {
            (Some(id), _) => id,
            (None, token) => MailboxId(token.unwrap_or(Digest([0; 32])).0),
        };
        MemoryKey {
            mailbox,
            scope,
            command: self.command.id(),
        }
    }
}

/// The bulk of a submission, if it is a deposit.
fn payload_of(submission: &Submission) -> Option<&[u8]> {
    match &submission.command {
        Command::Deposit(d) => Some(&d.payload),
        _ => None,
    }
}

fn depositor_of(d: &Deposit, word: Option<&SessionWord>, payload: Digest) -> Depositor {
    if let Some((key, signature)) = &d.signature {
        return match key.verify(&d.statement_with(payload), signature) {
            Ok(()) => Depositor::Signed(*key),
            Err(_) => Depositor::Forged,
        };
    }
    if word.is_some() {
        Depositor::Word
    } else {
        Depositor::Nobody
    }
}
