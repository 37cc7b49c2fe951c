//! The story of the flows: a visit as the source document draws it, and what follows from one.
//!
//! Where to start: [`tell`], then [`visit`](self) for the six steps of the figure, `after` for what
//! comes later, `study` and `sums` for what research gets of it. Nobody in it is told more than the step
//! says, and at its end the relay is stolen.

mod after;
mod cast;
mod crowd;
mod study;
mod sums;
mod tell;
mod visit;

pub use tell::tell;
