//! The fuzz targets' functions for this crate, run for a short and always equal round.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../../../../fuzz/parsers/identity.rs"]
mod identity;
#[path = "../../../../fuzz/parsers/mutate.rs"]
mod mutate;

mod common;

use common::Person;
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::{Bundle, Proofs};
use telesphor_identity::inception::Kind;
use telesphor_identity::kit::{Home, KitSeed};
use telesphor_identity::parcel::Parcel;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::SigningKey;

#[test]
fn mutated_histories_break_a_reader() {
    let person = Person::new(Kind::Person);
    let bundle = Bundle::new(vec![1, 2, 3], Proofs::default(), vec![]);
    let corpus = vec![
        person.history.to_bytes(),
        Proofs::default().to_bytes(),
        bundle.to_file(),
        Bundle::of_parts(vec![1, 2, 3], Proofs::default(), vec![]).to_file(),
        Parcel::new(Some(Text::from("policy 7")), vec![bundle.to_file()]).to_bytes(),
    ];
    mutate::round(&corpus, 2_000, identity::histories);
}

#[test]
fn mutated_kits_break_the_typing_in() {
    let person = Person::new(Kind::Person);
    let home = Home {
        domain: "st-marien.example".parse().unwrap(),
        address: "relay-1.st-marien.example:7443".into(),
        key: SigningKey::generate().public(),
        tls_key: Digest([1; 32]),
    };
    let kit = KitSeed::generate().kit(person.history.id(), 0, None, home);
    mutate::round(&[kit.to_text().into_bytes()], 4_000, identity::kits);
}
