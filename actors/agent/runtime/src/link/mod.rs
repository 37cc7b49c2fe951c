//! The way to a relay: a pinned TLS 1.3 connection, a session on it, and nothing that knows
//! what the bytes mean.
//!
//! [`pin`] says which relay is meant, [`tls`] opens the connection, [`domain`] fetches the
//! signed domain record, [`session`] speaks frames, [`blob`] moves large content beside it, [`backoff`] says when to come back.
//! A session is one connection: when it ends, every waiter is told so once, and nobody here
//! repeats anything. What has to be sent again is the outbox's business.

pub mod backoff;
pub mod blob;
pub mod credential;
pub mod domain;
mod driver;
pub mod error;
pub mod exchange;
#[cfg(test)]
pub(crate) mod paper;
pub mod pin;
pub mod session;
pub mod tls;
mod windows;

pub use credential::Credential;
pub use error::LinkError;
pub use pin::Pin;
pub use session::{Push, Session, WelcomeFacts};
