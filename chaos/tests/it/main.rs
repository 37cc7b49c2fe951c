//! What must hold while processes, networks and disks fail.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../between/mod.rs"]
mod between;

mod cluster;
mod cluster_files;
mod crash_points;
mod exchange_clock;
mod faults;
mod files_between;
mod fills;
mod fills_judged;
mod followed_between;
mod gather_between;
mod hospitals;
mod kills;
mod lab_between;
mod people_between;
mod placed;
mod race;
mod roles_between;
mod rx_between;
mod rx_forged;
mod shared_between;
mod study_between;
