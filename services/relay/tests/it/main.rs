//! `telesphor-relay` from outside: the real process, its doors and its commands.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../common/mod.rs"]
mod common;

mod blobs;
mod cluster;
mod commands;
mod disk;
mod edge;
mod erased;
mod flood;
mod http2;
mod life;
mod slow;
mod trace;
mod watching;
