//! The fuzz targets' functions, run for a short and always equal round.

#[path = "../../../../fuzz/parsers/mutate.rs"]
mod mutate;
#[path = "../../../../fuzz/parsers/wire.rs"]
mod wire;

use crate::support::samples;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::text::Address;

fn corpus() -> Vec<Vec<u8>> {
    samples::all().into_iter().map(|s| s.bytes).collect()
}

#[test]
fn mutated_frames_break_a_parser() {
    mutate::round(&corpus(), 200, wire::frames);
}

#[test]
fn mutated_commands_break_a_parser() {
    mutate::round(&corpus(), 200, wire::commands);
}

#[test]
fn mutated_receipts_break_a_parser() {
    mutate::round(&corpus(), 200, wire::receipts);
}

#[test]
fn mutated_delivery_records_break_a_parser() {
    mutate::round(&corpus(), 200, wire::records);
}

#[test]
fn mutated_requests_for_another_domain_break_a_parser() {
    mutate::round(&corpus(), 200, wire::forwards);
}

#[test]
fn mutated_calls_about_blobs_break_a_parser() {
    let mut corpus = corpus();
    let (sealed, hashes) = samples::sealed_blob();
    let length = (sealed.len() as u32).to_be_bytes();
    corpus.push([&length[..], &hashes.to_bytes()].concat());
    corpus.push([&1024u32.to_be_bytes()[..], &sealed[..1024]].concat());
    mutate::round(&corpus, 200, wire::blobs);
}

#[test]
fn mutated_texts_break_a_parser() {
    let identity = IdentityId([1; 32]);
    let address = Address {
        identity,
        domain: samples::domain(),
        deposit_key: Some(samples::public(5)),
    };
    let corpus: Vec<Vec<u8>> = [
        identity.to_string(),
        samples::mailbox_id().to_string(),
        DocumentId([2; 32]).to_string(),
        samples::public(1).to_string(),
        address.to_string(),
        samples::admission_link().to_text(),
        samples::support().to_string(),
        samples::domain().to_string(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    mutate::round(&corpus, 3000, wire::text);
}
