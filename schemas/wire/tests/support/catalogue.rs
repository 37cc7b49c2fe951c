//! `docs/errors.md` as the code table has it.

use std::fmt::Write;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::labels::*;

/// Marks of the label table in `docs/protocol.md`.
pub const LABELS_BEGIN: &str = "<!-- labels: written by make_vectors -->";
pub const LABELS_END: &str = "<!-- end of labels -->";

/// All labels by kind, in the order of the code.
pub fn labels() -> String {
    fn row(kind: &str, words: impl Iterator<Item = &'static str>) -> String {
        let words: Vec<_> = words.map(|w| format!("`{w}`")).collect();
        format!("| {kind} | {} |\n", words.join(" "))
    }
    [
        "| kind | labels |\n|---|---|\n".to_owned(),
        row("sign", SignLabel::ALL.iter().map(|l| l.word())),
        row("hash", HashLabel::ALL.iter().map(|l| l.word())),
        row("kdf", KdfLabel::ALL.iter().map(|l| l.word())),
        row("MLS exporter", ExporterLabel::ALL.iter().map(|l| l.word())),
        row("HPKE info", HpkeLabel::ALL.iter().map(|l| l.word())),
    ]
    .concat()
}

const FAMILIES: &[(u16, &str)] = &[
    (1, "form"),
    (2, "rights"),
    (3, "state"),
    (4, "limits"),
    (5, "the relay"),
    (6, "this machine"),
    (7, "genuineness"),
];

pub fn page() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
        Every error that a person can meet has a stable code, a sentence, and somebody who must act. A code is\n\
        never given a second meaning and never goes away within a major version; a program that does not know a\n\
        code goes by its first digit. This page is written from the code table by\n\
        `cargo run -p telesphor-wire --example make_vectors`, and a test compares the two.\n\n\
        Who acts: *you* is the caller, *peer* the other side of the exchange, *operator* whoever runs the relay,\n\
        *us* the makers of this software.\n",
    );
    for (family, title) in FAMILIES {
        write!(page, "\n## {family}xxx: {title}\n\n| code | name | who acts | what happened, and what to do |\n|---|---|---|---|\n").unwrap();
        for code in ErrorCode::ALL.iter().filter(|c| c.code() / 1000 == *family) {
            writeln!(
                page,
                "| {code} | `{code:?}` | {} | {} |",
                code.who_acts(),
                code.words()
            )
            .unwrap();
        }
    }
    page
}
