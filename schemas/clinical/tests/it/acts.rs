//! What is said of a document after it was sent: accepted, replaced, taken back.

use telesphor_clinical::attention::{Attention, Awaited, Urgency};
use telesphor_clinical::document::{DocumentError, SignOptions, SignedDocument, Signer};
use telesphor_clinical::header::{DocumentKind, Header, Relation, RelationKind};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::MAX_TEXT_BYTES;
use telesphor_clinical::retraction::{RETRACTION, Retraction, RetractionReason};
use telesphor_clinical::standing::{Claim, Standing, standing};
use telesphor_clinical::text::Text;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::sign::SigningKey;

const AUTHOR: IdentityId = IdentityId([1; 32]);
const EARLIER: DocumentId = DocumentId([9; 32]);

fn at(ms: u64) -> Instant {
    Instant::now_of(ms, 0, Clock::Device)
}

fn header(author: IdentityId, relates: &[(RelationKind, DocumentId)]) -> Header {
    let (kind, format) = (DocumentKind::Retraction, Text::from(RETRACTION));
    let mut header = Header::new(kind, format, Text::from("Taken back"), author, at(5));
    let relates = relates.iter();
    header.relates = relates
        .map(|(kind, document)| Relation {
            kind: *kind,
            document: *document,
        })
        .collect();
    header
}

fn claim(n: u8, kind: RelationKind, recorded: u64) -> Claim {
    Claim {
        recorded,
        document: DocumentId([n; 32]),
        kind,
    }
}

fn retraction(body: Vec<u8>) -> SignedDocument {
    let key = SigningKey::from_seed(&Secret::new([4; 32]));
    let signer = Signer {
        key: &key,
        author_head: Digest([5; 32]),
    };
    let header = header(AUTHOR, &[(RelationKind::Retracts, EARLIER)]);
    SignedDocument::sign(header, body, &signer, SignOptions::default()).unwrap()
}

#[test]
fn somebody_elses_document_takes_anothers_place() {
    let id = DocumentId([2; 32]);
    for kind in [
        RelationKind::Replaces,
        RelationKind::Amends,
        RelationKind::Retracts,
    ] {
        let theirs = header(IdentityId([7; 32]), &[(kind, EARLIER)]);
        assert_eq!(Claim::of(id, &theirs, &EARLIER, &AUTHOR), None);
        let own = header(AUTHOR, &[(kind, EARLIER)]);
        let counts = Claim::of(id, &own, &EARLIER, &AUTHOR).unwrap();
        assert_eq!((counts.kind, counts.document, counts.recorded), (kind, id, 5));
        assert_eq!(Claim::of(id, &own, &DocumentId([8; 32]), &AUTHOR), None);
    }
}

#[test]
fn an_answer_or_an_unknown_relation_takes_a_documents_place() {
    for kind in [
        RelationKind::RepliesTo,
        RelationKind::Fulfils,
        RelationKind::Reverses,
        RelationKind::Other(99),
    ] {
        let own = header(AUTHOR, &[(kind, EARLIER)]);
        assert_eq!(
            Claim::of(DocumentId([2; 32]), &own, &EARLIER, &AUTHOR),
            None,
            "{kind}"
        );
    }
}

#[test]
fn what_was_taken_back_comes_back_by_being_replaced() {
    let back = claim(3, RelationKind::Retracts, 10);
    let claims = [
        claim(2, RelationKind::Replaces, 9),
        back,
        claim(4, RelationKind::Replaces, 99),
        claim(5, RelationKind::Retracts, 50),
    ];
    assert_eq!(standing(&claims), Standing::Retracted(back));
    assert_eq!(standing(&[]), Standing::Current);
}

#[test]
fn two_readers_who_got_two_corrections_in_another_order_see_another_one() {
    let (early, late) = (
        claim(7, RelationKind::Replaces, 10),
        claim(2, RelationKind::Amends, 20),
    );
    assert_eq!(standing(&[early, late]), Standing::Replaced(late));
    assert_eq!(standing(&[late, early]), Standing::Replaced(late));
    let same = claim(8, RelationKind::Replaces, 20);
    assert_eq!(standing(&[late, same]), standing(&[same, late]));
}

#[test]
fn a_reason_of_another_form_hides_that_a_document_was_taken_back() {
    let said = Retraction::new(RetractionReason::WrongPatient, Some(Text::from("mixed up")));
    assert_eq!(Retraction::of(&retraction(said.to_bytes())), said);
    for body in [Vec::new(), b"wrong patient".to_vec(), {
        let mut longer = said.to_bytes();
        longer.push(0);
        longer
    }] {
        let unread = Retraction::of(&retraction(body.clone()));
        assert_eq!(unread.reason, RetractionReason::Other(0));
        assert!(matches!(
            Retraction::from_bytes(&body),
            Err(DocumentError::Form(_))
        ));
    }
}

#[test]
fn a_retraction_beyond_its_limits_or_of_a_newer_form_is_taken_for_read() {
    let mut newer = Retraction::new(RetractionReason::Error, None);
    newer.version = 2;
    assert_eq!(
        Retraction::from_bytes(&newer.to_bytes()),
        Err(DocumentError::Version(2))
    );
    let mut critical = Retraction::new(RetractionReason::Other(40), None);
    assert_eq!(Retraction::from_bytes(&critical.to_bytes()).unwrap(), critical);
    critical.ext = Extensions::none().with(Extension {
        id: 9,
        critical: true,
        body: vec![].into(),
    });
    assert!(matches!(
        Retraction::from_bytes(&critical.to_bytes()),
        Err(DocumentError::Critical(_))
    ));
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let beyond = canonical::encode(&(1u16, 1u16, Some(long), Extensions::none()));
    assert!(Retraction::from_bytes(&beyond).is_err());
    let fits = canonical::encode(&(1u16, 1u16, Some("x".repeat(MAX_TEXT_BYTES)), Extensions::none()));
    assert!(Retraction::from_bytes(&fits).is_ok());
}

#[test]
fn what_nobody_accepted_in_time_looks_like_what_has_time() {
    let mut attention = Attention::routine();
    assert_eq!(attention.awaited(None, 50), Awaited::Nobody);
    assert_eq!(attention.awaited(Some(false), 50), Awaited::Nobody);
    attention.urgency = Urgency::Urgent;
    assert_eq!(attention.awaited(None, u64::MAX), Awaited::Until(None));
    attention.acknowledge_by = Some(at(100));
    assert_eq!(attention.awaited(None, 100), Awaited::Until(Some(100)));
    assert_eq!(attention.awaited(None, 101), Awaited::Late(100));
    assert_eq!(attention.awaited(Some(true), 101), Awaited::Accepted);
    // Whoever declines leaves it open.
    assert_eq!(attention.awaited(Some(false), 101), Awaited::Declined);
    for open in [Awaited::Until(None), Awaited::Late(1), Awaited::Declined] {
        assert!(open.is_open());
    }
    assert!(!Awaited::Accepted.is_open() && !Awaited::Nobody.is_open());
    // A time asks for an answer, urgent or not.
    attention.urgency = Urgency::Routine;
    assert_eq!(attention.awaited(None, 101), Awaited::Late(100));
}
