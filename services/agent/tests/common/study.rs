//! An ethics board, a researcher, and people with records of their own.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::path::Path;

use super::common::{Home, Ran};
use super::people::{joined, meet, one, sync};
use super::relay::Relay;

pub struct Scene {
    pub relay: Relay,
    pub board: Home,
    pub researcher: Home,
    /// What the board said of the researcher.
    pub approval: String,
}

/// The fields of most of these tests: a measured value, ten years of age, and the sex.
pub const FIELDS: &str = r#"
[[field]]
name = "hba1c"
resource = "Observation"
system = "http://loinc.org"
code = "4548-4"
elements = ["effectiveDateTime", "valueQuantity"]

[[field]]
name = "age"

[[field]]
name = "sex"
"#;

pub fn study(name: &str, more: &str) -> String {
    format!(
        r#"name = "{name}"
purpose = "Whether a new schedule of visits helps"
approval = "EB 14/2026"
until = "300d"
min-cell = 3
dates = "month"
{more}
[[told]]
language = "en"
words = "We ask for one value and ten years of your age."

[[criterion]]
resource = "Observation"
code = "4548-4"
at-least = 6.0

[[criterion]]
age = [18, 90]
"#
    )
}

/// A record: somebody born in a year, with one value, and with things that no study asked for.
pub fn record(born: u16, sex: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
{{"resource":{{"resourceType":"Patient","id":"p","gender":"{sex}","birthDate":"{born}-05-17","name":[{{"family":"Korhonen"}}],"address":[{{"city":"Kuopio"}}]}}}},
{{"resource":{{"resourceType":"Observation","id":"o","status":"final","identifier":[{{"value":"L-4711"}}],"subject":{{"reference":"Patient/p","display":"Korhonen"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4","display":"HbA1c"}}],"text":"of Korhonen"}},"effectiveDateTime":"2026-03-21T08:15:00+02:00","valueQuantity":{{"value":{value},"unit":"%"}},"note":[{{"text":"lives alone"}}]}}}},
{{"resource":{{"resourceType":"Condition","id":"c","subject":{{"reference":"Patient/p"}},"verificationStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}}]}},"code":{{"coding":[{{"system":"http://snomed.info/sct","code":"35489007"}}],"text":"Depressive disorder"}}}}}}]}}"#
    )
}

impl Scene {
    pub fn set(folder: &Path) -> Option<Self> {
        let relay = Relay::start(folder)?;
        let [board, researcher] = ["Ethics board", "Heart institute"].map(|name| joined(&relay, name));
        let at_board = meet(&board, &researcher, "board");
        let given = one(board.run(&[
            "--json",
            "attest",
            "give",
            &at_board,
            "licensed-researcher",
            "--detail",
            "EB 14/2026",
            "--until",
            "1y",
        ]));
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        sync(&[&board, &researcher]);
        Some(Self {
            relay,
            board,
            researcher,
            approval: given["id"].as_str().unwrap().to_owned(),
        })
    }

    /// Somebody with a record, who takes the board's word.
    pub fn person(&self, name: &str, record: &str) -> Home {
        let home = joined(&self.relay, name);
        std::fs::copy(self.board.path("board.card"), home.path("board.card")).unwrap();
        home.run(&["trust", "add", "board.card", "--for", "licensed-researcher"])
            .ok();
        std::fs::write(home.path("record.json"), record).unwrap();
        home.run(&["add", "record.json"]).ok();
        home
    }

    /// Signs a study and writes the file that anybody can join from.
    pub fn publish(&self, name: &str, more: &str) -> serde_json::Value {
        let made = one(self.try_publish(&study(name, more)));
        let file = self.researcher.path(&format!("{name}.tel"));
        self.researcher
            .run(&["study", "offer", name, "--out", file.to_str().unwrap()])
            .ok();
        made
    }

    pub fn try_publish(&self, text: &str) -> Ran {
        std::fs::write(self.researcher.path("study.toml"), text).unwrap();
        self.researcher.run(&["--json", "study", "new", "study.toml"])
    }

    /// Takes part from the published file.
    pub fn join(&self, home: &Home, name: &str) -> Ran {
        let file = self.researcher.path(&format!("{name}.tel"));
        home.run(&["--json", "study", "join", file.to_str().unwrap(), "--yes"])
    }
}

pub fn refused(ran: &Ran) -> (i32, String) {
    (ran.code, ran.error()["error"].as_str().unwrap().to_owned())
}
