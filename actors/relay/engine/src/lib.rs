//! The relay's engine: actors that carry out what the rules decide.
//!
//! **What it does.** Runs sessions (frames in, frames out), admits commands within bounds,
//! passes them to the order, applies what the order yields, attests it, answers every
//! command exactly once, and pushes durable events to followers in their order.
//!
//! **What it deliberately does not know.** Sockets, TLS, HTTP, configuration files. What a
//! command means and who may read: that is `rules`. How it is kept: that is `store`. What
//! stands inside a payload: nobody here can.
//!
//! **Where to start.** [`Engine`] for what can be asked of it; `writer` for the one write
//! path, with the commit point marked; `session` for one connection; [`limits`] for every
//! bound.
//!
//! **What always holds.** Nothing is answered before it is durable, and nothing at all after
//! the store has failed. Every command is answered exactly once, on every path, because its
//! ticket answers when dropped. Whoever fills memory holds a permit. Rights are looked up at
//! each delivery. A sleeping mailbox costs disk only.

mod actors;
mod admin;
mod away;
mod behind;
mod blobs;
mod clock;
mod config;
mod core;
mod deliveries;
mod engine;
mod exchange;
mod house;
pub mod limits;
mod memory;
pub mod observe;
mod pace;
mod partition;
mod proof;
mod reading;
mod session;
mod settle;
mod single;
mod start;
mod submit;
mod ticket;
pub mod trace;
mod unsettled;
mod watch;
mod weight;
mod writer;

pub use admin::{AdminError, StillOpen};
pub use away::{AwayConfig, NoAnswer, Roads};
pub use blobs::{BlobAct, BlobRight};
pub use clock::{Clock, LatestTime};
pub use config::{DeliveredHook, EngineConfig, FatalHook, OutboxHook, RelayKeys};
pub use engine::{Drained, Engine};
pub use limits::Limits;
pub use memory::memory;
pub use observe::{DeliveryStatus, EngineStanding, Observation, PartitionStatus, PassingStatus, Totals};
pub use session::{Inbound, Outbound, Session, SessionContext, SessionOver};
pub use single::{SingleAnswer, SingleContext};
pub use start::EngineError;
pub use trace::{Outcome, Trace};
