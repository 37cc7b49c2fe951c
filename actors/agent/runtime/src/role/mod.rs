//! Writing to a role of an organisation, whoever holds it at the moment, and what becomes of it.
//!
//! The sender seals a letter to those who hold the role, and those whom it goes on to, by the
//! roster: their keys come from the organisation and prove themselves. The organisation's *desk*,
//! an agent that always runs, carries it to whoever is on duty, and on to the next role when its
//! time has come, with the sender's machine off. It can open nothing of it (decision 29).

mod card;
mod desk;
mod heard;
mod key;
mod read;
mod record;
mod seal;
pub(crate) mod show;
#[cfg(test)]
mod tests;
mod timer;
mod verbs;
mod word;
mod write;

pub(crate) use record::{all_cards, card_of, is_role, letter_of};
pub use verbs::{RoleAddress, RoleSend, Then};
