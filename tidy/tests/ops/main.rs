//! What an operator deploys, judged by the tools that will read it: manifests by Kubernetes'
//! schemas, alerts by promtool, units by systemd, and every metric by the relay's own catalogue.

#![allow(clippy::unwrap_used)] // a test that cannot read the repository should stop
#![allow(clippy::print_stderr, reason = "what could not be checked is said aloud")]

mod alerts;
mod image;
mod manifests;
mod render;
mod tools;
mod units;
