//! Between domains: what may lie in an outbox, what is passed on next, when it is tried again, and
//! when it is given up.

mod guests;
mod holds;
mod lie;
mod patience;
mod work;

pub use guests::Guests;
pub use holds::{Holds, Most};
pub(crate) use lie::may_lie_in_an_outbox;
pub use patience::{Next, Open, Patience};
pub use work::{LaneKey, Standing, Work};
