//! Support codes with times and outcomes, and nothing else, so that an operator can follow one
//! request without any identifier.
//!
//! ```text
//! traces/<first second>.trace: records of 16 bytes, big-endian
//!   0..4   support code (30 bits, random, new per request)
//!   4..8   taken up, Unix seconds
//!   8..12  answered, Unix seconds
//!  12..14  outcome: see [`Outcome`]
//!  14..16  zero
//! ```
//! Segments are dropped when they are too old or when all of them together grow too large.
//! A trace is a help, not a promise: it is written without fsync, and when the writer cannot
//! keep up records are dropped and counted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

use crate::clock;

const RECORD: usize = 16;
/// Batches of records that may wait for the writer.
const QUEUE: usize = 1_024;
/// Segments that make up the whole of the room; the oldest is dropped as one.
const SEGMENTS: u64 = 16;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable, or answered with what was asked for.
    Done,
    /// Busy: the client was told to come back.
    Busy,
    /// Ordered, not yet on a majority.
    NotYetDurable,
    /// The connection ended before there was an answer.
    Unanswered,
    /// Refused with this code.
    Refused(ErrorCode),
}

impl Outcome {
    fn code(self) -> u16 {
        match self {
            Self::Done => 0,
            Self::Busy => 1,
            Self::NotYetDurable => 2,
            Self::Unanswered => 3,
            Self::Refused(code) => code.code(),
        }
    }

    fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::Done),
            1 => Some(Self::Busy),
            2 => Some(Self::NotYetDurable),
            3 => Some(Self::Unanswered),
            other => ErrorCode::from_code(other).map(Self::Refused),
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Done => "durable".into(),
            Self::Busy => "told to come back: too much at once".into(),
            Self::NotYetDurable => "accepted, not yet durable".into(),
            Self::Unanswered => "the connection ended before the answer".into(),
            Self::Refused(code) => format!("{code} {}", code.words()),
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Printed by the client.
    pub support: SupportCode,
    /// When the relay took it up, Unix seconds.
    pub taken: u32,
    /// When it was answered, Unix seconds.
    pub answered: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl Trace {
    fn bytes(&self) -> [u8; RECORD] {
        let mut b = [0u8; RECORD];
        b[..4].copy_from_slice(&support_bits(self.support).to_be_bytes());
        b[4..8].copy_from_slice(&self.taken.to_be_bytes());
        b[8..12].copy_from_slice(&self.answered.to_be_bytes());
        b[12..14].copy_from_slice(&self.outcome.code().to_be_bytes());
        b
    }

    fn from_bytes(support: SupportCode, b: &[u8; RECORD]) -> Option<Self> {
        let word = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        if word(0) != support_bits(support) {
            return None;
        }
        let outcome = Outcome::from_code(u16::from_be_bytes([b[12], b[13]]))?;
        Some(Self {
            support,
            taken: word(4),
            answered: word(8),
            outcome,
        })
    }
}

/// The 30 bits of a support code; its wire form is that number.
fn support_bits(code: SupportCode) -> u32 {
    serde_json::to_value(code)
        .ok()
        .and_then(|v| v.as_u64())
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(0)
}

/// Hands traces to the writer.
#[derive(Clone)]
pub struct Traces(SyncSender<Vec<Trace>>);

impl Traces {
    /// Hands over a batch; `false` if the writer cannot keep up and it was dropped.
    pub fn record(&self, batch: Vec<Trace>) -> bool {
        batch.is_empty() || !matches!(self.0.try_send(batch), Err(TrySendError::Full(_)))
    }
}

/// Starts the writer. It ends when the last [`Traces`] is dropped.
///
/// # Errors
/// As the filesystem says.
pub fn start(folder: &Path, keep_days: u64, max_mib: u64) -> io::Result<(Traces, JoinHandle<()>)> {
    crate::files::private_dir(folder)?;
    let (tx, rx) = sync_channel(QUEUE);
    let writer = Writer {
        folder: folder.to_owned(),
        keep_seconds: keep_days * 24 * 3600,
        segment_bytes: (max_mib * 1024 * 1024 / SEGMENTS).max(RECORD as u64),
        open: None,
    };
    let thread = std::thread::Builder::new()
        .name("traces".into())
        .spawn(move || writer.run(&rx))?;
    Ok((Traces(tx), thread))
}

struct Writer {
    folder: PathBuf,
    keep_seconds: u64,
    segment_bytes: u64,
    open: Option<(BufWriter<File>, u64)>,
}

impl Writer {
    fn run(mut self, batches: &Receiver<Vec<Trace>>) {
        let mut failed = false;
        loop {
            let result = match batches.recv_timeout(Duration::from_millis(500)) {
                Ok(batch) => self.write(&batch),
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if result.is_err() && !failed {
                tracing::warn!("support codes cannot be written; requests go on without them");
            }
            failed = result.is_err();
        }
        let _ = self.flush();
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |(file, _)| file.flush())
    }

    fn write(&mut self, batch: &[Trace]) -> io::Result<()> {
        if self
            .open
            .as_ref()
            .is_none_or(|(_, written)| *written >= self.segment_bytes)
        {
            self.roll()?;
        }
        let Some((file, written)) = self.open.as_mut() else {
            return Ok(());
        };
        for trace in batch {
            file.write_all(&trace.bytes())?;
        }
        *written += (batch.len() * RECORD) as u64;
        Ok(())
    }

    /// Begins a new segment and drops those that are too old or too many.
    fn roll(&mut self) -> io::Result<()> {
        self.flush()?;
        let now = clock::now_ms() / 1000;
        let segments = segments(&self.folder)?;
        let too_many = (segments.len() + 1).saturating_sub(usize::try_from(SEGMENTS).unwrap_or(16));
        for (index, (began, path)) in segments.iter().enumerate() {
            // The segment ended when the next began; until then it may hold younger records.
            let ended = segments.get(index + 1).map_or(now, |(next, _)| *next);
            if index < too_many || ended.saturating_add(self.keep_seconds) < now {
                tracing::debug!(began, "a segment of support codes is dropped");
                fs::remove_file(path)?;
            }
        }
        let path = self.folder.join(format!("{now}.trace"));
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        let written = file.metadata()?.len();
        // A torn last record of a killed process must not shift the ones after it.
        let torn = written % RECORD as u64;
        if torn != 0 {
            file.set_len(written - torn)?;
        }
        self.open = Some((BufWriter::with_capacity(64 * 1024, file), written - torn));
        Ok(())
    }
}

/// Segments, oldest first.
fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let began = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_suffix(".trace")?.parse().ok());
        if let Some(began) = began {
            found.push((began, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Every trace of a support code, oldest first. What was recorded in the last half second may
/// not be there yet.
///
/// # Errors
/// As the filesystem says; a folder that is not there holds nothing.
pub fn find(folder: &Path, support: SupportCode) -> io::Result<Vec<Trace>> {
    let segments = match segments(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for (_, path) in segments {
        let mut file = io::BufReader::with_capacity(256 * 1024, File::open(path)?);
        let mut record = [0u8; RECORD];
        while file.read_exact(&mut record).is_ok() {
            found.extend(Trace::from_bytes(support, &record));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_lost_on_the_way_to_the_disk_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let (traces, thread) = start(dir.path(), 14, 1).unwrap();
        let code = SupportCode::random();
        let one = Trace {
            support: code,
            taken: 7,
            answered: 9,
            outcome: Outcome::Refused(ErrorCode::DiskFull),
        };
        let other = Trace {
            support: "7KQ-2M4".parse().unwrap(),
            ..one
        };
        assert!(traces.record(vec![other, one, other]));
        drop(traces);
        thread.join().unwrap();
        assert_eq!(find(dir.path(), code).unwrap(), vec![one]);
        assert_eq!(find(dir.path(), other.support).unwrap().len(), 2);
    }

    #[test]
    fn traces_fill_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        for second in 0..40u64 {
            fs::write(dir.path().join(format!("{second}.trace")), [0u8; RECORD]).unwrap();
        }
        let (traces, thread) = start(dir.path(), 36_500, 1).unwrap();
        traces.record(vec![Trace {
            support: SupportCode::random(),
            taken: 0,
            answered: 0,
            outcome: Outcome::Done,
        }]);
        drop(traces);
        thread.join().unwrap();
        assert_eq!(segments(dir.path()).unwrap().len(), 16);
    }

    #[test]
    fn traces_outlive_their_time() {
        let dir = tempfile::tempdir().unwrap();
        for second in [1u64, 2, 3] {
            fs::write(dir.path().join(format!("{second}.trace")), [0u8; RECORD]).unwrap();
        }
        let (traces, thread) = start(dir.path(), 14, 1).unwrap();
        traces.record(vec![Trace {
            support: SupportCode::random(),
            taken: 0,
            answered: 0,
            outcome: Outcome::Done,
        }]);
        drop(traces);
        thread.join().unwrap();
        // The youngest old one may hold records up to now.
        assert_eq!(segments(dir.path()).unwrap().len(), 2);
    }
}
