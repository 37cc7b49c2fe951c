//! Requests between domains: who can open them, what they give away, what is refused.

use serde_json::Value;
use telesphor_wire::answer::Answer;
use telesphor_wire::blob::call::{BlobBegin, BlobName, BlobRequest};
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::ask::Ask;
use telesphor_wire::forward::key::SealingKeyStatement;
use telesphor_wire::forward::outbox::News;
use telesphor_wire::forward::reply::ForwardedReply;
use telesphor_wire::forward::{ForwardError, Forwarded};
use telesphor_wire::hash::Secret;
use telesphor_wire::limits::{
    BLOB_CHUNK_BYTES, MAX_CHUNKS_FORWARDED, MAX_NOT_AFTER_MS, MAX_PAYLOAD_BYTES, SEALING_KEPT_MS,
    SEALING_LIFE_MS,
};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::text::Domain;

use crate::support::{repo, samples::*};

fn other() -> Domain {
    "st-anna.example".parse().unwrap()
}

fn a_deposit(bytes: usize) -> Command {
    let mut d = signed_deposit();
    d.payload = vec![7; bytes].into();
    d.signature = Some((public(5), key(5).sign(&d.statement())));
    Command::Deposit(d)
}

fn request() -> Forwarded {
    ask(a_deposit(1600)).seal(&domain(), &sealing()).unwrap()
}

fn opened(request: &Forwarded) -> Result<Ask, ForwardError> {
    Ask::open(request, &domain(), &sealing_key(), NOW)
}

#[test]
fn a_request_or_its_answer_does_not_arrive_as_it_was_made() {
    let asked = ask(a_deposit(1600));
    let request = asked.seal(&domain(), &sealing()).unwrap();
    assert_eq!(opened(&request), Ok(asked.clone()));
    let reply = told().seal(&request, &asked.reply).unwrap();
    assert_eq!(reply.open(&request, &reply_key()), Ok(told()));
}

#[test]
fn a_request_is_opened_by_another_domain_or_under_another_key() {
    let mut redirected = request();
    redirected.to = other();
    assert_eq!(opened(&redirected), Err(ForwardError::WrongKey));
    let by_other = Ask::open(&redirected, &other(), &sealing_key(), NOW);
    assert_eq!(
        by_other,
        Err(ForwardError::Seal),
        "the same key under another name"
    );
    let gone = Ask::open(&request(), &domain(), &SealingKey::generate(), NOW);
    assert_eq!(gone, Err(ForwardError::WrongKey));
}

#[test]
fn a_request_changed_on_the_way_is_opened() {
    let good = request();
    for at in [0, 17, good.sealed.ciphertext.len() - 1] {
        let mut bad = good.clone();
        bad.sealed.ciphertext.0[at] ^= 1;
        assert_eq!(opened(&bad), Err(ForwardError::Seal));
    }
    let mut bad = good.clone();
    bad.sealed.enc.0[40] ^= 1;
    assert_eq!(opened(&bad), Err(ForwardError::Seal));
    let mut short = good;
    short.sealed.ciphertext.0.pop();
    assert_eq!(opened(&short), Err(ForwardError::Size));
}

#[test]
fn a_size_tells_more_than_the_bucket_of_the_message() {
    let size = |bytes| {
        ask(a_deposit(bytes))
            .seal(&domain(), &sealing())
            .unwrap()
            .sealed
            .ciphertext
            .len()
    };
    assert_eq!(size(600), size(1600));
    // What a relay takes can be forwarded.
    let largest = ask(a_deposit(MAX_PAYLOAD_BYTES))
        .seal(&domain(), &sealing())
        .unwrap();
    assert!(largest.has_a_size());
    assert!(opened(&largest).is_ok());
    let busy = telesphor_wire::forward::reply::Told {
        answer: Answer::Busy(250),
        ext: told().ext,
    };
    let (asked, request) = (ask(a_deposit(600)), request());
    let sizes = [&busy, &told()].map(|t| t.seal(&request, &asked.reply).unwrap().sealed.ciphertext.len());
    assert_eq!(sizes[0], sizes[1], "accepted or refused looks alike");
}

#[test]
fn a_command_without_a_word_of_its_own_is_forwarded() {
    for command in [Command::Deposit(deposit()), Command::Enrol(enrol())] {
        let sealed = ask(command).seal(&domain(), &sealing());
        assert_eq!(sealed, Err(ForwardError::NotForwardable));
    }
    for command in [Command::Take(take()), Command::Commit(Box::new(commit()))] {
        let sealed = ask(command).seal(&domain(), &sealing()).unwrap();
        assert!(opened(&sealed).is_ok());
    }
}

#[test]
fn a_file_is_put_or_given_whole_by_another_domains_request() {
    let (mailbox, address) = (mailbox_id(), some_chunks(1).address);
    let name = BlobName { mailbox, address };
    let begin = BlobBegin {
        mailbox,
        address,
        length: 1 << 20,
    };
    let refused = [
        BlobRequest::Get(some_chunks(0)),
        BlobRequest::Get(some_chunks(MAX_CHUNKS_FORWARDED + 1)),
        BlobRequest::Put(some_chunks(1)),
        BlobRequest::Begin(begin),
        BlobRequest::Detach(name),
        BlobRequest::Look(name),
    ];
    for request in refused {
        let sealed = file_reading(request).seal(&domain(), &sealing());
        assert_eq!(sealed, Err(ForwardError::NotForwardable));
    }
    for request in [
        BlobRequest::Hashes(name),
        BlobRequest::Get(some_chunks(MAX_CHUNKS_FORWARDED)),
    ] {
        let sealed = file_reading(request).seal(&domain(), &sealing()).unwrap();
        assert!(opened(&sealed).is_ok());
    }
    // What one answer carries at most lies in an outbox; the next size does not.
    let lies = |chunks: u32| {
        let bytes = usize::try_from(u64::from(chunks) * BLOB_CHUNK_BYTES).unwrap();
        let told = telesphor_wire::forward::reply::Told {
            answer: Answer::Piece(telesphor_wire::bytes::Bytes(vec![0; bytes])),
            ext: told().ext,
        };
        let reply = told.seal(&request(), &ask(a_deposit(600)).reply).unwrap();
        News::Answered(reply).lies_in_an_outbox()
    };
    assert!(lies(MAX_CHUNKS_FORWARDED));
    assert!(!lies(MAX_CHUNKS_FORWARDED + 1));
}

#[test]
fn a_follow_is_not_forwarded_or_is_held_beyond_its_end() {
    let request = following().seal(&domain(), &sealing()).unwrap();
    let at = |now| Ask::open(&request, &domain(), &sealing_key(), now).map(|ask| ask.wish);
    assert_eq!(at(NOW + HOUR), Ok(following().wish));
    assert_eq!(at(NOW + HOUR + 1), Err(ForwardError::Expired));
    let early = NOW + HOUR - MAX_NOT_AFTER_MS - 1;
    assert_eq!(at(early), Err(ForwardError::TooFarAhead));
}

#[test]
fn a_request_is_opened_after_its_time_or_for_longer_than_its_command() {
    let at = |now| Ask::open(&request(), &domain(), &sealing_key(), now).map(|_| ());
    assert_eq!(at(NOW + HOUR), Ok(()));
    assert_eq!(at(NOW + HOUR + 1), Err(ForwardError::Expired));
    assert_eq!(
        at(NOW + HOUR - MAX_NOT_AFTER_MS - 1),
        Err(ForwardError::TooFarAhead)
    );
    let mut longer = ask(a_deposit(600));
    longer.not_after += 1;
    let sealed = longer.seal(&domain(), &sealing()).unwrap();
    assert_eq!(opened(&sealed), Err(ForwardError::TooFarAhead));
}

#[test]
fn an_answer_is_taken_for_another_request_or_by_somebody_else() {
    let asked = ask(a_deposit(600));
    let [first, second] = [(); 2].map(|()| asked.seal(&domain(), &sealing()).unwrap());
    let reply = told().seal(&first, &asked.reply).unwrap();
    assert_eq!(reply.open(&second, &reply_key()), Err(ForwardError::WrongKey));
    let relabelled = ForwardedReply {
        to: second.digest(),
        ..reply.clone()
    };
    assert_eq!(relabelled.open(&second, &reply_key()), Err(ForwardError::Seal));
    assert_eq!(
        reply.open(&first, &SealingKey::generate()),
        Err(ForwardError::Seal)
    );
    // Made for requests, so no answer: the two purposes have two labels.
    let turned = ForwardedReply {
        to: first.digest(),
        sealed: first.sealed.clone(),
        ext: first.ext.clone(),
    };
    assert_eq!(turned.open(&first, &sealing_key()), Err(ForwardError::Seal));
}

#[test]
fn a_sealing_key_that_the_pinned_domain_did_not_sign_for_now_is_sealed_to() {
    let plain = || SealingKeyStatement {
        ext: Extensions::none(),
        ..sealing_statement()
    };
    let signed = plain().sign(&key(1));
    let bad = Err(ForwardError::BadSealingKey);
    let (from, until) = (signed.statement.from, signed.statement.until);
    let check = |domain: &Domain, by: u8, now| signed.verify(domain, &public(by), now).cloned();
    assert_eq!(check(&domain(), 1, NOW), Ok(sealing()));
    assert_eq!(
        check(&domain(), 2, NOW),
        bad,
        "another domain key than the pinned one"
    );
    assert_eq!(check(&other(), 1, NOW), bad, "another domain");
    assert_eq!(check(&domain(), 1, from - 1), bad, "not yet");
    assert_eq!(check(&domain(), 1, until), bad, "no more");
    assert_eq!(signed.statement.destroyed(), until + SEALING_KEPT_MS);

    let newer = signed_sealing_key().verify(&domain(), &public(1), NOW).cloned();
    assert_eq!(newer, bad, "needs a version that knows its critical extension");
    let mut longer = plain();
    longer.until = longer.from + SEALING_LIFE_MS + 1;
    let longer = longer.sign(&key(1));
    assert!(
        longer.verify(&domain(), &public(1), NOW).is_err(),
        "lives too long"
    );
    let mut changed = signed.clone();
    changed.statement.key = SealingKey::generate().public();
    assert!(
        changed.verify(&domain(), &public(1), NOW).is_err(),
        "another key under the signature"
    );
}

#[test]
fn a_frozen_request_or_answer_does_not_open() {
    let path = repo().join("schemas/vectors/seal.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entry = &file["forwarded"];
    let bytes = |name: &str| hex::decode(entry[name].as_str().unwrap()).unwrap();
    let seed = |name: &str| SealingKey::from_seed(Secret::new(bytes(name).try_into().unwrap()));
    let request: Forwarded = canonical::decode(&bytes("sealed")).unwrap();
    let now = entry["now"].as_u64().unwrap();
    let asked = Ask::open(&request, &domain(), &seed("sealing_seed"), now).unwrap();
    assert_eq!(canonical::encode(&asked), bytes("ask"));
    let reply: ForwardedReply = canonical::decode(&bytes("sealed_reply")).unwrap();
    let told = reply.open(&request, &seed("reply_seed")).unwrap();
    assert_eq!(canonical::encode(&told), bytes("told"));
}
