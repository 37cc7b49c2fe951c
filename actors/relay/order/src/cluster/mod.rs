//! The order of a cluster: JetStream orders, relays remember.
//!
//! A bus gives each partition one order; what counts is that a majority of relays has it on disk
//! under the same history. `docs/ordering.md` states the protocol; its rules are in
//! [`crate::member`], and everything here carries them out.
//!
//! - [`say`], [`entry`]: what passes between members, and what stands in a stream.
//! - [`bus`]: what a bus must offer; [`nats`] is the one that is used.
//! - [`memory`]: what a member has on its disk.
//! - `driver` and beside it `follow`, `hear`, `answer`, `rebase`, `take`, `seated`: one partition's member at work.
//! - `compare`: how far two members' histories are the same.
//! - `way`: finding what a member lacks, link by link, at the others.
//! - [`clocks`]: how far a relay may believe its own clock.
//! - [`versions`]: by which version of the rules is decided.
//! - [`start`]: putting it together behind [`crate::Order`].

mod answer;
pub mod bus;
pub mod clocks;
mod compare;
pub mod context;
mod driver;
pub mod entry;
mod fetch;
mod follow;
mod hear;
mod history;
mod lane;
pub mod limits;
pub mod memory;
pub mod nats;
mod phase;
mod rebase;
pub mod say;
mod seated;
mod shared;
pub mod start;
mod take;
mod tally;
pub mod versions;
mod way;

pub use bus::{Bus, BusError, Question, StreamId, StreamState};
pub use clocks::Clocks;
pub use context::{ClusterConfig, Founding, Wanted};
pub use limits::Patience;
pub use memory::{Keep, Memory, Unreadable};
pub use phase::Lost;
pub use seated::taken_over;
pub use start::Cluster;
