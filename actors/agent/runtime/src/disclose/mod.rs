//! Showing parts of documents: to whom, for what, and with which key.
//!
//! A document that a contact writes about this identity names a holder key made for that contact
//! alone; only with it can parts be shown. Any endpoint of the identity derives it from the root
//! secret, and so does a new one after recovery.

mod holder;
mod put;
mod sd_jwt;

pub(crate) use put::to_contact;
pub use put::{Disclosure, Shown};
pub use sd_jwt::SdJwtFile;
