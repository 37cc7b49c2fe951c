//! Recovery kit, words, comparison, status lists: what a slip of the pen must not do.

use crate::common::{NOW, Person};
use proptest::prelude::*;
use std::collections::BTreeSet;
use telesphor_identity::attestation::Issuer;
use telesphor_identity::compare::{COMPARE_WORDS, Comparison};
use telesphor_identity::evidence::Domains;
use telesphor_identity::history::History;
use telesphor_identity::inception::{Inception, Kind};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::kit::{Home, KitError, KitSeed, RecoveryKit, WORDS_LONG, WORDS_SHORT, root_derived};
use telesphor_identity::status::{BadStatusList, RevocationReason, Revoked, StatusBook};
use telesphor_identity::words::{WORDS, number_of};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

fn home() -> Home {
    Home {
        domain: "hospital-a.example".parse().unwrap(),
        address: "relay.hospital-a.example:7443".into(),
        key: SigningKey::generate().public(),
        tls_key: Digest([8; 32]),
    }
}

fn kit(root: Option<Secret>) -> RecoveryKit {
    KitSeed::generate().kit(IdentityId([5; 32]), 0, root, home())
}

#[test]
fn a_kit_typed_from_paper_is_the_kit_that_was_printed() {
    for (kit, count) in [
        (kit(None), WORDS_SHORT),
        (kit(Some(Secret::random())), WORDS_LONG),
    ] {
        let words = kit.words();
        assert_eq!(words.len(), count);
        let typed = words
            .iter()
            .zip(1..)
            .map(|(w, i)| format!("{i}. {}\n", w.to_uppercase()))
            .collect::<String>();
        let again = RecoveryKit::from_words(&typed, kit.identity, 0, kit.home.clone()).unwrap();
        assert_eq!(again, kit);
        let short = words
            .iter()
            .map(|w| w.get(..4).unwrap_or(w))
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(
            RecoveryKit::from_words(&short, kit.identity, 0, kit.home.clone()).unwrap(),
            kit
        );
        let text = kit.to_text();
        let wrapped = text
            .as_bytes()
            .chunks(60)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(RecoveryKit::from_text(&wrapped).unwrap(), kit);
    }
}

#[test]
fn a_wrong_missing_or_exchanged_word_is_found_and_named() {
    let kit = kit(None);
    let words = kit.words();
    let read = |w: &[&str]| RecoveryKit::from_words(&w.join(" "), kit.identity, 0, kit.home.clone());
    let mut wrong = words.clone();
    wrong[4] = "xyzzy";
    assert_eq!(read(&wrong), Err(KitError::Word(5)));
    wrong[4] = if words[4] == WORDS[0] { WORDS[1] } else { WORDS[0] };
    assert_eq!(read(&wrong), Err(KitError::Check));
    assert_eq!(read(&words[1..]), Err(KitError::Count(WORDS_SHORT - 1)));
    let mut exchanged = words.clone();
    let other = exchanged.iter().position(|w| *w != exchanged[0]).unwrap();
    exchanged.swap(0, other);
    assert_eq!(read(&exchanged), Err(KitError::Check));
}

#[test]
fn the_test_after_printing_is_not_passed_by_guessing() {
    let kit = kit(None);
    let words = kit.words();
    assert!(kit.word_is(5, words[4]) && kit.word_is(5, &format!(" {} ", words[4].to_uppercase())));
    assert!(!kit.word_is(5, "") && !kit.word_is(0, words[0]) && !kit.word_is(99, words[0]));
    assert!(!kit.word_is(5, if words[4] == "zebra" { "acorn" } else { "zebra" }));
}

#[test]
fn the_kit_takes_a_lost_identity_over_also_after_earlier_rotations() {
    let seed = KitSeed::generate();
    let first = SigningKey::generate();
    let inception = Inception::simple(
        Kind::Person,
        KeySet::single(first.public()),
        NextKeys::single(&seed.next_key(1).public()),
    );
    let mut history = History::begin(inception);
    let kit = seed.kit(history.id(), 0, None, home());
    for n in 1..4u32 {
        let state = history.verify(&Domains::none()).unwrap();
        let (found, key) = kit.find_next_key(&state.now().next).unwrap();
        assert_eq!(found, n);
        let change = crate::common::rotation(&key, &kit.next_key(n + 1));
        history.extend(change, NOW, &[&key], &Domains::none()).unwrap();
    }
    let other = self::kit(None);
    assert!(
        other
            .find_next_key(&history.verify(&Domains::none()).unwrap().now().next)
            .is_none()
    );
}

#[test]
fn the_root_secret_survives_a_new_kit() {
    let old = kit(None);
    let root = old.root_secret();
    let new = kit(Some(root.clone()));
    assert_eq!(new.root_secret(), root);
    assert!(new.next_key(1).public() != old.next_key(1).public());
    assert!(new.backup_key(b"") != old.backup_key(b"") && old.backup_key(b"") != old.backup_key(b"held"));
    assert!(root_derived(&root, "deposit", b"a") != root_derived(&root, "study", b"a"));
}

#[test]
fn no_two_words_can_be_mixed_up_within_four_letters() {
    assert!(WORDS.windows(2).all(|w| w[0] < w[1]));
    let heads: BTreeSet<_> = WORDS.iter().map(|w| w.get(..4).unwrap_or(w)).collect();
    assert_eq!(heads.len(), WORDS.len());
    for (i, word) in WORDS.iter().enumerate() {
        assert_eq!(number_of(word), Some(i as u16));
        assert!(word.bytes().all(|b| b.is_ascii_lowercase()) && (3..=8).contains(&word.len()));
    }
    assert_eq!(number_of("copperx"), None);
}

#[test]
fn both_sides_see_the_same_words_and_another_pair_others() {
    let (a, b, c) = (IdentityId([1; 32]), IdentityId([2; 32]), IdentityId([3; 32]));
    let one = Comparison::of(&a, &b);
    assert_eq!(one, Comparison::of(&b, &a));
    assert_ne!(one.digits(), Comparison::of(&a, &c).digits());
    assert_eq!(one.digits().bytes().filter(u8::is_ascii_digit).count(), 60);
    assert_eq!(one.words(COMPARE_WORDS).len(), COMPARE_WORDS);
    assert_ne!(
        one.words(COMPARE_WORDS),
        Comparison::of(&a, &c).words(COMPARE_WORDS)
    );
}

#[test]
fn nothing_of_a_kit_appears_in_its_debug_form() {
    let kit = kit(Some(Secret::random()));
    let debug = format!("{kit:?}");
    assert!(debug.matches("Secret(..)").count() == 2, "{debug}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_status_list_tells_exactly_what_was_withdrawn(places in 1u32..200, withdrawn in prop::collection::btree_map(0u32..200, 0u64..1000, 0..40)) {
        let board = Person::new(Kind::Authority);
        let mut book = StatusBook::new();
        for _ in 0..places {
            book.take_place().unwrap();
        }
        for (&index, &since) in &withdrawn {
            let done = book.withdraw(Revoked { index, since, reason: RevocationReason::Withdrawn });
            prop_assert_eq!(done.is_ok(), index < places);
        }
        let issuer = Issuer { identity: board.id(), head: board.head(), key: &board.endpoint };
        let signed = book.sign(&issuer, 1, 2);
        prop_assert_eq!(signed.list.check(), Ok(()));
        for index in 0..places {
            let status = signed.list.status(index).unwrap();
            prop_assert_eq!(status.map(|r| r.since), withdrawn.get(&index).copied());
        }
        prop_assert_eq!(signed.list.status(1 << 17), Err(BadStatusList::NoSuchPlace));
        let mut flipped = signed.list.clone();
        flipped.bitmap.0[1000] ^= 1;
        prop_assert_eq!(flipped.check(), Err(BadStatusList::Form));
        let mut small = signed.list;
        small.bitmap.0.truncate(100);
        prop_assert_eq!(small.check(), Err(BadStatusList::Form));
    }
}
