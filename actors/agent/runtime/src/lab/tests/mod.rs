//! What each end of an order holds, and what becomes of it: real keys and vaults, no network.
#![allow(clippy::unwrap_used)]

mod between;

use std::sync::atomic::Ordering;

use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::header::{DocumentKind, Status};
use telesphor_clinical::lab::catalogue;
use telesphor_clinical::lab::mapping::blind_number;
use telesphor_clinical::lab::order::{About, SignedLabOrder};
use telesphor_clinical::lab::state::LabState;
use telesphor_clinical::lab::values::{LabValues, take_in};
use telesphor_clinical::lab::word::{FromLab, LabResult, ToLab};
use telesphor_clinical::lab::{open, seal};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::scope::Scopes;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, MailboxId};
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::SigningKey;

use super::record::{Case, Ordered, all_cases, all_orders};
use super::{LabDraft, LabTerms};
use crate::core::Core;
use crate::core::records::Held;
use crate::documents::write::Draft;
use crate::mailbox::tend::DAY_MS;
use crate::testing::{Paper, Told, words};

const VALUE: &str = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}],"text":"HbA1c"},"subject":{"display":"DUMMY"},"effectiveDateTime":"2026-11-20T08:00:00+02:00","valueQuantity":{"value":6.10,"unit":"%"}}"#;

struct Scene {
    paper: Paper,
    hospital: Core,
    lab: Core,
    doctor: Core,
    aino: Core,
    bert: Core,
}

impl Scene {
    fn set() -> Self {
        let mut paper = Paper::new();
        let [mut hospital, mut lab, mut doctor, mut aino, mut bert] = [
            "hospital",
            "acme-lab",
            "virtanen",
            "aino",
            "bert-of-the-very-long-name",
        ]
        .map(|name| paper.person(name));
        paper.tell(&mut hospital, &mut lab, Told::Both);
        paper.tell(&mut hospital, &mut doctor, Told::Both);
        paper.tell(&mut doctor, &mut aino, Told::Both);
        paper.tell(&mut doctor, &mut bert, Told::Both);
        let mut scene = Self {
            paper,
            hospital,
            lab,
            doctor,
            aino,
            bert,
        };
        let hospital = scene.hospital.profile.identity;
        scene
            .lab
            .write(|ctx| ctx.open_desk(&hospital, "Acme Lab"))
            .unwrap();
        scene.talk();
        let terms = LabTerms {
            cost_centre: "Clinic 12".into(),
            switchboard: "+358 9 4711".into(),
            critical_role: None,
            critical_minutes: 30,
        };
        let (doctor, lab) = (scene.doctor.profile.identity, scene.lab.profile.identity);
        scene
            .hospital
            .write(|ctx| ctx.let_order(&doctor, &lab, &terms))
            .unwrap();
        scene.talk();
        scene
    }

    /// Everything that anybody says reaches whom it is for, and every mailbox is read to its end.
    fn talk(&mut self) {
        let mut people = [
            &mut self.hospital,
            &mut self.lab,
            &mut self.doctor,
            &mut self.aino,
            &mut self.bert,
        ];
        for _ in 0..4 {
            for at in 0..people.len() {
                let from = people[at].profile.identity;
                let said = words(people[at]);
                self.paper.carry(people[at]);
                for (to, message) in said {
                    let one = people.iter_mut().find(|c| c.profile.identity == to).unwrap();
                    hear(one, &from, message);
                }
            }
            for one in &mut people {
                let followed: Vec<MailboxId> = one.index.followed.keys().copied().collect();
                for mailbox in followed {
                    let _ = self.paper.show(one, mailbox);
                }
            }
        }
    }

    fn order(&mut self, for_bert: bool) -> Ordered {
        let patient = match for_bert {
            true => self.bert.profile.identity,
            false => self.aino.profile.identity,
        };
        let lab = self.lab.profile.identity;
        let draft = LabDraft {
            tests: vec![catalogue::test("hba1c")],
            about: About::default(),
            urgent: false,
            hold: false,
            scopes: Scopes::none(),
        };
        let order = self
            .doctor
            .write(|ctx| ctx.place_order(&patient, &lab, draft))
            .unwrap();
        self.talk();
        self.ordered(&order)
    }

    fn ordered(&mut self, order: &Digest) -> Ordered {
        self.doctor.write(|ctx| Ok(ctx.ordered(order)?.unwrap())).unwrap()
    }

    fn result(&mut self, ordered: &Ordered, values: LabValues) -> crate::Result<DocumentId> {
        let (tube, form) = (ordered.tube, ordered.form);
        let id = self.lab.write(|ctx| {
            let case = ctx.case_by(&tube, &form)?;
            ctx.give_result(case, values, false, None)
        })?;
        self.talk();
        Ok(id)
    }

    /// Puts a sealed word of the laboratory's into the mailbox of an order.
    fn deposit(&mut self, ordered: &Ordered, word: &FromLab) -> Option<ErrorCode> {
        let key = self.doctor.write(|ctx| ctx.result_key(&ordered.salt)).unwrap();
        let payload = seal(word, HpkeLabel::LabResult, &ordered.mailbox, &key.public()).unwrap();
        self.paper
            .order(ordered.mailbox, (EventKind::MESSAGE, 0), &payload);
        let before = ordered.refused.len();
        self.talk();
        self.ordered(&ordered.order)
            .refused
            .get(before)
            .map(|(_, code)| *code)
    }
}

fn hear(core: &mut Core, from: &telesphor_wire::ids::IdentityId, message: GroupMessage) {
    core.write(|ctx| match message {
        GroupMessage::Lab(word) => ctx.lab_word(from, word),
        GroupMessage::Document(carried) => {
            let held: Held = ctx.held(&ctx.profile.inbox.unwrap())?;
            ctx.document_came(from, carried, ctx.now, &held)
        }
        GroupMessage::Credentials(bytes) => ctx.credentials_came(from, &bytes),
        GroupMessage::Evidence(bytes) => ctx.evidence_came(&bytes),
        _ => Ok(()),
    })
    .unwrap();
}

fn values() -> LabValues {
    take_in(VALUE.as_bytes()).unwrap()
}

/// The form of a value without what is in it: names, kinds, lengths.
fn form(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value as V;
    match value {
        V::Object(members) => members.iter().map(|(name, v)| (name.clone(), form(v))).collect(),
        // Bytes are lists of numbers here.
        V::Array(items) if items.iter().all(V::is_number) => format!("{} bytes", items.len()).into(),
        V::Array(items) => items.iter().map(form).collect::<Vec<_>>().into(),
        V::String(text) => format!("text of {}", text.len()).into(),
        V::Number(_) => "a number".into(),
        other => other.clone(),
    }
}

#[test]
fn the_laboratory_or_the_relay_tells_one_patients_order_from_anothers() {
    let mut s = Scene::set();
    let orders = [s.order(false), s.order(true)];
    for ordered in &orders {
        s.result(ordered, values()).unwrap();
    }
    // What lies in the laboratory's vault.
    let cases: Vec<Case> = all_cases(&s.lab.read().unwrap()).unwrap();
    assert_eq!(cases.len(), 2);
    let [one, other] = [&cases[0], &cases[1]];
    let shape = |case: &Case| form(&serde_json::to_value(case).unwrap());
    assert_eq!(
        shape(one),
        shape(other),
        "what the laboratory keeps of them differs in form"
    );
    assert_eq!(canonical::encode(one).len(), canonical::encode(other).len());
    // What is the same for both is all that ties them: the hospital's day, and what was ordered.
    let orders_there = [&one.order.order, &other.order.order];
    assert_eq!(orders_there[0].pass, orders_there[1].pass);
    assert_eq!(orders_there[0].tests, orders_there[1].tests);
    let fresh = |o: &telesphor_clinical::lab::order::LabOrder| {
        [
            o.order.0.to_vec(),
            o.key.0.to_vec(),
            o.mailbox.0.to_vec(),
            o.deposit_seed.expose().to_vec(),
            o.result.as_bytes().to_vec(),
            o.tube.plain().into(),
            o.form.plain().into(),
        ]
    };
    let all: std::collections::BTreeSet<Vec<u8>> = orders_there.iter().flat_map(|o| fresh(o)).collect();
    assert_eq!(all.len(), 14, "something of one order stands in the other");
    // Nobody of those whom it must not know lies anywhere in its vault.
    let snapshot = s.lab.read().unwrap();
    for hidden in [&s.aino, &s.bert, &s.doctor] {
        let id = hidden.profile.identity.0;
        for table in [
            Table::Receipts,
            Table::Contacts,
            Table::Histories,
            Table::Documents,
            Table::Mailboxes,
            Table::Scratch,
            Table::Outbox,
        ] {
            for (name, bytes) in snapshot.scan(table).unwrap() {
                let found = |b: &[u8]| b.windows(32).any(|w| w == id);
                assert!(
                    !found(&name) && !found(&bytes),
                    "the laboratory holds an id of {}",
                    hidden.profile.name
                );
            }
        }
    }
    // What the relay holds: the two mailboxes, and the laboratory's.
    let seen = |mailbox: MailboxId| -> Vec<(EventKind, u32, u64, u32)> {
        let events = s.paper.events(mailbox, 0).events;
        events
            .iter()
            .map(|e| (e.header.kind, e.header.branch, e.header.epoch, e.header.size))
            .collect()
    };
    let (a, b) = (seen(orders[0].mailbox), seen(orders[1].mailbox));
    assert_eq!(a, b, "the mailboxes of two orders look different from outside");
    assert_eq!(a.len(), 3, "opened, a result, the proof of its time");
    let desk = seen(one.order_desk(&s.lab));
    let came: Vec<_> = desk.iter().filter(|e| e.0 == EventKind::MESSAGE).collect();
    assert_eq!((came.len(), came[0] == came[1]), (2, true));
}

impl Case {
    fn order_desk(&self, lab: &Core) -> MailboxId {
        let desk: super::record::OwnDesk = lab
            .read()
            .unwrap()
            .get_value(Table::Receipts, b"lab-own-desk")
            .unwrap()
            .unwrap();
        desk.mailbox
    }
}

#[test]
fn a_result_proves_nothing_to_the_patient_or_something_to_somebody_else() {
    let mut s = Scene::set();
    let ordered = s.order(false);
    let id = s.result(&ordered, values()).unwrap();
    assert_eq!(s.ordered(&ordered.order).state, LabState::Final);
    let proof = s.aino.write(|ctx| ctx.prove_result(&id.to_string())).unwrap();
    assert_eq!((proof.failed, proof.mine), (None, true));
    assert_eq!(proof.laboratory, "Acme Lab");
    let kept = s.aino.write(|ctx| Ok(ctx.kept(&id)?.unwrap())).unwrap();
    assert_eq!(kept.evidence.len(), 1, "the proof of its time came after it");

    // Somebody who has the result and not the mapping; and with both, it is another's.
    let bytes = s.aino.write(|ctx| ctx.document_bytes(&id)).unwrap();
    let mapping = s.aino.write(|ctx| ctx.document_bytes(&ordered.mapping)).unwrap();
    let doctor = s.doctor.profile.identity;
    let proofs = s.doctor.write(|ctx| {
        let lab = ordered.desk.laboratory;
        Ok(ctx.proofs_about(&lab)?.to_bytes())
    });
    hear(
        &mut s.bert,
        &doctor,
        GroupMessage::Credentials(Bytes(proofs.unwrap())),
    );
    let give = |core: &mut Core, bytes: &[u8]| {
        let carried = telesphor_clinical::blob::Carried::Inline(Bytes(bytes.to_vec()));
        hear(core, &doctor, GroupMessage::Document(carried));
    };
    give(&mut s.bert, &bytes);
    let proof = s.bert.write(|ctx| ctx.prove_result(&id.to_string())).unwrap();
    assert_eq!(proof.failed, Some(ErrorCode::LabNoMapping));
    give(&mut s.bert, &mapping);
    let proof = s.bert.write(|ctx| ctx.prove_result(&id.to_string())).unwrap();
    assert_eq!((proof.failed, proof.mine), (Some(ErrorCode::LabNotYours), false));
}

#[test]
fn the_mailbox_of_an_order_is_gone_when_a_correction_comes() {
    let mut s = Scene::set();
    let ordered = s.order(false);
    s.result(&ordered, values()).unwrap();
    let open_at = |s: &mut Scene, days: u64| {
        s.paper.clock.fetch_add(days * DAY_MS, Ordering::SeqCst);
        s.doctor.write(|ctx| ctx.tend_orders()).unwrap();
        let held: Held = s
            .doctor
            .read()
            .unwrap()
            .get_value(Table::Mailboxes, &ordered.mailbox.0)
            .unwrap()
            .unwrap();
        held.state == crate::core::records::MailboxState::Open
    };
    assert!(open_at(&mut s, 89));
    let mut amended = values();
    amended.status = Status::Amended;
    let id = s.result(&ordered, amended).unwrap();
    assert_eq!(s.ordered(&ordered.order).state, LabState::Amended);
    assert!(
        s.aino.read().unwrap().body(&id).unwrap().is_some(),
        "it follows to the patient"
    );
    assert!(open_at(&mut s, 89), "it is counted from the last word");
    assert!(!open_at(&mut s, 2));
    assert_eq!(
        all_orders(&s.doctor.read().unwrap()).unwrap().len(),
        1,
        "the order itself stays"
    );
}
