//! Mandates as they are shown.

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::Revoked;

/// How a mandate stands now, by what is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MandateState {
    /// Its holder may act.
    Runs,
    /// Its time has not begun.
    NotYet,
    /// It waits for an attestation.
    Sleeps,
    /// Its time is over.
    Over,
    /// It was ended.
    Ended,
    /// It does not count here, and why.
    NotProved(ErrorCode),
}

/// One mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateView {
    /// The beginning of its id, hexadecimal.
    pub id: String,
    /// Who gave it.
    pub issuer: IdentityId,
    /// The issuer's name as known here.
    pub issuer_name: String,
    /// For whom it speaks.
    pub subject: IdentityId,
    /// The subject's name as known here.
    pub subject_name: String,
    /// Who may act.
    pub holder: IdentityId,
    /// The holder's name as known here.
    pub holder_name: String,
    /// This identity holds it.
    pub held: bool,
    /// It speaks for this identity.
    pub mine: bool,
    /// What it allows, as words.
    pub powers: Vec<String>,
    /// In which scopes; `None`: in all.
    pub scopes: Option<Vec<String>>,
    /// From when.
    pub from: u64,
    /// Until when; `None`: until it is ended.
    pub until: Option<u64>,
    /// What it waits for.
    pub dormant_until: Option<String>,
    /// How it stands.
    pub state: MandateState,
    /// When it was ended.
    pub ended: Option<u64>,
    /// Documents that its holder is shown by it now.
    pub documents: usize,
}

/// Somebody acted for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActedView {
    /// The name of who acted.
    pub by: String,
    /// The name of the one acted for.
    pub whom: String,
    /// That is this identity.
    pub for_me: bool,
    /// Until when the mandate runs.
    pub until: Option<u64>,
    /// Why it does not hold now, if it does not.
    pub refused: Option<ErrorCode>,
}

/// What became of what a holder asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What was ended at once, by the holder himself.
    pub done: Revoked,
    /// What a device of the other's ended; `None` while none has answered, or none was asked.
    pub theirs: Option<Revoked>,
    /// A device of the other's was asked.
    pub asked: bool,
    /// Why it refused.
    pub refused: Option<ErrorCode>,
}
