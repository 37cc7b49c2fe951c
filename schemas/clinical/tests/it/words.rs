//! Times, invitations, messages, streams: what must not be misread.

use proptest::prelude::*;
use telesphor_clinical::blob::Carried;
use telesphor_clinical::contact::{ContactRecord, IntakeKey};
use telesphor_clinical::instant::{Clock, Instant, Precision};
use telesphor_clinical::invite::{InviteAccept, InviteError, InviteLink, InviteOffer, SignedInviteAccept};
use telesphor_clinical::message::{
    DepositEnvelope, GroupEnvelope, GroupMessage, Heads, MessageError, Papers,
};
use telesphor_clinical::open::Foreign;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_clinical::stream::{Channel, Gap, GapReason, Quality};
use telesphor_clinical::text::Text;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

#[test]
fn until_a_day_means_its_end_where_it_was_said() {
    let helsinki = Instant::end_of_day(2027, 2, 18, 120).unwrap();
    assert_eq!(helsinki.to_string(), "2027-02-18T23:59:59.999+02:00");
    let new_york = Instant::end_of_day(2027, 2, 18, -300).unwrap();
    assert_eq!(new_york.unix_ms - helsinki.unix_ms, 7 * 3_600_000);
    assert_eq!(Instant::end_of_day(2027, 2, 29, 0), None);
    assert!(Instant::end_of_day(2028, 2, 29, 0).is_some());
}

#[test]
fn a_date_without_a_day_does_not_become_a_day() {
    for (text, precision) in [
        ("2012", Precision::Year),
        ("2012-06", Precision::Month),
        ("2012-06-03", Precision::Day),
        ("2012-06-03T23:45:32Z", Precision::Second),
        ("2012-06-03T23:45:32.500-05:00", Precision::Millisecond),
    ] {
        let instant = Instant::from_fhir(text).unwrap();
        assert_eq!(instant.precision, precision);
        assert_eq!(instant.to_string(), text);
    }
    for bad in [
        "",
        "12",
        "2012-13",
        "2012-06-31",
        "2012-06-03T23:45",
        "2012-06-03T23:45:32",
        "2012-06-03T25:00:00Z",
        "2012-06-03T23:45:32.Z",
        "2012-06-03T23:45:32+2:00",
        "2012/06",
        "\u{e9}012",
    ] {
        assert_eq!(Instant::from_fhir(bad), None, "{bad}");
    }
}

#[test]
fn an_offset_that_does_not_exist_is_refused() {
    let bytes = canonical::encode(&(0i64, 2000i16, None::<Text>, Precision::Second, Clock::Device));
    assert!(canonical::decode::<Instant>(&bytes).is_err());
}

fn record(identity: IdentityId) -> ContactRecord {
    ContactRecord {
        version: 1,
        identity,
        history_head: Digest([1; 32]),
        addresses: Vec::new(),
        intake: IntakeKey {
            id: Digest([2; 32]),
            key: SealingKey::generate().public(),
            until: 5,
        },
        contact_secret: Secret::random(),
        min_suite: 1,
        petnames: vec![Text::from("Aino")],
        made: Instant::now_of(1, 0, Clock::Device),
        ext: Extensions::none(),
    }
}

fn link() -> (InviteLink, SealingKey) {
    InviteLink::create(
        "hospital-a.example".parse().unwrap(),
        IdentityId([1; 32]),
        MailboxId::random(),
        1_000,
    )
}

fn accept(link: &InviteLink, key: &SigningKey) -> InviteAccept {
    InviteAccept {
        inviter: link.inviter,
        taker: IdentityId([2; 32]),
        domain: link.domain.clone(),
        mailbox: link.mailbox,
        key: link.key,
        expires: link.expires,
        inviter_head: Digest([3; 32]),
        taker_head: Digest([4; 32]),
        endpoint: key.public(),
        record: record(IdentityId([2; 32])),
        history: vec![1].into(),
        at: Instant::now_of(1, 0, Clock::Device),
        ext: Extensions::none(),
    }
}

#[test]
fn an_invitation_fits_a_code_and_survives_text_and_web_address() {
    let (link, _) = link();
    assert!(
        canonical::encode(&link).len() <= 210,
        "{} bytes",
        canonical::encode(&link).len()
    );
    // Version 12, level M holds 419 characters in its alphanumeric form.
    assert!(link.to_text().len() <= 419, "{}", link.to_text().len());
    assert_eq!(InviteLink::from_text(&link.to_text()).unwrap(), link);
    assert_eq!(
        InviteLink::from_text(
            &link
                .to_text()
                .to_uppercase()
                .replace("TELESPHOR-INVITE", "telesphor-invite")
        )
        .unwrap(),
        link
    );
    assert_eq!(
        InviteLink::from_text(&link.to_web_address("https://hospital-a.example/invite")).unwrap(),
        link
    );
    assert_eq!(link.check_time(1_000), Ok(()));
    assert_eq!(link.check_time(1_001), Err(InviteError::Expired));
    let mut wrong = link.to_text();
    let last = wrong.pop().unwrap();
    wrong.push(if last == 'q' { 'p' } else { 'q' });
    assert!(matches!(InviteLink::from_text(&wrong), Err(InviteError::Text(_))));
}

#[test]
fn an_offer_or_answer_made_for_another_link_is_refused() {
    let ((link_a, key_a), (link_b, key_b)) = (link(), link());
    let offer = |key: &SealingKey| InviteOffer {
        key: key.public(),
        record: record(IdentityId([1; 32])),
        history: vec![1].into(),
        ext: Extensions::none(),
    };
    let sealed = link_a.seal_offer(&offer(&key_a)).unwrap();
    assert_eq!(link_a.open_offer(&sealed).unwrap(), offer_with(&sealed, &link_a));
    assert_eq!(link_b.open_offer(&sealed), Err(InviteError::NotForThis));
    // A relay that swaps the key does not know the secret; somebody who does is found by the hash.
    let swapped = link_a.seal_offer(&offer(&key_b)).unwrap();
    assert_eq!(link_a.open_offer(&swapped), Err(InviteError::NotForThis));

    let endpoint = SigningKey::generate();
    let good = accept(&link_a, &endpoint);
    let signed = SignedInviteAccept {
        signature: endpoint.sign(&good),
        accept: good.clone(),
    };
    let answer = link_a.seal_answer(&key_a.public(), &signed).unwrap();
    assert_eq!(link_a.open_answer(&key_a, &answer).unwrap(), signed);
    assert_eq!(link_a.open_answer(&key_b, &answer), Err(InviteError::NotForThis));
    assert_eq!(link_b.open_answer(&key_a, &answer), Err(InviteError::NotForThis));
    assert_eq!(
        link_a.seal_answer(&key_b.public(), &signed),
        Err(InviteError::NotForThis)
    );

    let stranger = SigningKey::generate();
    let forged = SignedInviteAccept {
        signature: stranger.sign(&good),
        accept: good,
    };
    let answer = link_a.seal_answer(&key_a.public(), &forged).unwrap();
    assert_eq!(link_a.open_answer(&key_a, &answer), Err(InviteError::NotForThis));
}

fn offer_with(sealed: &[u8], link: &InviteLink) -> InviteOffer {
    let offer = link.open_offer(sealed).unwrap();
    assert_eq!(offer.record.identity, link.inviter);
    offer
}

#[test]
fn a_message_of_a_newer_kind_is_kept_and_passed_on_unchanged() {
    let cursor = Cursor {
        seq: 4,
        hash: Digest([1; 32]),
    };
    let foreign = Foreign {
        kind: 900,
        body: vec![0xc1, 0xff].into(),
    };
    let bytes = GroupEnvelope::new(cursor, GroupMessage::Foreign(foreign.clone())).to_bytes();
    let again = GroupEnvelope::from_bytes(&bytes).unwrap();
    assert_eq!(again.body, GroupMessage::Foreign(foreign));
    assert_eq!(again.body.kind(), 900);
    assert_eq!(again.to_bytes(), bytes);
}

#[test]
fn a_known_kind_with_a_body_in_another_form_is_refused() {
    let cursor = Cursor {
        seq: 4,
        hash: Digest([1; 32]),
    };
    let body = canonical::encode(&Carried::Inline(vec![1].into()));
    let mut loose = body.clone();
    loose.push(0);
    for (body, good) in [(body, true), (loose, false)] {
        let message = GroupMessage::Foreign(Foreign {
            kind: 1,
            body: body.into(),
        });
        let bytes = GroupEnvelope::new(cursor, message).to_bytes();
        assert_eq!(GroupEnvelope::from_bytes(&bytes).is_ok(), good);
    }
}

#[test]
fn a_critical_extension_of_a_message_is_refused_by_its_number() {
    let cursor = Cursor {
        seq: 0,
        hash: Digest([1; 32]),
    };
    let mut envelope = GroupEnvelope::new(cursor, GroupMessage::Heads(Heads::default()));
    envelope.ext = Extensions::none().with(Extension {
        id: 12,
        critical: true,
        body: vec![].into(),
    });
    let refused = GroupEnvelope::from_bytes(&envelope.to_bytes()).unwrap_err();
    assert!(matches!(refused, MessageError::Critical(_)) && refused.to_string().contains("12"));
    assert!(
        DepositEnvelope::from_bytes(&envelope.to_bytes()).is_err(),
        "a group message is no deposit"
    );
}

#[test]
fn one_word_of_a_bundle_that_nobody_can_read_takes_the_others_with_it() {
    let word = |message: &GroupMessage| Bytes(canonical::encode(message));
    let heads = GroupMessage::Heads(Heads::default());
    let inner = GroupMessage::Papers(Papers {
        words: vec![word(&heads)],
    });
    let papers = Papers {
        words: vec![word(&heads), Bytes(vec![0xc1]), word(&inner), word(&heads)],
    };
    let bytes = canonical::encode(&GroupMessage::Papers(papers));
    let GroupMessage::Papers(read) = canonical::decode(&bytes).unwrap() else {
        panic!("a bundle is read as one");
    };
    assert_eq!(
        read.messages(),
        [heads.clone(), heads],
        "and no bundle in a bundle"
    );
    let many = Papers {
        words: vec![Bytes::default(); telesphor_clinical::limits::MAX_PAPERS + 1],
    };
    assert!(canonical::decode::<Papers>(&canonical::encode(&many)).is_err());
}

#[test]
fn scopes_have_one_form() {
    let list = |names: &[&str]| canonical::encode(&names);
    assert!(canonical::decode::<Scopes>(&list(&["allergies", "heart"])).is_ok());
    for bad in [
        &["heart", "allergies"][..],
        &["heart", "heart"],
        &["Heart"],
        &["-x"],
        &[""],
    ] {
        assert!(canonical::decode::<Scopes>(&list(bad)).is_err(), "{bad:?}");
    }
    for (name, sensitive) in telesphor_clinical::scope::STANDARD {
        assert_eq!(name.parse::<Scope>().unwrap().is_sensitive(), *sensitive);
    }
}

#[test]
fn a_gap_is_never_joined_by_a_line() {
    let gap = |at, missing| Gap {
        at,
        missing,
        reason: GapReason::NotConnected,
    };
    let mut channel = Channel {
        system: Text::from("loinc"),
        code: Text::from("8867-4"),
        unit: Text::from("/min"),
        scale: 0,
        samples: vec![70, 71, 72],
        gaps: vec![gap(0, 2), gap(3, 5)],
        quality: Quality::GOOD,
    };
    assert!(channel.is_well_formed());
    assert_eq!(channel.placed().collect::<Vec<_>>(), [(2, 70), (8, 71), (9, 72)]);
    for bad in [
        vec![gap(3, 5), gap(0, 2)],
        vec![gap(0, 2), gap(2, 1)],
        vec![gap(0, 0)],
        vec![gap(9, 1)],
        vec![gap(u32::MAX, u32::MAX)],
    ] {
        channel.gaps = bad;
        assert!(!channel.is_well_formed());
    }
}

proptest! {
    #[test]
    fn every_instant_is_written_as_it_is_read(ms in -60_000_000_000_000i64..250_000_000_000_000, offset in -1080i16..=1080) {
        let instant = Instant { unix_ms: ms, offset_minutes: offset, zone: None, precision: Precision::Millisecond, clock: Clock::Device };
        let text = instant.to_string();
        prop_assume!(text.find('-') == Some(4));
        let again = Instant::from_fhir(&text).unwrap();
        prop_assert_eq!((again.unix_ms, again.offset_minutes), (ms, offset));
        prop_assert_eq!(canonical::decode::<Instant>(&canonical::encode(&instant)).unwrap(), instant);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = GroupEnvelope::from_bytes(&bytes);
        let _ = DepositEnvelope::from_bytes(&bytes);
        let _ = telesphor_clinical::document::SignedDocument::from_bytes(&bytes);
        let _ = telesphor_clinical::fhir::take_in(&bytes);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = InviteLink::from_text(text);
            let _ = Instant::from_fhir(text);
        }
    }
}
