//! Agents over a real relay.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../support/mod.rs"]
mod support;

mod acts;
mod endpoints;
mod files;
mod insiders;
mod leases;
mod records;
mod recover;
mod restored;
mod share;
mod stream;
mod talk;
mod team_bad_days;
mod team_crowd;
mod team_devices;
mod teams;
