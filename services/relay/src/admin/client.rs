//! The asking end of the admin socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::de::DeserializeOwned;
use telesphor_wire::error::ErrorCode;

use super::words::{FaultWords, MAX_LINE, Reply, Request};
use crate::fault::{Exit, Fault};
use crate::layout::Layout;

/// Longer than any drain or backup may take without a sign of life.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Asks the relay that runs on this data directory.
///
/// # Errors
/// Exit 7 if none does; else what it answered.
pub fn ask<T: DeserializeOwned>(layout: &Layout, request: &Request) -> Result<T, Fault> {
    let line = exchange(layout, request).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => Fault::file("admin socket", &layout.socket(), &e),
        _ => Fault::of(Exit::Unreachable, ErrorCode::NotRunning),
    })?;
    match serde_json::from_str::<Reply<T>>(&line) {
        Ok(Reply::Done(done)) => Ok(done),
        Ok(Reply::Fault(fault)) => Err(fault.into()),
        Err(_) if line.is_empty() => Err(Fault::new(
            Exit::Unreachable,
            ErrorCode::NotRunning,
            "the relay ended before it answered",
        )),
        Err(_) => Err(Fault::bug(
            "the relay's answer cannot be read; are both of one version?",
        )),
    }
}

fn exchange(layout: &Layout, request: &Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(layout.socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut answer)?;
    Ok(answer)
}

impl From<FaultWords> for Fault {
    fn from(words: FaultWords) -> Self {
        let exit = match words.exit {
            2 => Exit::Usage,
            3 => Exit::Refused,
            4 => Exit::NotGenuine,
            5 => Exit::NotFound,
            6 => Exit::NotYet,
            7 => Exit::Unreachable,
            8 => Exit::Machine,
            9 => Exit::Conflict,
            _ => Exit::Bug,
        };
        let code = ErrorCode::from_code(words.code).unwrap_or(ErrorCode::Internal);
        let mut fault = Self::new(exit, code, words.words);
        fault.retry_after_s = words.retry_after_s;
        fault
    }
}

impl From<&Fault> for FaultWords {
    fn from(fault: &Fault) -> Self {
        Self {
            exit: fault.exit as u8,
            code: fault.code.code(),
            words: fault.words.to_string(),
            retry_after_s: fault.retry_after_s,
        }
    }
}
