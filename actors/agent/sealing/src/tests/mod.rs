//! Tests on a whole small team: every device restarts from its stored rows before every step.

mod deposits;
mod held;
mod hostile;
mod joins;
mod packages;
mod proposals;
mod reading;
mod removed;
mod rewinds;
mod sizes;
mod stored;
mod teams;
mod torn;
mod traces;
mod voids;
mod walks;
mod world;
