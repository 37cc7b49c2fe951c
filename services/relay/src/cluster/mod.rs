//! A relay as one of several: who is in the cluster, and the bus between them.

pub(crate) mod blobs;
pub mod bus;
pub mod change;
pub mod record;
pub mod roads;
pub mod takeover;
