//! A pharmacy whose prescription lies in another hospital's ledger, where the test is that ledger.

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::rx::{PRESCRIPTION, Prescription};
use telesphor_clinical::rx_word::{RxNotice, RxWord};
use telesphor_clinical::text::Text;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::outbox::News;
use telesphor_wire::forward::reply::Told as Answered;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, EntryId, Nonce};
use telesphor_wire::ledger::{EntryStanding, LedgerAnswer, LedgerCommand, Step, StepKind, key_hash};
use telesphor_wire::limits::{RX_KEEP_MINUTES, RX_PARTS};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::record::{Fill, FillState, fill_of};
use crate::documents::write::Draft;
use crate::exchange::tests::Scene;

const STANDING: EntryStanding = EntryStanding {
    now: 0,
    free: RX_PARTS,
    confirmed: 0,
    reserved: 0,
    next_free: 0,
    over: 0,
    held_until: 0,
    cancelled: 0,
};

struct Counter {
    scene: Scene,
    rx: DocumentId,
    entry: EntryId,
    key: PublicKey,
}

impl Counter {
    /// With a prescription that is as good as paper, and a fill of it.
    fn new(offline: bool) -> Self {
        let mut scene = Scene::new();
        let (domain, now) = (scene.other.record.domain.clone(), scene.now());
        let holder = SigningKey::generate();
        let text = |text: &str| Text::new(text).unwrap();
        let mut rx = Prescription {
            version: VERSION,
            domain,
            entry: EntryId([0; 32]),
            salt: Nonce::random(),
            holder: holder.public(),
            holder_nonce: Nonce::random(),
            cancel: key_hash(&SigningKey::generate().public()),
            medicine: text("Amoxicillin 500 mg"),
            dosage: text("one three times a day"),
            unit: text("capsules"),
            scale: 0,
            total: 30,
            portions: Vec::new(),
            valid_from: now,
            valid_until: now + 86_400_000,
            keep_minutes: RX_KEEP_MINUTES,
            offline: 2,
            ext: Extensions::none(),
        };
        rx.entry = rx.statement().id();
        let seed: Secret = holder.seed();
        let (id, fill) = scene
            .core
            .write(|ctx| {
                let body = rx.to_bytes();
                let draft = Draft::new(DocumentKind::Prescription, PRESCRIPTION, "Amoxicillin", body);
                let (id, _) = ctx.write_document(draft)?;
                ctx.put_paper_key(&id, &seed)?;
                Ok((id, ctx.choose_fill(&id, Some(2), offline)?))
            })
            .unwrap();
        scene.carry();
        Self {
            scene,
            rx: id,
            entry: rx.entry,
            key: fill.key(),
        }
    }

    fn fill(&self) -> Fill {
        fill_of(&self.scene.core.read().unwrap(), &self.key)
            .unwrap()
            .unwrap()
    }

    fn waits(&mut self) -> bool {
        let rx = self.rx;
        let waits = self.scene.core.write(|ctx| ctx.ledger_waits(&rx));
        waits.unwrap().is_some()
    }

    /// What the other hospital opens of the last request.
    fn opened(&self) -> (LedgerCommand, Ask) {
        let (passing, _) = self.scene.passing();
        let other = &self.scene.other;
        let ask = Ask::open(
            &passing.request,
            &other.record.domain,
            &other.sealing,
            self.scene.now(),
        )
        .unwrap();
        match &ask.wish {
            Wish::Command(command) => match command.as_ref() {
                Command::Ledger(command) => ((**command).clone(), ask.clone()),
                other => panic!("{:?}", other.id()),
            },
            other => panic!("{other:?}"),
        }
    }

    fn step(&self, kind: StepKind) -> Step {
        Step {
            entry: self.entry,
            seq: 1,
            previous: Digest(self.entry.0),
            kind,
            key: self.key,
            parts: RX_PARTS / 15,
            over: 0,
            until: self.scene.now() + 60_000,
            stamp: self.scene.now(),
            ext: Extensions::none(),
        }
    }

    /// The other ledger's answer, with the proof for this leaf.
    fn answer(&mut self, step: &Step, proved: &Step) {
        let receipt = self.scene.paper.receipt(proved.leaf(), self.scene.now());
        let (passing, _) = self.scene.passing();
        let (_, ask) = self.opened();
        let told = Answered {
            answer: Answer::Ledger(Box::new(LedgerAnswer {
                standing: STANDING,
                step: Some(step.clone()),
                receipt: Some(receipt),
                ext: Extensions::none(),
            })),
            ext: Extensions::none(),
        };
        let reply = told.seal(&passing.request, &ask.reply).unwrap();
        self.scene.news(&News::Answered(reply));
    }
}

#[test]
fn another_ledger_is_asked_under_another_id_or_believed_without_proof() {
    let mut counter = Counter::new(false);
    counter.scene.hear();
    let fill = counter.fill();
    counter.scene.core.write(|ctx| ctx.ask_reserve(&fill)).unwrap();
    counter.scene.carry();
    assert!(counter.waits(), "what was asked is not asked again");
    let (asked, _) = counter.opened();
    assert_eq!(asked.entry, counter.entry);
    let (first, _) = counter.scene.passing();
    // Their key was replaced while this lay on its way.
    counter.scene.other.sealing = telesphor_wire::seal::SealingKey::generate();
    counter.scene.back(&first.request, ErrorCode::NotSealedForThem);
    counter.scene.hear();
    counter.scene.carry();
    let (second, _) = counter.scene.passing();
    assert_ne!(first.request, second.request);
    assert_eq!((first.lane, &asked), (second.lane, &counter.opened().0));

    // A step that nobody attests, or another one than was attested, is none.
    let (step, other) = (
        counter.step(StepKind::Reserved),
        counter.step(StepKind::Cancelled),
    );
    counter.answer(&step, &other);
    assert_eq!((counter.fill().state, counter.waits()), (FillState::Ticket, true));
}

#[test]
fn what_another_ledger_answers_does_not_reach_the_counter() {
    let mut counter = Counter::new(false);
    counter.scene.hear();
    let fill = counter.fill();
    counter.scene.core.write(|ctx| ctx.ask_reserve(&fill)).unwrap();
    counter.scene.carry();
    let step = counter.step(StepKind::Reserved);
    counter.answer(&step, &step);
    assert_eq!(
        (counter.fill().state, counter.waits()),
        (FillState::Reserved, false)
    );
}

#[test]
fn a_supply_whose_request_came_back_is_never_entered() {
    let mut counter = Counter::new(true);
    let rx = counter.rx;
    let supply = |counter: &mut Counter| counter.scene.core.write(|ctx| ctx.supply_offline(&rx, 2));
    assert_eq!(
        supply(&mut counter).unwrap_err().code,
        ErrorCode::DomainUnknown,
        "what can never be entered is not supplied"
    );
    counter.scene.hear();
    supply(&mut counter).unwrap();
    counter.scene.carry();
    let (passing, _) = counter.scene.passing();
    counter.scene.back(&passing.request, ErrorCode::NotDelivered);
    assert_eq!(
        (counter.fill().state, counter.waits()),
        (FillState::Supplied, false)
    );
    counter.scene.core.write(|ctx| ctx.tend_supplied()).unwrap();
    assert!(counter.waits(), "it is told again");
    counter.scene.carry();
    let step = counter.step(StepKind::Settled);
    counter.answer(&step, &step);
    assert_eq!(
        (counter.fill().state, counter.waits()),
        (FillState::Settled, false)
    );
}

#[test]
fn a_notice_of_another_ledger_counts_without_proof_or_is_lost_before_it_can_be_proved() {
    let mut counter = Counter::new(false);
    let cancelled = counter.step(StepKind::Cancelled);
    let notice = |counter: &Counter, proved: &Step| RxNotice {
        prescription: counter.rx,
        step: cancelled.clone(),
        receipt: counter.scene.paper.receipt(proved.leaf(), counter.scene.now()),
    };
    let say = |counter: &mut Counter, notice: RxNotice| {
        let who = counter.scene.who;
        let word = RxWord::Notice(Box::new(notice));
        counter.scene.core.write(|ctx| ctx.rx_word(&who, word)).unwrap();
    };
    let forged = notice(&counter, &counter.step(StepKind::Held));
    say(&mut counter, forged);
    counter.scene.hear();
    assert_eq!(counter.fill().why, None);

    let mut counter = Counter::new(false);
    let cancelled = counter.step(StepKind::Cancelled);
    let real = RxNotice {
        prescription: counter.rx,
        receipt: counter.scene.paper.receipt(cancelled.leaf(), counter.scene.now()),
        step: cancelled,
    };
    say(&mut counter, real);
    assert_eq!(counter.fill().why, None, "home has not said who attests there");
    assert!(counter.scene.core.exchange_due());
    counter.scene.hear();
    assert_eq!(
        counter.fill().why.map(|why| why.code),
        Some(ErrorCode::RxCancelled)
    );
}
