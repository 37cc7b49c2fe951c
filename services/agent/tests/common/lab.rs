//! A hospital, its doctor and patients, a laboratory and the board that says who is one.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::path::Path;

use super::common::{Home, Ran};
use super::people::{joined, meet, one, sync};
use super::relay::Relay;

pub struct Scene {
    pub relay: Relay,
    pub board: Home,
    pub hospital: Home,
    pub lab: Home,
    pub doctor: Home,
    pub aino: Home,
    /// What the board said of the laboratory.
    pub licence: String,
}

/// The two codes of an order.
pub struct Codes {
    pub tube: String,
    pub form: String,
}

impl Scene {
    pub fn set(folder: &Path) -> Option<Self> {
        let relay = Relay::start(folder)?;
        let [board, hospital, lab, doctor, aino] = [
            "Medical board",
            "Hospital A",
            "Acme Lab",
            "Dr Virtanen",
            "Aino Korhonen",
        ]
        .map(|name| joined(&relay, name));
        meet(&aino, &doctor, "aino");
        let lab_at_board = meet(&board, &lab, "board");
        let doctor_at_hospital = meet(&hospital, &doctor, "hospital");
        let _ = meet(&hospital, &lab, "hospital");
        let given = one(board.run(&[
            "--json",
            "attest",
            "give",
            &lab_at_board,
            "licensed-laboratory",
            "--until",
            "1y",
        ]));
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        for home in [&doctor, &aino] {
            std::fs::copy(board.path("board.card"), home.path("board.card")).unwrap();
            home.run(&["trust", "add", "board.card", "--for", "licensed-laboratory"])
                .ok();
        }
        sync(&[&board, &lab, &doctor, &aino]);
        lab.run(&["lab", "desk", "hospital"]).ok();
        sync(&[&lab, &hospital]);
        hospital
            .run(&[
                "lab",
                "allow",
                &doctor_at_hospital,
                "--cost-centre",
                "Clinic 12",
                "--switchboard",
                "+358 9 4711",
            ])
            .ok();
        sync(&[&hospital, &doctor]);
        Some(Self {
            relay,
            board,
            hospital,
            lab,
            doctor,
            aino,
            licence: given["id"].as_str().unwrap().to_owned(),
        })
    }

    /// An order for Aino, and the laboratory has it.
    pub fn order(&self, more: &[&str]) -> Codes {
        let made = one(self
            .doctor
            .run(&[&["--json", "lab", "order"], more, &["--for", "aino"]].concat()));
        sync(&[&self.doctor, &self.aino, &self.lab]);
        Codes {
            tube: made["tube"].as_str().unwrap().to_owned(),
            form: made["form"].as_str().unwrap().to_owned(),
        }
    }

    /// Values as a file of the laboratory's system, and its command.
    pub fn report(&self, codes: &Codes, file: &str, more: &[&str]) -> Ran {
        std::fs::write(self.lab.path("values"), file).unwrap();
        let said = [
            &["--json", "lab", "result", &codes.tube, &codes.form, "values"],
            more,
        ]
        .concat();
        let ran = self.lab.run(&said);
        sync(&[&self.lab, &self.doctor, &self.aino]);
        ran
    }

    /// The order as its doctor sees it.
    pub fn at_doctor(&self, codes: &Codes) -> serde_json::Value {
        let all = self.doctor.run(&["--json", "lab", "open", "--all"]).ok().json();
        all.into_iter()
            .find(|o| o["tube"] == codes.tube.as_str())
            .unwrap()
    }
}
