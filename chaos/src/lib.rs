//! How it breaks: real processes, real kills, and a checker over what was promised.
//!
//! **What it does.** Runs a relay as a process, puts it under load over real sockets, kills it
//! at random moments, and checks every receipt that was given against what can be read afterwards.
//!
//! **What it deliberately does not know.** The relay's insides: it sees what a client sees.
//!
//! **Where to start.** [`campaign`] for the story, [`history`] for what counts as a broken promise; [`race`] for
//! agents that are killed, [`fills`] for pharmacies that race for a prescription, [`faults`] for a
//! cluster whose machines, network and bus are struck.
//!
//! **What always holds.** Only processes that it started itself are ended, by their own handle.
//! A seed names a run: the same seed waits the same number of receipts before each kill.

pub mod campaign;
pub mod cluster;
pub mod exchange;
pub mod faults;
pub mod fills;
pub mod follower;
pub mod history;
pub mod load;
pub mod nats;
pub mod place;
pub mod points;
pub mod race;
pub mod relay;
pub mod sender;
pub mod tenant;
pub mod ward;
