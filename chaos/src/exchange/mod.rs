//! Several hospitals, each with a relay and a NATS server of its own, joined by leaf nodes over a
//! line that can be cut and listened to.

mod asker;
mod hospital;
mod line;
pub mod outage;

pub use asker::{Asker, At, How, Outcome, at, signed};
pub use hospital::Hospital;
pub use line::Line;
