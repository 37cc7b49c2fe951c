//! The rules of one member of a partition's cluster, without clock, disk or network.
//!
//! A bus orders records; members remember them. What a member may apply, promise, attest and
//! count, and where a new incarnation begins, is decided here, by total functions over what
//! stands on its disk and what it was told. Whoever carries a decision out syncs it first:
//! each answer says what must be on disk before the message that depends on it leaves.
//!
//! The seats of members (`S`) and the marks of histories (`M`) are parameters: a relay uses
//! its key and a pair of hashes, the model in `tests/model` small numbers, and both run the
//! same lines. `docs/ordering.md` states the protocol rule by rule.
//!
//! - [`inc`]: incarnations and who sits in them.
//! - [`standing`]: a member's own state; what it may apply, promise and accept.
//! - [`votes`]: from which position on a majority has attested the same history.
//! - [`rebase`]: from the promises of a majority to the history that must be kept.
//! - [`placement`]: where a partition is to live, if not every relay keeps it.
//! - [`clocks`]: what the time is when clocks do not agree.

pub mod clocks;
pub mod inc;
pub mod placement;
pub mod rebase;
pub mod standing;
pub mod votes;

pub use inc::{Genesis, Inc, Point, Seats};
pub use rebase::{Choice, Promise, choose, genesis};
pub use standing::{Accepted, Apply, Refused, Standing};
pub use votes::{Vote, active, chosen};
