//! At the two who add up, and what they say to the researcher.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::study::word::{
    Batch, HalfSum, SignedStudyShare, SignedStudySum, StudyShare, StudySum, SumSaid, ToStudy,
};
use telesphor_research::halves::{Halves, cut};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::super::keys::{half_id, sum_context};
use super::super::part::shape;
use super::super::record::halves;
use super::{Scene, sums};
use crate::core::Core;
use crate::mailbox::tend::DAY_MS;

fn halves_of(study: &DocumentId, key: &SigningKey, number: u64) -> Halves {
    let form = shape(sums()[0].shape().unwrap());
    let (context, name) = (sum_context(study, 0), half_id(&key.public()));
    cut(form, &context, &name, &[number]).unwrap()
}

fn share(study: &DocumentId, task: u16, key: &SigningKey, public: &[u8], half: &[u8]) -> SignedStudyShare {
    let share = StudyShare {
        version: VERSION,
        study: *study,
        task,
        key: key.public(),
        public: Bytes(public.to_vec()),
        half: Bytes(half.to_vec()),
        ext: Extensions::none(),
    };
    SignedStudyShare {
        signature: key.sign(&share),
        share,
    }
}

fn word(share: SignedStudyShare) -> ToStudy {
    ToStudy::Share(Box::new(share))
}

fn sum_by(core: &mut Core, study: &DocumentId, said: SumSaid) -> SignedStudySum {
    core.write(|ctx| {
        let sum = StudySum {
            version: VERSION,
            study: *study,
            task: 0,
            aggregator: ctx.me(),
            head: ctx.my_head()?,
            endpoint: ctx.keys.endpoint.public(),
            said: said.clone(),
            ext: Extensions::none(),
        };
        let signature = ctx.keys.endpoint.sign(&sum);
        Ok(SignedStudySum { sum, signature })
    })
    .unwrap()
}

fn says(sum: SignedStudySum) -> ToStudy {
    ToStudy::Sum(Box::new(sum))
}

fn batch(keys: usize) -> SumSaid {
    let mut keys: Vec<PublicKey> = (0..keys).map(|_| SigningKey::generate().public()).collect();
    keys.sort_unstable();
    SumSaid::Add(Batch { keys })
}

fn half_of(people: u32) -> SumSaid {
    SumSaid::Half(HalfSum {
        batch: Digest([5; 32]),
        people,
        half: Bytes(vec![1; 16]),
    })
}

const FORGED: Option<ErrorCode> = Some(ErrorCode::StudyForged);

#[test]
fn a_half_that_is_forged_sent_again_late_or_of_another_study_is_added() {
    let mut s = Scene::set();
    let id = s.publish("diabetes-2027", sums());
    let other = s.publish("hearts-2027", Vec::new());
    let key = SigningKey::generate();
    let cut = halves_of(&id, &key, 21);
    let good = share(&id, 0, &key, &cut.public, &cut.first);

    let mut changed = good.clone();
    changed.share.half = Bytes(cut.second.clone());
    assert_eq!(s.deposit(&id, Some(0), &word(changed)), FORGED);
    let mut of_another = good.clone();
    of_another.share.key = SigningKey::generate().public();
    assert_eq!(s.deposit(&id, Some(0), &word(of_another)), FORGED);
    assert_eq!(s.deposit(&id, Some(0), &word(good.clone())), None);
    // The same bytes change nothing; a second number under one key is none; nor is another study's.
    assert_eq!(s.deposit(&id, Some(0), &word(good.clone())), None);
    let more = halves_of(&id, &key, 60);
    let second = share(&id, 0, &key, &more.public, &more.first);
    assert_eq!(s.deposit(&id, Some(0), &word(second)), Some(ErrorCode::StudySent));
    let foreign = share(&other, 0, &SigningKey::generate(), &cut.public, &cut.first);
    assert_eq!(s.deposit(&id, Some(0), &word(foreign)), FORGED);
    // No half is for the researcher, and no rows for who adds up.
    assert_eq!(s.deposit(&id, None, &word(good)), FORGED);
    let kept = halves(&s.first.read().unwrap(), &id, 0).unwrap();
    assert_eq!(
        (kept.len(), &kept[0].signed.share.half.0),
        (1, &cut.first),
        "read back as it came"
    );

    // Only the first of the two says what is added up, and never of fewer than a hundred.
    let by_stranger = sum_by(&mut s.aino, &id, batch(100));
    assert_eq!(s.deposit(&id, Some(1), &says(by_stranger)), FORGED);
    let by_itself = sum_by(&mut s.second, &id, batch(100));
    assert_eq!(s.deposit(&id, Some(1), &says(by_itself)), FORGED);
    let few = sum_by(&mut s.first, &id, batch(99));
    assert_eq!(s.deposit(&id, Some(1), &says(few)), Some(ErrorCode::StudyTooFew));
    let unknown = sum_by(&mut s.first, &id, batch(100));
    assert_eq!(
        s.deposit(&id, Some(1), &says(unknown)),
        Some(ErrorCode::SumUnsound)
    );
    let mut altered = sum_by(&mut s.first, &id, batch(100));
    altered.sum.task = 1;
    assert_eq!(s.deposit(&id, Some(1), &says(altered)), FORGED);

    // To the researcher: by the two, of a hundred, once.
    let by_stranger = sum_by(&mut s.bert, &id, half_of(100));
    assert_eq!(s.deposit(&id, None, &says(by_stranger)), FORGED);
    let few = sum_by(&mut s.first, &id, half_of(99));
    assert_eq!(s.deposit(&id, None, &says(few)), Some(ErrorCode::StudyTooFew));
    let half = sum_by(&mut s.first, &id, half_of(100));
    let says_it = says(half);
    assert_eq!(s.deposit(&id, None, &says_it), None);
    assert_eq!(s.deposit(&id, None, &says_it), Some(ErrorCode::StudySent));
    let of_more = sum_by(&mut s.second, &id, half_of(101));
    assert_eq!(s.deposit(&id, None, &says(of_more)), Some(ErrorCode::SumUnsound));

    s.paper
        .clock
        .fetch_add(31 * DAY_MS, std::sync::atomic::Ordering::SeqCst);
    let late = SigningKey::generate();
    let cut = halves_of(&id, &late, 21);
    let late = share(&id, 0, &late, &cut.public, &cut.first);
    assert_eq!(s.deposit(&id, Some(0), &word(late)), Some(ErrorCode::StudyOver));
}

#[test]
fn the_second_is_asked_once_more_at_each_look_while_it_cannot_be_reached() {
    let mut s = Scene::set();
    let mut two = [sums(), sums()].concat();
    two[1].name = "another".into();
    s.publish("diabetes-2027", two);
    s.join(false, "diabetes-2027");
    s.talk();
    let waiting = |s: &mut Scene| {
        s.first.write(|ctx| ctx.tend_studies()).unwrap();
        s.first.index.outbox.len()
    };
    assert_eq!(waiting(&mut s), 2, "one question for each sum");
    assert_eq!(waiting(&mut s), 2, "what was asked is still on its way");
    s.talk();
    assert_eq!(waiting(&mut s), 0, "all is checked");
}
