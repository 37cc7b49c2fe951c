//! Several devices of one identity.
//!
//! A device is let in by a one-time link ([`adding`], [`joining`]), told everything through the
//! self mailbox ([`brief`]), and asks for a seat in every group in which the identity sits
//! ([`seats`]). From then on each tells the others what it does, and applies what they tell in
//! the order of the self mailbox ([`entries`]). A device that ends loses its seats by commits,
//! and what it knew is replaced ([`removing`]).
//!
//! MLS state is never passed on: every device has seats of its own.

pub(crate) mod adding;
pub(crate) mod brief;
pub(crate) mod contacts;
pub(crate) mod cut;
pub(crate) mod echo;
pub(crate) mod entries;
pub(crate) mod guard;
pub(crate) mod joining;
pub(crate) mod mailboxes;
pub(crate) mod record;
pub(crate) mod removing;
pub(crate) mod rotate;
pub(crate) mod seats;
pub(crate) mod siblings;
