//! Parts of a document: what whoever shows them, or passes them on, must not be able to do.

use telesphor_clinical::document::{FHIR_JSON, SignOptions, SignedDocument, Signer};
use telesphor_clinical::fields::units::FHIR_R4;
use telesphor_clinical::fields::{Leaf, LeafKind, Path, leaves, path};
use telesphor_clinical::header::{DocumentKind, Header};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::presentation::{
    Audience, Expected, ListShown, Nonce, Part, PresentError, Presentation, PresentationError, Shower,
    ShownBy, ToShow, parts_hash, present,
};
use telesphor_clinical::statement::Profile;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

const ORDER: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","doNotPerform":true,
"subject":{"reference":"Patient/1"},"medicationCodeableConcept":{"text":"Lithium"},"note":[{"text":"a"},{"text":"b"}],
"contained":[{"resourceType":"Medication","status":"inactive","code":{"text":"A"}}],
"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.50e2,"comparator":"<"}}]},{"text":"B"}]}"#;

const READER: IdentityId = IdentityId([9; 32]);

fn now() -> Instant {
    Instant::now_of(1_795_176_000_000, 120, Clock::Device)
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}

fn document(body: &str, holder: Option<&SigningKey>) -> SignedDocument {
    let header = Header::new(
        DocumentKind::Resource,
        Text::from(FHIR_JSON),
        Text::from("t"),
        IdentityId([1; 32]),
        now(),
    );
    let signer = Signer {
        key: &key(2),
        author_head: Digest([3; 32]),
    };
    let options = SignOptions {
        profile: if holder.is_some() {
            Profile::Holder
        } else {
            Profile::Plain
        },
        holder: holder.map(SigningKey::public),
        ..SignOptions::default()
    };
    SignedDocument::sign(header, body.as_bytes().to_vec(), &signer, options).unwrap()
}

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|t| path::parse(t).unwrap()).collect()
}

fn shows<'a>(wanted: &'a [Path]) -> ToShow<'a> {
    ToShow {
        wanted,
        audience: Audience::Identity(READER),
        nonce: Nonce::Own(Digest([5; 32])),
        date: now(),
        sender: None,
    }
}

fn shower(key: &SigningKey) -> Shower<'_> {
    Shower {
        key,
        identity: IdentityId([7; 32]),
        head: Digest([8; 32]),
    }
}

fn shown(body: &str, wanted: &[&str]) -> Presentation {
    let holder = key(6);
    present(
        &document(body, Some(&holder)),
        &shower(&holder),
        shows(&paths(wanted)),
    )
    .unwrap()
}

/// The same after whoever shows it has changed it and signed that too.
fn signed_again(mut p: Presentation) -> Presentation {
    p.showing.parts = parts_hash(&p.parts);
    p.showing.document = p.statement.id();
    p.shown = key(6).sign(&p.showing);
    p
}

fn refused(p: &Presentation) -> PresentationError {
    let again = Presentation::from_bytes(&p.to_bytes()).unwrap_err();
    assert_eq!(p.check().unwrap_err(), again);
    again
}

fn expected() -> Expected {
    Expected {
        reader: READER,
        names: Vec::new(),
        from: None,
        question: None,
    }
}

fn kept(p: &Presentation, keep: impl Fn(&Leaf) -> bool) -> Presentation {
    let mut p = p.clone();
    let both: Vec<(Part, u32)> = p.parts.drain(..).zip(p.places.drain(..)).collect();
    for (part, place) in both {
        if keep(&part.leaf) {
            p.parts.push(part);
            p.places.push(place);
        }
    }
    p
}

#[test]
fn what_is_shown_is_proved_and_brings_what_must_go_with_it() {
    let p = shown(ORDER, &["medicationCodeableConcept", "contained[0].code"]);
    let again = Presentation::from_bytes(&p.to_bytes()).unwrap();
    assert_eq!(again, p);
    let there: Vec<_> = p.parts.iter().map(|part| path::words(&part.leaf.path)).collect();
    assert_eq!(
        there,
        [
            "$",
            "contained[0]",
            "contained[0].code",
            "medicationCodeableConcept"
        ]
    );
    let guard: Vec<_> = p.parts[0].texts().collect();
    assert!(guard.contains(&("doNotPerform", "true")), "{guard:?}");
    assert_eq!(p.units(), 2);
    assert!(
        p.signature == document(ORDER, None).signature
            || p.statement.endpoint.verify(&p.statement, &p.signature).is_ok()
    );
    assert_eq!(p.check_for(&expected()), Ok(()));
}

#[test]
fn nothing_of_what_is_hidden_travels_with_what_is_shown() {
    let bytes = shown(ORDER, &["note[0]"]).to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    for hidden in [
        "Lithium",
        "150",
        "1.50e2",
        "Patient/1",
        "dosageInstruction",
        "contained",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let seed = document(ORDER, None).seed;
    assert!(!bytes.windows(32).any(|w| w == seed.expose()));
}

#[test]
fn the_number_of_hidden_parts_is_not_seen() {
    let few = shown(r#"{"resourceType":"Patient","gender":"male"}"#, &["gender"]);
    let many: Vec<String> = (0..40).map(|i| format!(r#""e{i}":{i}"#)).collect();
    let many = shown(
        &format!(
            r#"{{"resourceType":"Patient","gender":"male",{}}}"#,
            many.join(",")
        ),
        &["gender"],
    );
    // How many siblings two leaves share is chance: it depends on where their hashes fall.
    let depth = 6;
    for p in [&few, &many] {
        assert!(
            (depth - 1..=2 * (depth - 1)).contains(&p.siblings.len()),
            "{}",
            p.siblings.len()
        );
    }
    assert_eq!(
        few.statement.fields.unwrap().bucket,
        many.statement.fields.unwrap().bucket
    );
}

#[test]
fn a_missing_guard_is_noticed_although_the_holder_signed_the_rest() {
    let p = shown(ORDER, &["dosageInstruction[0]", "contained[0].code"]);
    for gone in ["$", "contained[0]"] {
        let gone = path::parse(gone).unwrap();
        let without = signed_again(kept(&p, |leaf| leaf.path != gone));
        assert!(
            matches!(refused(&without), PresentationError::NoGuard(_)),
            "{gone:?}"
        );
        assert_eq!(refused(&without).code(), ErrorCode::PartsUnsound);
    }
}

#[test]
fn a_path_twice_out_of_order_or_inside_a_part_is_refused() {
    let p = shown(ORDER, &["note"]);
    let mut twice = p.clone();
    twice.parts.push(twice.parts[1].clone());
    twice.parts.sort_by(|a, b| a.leaf.path.cmp(&b.leaf.path));
    twice.places.push(0);
    assert!(matches!(
        refused(&signed_again(twice)),
        PresentationError::Twice(_)
    ));

    let mut order = p.clone();
    order.parts.reverse();
    assert_eq!(refused(&signed_again(order)), PresentationError::Order);

    let mut inside = p.clone();
    let mut leaf = inside.parts.last().unwrap().clone();
    leaf.leaf.path.extend(path::parse("text").unwrap());
    inside.parts.push(leaf);
    inside.places.push(0);
    assert_eq!(
        refused(&signed_again(inside)),
        PresentationError::Inside("note[1].text".into())
    );

    let empty = kept(&p, |_| false);
    assert_eq!(refused(&signed_again(empty)), PresentationError::Empty);
}

#[test]
fn what_was_altered_after_it_was_taken_out_is_refused() {
    let p = shown(ORDER, &["dosageInstruction"]);
    let mut value = p.clone();
    value.parts.last_mut().unwrap().leaf.content[0].1 = br#"{"text":"10"}"#.to_vec().into();
    assert_eq!(refused(&signed_again(value.clone())), PresentationError::Changed);
    // Somebody without the holder's key cannot even say that he put it together.
    value.places = p.places.clone();
    assert_eq!(refused(&value), PresentationError::Changed);

    let mut kind = p.clone();
    kind.parts.last_mut().unwrap().leaf.kind = LeafKind::ArrayLength;
    assert_eq!(refused(&signed_again(kind)), PresentationError::Changed);
    let mut salt = p.clone();
    salt.parts[1].salt = Secret::new([1; 32]);
    assert_eq!(refused(&signed_again(salt)), PresentationError::Changed);
    let mut moved = p.clone();
    moved.places.swap(0, 1);
    assert_eq!(refused(&moved), PresentationError::Changed);
    let mut sibling = p.clone();
    sibling.siblings.push(Digest([0; 32]));
    assert_eq!(refused(&sibling), PresentationError::Changed);
    let mut fewer = p.clone();
    fewer.places.pop();
    assert_eq!(refused(&fewer), PresentationError::Changed);

    // Of an order, what was left out afterwards; the tree still fits.
    let one = shown(ORDER, &["dosageInstruction[0]"]);
    let mut mixed = p;
    mixed.parts = one.parts.clone();
    assert!(matches!(refused(&mixed), PresentationError::Changed));
    let mut date = one.clone();
    date.showing.date = Instant::now_of(1, 0, Clock::Device);
    assert_eq!(refused(&date), PresentationError::BadShowing);
    let mut other = one;
    other.showing.parts = Digest([0; 32]);
    assert_eq!(refused(&other), PresentationError::OtherParts);
}

#[test]
fn only_the_holder_shows_parts_of_what_was_written_for_him() {
    let holder = key(6);
    let written = document(ORDER, Some(&holder));
    let wanted = paths(&["note"]);
    let thief = key(66);
    assert!(matches!(
        present(&written, &shower(&thief), shows(&wanted)),
        Err(PresentError::NotTheHolder)
    ));

    let good = present(&written, &shower(&holder), shows(&wanted)).unwrap();
    let mut stolen = good.clone();
    if let ShownBy::Holder(by) = &mut stolen.showing.by {
        by.key = thief.public();
    }
    stolen.shown = thief.sign(&stolen.showing);
    assert_eq!(refused(&stolen), PresentationError::NotTheHolder);

    // Or without any holder, as somebody with a name.
    let plain = document(ORDER, None);
    let named = present(&plain, &shower(&thief), shows(&wanted)).unwrap();
    assert!(matches!(named.showing.by, ShownBy::Identity(_)));
    let mut claimed = good;
    claimed.showing.by = named.showing.by;
    claimed.shown = thief.sign(&claimed.showing);
    assert_eq!(refused(&claimed), PresentationError::NotTheHolder);
    assert_eq!(refused(&claimed).code(), ErrorCode::NotTheHolder);
}

#[test]
fn parts_made_out_to_another_reader_or_occasion_prove_nothing_here() {
    let holder = key(6);
    let written = document(ORDER, Some(&holder));
    let wanted = paths(&["note"]);
    let to = |audience, nonce, sender| {
        let show = ToShow {
            audience,
            nonce,
            sender,
            ..shows(&wanted)
        };
        present(&written, &shower(&holder), show).unwrap()
    };
    let mine = to(Audience::Identity(READER), Nonce::Own(Digest([1; 32])), None);
    let other = Expected {
        reader: IdentityId([10; 32]),
        ..expected()
    };
    assert_eq!(mine.check_for(&other), Err(PresentationError::Audience));
    let named = to(
        Audience::Named(Text::from("pharmacy")),
        Nonce::Asked(Text::from("tuesday")),
        None,
    );
    assert_eq!(named.check_for(&expected()), Err(PresentationError::Audience));
    let pharmacy = Expected {
        names: vec!["pharmacy".into()],
        question: Some("tuesday".into()),
        ..expected()
    };
    assert_eq!(named.check_for(&pharmacy), Ok(()));
    // Shown again on another day.
    let later = Expected {
        question: Some("wednesday".into()),
        ..pharmacy
    };
    assert_eq!(named.check_for(&later), Err(PresentationError::Nonce));
    let asked = Expected {
        question: Some("now".into()),
        ..expected()
    };
    assert_eq!(mine.check_for(&asked), Err(PresentationError::Nonce));

    let sent = to(
        Audience::Identity(READER),
        Nonce::Own(Digest([1; 32])),
        Some(IdentityId([7; 32])),
    );
    let from = |n| Expected {
        from: Some(IdentityId([n; 32])),
        ..expected()
    };
    assert_eq!(sent.check_for(&from(7)), Ok(()));
    assert_eq!(sent.check_for(&from(70)), Err(PresentationError::Sender));
    assert_eq!(PresentationError::Sender.code(), ErrorCode::MadeOutElsewhere);
}

#[test]
fn a_list_is_said_to_be_complete_only_with_its_length_and_every_element() {
    let p = shown(ORDER, &["note"]);
    let list = |shown, of| {
        vec![ListShown {
            path: "note".into(),
            shown,
            of,
        }]
    };
    assert_eq!(p.lists(), list(2, Some(2)));
    assert_eq!(shown(ORDER, &["note[1]"]).lists(), list(1, None));
    let length = path::parse("note").unwrap();
    let without = kept(&p, |leaf| leaf.path != length);
    assert_eq!(without.lists(), list(2, None));
}

#[test]
fn a_bundle_is_shown_by_resource_and_each_keeps_its_guards() {
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"urn:1","resource":{ORDER}}},
        {{"resource":{{"resourceType":"Patient","active":true,"gender":"male"}},"request":{{"method":"DELETE","url":"Patient/1"}}}}]}}"#
    );
    let p = shown(
        &bundle,
        &["entry[0].resource.note[0]", "entry[1].resource.gender"],
    );
    let there: Vec<_> = p.parts.iter().map(|part| path::words(&part.leaf.path)).collect();
    assert_eq!(
        there,
        [
            "$",
            "entry[0]",
            "entry[0].resource",
            "entry[0].resource.note[0]",
            "entry[1]",
            "entry[1].resource",
            "entry[1].resource.gender"
        ]
    );
    let entry: Vec<_> = p.parts[4].texts().map(|(name, _)| name).collect();
    assert_eq!(entry, ["request"], "that it is deleted must be seen");
    for gone in ["entry[0]", "entry[0].resource"] {
        let gone = path::parse(gone).unwrap();
        let without = signed_again(kept(&p, |leaf| leaf.path != gone));
        assert!(matches!(refused(&without), PresentationError::NoGuard(_)));
    }
    assert_eq!(
        leaves(bundle.as_bytes(), FHIR_R4).unwrap().len(),
        1,
        "table 1 is frozen"
    );
    assert!(leaves(bundle.as_bytes(), 3).is_err());
}
