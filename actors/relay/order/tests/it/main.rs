//! Members of a cluster over a bus that lies.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../yard/mod.rs"]
mod yard;

mod behind;
mod cluster;
mod seats;
mod versions;
