use std::fs;

use crate::support::{catalogue, repo, transcript};

const HOW: &str = "run `cargo run -p telesphor-wire --example make_vectors`";

#[test]
fn the_catalogue_of_errors_is_not_the_code_table() {
    let page = fs::read_to_string(repo().join("docs/errors.md")).expect(HOW);
    assert!(
        page == catalogue::page(),
        "docs/errors.md differs from the code table; {HOW}"
    );
}

#[test]
fn the_transcript_in_the_protocol_is_not_what_the_code_sends() {
    let page = fs::read_to_string(repo().join("docs/protocol.md")).unwrap();
    let (_, rest) = page.split_once(transcript::BEGIN).unwrap();
    let (written, _) = rest.split_once(transcript::END).unwrap();
    assert!(
        written.trim() == transcript::page().trim(),
        "docs/protocol.md differs; {HOW}"
    );
}

/// Somebody who writes a second client goes by the tables of the page.
#[test]
fn the_protocol_page_leaves_out_a_label() {
    let page = fs::read_to_string(repo().join("docs/protocol.md")).unwrap();
    let (_, rest) = page.split_once(catalogue::LABELS_BEGIN).unwrap();
    let (written, _) = rest.split_once(catalogue::LABELS_END).unwrap();
    assert!(
        written.trim() == catalogue::labels().trim(),
        "docs/protocol.md lacks a label; {HOW}"
    );
}
