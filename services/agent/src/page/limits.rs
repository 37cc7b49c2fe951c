//! All limits of the page.

use std::time::Duration;

/// Connections at a time; more wait to be taken.
pub(super) const CONNECTIONS: usize = 64;
/// Streams of news at a time: one for each open window.
pub(super) const STREAMS: usize = 16;
/// A request's address, bytes.
pub(super) const ADDRESS: usize = 512;
/// A request's line and headers, bytes.
pub(super) const HEAD: usize = 16 * 1024;
/// A request's headers, number.
pub(super) const HEADERS: usize = 64;
/// What is sent with a form, bytes.
pub(super) const FORM: usize = 8 * 1024;
/// Fields of a form.
pub(super) const FIELDS: usize = 16;
/// For a request to have come.
pub(super) const SLOW: Duration = Duration::from_secs(5);
/// For an answer to be taken.
pub(super) const TAKEN: Duration = Duration::from_secs(30);
/// How long a printed link can be opened.
pub(super) const LINK: Duration = Duration::from_secs(600);
/// How long a page waits for what came meanwhile before it says that it is not the newest.
pub(super) const FRESH: Duration = Duration::from_millis(1500);
/// Between two looks at whether the profile is still unlocked, in use, or wanted by a command.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// How long the profile is left to commands that wait for it, before it is opened again.
pub(super) const GIVE_WAY: Duration = Duration::from_secs(3);
/// Between two looks at whether a command still waits.
pub(super) const AGAIN: Duration = Duration::from_millis(20);
/// Between two looks of a stream of news.
pub(super) const NEWS: Duration = Duration::from_millis(500);
/// Lines of the log that are looked at.
pub(super) const LOG: usize = 10_000;
/// Lines of the log that one page shows.
pub(super) const LOG_SHOWN: usize = 500;
/// Facts of a document that are listed; all of it stands below them as it was signed.
pub(super) const FACTS: usize = 400;
/// Bytes of a document that are shown as text.
pub(super) const TEXT: usize = 1024 * 1024;
