//! What the relays of a cluster pass on to each other.

use telesphor_wire::passing::{
    About, AskCalls, AskCopy, AskFile, AskOver, AskPage, AskProof, AskRecords, Bound, BoundForwarded,
    BoundHere, FileAct, GotCopy, GotPage, Held, News, PassedCall, PassedWord, Shown,
};

use super::every::{Sample, sample};
use super::*;

fn shown() -> Shown {
    Shown {
        bound: Bound::Here(BoundHere {
            channel_binding: claim().channel_binding,
            relay_nonce: claim().relay_nonce,
            agent_nonce: claim().agent_nonce,
            body: None,
        }),
        proof: proof(),
    }
}

fn shown_for_another_domain() -> Shown {
    Shown {
        bound: Bound::Forwarded(BoundForwarded {
            reply: sealing(),
            not_after: NOW + HOUR,
            agent_nonce: claim().agent_nonce,
        }),
        proof: proof(),
    }
}

fn abouts() -> Vec<(&'static str, About)> {
    let file = |act| About::File(Box::new(AskFile { shown: shown(), act }));
    let calls = AskCalls {
        shown: vec![shown()],
        calls: vec![
            PassedCall {
                support: support(),
                shown: Some(0),
                command: Command::Deposit(deposit()),
            },
            PassedCall {
                support: support(),
                shown: None,
                command: Command::Take(take()),
            },
        ],
    };
    let page = AskPage {
        shown: shown_for_another_domain(),
        since: 300,
        after: 5,
        max_events: 10,
        max_bytes: 65_536,
    };
    let got = GotPage {
        events: vec![event()],
        head: cursor(),
        after: cursor().seq,
        more: false,
        over: Some(Refusal::of(ErrorCode::WrongEpoch)),
        position: 301,
    };
    let copied = GotCopy {
        rows: vec![(3, Bytes(vec![1; 32]), Bytes(vec![2; 3]))],
        end: Some((Bytes(vec![4; 48]), Bytes(vec![5; 2]))),
    };
    vec![
        (
            "proof",
            About::Proof(Box::new(AskProof {
                shown: shown(),
                since: 300,
            })),
        ),
        ("calls", About::Calls(calls)),
        ("page", About::Page(Box::new(page))),
        (
            "records",
            About::Records(Box::new(AskRecords {
                shown: shown(),
                after: 2,
                max_records: 64,
            })),
        ),
        ("file-fetch", file(FileAct::Fetch(NOW))),
        ("file-show", file(FileAct::Show(Extensions::none()))),
        ("file-keep", file(FileAct::Keep(Extensions::none()))),
        ("file-detach", file(FileAct::Detach(true))),
        ("file-quota", file(FileAct::Quota(Extensions::none()))),
        (
            "over",
            About::Over(AskOver {
                mailbox: mailbox_id(),
                since: NOW,
            }),
        ),
        (
            "copy",
            About::Copy(AskCopy {
                partition: PartitionId(3),
                copy: Nonce([0xc0; 32]),
                page: 7,
            }),
        ),
        (
            "held",
            About::Held(Held {
                head: cursor(),
                counter: 5,
                position: 301,
            }),
        ),
        (
            "answers",
            About::Answers(vec![telesphor_wire::answer::Answer::Busy(250)]),
        ),
        ("events", About::Events(Box::new(got))),
        ("recorded", About::Recorded(Box::new(records_page()))),
        ("allowed", About::Allowed(1 << 30)),
        ("is-over", About::IsOver(false)),
        ("refused", About::Refused(refusal())),
        ("elsewhere", About::Elsewhere(Extensions::none())),
        ("busy", About::Busy(250)),
        ("copied", About::Copied(Box::new(copied))),
    ]
}

pub fn passing_structures() -> Vec<Sample> {
    let words = abouts().into_iter().map(|(name, about)| {
        let word = PassedWord {
            cluster: welcome().incarnation,
            from: public(6),
            to: public(7),
            question: Nonce([0xa5; 32]),
            about,
            ext: Extensions::none(),
        };
        sample(format!("passed-{name}"), &word)
    });
    let news = News {
        from: public(6),
        partition: PartitionId(3),
        life: 11,
        count: 12,
        fresh: vec![(mailbox_id(), 9)],
    };
    words.chain([sample("passed-news", &news)]).collect()
}
