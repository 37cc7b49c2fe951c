//! What somebody could put between an orderer and a laboratory, word by word.

use super::*;

/// A result document by somebody, as he would put it into an order's mailbox.
fn made(core: &mut Core, order: &Digest, change: impl FnOnce(&mut Draft)) -> FromLab {
    let number = blind_number(order);
    core.write(|ctx| {
        let mut draft = Draft::new(DocumentKind::Result, FHIR_JSON, "HbA1c", values().body);
        draft.blind = Some(number);
        change(&mut draft);
        let (_, bytes) = ctx.write_document(draft)?;
        let me = ctx.me();
        Ok(FromLab::Result(Box::new(LabResult {
            document: Bytes(bytes),
            proofs: Bytes(ctx.proofs_about(&me)?.to_bytes()),
        })))
    })
    .unwrap()
}

#[test]
fn a_forged_replayed_or_exchanged_result_counts() {
    let mut s = Scene::set();
    let (first, second) = (s.order(false), s.order(true));
    let (order, other) = (first.order, second.order);
    // By somebody who is not the laboratory that was asked, however well he signs.
    let by_hospital = made(&mut s.hospital, &order, |_| ());
    assert_eq!(s.deposit(&first, &by_hospital), Some(ErrorCode::LabOtherResult));
    // The laboratory's own, for another order.
    let exchanged = made(&mut s.lab, &other, |_| ());
    assert_eq!(s.deposit(&first, &exchanged), Some(ErrorCode::LabOtherResult));
    // Changed after it was signed.
    let FromLab::Result(mut forged) = made(&mut s.lab, &order, |_| ()) else {
        unreachable!()
    };
    let at = forged.document.0.windows(4).position(|w| w == b"6.10").unwrap();
    forged.document.0[at] = b'7';
    assert!(s.deposit(&first, &FromLab::Result(forged)).is_some());
    assert!(s.ordered(&order).results.is_empty(), "nothing of that counts");

    // In its turn: preliminary, final, amended; and an older one again changes nothing.
    let mut early = values();
    early.status = Status::Preliminary;
    let preliminary = s.result(&first, early).unwrap();
    let again = s.aino.read().unwrap().body(&preliminary).unwrap();
    assert!(
        again.is_none(),
        "what may still change is not given to the patient"
    );
    let final_one = s.result(&first, values()).unwrap();
    assert!(s.aino.read().unwrap().body(&final_one).unwrap().is_some());
    let bytes = s.lab.write(|ctx| ctx.document_bytes(&preliminary)).unwrap();
    let replay = |bytes: Vec<u8>| {
        FromLab::Result(Box::new(LabResult {
            document: Bytes(bytes),
            proofs: Bytes(telesphor_identity::bundle::Proofs::default().to_bytes()),
        }))
    };
    let before = s.ordered(&order);
    assert_eq!(
        s.deposit(&before, &replay(bytes)),
        None,
        "known: no news and no fault"
    );
    assert_eq!(s.ordered(&order).results, [preliminary, final_one]);
    let late = made(&mut s.lab, &order, |draft| draft.status = Status::Preliminary);
    let before = s.ordered(&order);
    assert_eq!(s.deposit(&before, &late), Some(ErrorCode::LabOldResult));
    let refused = s.result(&first, values()).unwrap_err();
    assert_eq!(refused.code, ErrorCode::LabFinal);

    // Tube of one, form of the other.
    let mixed = s
        .lab
        .write(|ctx| Ok(ctx.case_by(&first.tube, &second.form).err().unwrap().code));
    assert_eq!(mixed.unwrap(), ErrorCode::LabTwoOrders);
    let turned = s
        .lab
        .write(|ctx| Ok(ctx.case_by(&first.form, &first.tube).err().unwrap().code));
    assert_eq!(turned.unwrap(), ErrorCode::LabNoOrder);
    // A file that names another order.
    let mut foreign = values();
    foreign.codes.insert(first.tube);
    assert_eq!(
        s.result(&second, foreign).unwrap_err().code,
        ErrorCode::LabOtherFile
    );
}

#[test]
fn an_order_without_a_hospitals_word_is_worked_on() {
    let mut s = Scene::set();
    let ordered = s.order(false);
    let good = all_cases(&s.lab.read().unwrap()).unwrap().remove(0).order;
    let desk = ordered.desk.clone();
    let put = |s: &mut Scene, change: &dyn Fn(&mut SignedLabOrder), key: &SigningKey| {
        let mut order = good.clone();
        change(&mut order);
        order.signature = key.sign(&order.order);
        let payload = seal(
            &ToLab::Order(Box::new(order)),
            HpkeLabel::LabOrder,
            &desk.mailbox,
            &desk.key,
        )
        .unwrap();
        s.paper.order(desk.mailbox, (EventKind::MESSAGE, 0), &payload);
        s.talk();
        let snapshot = s.lab.read().unwrap();
        let refused = crate::lab::record::all_refused(&snapshot).unwrap();
        (
            all_cases(&snapshot).unwrap().len(),
            refused.last().map(|(_, code)| *code),
        )
    };
    let (_, seed) = s
        .doctor
        .write(|ctx| Ok(ctx.pass_for(&desk.laboratory)?.unwrap()))
        .unwrap();
    let pass_key = SigningKey::from_seed(&seed);
    let fresh = |o: &mut SignedLabOrder| {
        o.order.order = Digest([9; 32]);
        o.order.tube = telesphor_clinical::lab::code::LabCode::random();
        o.order.form = telesphor_clinical::lab::code::LabCode::random();
    };
    assert_eq!(put(&mut s, &|_| (), &pass_key), (1, None), "the same once more");
    let mallory = SigningKey::generate();
    let own_pass = |o: &mut SignedLabOrder| {
        fresh(o);
        o.order.pass.pass.key = mallory.public();
    };
    let forged = Some(ErrorCode::LabForgedOrder);
    assert_eq!(
        put(&mut s, &own_pass, &mallory),
        (1, forged),
        "a pass that nobody signed"
    );
    assert_eq!(
        put(&mut s, &fresh, &mallory),
        (1, forged),
        "without the pass's key"
    );
    let taken = |o: &mut SignedLabOrder| {
        fresh(o);
        o.order.tube = ordered.tube;
    };
    assert_eq!(put(&mut s, &taken, &pass_key), (1, Some(ErrorCode::LabCodeTaken)));
    // What the pass allows it allows for its day, and until the order can have come.
    assert_eq!(put(&mut s, &fresh, &pass_key).0, 2);
    s.paper.clock.fetch_add(3 * DAY_MS, Ordering::SeqCst);
    let later = |o: &mut SignedLabOrder| {
        fresh(o);
        o.order.order = Digest([10; 32]);
    };
    assert_eq!(put(&mut s, &later, &pass_key), (2, forged), "the day is over");
    let over = s.doctor.write(|ctx| ctx.pass_for(&desk.laboratory)).unwrap();
    assert!(over.is_none(), "he asks for the next one");
}

#[test]
fn what_is_sealed_for_one_order_opens_in_another() {
    let mut s = Scene::set();
    let (first, second) = (s.order(false), s.order(true));
    let word = made(&mut s.lab, &first.order, |_| ());
    let keys = s
        .doctor
        .write(|ctx| Ok([ctx.result_key(&first.salt)?, ctx.result_key(&second.salt)?]))
        .unwrap();
    let sealed = seal(&word, HpkeLabel::LabResult, &first.mailbox, &keys[0].public()).unwrap();
    assert!(open::<FromLab>(&sealed, HpkeLabel::LabResult, &first.mailbox, &keys[0]).is_ok());
    assert!(open::<FromLab>(&sealed, HpkeLabel::LabResult, &first.mailbox, &keys[1]).is_err());
    assert!(open::<FromLab>(&sealed, HpkeLabel::LabResult, &second.mailbox, &keys[0]).is_err());
    assert!(open::<FromLab>(&sealed, HpkeLabel::LabOrder, &first.mailbox, &keys[0]).is_err());
}
