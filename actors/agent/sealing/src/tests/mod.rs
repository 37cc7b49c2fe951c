//! Tests on a whole small team: every device restarts from its stored rows before every step.

mod deposits;
mod joins;
mod packages;
mod rewinds;
mod stored;
mod teams;
mod torn;
mod voids;
mod walks;
mod world;
