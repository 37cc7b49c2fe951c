//! One total order per partition.
//!
//! **What it does.** Takes groups of submissions from whoever admitted them, puts them into
//! one order per partition, and yields that order as records without gaps, from any
//! position. [`Order`] is the trait; [`Alone`] orders within one process.
//!
//! **What it deliberately does not know.** What a submission means, who may submit it, and
//! whether it was accepted: the rules decide when a record is applied. It does not promise
//! durability either. What stands in the order is *ordered*; a receipt rests on the disks
//! of the relays that applied it.
//!
//! **Where to start.** [`order::Order`] for the obligations, [`record`] for what passes,
//! `tests/suite` for what every implementation must hold to. [`exchange`] is no order: it is the road to
//! other domains, and lies here because it is NATS too.
//!
//! **What always holds.** Positions of a partition rise by one. Every follower sees the same
//! record at the same position of the same incarnation. The submissions of one group stay
//! together and in their order. A group whose outcome was unknown may stand in the order
//! twice: the rules' memory of command ids makes that harmless, and nothing here tries to.
//! Every queue is bounded, and what does not fit is given back to its submitter.

pub mod alone;
pub mod cluster;
pub mod exchange;
pub mod member;
pub mod order;
pub mod record;

pub use alone::{Alone, AloneLimits};
pub use order::{Feed, GroupLimits, Order, OrderError, Rejected, RestsOn, Standing, Why};
pub use record::{Durable, Group, GroupId, Late, Ordered, Origin, Position, Step};
