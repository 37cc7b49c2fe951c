//! The relay as a process: it reads its configuration, wires the engine to the network,
//! serves, and drains.
//!
//! **What it does.** Settings, key files, the certificate, the edge (HTTP and WebSocket over
//! TLS), metrics, logs, support codes, the admin socket, and every command of
//! `telesphor-relay`.
//!
//! **What it deliberately does not know.** What a command means (that is in the rules), how it
//! is kept (the store) or ordered; anything readable, and who anybody is.
//!
//! **Where to start.** [`cli`] for the commands, [`serve`] for start and end of the process,
//! [`edge`] for the way of a request.
//!
//! **What always holds.** TLS ends in this process, in version 1.3 and with a post-quantum key
//! exchange. Every request is answered exactly once, and typed. A connection that proves
//! nothing costs a bounded place for a bounded time. No log line, metric or trace carries an
//! id, an address, a size or a payload. A failure of the store ends the process at once.

pub mod admin;
pub mod backup;
pub mod classes;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod edge;
pub mod exchange;
pub mod fault;
pub mod files;
pub mod keys;
pub mod layout;
pub mod logs;
pub mod metrics;
pub mod out;
pub mod peers;
pub mod process;
pub mod record;
pub mod sealing;
pub mod serve;
pub mod tls;
pub mod traces;
