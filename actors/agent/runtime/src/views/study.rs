//! Studies as they are shown.

use telesphor_clinical::study::table::Given;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

/// What this identity has to do with a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudyStand {
    /// It is its researcher.
    Mine,
    /// It adds up for it.
    Adding,
    /// It takes part.
    Joined,
    /// It took part, and left.
    Left,
    /// It was asked.
    Asked,
}

/// A study.
#[derive(Clone, Debug)]
pub struct StudyView {
    /// Its document.
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// Who asks.
    pub researcher: String,
    /// What for.
    pub purpose: String,
    /// The number under which it was approved.
    pub approval: String,
    /// What people are told.
    pub told: Vec<(String, String)>,
    /// Who is meant, in words.
    pub criteria: Vec<String>,
    /// Which values leave, in words.
    pub fields: Vec<String>,
    /// Of which numbers only the sum is seen, in words.
    pub sums: Vec<String>,
    /// Who adds up: name and domain.
    pub adders: Vec<(String, String)>,
    /// Invented data.
    pub trial: bool,
    /// How exactly dates are told.
    pub dates: String,
    /// Until when.
    pub until: u64,
    /// Nothing is shown of fewer people.
    pub min_cell: u16,
    /// What is given for it.
    pub payout: Option<String>,
    /// What this identity has to do with it.
    pub stand: StudyStand,
    /// Why nothing may be sent to it.
    pub refused: Option<ErrorCode>,
    /// Whether the record fits, at whoever was asked.
    pub fits: bool,
    /// What would leave, or leaves again: field, element, what is left of it.
    pub leaving: Vec<(String, String, String)>,
    /// How often it was sent, and when last.
    pub sent: Option<(u32, u64)>,
    /// When this identity left.
    pub left: Option<u64>,
    /// Whether a voucher has come.
    pub voucher: Option<bool>,
    /// At the researcher: how many take part and have left; nothing if they are too few to say.
    pub people: Option<(usize, usize)>,
    /// At the researcher: vouchers that were paid.
    pub paid: usize,
    /// What came and was not counted.
    pub not_counted: Vec<(u64, ErrorCode)>,
    /// Why something never left.
    pub unsent: Option<ErrorCode>,
}

/// What a researcher may see of rows.
#[derive(Clone, Debug)]
pub struct StudyRowsView {
    /// Names of the fields.
    pub fields: Vec<String>,
    /// The rows.
    pub given: Vec<Given>,
    /// Of how many people age, sex and dates are withheld.
    pub coarser: usize,
    /// Of how many people nothing is shown.
    pub withheld: usize,
}

/// A sum.
#[derive(Clone, Debug)]
pub struct SumView {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub words: String,
    /// Of how many people.
    pub people: u32,
    /// The numbers, once both halves are here.
    pub values: Option<Vec<i128>>,
    /// Of a step of training, the mean of each.
    pub means: Vec<f64>,
    /// Privacy that each of the two spent, thousandths of epsilon.
    pub epsilon_milli: u32,
    /// When the last half came.
    pub at: u64,
}
