//! What a stranger can put at a study's desk, through a real relay, and what becomes of it there.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::people;
use crate::study;

use std::path::Path;

use people::{one, sync};
use study::{FIELDS, Scene, record, refused};
use telesphor_agent::link::{self, Credential, Pin, Session};
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::lab::seal;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::study::Study;
use telesphor_clinical::study::row::{StudyPart, StudyRow};
use telesphor_clinical::study::word::{SignedStudyJoin, SignedStudyRows, StudyJoin, StudyRows, ToStudy};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Bundle;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, DocumentId};
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::SigningKey;

/// Somebody with the published file and a connection, and nothing else.
struct Stranger {
    study: Study,
    id: DocumentId,
    session: Session,
    handle: u32,
}

impl Stranger {
    async fn come(admission: &str, file: &Path) -> Self {
        let bundle = Bundle::from_file(&std::fs::read(file).unwrap()).unwrap();
        let document = SignedDocument::from_bytes(&bundle.document).unwrap();
        let study = Study::of(&document).unwrap();
        let pin = Pin::of_link(&AdmissionLink::from_text(admission).unwrap());
        let record = link::domain::fetch(&pin).await.unwrap();
        let relays: Vec<_> = record.record.relays.iter().map(|r| r.relay).collect();
        let (session, _pushes) = Session::open(&pin, &relays).await.unwrap();
        let key = SigningKey::from_seed(&study.desk.deposit_seed);
        let credential = Credential::depositor(study.desk.mailbox, key);
        let handle = session.prove(credential).await.unwrap().handle;
        Self {
            id: document.id(),
            study,
            session,
            handle,
        }
    }

    /// The relay takes anything that is sealed: it cannot look.
    async fn deposit(&self, word: &ToStudy) {
        let desk = &self.study.desk;
        let payload = seal(word, HpkeLabel::StudyDesk, &desk.mailbox, &desk.key).unwrap();
        let deposit = Deposit {
            mailbox: desk.mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.session.facts().clock + 3_600_000,
            payload: payload.into(),
            ext: Extensions::none(),
            signature: None,
        };
        let answer = self.session.call(self.handle, Command::Deposit(deposit)).await;
        assert!(matches!(answer.unwrap().answer, Answer::Durable(_)));
    }

    fn join(&self, study: DocumentId, key: &SigningKey) -> ToStudy {
        let join = StudyJoin {
            version: VERSION,
            study,
            key: key.public(),
            answer: None,
            ext: Extensions::none(),
        };
        let signature = key.sign(&join);
        ToStudy::Join(Box::new(SignedStudyJoin { join, signature }))
    }

    fn rows(&self, key: &SigningKey, number: u32, parts: &[(&str, &str)]) -> ToStudy {
        let part = |(element, json): &(&str, &str)| StudyPart {
            element: Text::cut(element),
            json: Text::cut(json),
        };
        let said = StudyRows {
            version: VERSION,
            study: self.id,
            key: key.public(),
            number,
            rows: vec![StudyRow {
                field: 0,
                parts: parts.iter().map(part).collect(),
            }],
            ext: Extensions::none(),
        };
        let signature = key.sign(&said);
        ToStudy::Rows(Box::new(SignedStudyRows { said, signature }))
    }
}

#[test]
fn what_a_stranger_forges_or_sends_again_is_counted_or_shown() {
    let folder = tempfile::tempdir().unwrap();
    let Some(s) = Scene::set(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    s.publish("diabetes-2027", FIELDS);
    s.publish("hearts-2027", FIELDS);
    let file = |name: &str| s.researcher.path(&format!("{name}.tel"));
    for (n, name) in ["Aino Korhonen", "Second person"].into_iter().enumerate() {
        let home = s.person(name, &record(1980, "female", &format!("6.{n}")));
        one(s.join(&home, "diabetes-2027"));
    }
    sync(&[&s.researcher]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (key, nobody) = (SigningKey::generate(), SigningKey::generate());
    let value = [("valueQuantity", r#"{"value":9.9}"#)];
    runtime.block_on(async {
        let admission = s.relay.admission();
        let here = Stranger::come(&admission, &file("diabetes-2027")).await;
        let other = Stranger::come(&admission, &file("hearts-2027")).await;
        for word in [
            // Under no key that joined; for another study; more than was asked for; another's signature.
            here.rows(&nobody, 1, &value),
            here.join(other.id, &nobody),
            other.rows(&nobody, 1, &value),
            here.rows(&nobody, 1, &[("note", "\"lives alone\"")]),
        ] {
            here.deposit(&word).await;
        }
        let mut forged = here.rows(&nobody, 1, &value);
        if let ToStudy::Rows(rows) = &mut forged {
            rows.said.key = key.public();
        }
        here.deposit(&here.join(here.id, &key)).await;
        here.deposit(&forged).await;
    });
    let counted = || {
        sync(&[&s.researcher]);
        let seen = one(s.researcher.run(&["--json", "study", "show", "diabetes-2027"]));
        let codes = seen["not_counted"].as_array().unwrap().clone();
        codes
            .iter()
            .map(|c| c.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(counted(), vec!["T-7044"; 5]);
    // Two have sent something: nothing is shown.
    let few = s.researcher.run(&["--json", "study", "collect", "diabetes-2027"]);
    assert_eq!(refused(&few), (3, "T-3075".to_owned()), "{}", few.out);

    // A third sends what was asked for, and the same and an older one again.
    runtime.block_on(async {
        let here = Stranger::come(&s.relay.admission(), &file("diabetes-2027")).await;
        let asked = [("valueQuantity", r#"{"value":7.1}"#)];
        let first = here.rows(&key, 2, &asked);
        here.deposit(&first).await;
        here.deposit(&first).await;
        here.deposit(&here.rows(&key, 1, &value)).await;
    });
    let codes = counted();
    assert_eq!(codes[5..], ["T-3078", "T-3078"], "{codes:?}");
    let all = s.researcher.run(&["--json", "study", "collect", "diabetes-2027"]);
    assert!(
        !all.out.contains("9.9") && !all.out.contains("lives alone"),
        "{}",
        all.out
    );
}
