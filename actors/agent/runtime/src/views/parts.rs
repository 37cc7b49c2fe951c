//! Parts of documents as they are shown.

use telesphor_wire::ids::DocumentId;

/// One thing that was shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PartView {
    /// Of which document.
    pub document: DocumentId,
    /// Where it stands in it, in words; `$` for a whole body.
    pub path: String,
    /// `part`, `guard` (what had to go with a part), `length` (of a list), `whole`.
    pub kind: &'static str,
    /// Its bytes as the author wrote them: JSON, or a whole body.
    pub value: String,
}

/// No value: it is what somebody wrote.
impl std::fmt::Debug for PartView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.kind, self.value.len())
    }
}
