//! What went wrong in a group, noted for `check`.

use telesphor_sealing::Received;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;

use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::Result;

impl Ctx<'_, '_> {
    /// A void commit, or this endpoint cannot follow.
    pub(crate) fn note_trouble(&mut self, held: &Held, received: &Received) -> Result<()> {
        let code = match received {
            Received::Void(_) => ErrorCode::VoidCommit,
            _ => ErrorCode::WrongEpoch,
        };
        self.note_code(held, code)
    }

    /// A member saw another history of this mailbox than was shown here.
    pub(crate) fn note_split(&mut self, held: &Held) -> Result<()> {
        self.note_code(held, ErrorCode::BrokenChain)
    }

    fn note_code(&mut self, held: &Held, code: ErrorCode) -> Result<()> {
        let now = self.now;
        self.put(
            Table::Groups,
            &[b"trouble/", &held.id.0[..]].concat(),
            &(code, now),
        )
    }
}
