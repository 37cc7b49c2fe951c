//! The admin socket: one JSON line asked, one JSON line answered, on a Unix socket that only
//! the relay's own user may open. Whoever may open it is the operator; there is no other proof.

pub mod client;
pub mod office;
pub mod server;
pub mod words;
