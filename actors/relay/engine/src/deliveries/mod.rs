//! Who fetched: noted before the events leave, written soon after by a thread of its own.
//!
//! ```text
//!   page read --> noted (memory) --> handed to the connection
//!                    |
//!                    +--> due --> sealed to the owner --> ring on the disk
//! ```
//! Nothing of this is on the way of an append. A page is not handed over while there is no room
//! to note it: whoever floods the relay with fetches waits, and hides none of them.

mod notes;
mod writer;

pub(crate) use notes::{Notes, Who};
pub(crate) use writer::{Begun, begin};

use telesphor_wire::ids::Nonce;

use crate::reading::{PageFound, PageOrder};

impl PageOrder {
    /// Who gets the page, if the connection has a name.
    pub(crate) fn who(&self, session: Nonce) -> Who {
        Who {
            session,
            mailbox: self.mailbox,
            right: self.claim.right,
            branch: self.claim.branch,
            epoch: self.claim.epoch,
            key: self.claim.reader,
        }
    }
}

impl PageFound {
    /// The first and last event whose payload is handed over, and how many there are.
    pub(crate) fn handed(&self) -> Option<(telesphor_wire::records::Range, u64)> {
        let mut with = self.events.iter().filter(|e| e.payload.is_some());
        let from = with.next()?.header.seq;
        let (mut to, mut count) = (from, 1);
        for event in with {
            to = event.header.seq;
            count += 1;
        }
        Some((telesphor_wire::records::Range { from, to }, count))
    }
}
