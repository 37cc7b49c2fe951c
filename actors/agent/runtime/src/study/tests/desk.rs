//! At the researcher's desk.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::study::row::StudyRow;
use telesphor_clinical::study::word::{
    SignedStudyJoin, SignedStudyLeave, SignedStudyRows, StudyJoin, StudyLeave, StudyRows, ToStudy,
};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::sign::SigningKey;

use super::super::record::people;
use super::super::results::rows_of;
use super::{Scene, row};
use crate::mailbox::tend::DAY_MS;

fn join(study: &DocumentId, key: &SigningKey) -> ToStudy {
    let join = StudyJoin {
        version: VERSION,
        study: *study,
        key: key.public(),
        answer: None,
        ext: Extensions::none(),
    };
    let signature = key.sign(&join);
    ToStudy::Join(Box::new(SignedStudyJoin { join, signature }))
}

fn leave(study: &DocumentId, key: &SigningKey) -> ToStudy {
    let leave = StudyLeave {
        version: VERSION,
        study: *study,
        key: key.public(),
        ext: Extensions::none(),
    };
    let signature = key.sign(&leave);
    ToStudy::Leave(Box::new(SignedStudyLeave { leave, signature }))
}

fn said(study: &DocumentId, key: &SigningKey, number: u32, rows: Vec<StudyRow>) -> SignedStudyRows {
    let said = StudyRows {
        version: VERSION,
        study: *study,
        key: key.public(),
        number,
        rows,
        ext: Extensions::none(),
    };
    SignedStudyRows {
        signature: key.sign(&said),
        said,
    }
}

fn rows(study: &DocumentId, key: &SigningKey, number: u32, rows: Vec<StudyRow>) -> ToStudy {
    ToStudy::Rows(Box::new(said(study, key, number, rows)))
}

fn value(of: &str) -> Vec<StudyRow> {
    vec![row(0, &[("valueQuantity", of)])]
}

#[test]
fn an_answer_that_is_forged_replayed_late_or_of_another_study_is_taken() {
    let mut s = Scene::set();
    let id = s.publish("diabetes-2027", Vec::new());
    let other = s.publish("hearts-2027", Vec::new());
    let (key, stranger) = (SigningKey::generate(), SigningKey::generate());
    const FORGED: Option<ErrorCode> = Some(ErrorCode::StudyForged);

    // Nobody who has not joined, not under another's key, and not what another study asked.
    assert_eq!(s.deposit(&id, None, &rows(&id, &key, 1, value("6.1"))), FORGED);
    assert_eq!(s.deposit(&id, None, &join(&other, &key)), FORGED);
    assert_eq!(s.deposit(&id, None, &join(&id, &key)), None);
    assert_eq!(
        s.deposit(&id, None, &join(&id, &key)),
        None,
        "once more changes nothing"
    );
    assert_eq!(s.deposit(&id, None, &rows(&other, &key, 1, value("6.1"))), FORGED);
    assert_eq!(
        s.deposit(&id, None, &rows(&id, &stranger, 1, value("6.1"))),
        FORGED
    );
    let mut under_his = said(&id, &stranger, 1, value("9.9"));
    under_his.said.key = key.public();
    assert_eq!(s.deposit(&id, None, &ToStudy::Rows(Box::new(under_his))), FORGED);
    let mut changed = said(&id, &key, 1, value("6.1"));
    changed.said.rows = value("9.9");
    assert_eq!(s.deposit(&id, None, &ToStudy::Rows(Box::new(changed))), FORGED);

    // Nothing beside the named values, and no more of them than were asked for.
    for more in [
        vec![row(0, &[("valueQuantity", "6.1"), ("note", "\"lives alone\"")])],
        vec![row(0, &[("code", "\"4548-4\"")])],
        vec![
            row(0, &[("valueQuantity", "6.1")]),
            row(0, &[("valueQuantity", "6.2")]),
        ],
        vec![row(1, &[("sex", "\"female\"")])],
        vec![row(2, &[("valueQuantity", "6.1")])],
        vec![row(0, &[])],
        vec![row(0, &[("valueQuantity", "6.1, and more")])],
    ] {
        assert_eq!(
            s.deposit(&id, None, &rows(&id, &key, 1, more.clone())),
            FORGED,
            "{more:?}"
        );
    }

    // The same again, and an older one after a newer.
    let first = rows(&id, &key, 1, value("6.1"));
    assert_eq!(s.deposit(&id, None, &first), None);
    assert_eq!(s.deposit(&id, None, &rows(&id, &key, 3, value("6.3"))), None);
    const SENT: Option<ErrorCode> = Some(ErrorCode::StudySent);
    assert_eq!(s.deposit(&id, None, &first), SENT);
    assert_eq!(s.deposit(&id, None, &rows(&id, &key, 2, value("6.2"))), SENT);
    assert_eq!(s.deposit(&id, None, &rows(&id, &key, 3, value("9.9"))), SENT);
    let kept = people(&s.institute.read().unwrap(), &id).unwrap();
    assert_eq!(
        (kept.len(), &kept[0].rows),
        (1, &value("6.3")),
        "read back as it came"
    );

    // Two more: three may be shown, fewer not; and whoever left is not among them.
    let too_few = |s: &Scene| rows_of(&s.institute.read().unwrap(), &id).unwrap_err().code;
    assert_eq!(too_few(&s), ErrorCode::StudyTooFew);
    let more = [SigningKey::generate(), SigningKey::generate()];
    for one in &more {
        assert_eq!(s.deposit(&id, None, &join(&id, one)), None);
        assert_eq!(too_few(&s), ErrorCode::StudyTooFew);
        assert_eq!(s.deposit(&id, None, &rows(&id, one, 1, value("7.0"))), None);
    }
    assert_eq!(rows_of(&s.institute.read().unwrap(), &id).unwrap().given.len(), 3);
    // Nobody else leaves for him, and after it nothing of his counts.
    let mut for_him = leave(&id, &stranger);
    if let ToStudy::Leave(signed) = &mut for_him {
        signed.leave.key = key.public();
    }
    assert_eq!(s.deposit(&id, None, &for_him), FORGED);
    assert_eq!(s.deposit(&id, None, &leave(&other, &key)), FORGED);
    assert_eq!(s.deposit(&id, None, &leave(&id, &key)), None);
    assert_eq!(too_few(&s), ErrorCode::StudyTooFew);
    let after = rows(&id, &key, 4, value("6.4"));
    assert_eq!(s.deposit(&id, None, &after), Some(ErrorCode::StudyLeft));
    assert_eq!(s.deposit(&id, None, &join(&id, &key)), None, "brings nobody back");
    assert_eq!(s.deposit(&id, None, &after), Some(ErrorCode::StudyLeft));

    // The study is over: values and newcomers are late, leaving is not.
    s.paper
        .clock
        .fetch_add(31 * DAY_MS, std::sync::atomic::Ordering::SeqCst);
    let late = SigningKey::generate();
    const OVER: Option<ErrorCode> = Some(ErrorCode::StudyOver);
    assert_eq!(s.deposit(&id, None, &join(&id, &late)), OVER);
    assert_eq!(s.deposit(&id, None, &rows(&id, &more[0], 2, value("7.1"))), OVER);
    assert_eq!(s.deposit(&id, None, &leave(&id, &more[0])), None);
    let kept = people(&s.institute.read().unwrap(), &id).unwrap();
    assert!(kept.iter().all(|p| p.rows != value("9.9")));
    assert!(people(&s.institute.read().unwrap(), &other).unwrap().is_empty());
}
