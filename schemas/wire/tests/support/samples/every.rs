//! Every structure on the wire once, by name.

use serde::{Serialize, de::DeserializeOwned};
use telesphor_wire::answer::{Answer, Taken};
use telesphor_wire::canonical::{self, CanonicalError};

use super::*;

/// A sample with its type forgotten.
pub struct Sample {
    pub name: String,
    pub bytes: Vec<u8>,
    /// Parses; what was accepted is encoded again.
    pub decode: fn(&[u8]) -> Result<Vec<u8>, CanonicalError>,
}

pub(super) fn sample<T: Serialize + DeserializeOwned>(name: impl Into<String>, value: &T) -> Sample {
    fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, CanonicalError> {
        canonical::decode::<T>(bytes).map(|value| canonical::encode(&value))
    }
    Sample {
        name: name.into(),
        bytes: canonical::encode(value),
        decode: decode::<T>,
    }
}

pub fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    vec![
        ("hello", ClientFrame::Hello(hello())),
        (
            "prove",
            ClientFrame::Prove(Prove {
                handle: 1,
                proof: proof(),
            }),
        ),
        (
            "calls",
            ClientFrame::Calls(vec![
                call(Command::Deposit(deposit())),
                call(Command::Take(take())),
            ]),
        ),
        (
            "follow",
            ClientFrame::Follow(Follow {
                handle: 1,
                after: 0,
                credit: 1 << 20,
            }),
        ),
        (
            "credit",
            ClientFrame::Credit(Credit {
                handle: 1,
                bytes: 65_536,
            }),
        ),
        ("unfollow", ClientFrame::Unfollow(1)),
        (
            "fetch",
            ClientFrame::Fetch(Fetch {
                handle: 1,
                after: 0,
                max_events: 100,
            }),
        ),
        ("forget", ClientFrame::Forget(1)),
        ("refresh", ClientFrame::Refresh(Extensions::none())),
        ("fetch-records", records_asked()),
    ]
}

pub fn relay_frames() -> Vec<(&'static str, RelayFrame)> {
    let mut all = vec![
        ("welcome", RelayFrame::Welcome(welcome())),
        (
            "proved",
            RelayFrame::Proved(Proved {
                handle: 1,
                refused: None,
                head: Some(cursor()),
                counter: Some(5),
            }),
        ),
        (
            "replies",
            RelayFrame::Replies(vec![Reply {
                call: 1,
                answer: Answer::Busy(250),
            }]),
        ),
        (
            "events",
            RelayFrame::Events(Events {
                handle: 1,
                events: vec![event()],
                head: cursor(),
            }),
        ),
        (
            "ended",
            RelayFrame::Ended(Ended {
                handle: 1,
                refusal: Refusal::of(ErrorCode::LeaseOver),
            }),
        ),
        (
            "goodbye",
            RelayFrame::Goodbye(Goodbye {
                refusal: Refusal::of(ErrorCode::Draining),
                retry_after_ms: 2000,
            }),
        ),
        ("nonce", RelayFrame::Nonce(Nonce([0xd3; 32]))),
    ];
    all.extend(records_answers());
    all
}

pub fn answers() -> Vec<(&'static str, Answer)> {
    vec![
        ("durable", Answer::Durable(Box::new(receipt()))),
        ("refused", Answer::Refused(refusal())),
        ("busy", Answer::Busy(250)),
        ("not-yet-durable", Answer::NotYetDurable(1000)),
        (
            "taken",
            Answer::Taken(Box::new(Taken {
                package: b"sealed package"[..].into(),
                last_resort: false,
                left: 3,
                receipt: receipt(),
            })),
        ),
        ("enrolled", Answer::Enrolled(vec![voucher()])),
        (
            "page",
            Answer::Page(Box::new(Page {
                events: vec![event()],
                head: cursor(),
            })),
        ),
        ("ledger", Answer::Ledger(Box::new(ledger_answer()))),
        ("ledger-look", Answer::Ledger(Box::new(ledger_looked()))),
    ]
}

pub fn commands() -> Vec<(String, Command)> {
    let mut all = vec![
        ("deposit".to_owned(), Command::Deposit(signed_deposit())),
        ("commit".to_owned(), Command::Commit(Box::new(commit()))),
        ("take".to_owned(), Command::Take(take())),
        ("enrol".to_owned(), Command::Enrol(enrol())),
    ];
    all.extend(
        ledger_acts()
            .into_iter()
            .map(|(n, act)| (format!("ledger-{n}"), ledger_command(act))),
    );
    all.extend(
        acts()
            .into_iter()
            .map(|(n, act)| (format!("owner-{n}"), Command::Owner(Box::new(owner(act))))),
    );
    all
}

/// Every structure once, by name.
pub fn all() -> Vec<Sample> {
    let mut all = vec![
        sample("public-key", &public(1)),
        sample("signature", &signature()),
        sample("sealing-public", &sealing()),
        sample(
            "sealed",
            &Sealed {
                enc: Bytes(vec![1; 4]),
                ciphertext: Bytes(vec![2; 20]),
            },
        ),
        sample("digest", &Digest([9; 32])),
        sample("secret", &Secret::new([8; 32])),
        sample("extensions", &growth()),
        sample("domain", &domain()),
        sample("support-code", &support()),
        sample("partition", &PartitionId(300)),
        sample("policy", &policy()),
        sample("genesis", &genesis()),
        sample("event-header", &header()),
        sample("event", &event()),
        sample(
            "event-erased",
            &Event {
                payload: None,
                ..event()
            },
        ),
        sample("cursor", &cursor()),
        sample("deposit-statement", &deposit().statement()),
        sample("commit-body", &commit().body),
        sample("rewind-statement", &rewind_statement()),
        sample("voucher-statement", &voucher().statement),
        sample("batch-leaf", &leaves(1)[0]),
        sample("batch-head", &receipt().head),
        sample("attest-statement", &receipt().statement()),
        sample("receipt", &receipt()),
        sample("session-word", &word()),
        sample(
            "batch",
            &Batch {
                stamp: NOW,
                submissions: vec![
                    Submission {
                        word: Some(word()),
                        command: Command::Deposit(deposit()),
                    },
                    Submission {
                        word: None,
                        command: Command::Enrol(enrol()),
                    },
                ],
                ext: Extensions::none(),
            },
        ),
        sample("domain-record", &record()),
        sample("admission-link", &admission_link()),
        sample("session-claim", &claim()),
        sample("pseudonym-statement", &pseudonym()),
        sample("session-proof", &proof()),
        sample(
            "single-call-command",
            &single(SingleRequest::Command(Command::Deposit(deposit()))),
        ),
        sample(
            "single-call-fetch",
            &single(SingleRequest::Fetch(PageRequest {
                mailbox: mailbox_id(),
                after: 5,
                max_events: 10,
            })),
        ),
        sample(
            "page",
            &Page {
                events: vec![event()],
                head: cursor(),
            },
        ),
    ];
    all.extend(records_structures());
    all.extend(forward_structures());
    all.extend(passing_structures());
    all.extend(blob_structures());
    all.extend(ledger_structures());
    all.extend(commands().iter().map(|(n, c)| sample(format!("command-{n}"), c)));
    all.extend(answers().iter().map(|(n, a)| sample(format!("answer-{n}"), a)));
    all.extend(
        client_frames()
            .iter()
            .map(|(n, f)| sample(format!("client-{n}"), f)),
    );
    all.extend(
        relay_frames()
            .iter()
            .map(|(n, f)| sample(format!("relay-{n}"), f)),
    );
    all
}
