//! What comes at a desk and is not taken, and what leaves and lies where: real keys and vaults, no
//! network.
#![allow(clippy::unwrap_used)]

mod adders;
mod desk;
mod views;

use std::sync::atomic::Ordering;

use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::lab::{open, seal};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::study::ask::{Field, FieldKind, Parts, Pick};
use telesphor_clinical::study::row::{StudyPart, StudyRow};
use telesphor_clinical::study::task::{Measured, SumKind, SumTask};
use telesphor_clinical::study::word::ToStudy;
use telesphor_clinical::study::{Study, StudyDates, StudyDesk, Told as Words};
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::mailbox::EventKind;

use super::StudyDraft;
use super::judge::{RESEARCHER, meant, study_of};
use super::record::{OwnStudy, all_adding, own};
use super::say::desk_of;
use crate::core::Core;
use crate::core::records::Held;
use crate::documents::write::Draft;
use crate::mailbox::tend::DAY_MS;
use crate::testing::{Paper, Told, words};

const VALUE: &str = r#"{"resourceType":"Observation","status":"final","identifier":[{"value":"L-4711"}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"HbA1c"}],"text":"of Korhonen"},"effectiveDateTime":"2026-03-21T08:15:00+02:00","valueQuantity":{"value":6.10,"unit":"%"},"note":[{"text":"lives alone"}]}"#;
const PERSON: &str = r#"{"resourceType":"Patient","gender":"female","birthDate":"1980-05-17","name":[{"family":"Korhonen"}],"address":[{"city":"Kuopio"}]}"#;

struct Scene {
    paper: Paper,
    board: Core,
    institute: Core,
    first: Core,
    second: Core,
    aino: Core,
    bert: Core,
}

impl Scene {
    /// A board that approves, a researcher, two who add up, two people with records.
    fn set() -> Self {
        let mut paper = Paper::new();
        let [
            mut board,
            mut institute,
            mut first,
            mut second,
            mut aino,
            mut bert,
        ] = ["board", "institute", "office", "university", "aino", "bert"].map(|name| paper.person(name));
        for other in [&mut board, &mut first, &mut second, &mut aino, &mut bert] {
            paper.tell(&mut institute, other, Told::Both);
        }
        let mut scene = Self {
            paper,
            board,
            institute,
            first,
            second,
            aino,
            bert,
        };
        let researcher = scene.institute.profile.identity;
        let until = scene.now() + 365 * DAY_MS;
        scene
            .board
            .write(|ctx| ctx.attest(researcher, RESEARCHER, "EB 14/2026", until))
            .unwrap();
        let card = scene.board.write(|ctx| ctx.my_history()).unwrap();
        for (person, value) in [(&mut scene.aino, "6.10"), (&mut scene.bert, "8.30")] {
            person.write(|ctx| ctx.trust(&card, "board", RESEARCHER)).unwrap();
            for body in [PERSON.to_owned(), VALUE.replace("6.10", value)] {
                let draft = Draft::new(DocumentKind::Resource, FHIR_JSON, "mine", body.into_bytes());
                person.write(|ctx| ctx.write_document(draft)).unwrap();
            }
        }
        scene.talk();
        for adder in [&mut scene.first, &mut scene.second] {
            adder
                .write(|ctx| ctx.serve_researcher(&researcher, "Adds up"))
                .unwrap();
        }
        scene.talk();
        scene
    }

    fn now(&self) -> u64 {
        self.paper.clock.load(Ordering::SeqCst)
    }

    /// Publishes a study, which both people and both who add up get.
    fn publish(&mut self, name: &str, sums: Vec<SumTask>) -> DocumentId {
        let adders = match sums.is_empty() {
            true => Vec::new(),
            false => vec![self.first.profile.identity, self.second.profile.identity],
        };
        let draft = StudyDraft {
            name: name.into(),
            purpose: "Whether a new schedule of visits helps".into(),
            approval: "EB 14/2026".into(),
            told: vec![Words {
                language: "en".into(),
                words: "We ask for one value.".into(),
            }],
            criteria: Vec::new(),
            fields: fields(),
            dates: StudyDates::Month,
            until: self.now() + 30 * DAY_MS,
            min_cell: 3,
            payout: None,
            trial: !sums.is_empty(),
            sums,
            adders,
        };
        let people = [self.aino.profile.identity, self.bert.profile.identity];
        let id = self
            .institute
            .write(|ctx| {
                let id = ctx.publish_study(draft).unwrap();
                for who in people {
                    ctx.send_document(&id, &who)?;
                }
                Ok(id)
            })
            .unwrap();
        self.talk();
        id
    }

    /// Everything that anybody says reaches whom it is for, and every mailbox is read to its end.
    fn talk(&mut self) {
        let mut people = [
            &mut self.board,
            &mut self.institute,
            &mut self.first,
            &mut self.second,
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

    fn own(&self, id: &DocumentId) -> OwnStudy {
        own(&self.institute.read().unwrap(), id).unwrap().unwrap()
    }

    fn study(&self, id: &DocumentId) -> Study {
        study_of(&self.institute.read().unwrap(), id).unwrap().1
    }

    /// What is noted as refused at the researcher's desk, or at that of one who adds up.
    fn noted(&self, id: &DocumentId, adder: Option<usize>) -> Vec<(u64, ErrorCode)> {
        match adder {
            None => self.own(id).refused,
            Some(at) => {
                let adder = [&self.first, &self.second][at];
                let all = all_adding(&adder.read().unwrap()).unwrap();
                all.into_iter().flat_map(|a| a.refused).collect()
            }
        }
    }

    /// Deposits a word at a desk, as anybody can who has the study; why it was not taken.
    fn deposit(&mut self, id: &DocumentId, adder: Option<usize>, word: &ToStudy) -> Option<ErrorCode> {
        let desk: StudyDesk = desk_of(&self.study(id), adder).unwrap();
        let payload = seal(word, HpkeLabel::StudyDesk, &desk.mailbox, &desk.key).unwrap();
        self.paper.order(desk.mailbox, (EventKind::MESSAGE, 0), &payload);
        let before = self.noted(id, adder).len();
        self.talk();
        self.noted(id, adder).get(before).map(|(_, code)| *code)
    }

    fn join(&mut self, of_bert: bool, name: &str) {
        let who = if of_bert { &mut self.bert } else { &mut self.aino };
        who.write(|ctx| {
            let kept = meant(ctx.tx, name)?;
            ctx.join_study(&kept)
        })
        .unwrap();
        self.paper.carry(who);
    }

    /// Everything that lies at a desk, opened with its key.
    fn lies_at(&mut self, id: &DocumentId, adder: Option<usize>) -> Vec<ToStudy> {
        let mailbox = desk_of(&self.study(id), adder).unwrap().mailbox;
        let nonce = match adder {
            None => self.own(id).nonce,
            Some(at) => all_adding(&[&self.first, &self.second][at].read().unwrap()).unwrap()[0].nonce,
        };
        let core = match adder {
            None => &mut self.institute,
            Some(0) => &mut self.first,
            Some(_) => &mut self.second,
        };
        let key = core.write(|ctx| ctx.study_desk_key(&nonce)).unwrap();
        let events = self.paper.events(mailbox, 0).events;
        let payloads = events.iter().filter(|e| e.header.kind == EventKind::MESSAGE);
        payloads
            .filter_map(|e| e.payload.as_ref())
            .map(|payload| open(payload, HpkeLabel::StudyDesk, &mailbox, &key).unwrap())
            .collect()
    }
}

fn hear(core: &mut Core, from: &IdentityId, message: GroupMessage) {
    core.write(|ctx| match message {
        GroupMessage::Study(word) => ctx.study_word(from, word),
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

fn pick() -> Pick {
    Pick {
        resource: "Observation".into(),
        system: None,
        code: Some("4548-4".into()),
    }
}

/// A value with its month, and ten years of age.
fn fields() -> Vec<Field> {
    vec![
        Field {
            name: "hba1c".into(),
            kind: FieldKind::Parts(Parts {
                pick: pick(),
                elements: vec!["effectiveDateTime".into(), "valueQuantity".into()],
                newest: 1,
            }),
        },
        Field {
            name: "age".into(),
            kind: FieldKind::AgeBand(true),
        },
    ]
}

/// One sum: of the value.
fn sums() -> Vec<SumTask> {
    vec![SumTask {
        name: "hba1c".into(),
        kind: SumKind::Sum(Measured {
            pick: pick(),
            from: 4_000,
            step: 100,
            bits: 6,
        }),
        epsilon_milli: 1_000,
    }]
}

fn row(field: u16, parts: &[(&str, &str)]) -> StudyRow {
    StudyRow {
        field,
        parts: parts
            .iter()
            .map(|(element, json)| StudyPart {
                element: Text::cut(element),
                json: Text::cut(json),
            })
            .collect(),
    }
}
