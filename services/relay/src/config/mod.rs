//! Settings: file < environment < flags; typed; every fault named by its path.

mod check;
mod load;
mod model;

pub use check::{Finding, check};
pub use load::{ConfigFault, Sources, load};
pub use model::{Edge, Logs, MetricsListener, Process, Settings, StoreSettings, Tls, Traces};
