//! The one thread that writes traces.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::record::{RECORD, Record};
use super::segments;
use crate::clock;

/// Batches of records that may wait for the writer.
const QUEUE: usize = 1_024;
/// Full segments that make up the whole of the room; the oldest is dropped as one.
const SEGMENTS: u64 = 16;
/// A segment holds at most the records of a day, so that old ones go although few come.
const DAY: u64 = 24 * 3600;
/// A pause after each writing: under load a wake-up for every frame costs more than the frame.
const GATHER: Duration = Duration::from_millis(5);
/// How often the old ones are looked for while nothing happens.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Hands traces to the writer.
#[derive(Clone)]
pub struct Traces(SyncSender<Vec<Record>>);

impl Traces {
    /// Hands over a batch; `false` if the writer cannot keep up and it was dropped.
    pub fn record(&self, batch: Vec<Record>) -> bool {
        batch.is_empty() || !matches!(self.0.try_send(batch), Err(TrySendError::Full(_)))
    }
}

/// Starts the writer. It ends when the last [`Traces`] is dropped.
///
/// # Errors
/// As the filesystem says.
pub fn start(
    folder: &Path,
    keep_days: u64,
    max_mib: u64,
) -> io::Result<(Traces, std::thread::JoinHandle<()>)> {
    crate::files::private_dir(folder)?;
    let (tx, rx) = sync_channel(QUEUE);
    let writer = Writer {
        folder: folder.to_owned(),
        keep_seconds: keep_days * DAY,
        segment_bytes: (max_mib * 1024 * 1024 / SEGMENTS).max(RECORD as u64),
        open: None,
        swept: None,
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
    open: Option<Segment>,
    swept: Option<Instant>,
}

/// The segment that is written.
struct Segment {
    file: BufWriter<File>,
    bytes: u64,
    began: u64,
}

impl Writer {
    fn run(mut self, batches: &Receiver<Vec<Record>>) {
        let mut failed = false;
        loop {
            let result = match batches.recv_timeout(SWEEP_EVERY) {
                Ok(batch) => {
                    let written = self.all(batch, batches);
                    std::thread::sleep(GATHER);
                    written
                }
                Err(RecvTimeoutError::Timeout) => self.sweep(seconds()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if result.is_err() && !failed {
                tracing::warn!("support codes cannot be written; requests go on without them");
            }
            failed = result.is_err();
        }
    }

    /// Writes everything that waits, and then hands it to the kernel: an operator who asks
    /// finds it, and a kill does not take it.
    fn all(&mut self, first: Vec<Record>, more: &Receiver<Vec<Record>>) -> io::Result<()> {
        self.write(&first)?;
        while let Ok(batch) = more.try_recv() {
            self.write(&batch)?;
        }
        self.open.as_mut().map_or(Ok(()), |open| open.file.flush())
    }

    fn write(&mut self, batch: &[Record]) -> io::Result<()> {
        let now = seconds();
        if self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            self.sweep(now)?;
        }
        let segment_bytes = self.segment_bytes;
        let fits = |open: &Segment| open.bytes < segment_bytes && now < open.began.saturating_add(DAY);
        if !self.open.as_ref().is_some_and(fits) {
            self.roll(now)?;
        }
        let Some(open) = self.open.as_mut() else {
            return Ok(());
        };
        for record in batch {
            open.file.write_all(&record.bytes())?;
        }
        open.bytes += (batch.len() * RECORD) as u64;
        Ok(())
    }

    /// Begins a new segment, or goes on with the last one of an earlier life.
    fn roll(&mut self, now: u64) -> io::Result<()> {
        if let Some(mut open) = self.open.take() {
            open.file.flush()?;
        }
        self.sweep(now)?;
        let last = segments(&self.folder)?.pop();
        let (began, path) = last
            .filter(|(began, path)| {
                let bytes = fs::metadata(path).map_or(u64::MAX, |m| m.len());
                *began <= now && now < began.saturating_add(DAY) && bytes < self.segment_bytes
            })
            .unwrap_or_else(|| (now, self.folder.join(format!("{now}.trace"))));
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
        self.open = Some(Segment {
            file: BufWriter::with_capacity(64 * 1024, file),
            bytes: written - torn,
            began,
        });
        Ok(())
    }

    /// Drops the segments that are too old, and the oldest while they are too large together.
    fn sweep(&mut self, now: u64) -> io::Result<()> {
        self.swept = Some(Instant::now());
        let segments = segments(&self.folder)?;
        let room = self.segment_bytes.saturating_mul(SEGMENTS - 1);
        let mut bytes = 0u64;
        for (began, path) in segments.iter().rev() {
            bytes = bytes.saturating_add(fs::metadata(path).map_or(0, |m| m.len()));
            // Written for a day at most, so by then its youngest record is too old.
            let old = began.saturating_add(DAY + self.keep_seconds) < now;
            if old || bytes > room {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn seconds() -> u64 {
    clock::now_ms() / 1000
}

#[cfg(test)]
mod tests {
    use telesphor_wire::error::ErrorCode;
    use telesphor_wire::text::SupportCode;

    use super::super::{Found, Outcome, Trace, find};
    use super::*;

    fn trace(support: SupportCode) -> Trace {
        Trace {
            support,
            taken: 7,
            answered: 9,
            outcome: Outcome::Refused(ErrorCode::DiskFull),
        }
    }

    fn write(folder: &Path, records: Vec<Record>) {
        let (traces, thread) = start(folder, 14, 1).unwrap();
        assert!(traces.record(records));
        drop(traces);
        thread.join().unwrap();
    }

    #[test]
    fn a_trace_is_lost_on_the_way_to_the_disk_and_back() {
        let dir = tempfile::tempdir().unwrap();
        let (code, other) = (SupportCode::random(), "7KQ-2M4".parse().unwrap());
        let ended = Record::Ended(trace(code));
        write(dir.path(), vec![Record::Ended(trace(other)), ended]);
        // Another life of the process goes on where this one ended.
        let delivered = |at| Record::Delivered { support: code, at };
        write(dir.path(), vec![delivered(10), delivered(11)]);
        assert_eq!(segments(dir.path()).unwrap().len(), 1);
        let found = find(dir.path(), code, 0).unwrap();
        assert_eq!((found.requests, found.sessions), (vec![trace(code)], 2));
        assert_eq!(find(dir.path(), other, 0).unwrap().requests.len(), 1);
        assert_eq!(find(dir.path(), code, 12).unwrap(), Found::default(), "too old");
    }

    #[test]
    fn traces_fill_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let now = seconds();
        for age in 1..40u64 {
            fs::write(dir.path().join(format!("{}.trace", now - age)), [0u8; 64 * 1024]).unwrap();
        }
        write(dir.path(), vec![Record::Ended(trace(SupportCode::random()))]);
        let left = segments(dir.path()).unwrap();
        let bytes: u64 = left.iter().map(|(_, p)| fs::metadata(p).unwrap().len()).sum();
        assert!(bytes <= 1024 * 1024, "{bytes}");
        assert_eq!(left.len(), 16, "the youngest stay");
        assert!(left[0].0 >= now - 15);
    }

    #[test]
    fn traces_outlive_their_time() {
        let dir = tempfile::tempdir().unwrap();
        let now = seconds();
        for days in [0, 13, 16, 400] {
            let path = dir.path().join(format!("{}.trace", now - days * DAY - 5));
            fs::write(path, [0u8; RECORD]).unwrap();
        }
        write(dir.path(), vec![Record::Ended(trace(SupportCode::random()))]);
        assert_eq!(segments(dir.path()).unwrap().len(), 2);
    }
}
