//! The stories that are shown, told to their end.
//!
//! One program for all of them: each of its own would be linked against everything anew.

mod admission;
mod browser;
mod flows;
mod revoked;
mod story;
