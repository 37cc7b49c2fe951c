//! Requests between domains, and their answers.

use telesphor_wire::answer::Answer;
use telesphor_wire::blob::call::{BlobChunks, BlobRequest};
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::facts::{ExchangeFacts, PeerFacts};
use telesphor_wire::forward::key::{self, SealingKeyStatement, SignedSealingKey};
use telesphor_wire::forward::outbox::{News, Passing, Undelivered};
use telesphor_wire::forward::read::{FileRead, ForwardClaim, Read};
use telesphor_wire::forward::reply::{ForwardedReply, Told};
use telesphor_wire::forward::word::{About, Asked, NotNow, NotTaken, SignedWord, Word};
use telesphor_wire::limits::SEALING_LIFE_MS;

use super::every::{Sample, sample};
use super::*;

/// The private half of [`sealing`].
pub fn sealing_key() -> SealingKey {
    SealingKey::from_seed(Secret::new([0x5e; 32]))
}
pub fn reply_key() -> SealingKey {
    SealingKey::from_seed(Secret::new([0x5f; 32]))
}
pub fn sealing_statement() -> SealingKeyStatement {
    SealingKeyStatement {
        domain: domain(),
        key: sealing(),
        from: NOW - HOUR,
        until: NOW - HOUR + SEALING_LIFE_MS,
        ext: growth(),
    }
}
pub fn signed_sealing_key() -> SignedSealingKey {
    sealing_statement().sign(&key(1))
}
pub fn ask(command: Command) -> Ask {
    Ask {
        wish: Wish::Command(Box::new(command)),
        reply: reply_key().public(),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    }
}
pub fn forward_claim() -> ForwardClaim {
    ForwardClaim {
        domain: domain(),
        reply: reply_key().public(),
        not_after: NOW + HOUR,
        agent_nonce: Nonce([0xa9; 32]),
        mailbox: mailbox_id(),
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        ext: Extensions::none(),
    }
}
pub fn reading() -> Ask {
    let claim = forward_claim();
    Ask {
        wish: Wish::Read(Box::new(Read {
            page: PageRequest {
                mailbox: mailbox_id(),
                after: 5,
                max_events: 10,
            },
            agent_nonce: claim.agent_nonce,
            proof: claim.prove(&key(3)),
            ext: Extensions::none(),
        })),
        reply: reply_key().public(),
        not_after: claim.not_after,
        ext: Extensions::none(),
    }
}
pub fn following() -> Ask {
    let Ask { wish, reply, .. } = reading();
    let Wish::Read(read) = wish else {
        unreachable!("a reading")
    };
    Ask {
        wish: Wish::Follow(read),
        reply,
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    }
}
pub fn file_reading(request: BlobRequest) -> Ask {
    let claim = forward_claim();
    Ask {
        wish: Wish::File(Box::new(FileRead {
            request,
            agent_nonce: claim.agent_nonce,
            proof: claim.prove(&key(3)),
            ext: Extensions::none(),
        })),
        reply: reply_key().public(),
        not_after: claim.not_after,
        ext: Extensions::none(),
    }
}
pub fn some_chunks(count: u32) -> BlobChunks {
    BlobChunks {
        mailbox: mailbox_id(),
        address: Digest([0xab; 32]),
        from: 4,
        count,
    }
}
pub fn told() -> Told {
    Told {
        answer: Answer::Durable(Box::new(receipt())),
        ext: Extensions::none(),
    }
}

pub fn forward_structures() -> Vec<Sample> {
    let sealed = Sealed {
        enc: Bytes(vec![0xe0; 1120]),
        ciphertext: Bytes(vec![0xc1; 8 * 1024 + 512 + 16]),
    };
    let forwarded = Forwarded {
        to: domain(),
        key: key::id(&sealing()),
        sealed: sealed.clone(),
        ext: Extensions::none(),
    };
    let reply = ForwardedReply {
        to: forwarded.digest(),
        sealed,
        ext: Extensions::none(),
    };
    let passing = Passing {
        lane: Nonce([0x1a; 32]),
        support: support(),
        request: forwarded.clone(),
        ext: Extensions::none(),
    };
    let undelivered = Undelivered {
        to: forwarded.digest(),
        code: ErrorCode::NotDelivered,
        at: NOW,
        ext: Extensions::none(),
    };
    let facts = ExchangeFacts {
        deposit: public(5),
        peers: vec![PeerFacts {
            record: super::record(),
            sealing: Some(signed_sealing_key()),
        }],
        ext: Extensions::none(),
    };
    let abouts = [
        (
            "ask",
            About::Ask(Asked {
                support: support(),
                request: forwarded.clone(),
            }),
        ),
        ("answer", About::Answer(reply.clone())),
        (
            "refused",
            About::Refused(NotTaken {
                to: forwarded.digest(),
                code: ErrorCode::NotSealedForThem,
            }),
        ),
        (
            "later",
            About::Later(NotNow {
                to: forwarded.digest(),
                after: 250,
            }),
        ),
        (
            "held",
            About::Held(NotNow {
                to: forwarded.digest(),
                after: 60_000,
            }),
        ),
        ("which-key", About::WhichKey(Extensions::none())),
        ("begun", About::begun()),
        ("key", About::Key(Box::new(signed_sealing_key()))),
    ];
    let words = abouts.into_iter().map(|(name, about)| {
        let word = Word {
            from: domain(),
            to: "st-anna.example".parse().unwrap(),
            about,
            ext: Extensions::none(),
        };
        let signature = key(1).sign(&word);
        sample(format!("exchange-word-{name}"), &SignedWord { word, signature })
    });
    let mut all = vec![
        sample("passing", &passing),
        sample("forward-claim", &forward_claim()),
        sample("forward-ask-read", &reading()),
        sample("forward-ask-follow", &following()),
        sample(
            "forward-ask-file",
            &file_reading(BlobRequest::Get(some_chunks(2))),
        ),
        sample(
            "forward-told-piece",
            &Told {
                answer: Answer::Piece(Bytes(vec![0xc4; 3])),
                ext: Extensions::none(),
            },
        ),
        sample("news-answered", &News::Answered(reply.clone())),
        sample("news-undelivered", &News::Undelivered(undelivered)),
        sample("exchange-facts", &facts),
        sample("sealing-key", &signed_sealing_key()),
        sample("forward-ask", &ask(Command::Deposit(signed_deposit()))),
        sample("forward-told", &told()),
        sample("forwarded", &forwarded),
        sample("forwarded-reply", &reply),
    ];
    all.extend(words);
    all
}
