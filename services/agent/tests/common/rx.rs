//! A prescriber, a patient, two pharmacies and the board that says who may prescribe.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::path::Path;

use super::common::{Home, Ran};
use super::people::{joined, meet, one, sync};
use super::relay::Relay;

pub struct Scene {
    pub relay: Relay,
    pub board: Home,
    pub doctor: Home,
    pub aino: Home,
    /// What the board calls the prescriber, and what it said of him.
    pub doctor_at_board: String,
    pub licence: String,
    pub pharmacies: Vec<Pharmacy>,
}

pub struct Pharmacy {
    pub home: Home,
    /// What the patient calls it.
    pub who: String,
}

impl Scene {
    pub fn set(folder: &Path, pharmacies: &[&str]) -> Option<Self> {
        let relay = Relay::start(folder)?;
        let [aino, doctor, board] =
            ["Aino Korhonen", "Dr Virtanen", "Medical board"].map(|name| joined(&relay, name));
        meet(&aino, &doctor, "aino");
        let doctor_at_board = meet(&board, &doctor, "board");
        let given = one(board.run(&[
            "--json",
            "attest",
            "give",
            &doctor_at_board,
            "licensed-physician",
            "--until",
            "1y",
        ]));
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        let pharmacies: Vec<Pharmacy> = pharmacies
            .iter()
            .map(|name| {
                let home = joined(&relay, name);
                let who = meet(&aino, &home, "aino");
                std::fs::copy(board.path("board.card"), home.path("board.card")).unwrap();
                home.run(&["trust", "add", "board.card", "--for", "licensed-physician"])
                    .ok();
                Pharmacy { home, who }
            })
            .collect();
        sync(&[&board, &doctor, &aino]);
        Some(Self {
            relay,
            board,
            doctor,
            aino,
            doctor_at_board,
            licence: given["id"].as_str().unwrap().to_owned(),
            pharmacies,
        })
    }

    pub fn pharmacy(&self, n: usize) -> &Home {
        &self.pharmacies[n].home
    }

    /// Somebody's command that needs another's program to answer once.
    fn until_answered(&self, who: &Home, others: &[&Home], arguments: &[&str]) -> Ran {
        for _ in 0..8 {
            let ran = who.run(arguments);
            if ran.code != 6 {
                return ran;
            }
            sync(others);
        }
        panic!("nobody answered: {arguments:?}");
    }

    /// Thirty capsules, with more words for the command; gives the prescription's id.
    pub fn prescribe(&self, more: &[&str]) -> String {
        let said = [
            &[
                "--json",
                "--wait",
                "4s",
                "rx",
                "write",
                "aino",
                "--medicine",
                "Amoxicillin 500 mg",
                "--dosage",
                "one three times a day",
                "--unit",
                "capsules",
            ],
            more,
        ]
        .concat();
        let written = one(self.until_answered(&self.doctor, &[&self.aino], &said));
        sync(&[&self.doctor, &self.aino]);
        written["id"].as_str().unwrap().to_owned()
    }

    /// The patient's ticket, and the pharmacy has it.
    pub fn ticket(&self, rx: &str, pharmacy: usize, amount: &str) {
        let Pharmacy { home, who } = &self.pharmacies[pharmacy];
        let said = [
            "--json", "--wait", "4s", "rx", "ticket", rx, "--with", who, "--amount", amount,
        ];
        self.until_answered(&self.aino, &[home], &said).ok();
        sync(&[&self.aino, home]);
    }

    pub fn fill(&self, rx: &str, pharmacy: usize, amount: &str) -> Ran {
        self.pharmacy(pharmacy)
            .run(&["--json", "rx", "fill", rx, "--amount", amount, "--yes"])
    }

    pub fn reserve(&self, rx: &str, pharmacy: usize, amount: &str) -> Ran {
        self.pharmacy(pharmacy)
            .run(&["--json", "rx", "fill", rx, "--amount", amount, "--reserve"])
    }

    /// What a pharmacy is told that is left.
    pub fn left(&self, rx: &str, pharmacy: usize) -> serde_json::Value {
        one(self.pharmacy(pharmacy).run(&["--json", "rx", "check", rx]))["remaining"].clone()
    }

    /// What somebody was told of a prescription.
    pub fn told(&self, who: &Home) -> String {
        who.run(&["--plain", "rx", "list"]).ok().out
    }
}

/// The error code of a refused command, and its exit code.
pub fn refused(ran: &Ran) -> (i32, String) {
    (ran.code, ran.error()["error"].as_str().unwrap().to_owned())
}
