//! A doctor with a licence, and somebody who judges what the doctor writes.

use crate::common::{Board, DAY, NOW, Person, Town, bundle, verifier};
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, SignedAttestation};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::inception::Kind;
use telesphor_identity::judge::AttestationProblem;
use telesphor_identity::report::Report;
use telesphor_identity::trust::Verifier;
use telesphor_identity::verify::{Refusal, verify};

pub const WORD: &str = "licensed-physician";

/// A doctor with a licence of a board that the verifier trusts.
pub struct Scene {
    pub town: Town,
    pub board: Board,
    pub doctor: Person,
    pub licence: SignedAttestation,
    pub verifier: Verifier,
}

pub fn scene() -> Scene {
    let (town, mut board, doctor) = (Town::new(), Board::new(), Person::new(Kind::Person));
    let place = board.book.take_place().unwrap();
    let claim = Claim::from_word(WORD, Text::from("M-1234")).unwrap();
    let licence = board.person.issuer().attest(
        doctor.id(),
        claim,
        (NOW - 90 * DAY, NOW + 90 * DAY),
        (board.book.list, place),
    );
    let mut verifier = verifier(&town, vec![board.anchor(WORD)]);
    verifier.demands = vec![WORD.to_owned()];
    verifier.names.insert(doctor.id(), Text::from("Dr Virtanen"));
    Scene {
        town,
        board,
        doctor,
        licence,
        verifier,
    }
}

impl Scene {
    pub fn proofs(&mut self) -> Proofs {
        let list = self
            .board
            .book
            .sign(&self.board.person.issuer(), NOW - DAY, NOW + DAY);
        Proofs {
            histories: vec![self.doctor.history.clone(), self.board.person.history.clone()],
            attestations: vec![self.licence.clone()],
            lists: vec![list],
            ..Proofs::default()
        }
    }

    pub fn judge(&mut self, document: &SignedDocument, stamped: Option<u64>) -> Result<Report, Refusal> {
        let proofs = self.proofs();
        self.judge_with(document, proofs, stamped)
    }

    pub fn judge_with(
        &self,
        document: &SignedDocument,
        proofs: Proofs,
        at: Option<u64>,
    ) -> Result<Report, Refusal> {
        let evidence = at.map(|at| self.town.stamp(document, at)).into_iter().collect();
        verify(&bundle(document, proofs, evidence), &self.verifier)
    }

    pub fn words(&self, report: &Report) -> String {
        report.words(&self.verifier).join("\n")
    }
}

pub fn claim_problem(refused: Result<Report, Refusal>) -> AttestationProblem {
    match refused.unwrap_err() {
        Refusal::Claim { why, .. } => why,
        other => panic!("refused for another reason: {other}"),
    }
}
