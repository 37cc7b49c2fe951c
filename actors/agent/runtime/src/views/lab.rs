//! Laboratory orders as they are shown.

use telesphor_clinical::lab::state::LabState;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::{DocumentView, Verdict};

/// An order, at the orderer's or at the laboratory.
#[derive(Clone, Debug)]
pub struct LabOrderView {
    /// The code on the tube.
    pub tube: String,
    /// The code on the form.
    pub form: String,
    /// The same two without hyphens, as a bar code holds them.
    pub plain: (String, String),
    /// What is measured.
    pub tests: String,
    /// Whose sample; the laboratory never knows.
    pub patient: Option<String>,
    /// The laboratory, or at the laboratory the hospital.
    pub other: String,
    /// Who pays (at the laboratory).
    pub cost_centre: Option<String>,
    /// What the laboratory is told of the patient, in words.
    pub about: String,
    /// Whether somebody waits for it.
    pub urgent: bool,
    /// When it was made, or came.
    pub at: u64,
    /// Where it stands.
    pub state: LabState,
    /// Since when.
    pub changed: u64,
    /// Why it was rejected.
    pub why: Option<String>,
    /// The signed mapping (at the orderer's).
    pub mapping: Option<DocumentId>,
    /// Its results, oldest first.
    pub results: Vec<DocumentId>,
    /// Those that the patient was given.
    pub released: Vec<DocumentId>,
    /// Critical values, and when.
    pub critical: Option<(Vec<String>, u64)>,
    /// A letter went to the hospital's role.
    pub letter: bool,
    /// Whom to call about them, and by when they must be acknowledged.
    pub call: Option<(String, u64)>,
    /// When somebody acknowledged them.
    pub acknowledged: Option<u64>,
    /// What came and was not taken.
    pub refused: Vec<(u64, ErrorCode)>,
    /// Why something about it was not sent.
    pub unsent: Option<ErrorCode>,
}

/// Orders at one end.
#[derive(Clone, Debug)]
pub struct LabOrders {
    /// Those that this identity made.
    pub made: Vec<LabOrderView>,
    /// Those that came to this laboratory.
    pub came: Vec<LabOrderView>,
    /// Orders that came and are not worked on.
    pub refused: Vec<(u64, ErrorCode)>,
}

/// Whether a result and what was signed when it was ordered belong together.
#[derive(Clone, Debug)]
pub struct LabProof {
    /// `None` if everything holds, else the first failure.
    pub failed: Option<ErrorCode>,
    /// The result.
    pub result: DocumentView,
    /// What was checked of it.
    pub verdict: Verdict,
    /// What was signed when it was ordered, and what was checked of that.
    pub mapping: Option<(DocumentView, Verdict)>,
    /// Whose it is.
    pub patient: Option<String>,
    /// It is this identity's own.
    pub mine: bool,
    /// Who ordered it.
    pub orderer: Option<String>,
    /// By which name the laboratory was asked.
    pub laboratory: String,
}
