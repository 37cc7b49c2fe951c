//! Clocks, `/proc` and the disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Result, odd};

/// Kernel ticks in a second; fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time of a process since it began, microseconds (user and system, all threads;
/// resolution 10 ms).
pub(crate) fn cpu_us(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest)
        .ok_or_else(|| odd("unreadable /proc/<pid>/stat"))?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|f| f.parse::<u64>().ok())
        .sum();
    Ok(ticks * (1_000_000 / TICKS_PER_SECOND))
}

/// Processor time of one thread as its schedule tells it, nanoseconds.
fn scheduled(stat: &Path) -> Result<u64> {
    let line = std::fs::read_to_string(stat)?;
    let first = line.split_whitespace().next().and_then(|n| n.parse().ok());
    first.ok_or_else(|| odd("unreadable schedstat"))
}

/// The same of all threads that a process has now, but for one.
fn scheduled_all(pid: &str, but: Option<&std::ffi::OsStr>) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?;
        if but != Some(task.file_name().as_os_str()) {
            // A thread that has just ended is no loss.
            sum += scheduled(&task.path().join("schedstat")).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Processor time of another process that rests at this moment, nanoseconds: what its present
/// threads have used. Finer than [`cpu_us`].
pub(crate) fn cpu_ns(pid: u32) -> Result<u64> {
    scheduled_all(&pid.to_string(), None)
}

/// Processor time of this process's threads of that name, as far as they still run, microseconds.
pub(crate) fn threads_us(name: &str) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let called = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if called.trim_end() == name {
            sum += scheduled(&task.join("schedstat")).unwrap_or(0);
        }
    }
    Ok(sum / 1_000)
}

/// Measures short work of this process: the calling thread's processor time, and that of the
/// threads which help it.
pub(crate) struct Meter {
    others: u64,
    own: u64,
    me: std::ffi::OsString,
}

impl Meter {
    /// Begins.
    pub(crate) fn begin() -> Result<Self> {
        let me = std::fs::read_link("/proc/thread-self")?;
        let me = me.file_name().ok_or_else(|| odd("no thread"))?.to_owned();
        let others = scheduled_all("self", Some(&me))?;
        let own = Self::own()?;
        Ok(Self { others, own, me })
    }

    fn own() -> Result<u64> {
        // The count of a running thread is brought up to date when it offers to make room.
        std::thread::yield_now();
        scheduled(Path::new("/proc/thread-self/schedstat"))
    }

    /// Ends; nanoseconds.
    pub(crate) fn end(self) -> Result<u64> {
        let own = Self::own()? - self.own;
        let others = scheduled_all("self", Some(&self.me))?;
        Ok(own + others.saturating_sub(self.others))
    }
}

fn status(pid: u32, name: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|l| l.starts_with(name))
        .ok_or_else(|| odd(format!("no {name} of the process")))?;
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    Ok(kib * 1024)
}

/// Resident memory of a process, bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    status(pid, "VmRSS:")
}

/// Its peak.
pub(crate) fn resident_peak(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

/// Bytes that a process has sent to the disk (also those written over later).
pub(crate) fn written(pid: u32) -> Result<u64> {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    io.lines()
        .find_map(|l| l.strip_prefix("write_bytes: "))
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| odd("unreadable /proc/<pid>/io"))
}

/// Bytes that a folder occupies on the disk.
pub(crate) fn on_disk(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        sum += if meta.is_dir() {
            on_disk(&entry.path())?
        } else {
            meta.blocks() * 512
        };
    }
    Ok(sum)
}

/// What a side of a comparison did during its window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Durable messages.
    pub(crate) messages: u64,
    /// How long the window was, seconds.
    pub(crate) seconds: f64,
    /// Messages a second.
    pub(crate) per_second: f64,
    /// Half the messages were durable within so many microseconds.
    pub p50_us: u64,
    /// All but one in a hundred.
    pub p99_us: u64,
    /// Processor time of the serving process per message, microseconds.
    pub(crate) cpu_us: f64,
    /// Bytes the serving process sent to the disk, per byte of payload.
    pub(crate) written_per_byte: f64,
    /// Bytes left on the disk at the end, per byte of payload (all payload since the start).
    pub(crate) disk_per_byte: f64,
    /// Resident memory at the end, bytes.
    pub(crate) resident: u64,
}

fn sum(pids: &[u32], of: impl Fn(u32) -> Result<u64>) -> Result<u64> {
    pids.iter().map(|pid| of(*pid)).sum()
}

/// What the serving processes had used when the window began.
pub(crate) struct Window {
    pids: Vec<u32>,
    began: Instant,
    cpu: u64,
    written: u64,
}

impl Window {
    /// Begins.
    pub(crate) fn open(pids: &[u32]) -> Result<Self> {
        Ok(Self {
            pids: pids.to_vec(),
            cpu: sum(pids, cpu_us)?,
            written: sum(pids, written)?,
            began: Instant::now(),
        })
    }

    /// Ends, now.
    pub(crate) fn close(self) -> Result<Closed> {
        Ok(Closed {
            seconds: self.began.elapsed().as_secs_f64(),
            cpu: sum(&self.pids, cpu_us)? - self.cpu,
            written: sum(&self.pids, written)? - self.written,
            resident: sum(&self.pids, resident)?,
        })
    }
}

/// What the serving process used during a window.
pub(crate) struct Closed {
    /// Length, seconds.
    pub(crate) seconds: f64,
    /// Processor time, microseconds.
    pub(crate) cpu: u64,
    written: u64,
    resident: u64,
}

impl Closed {
    /// Per message. `disk_per_byte` is filled in by whoever knows the folder.
    pub(crate) fn figures(&self, mut latencies: Vec<u32>, payload: usize) -> Result<Figures> {
        let messages = latencies.len() as u64;
        if messages == 0 {
            return Err(odd("nothing became durable during the measurement"));
        }
        let per_message = |total: u64| total as f64 / messages as f64;
        latencies.sort_unstable();
        let at = |share: f64| u64::from(latencies[((latencies.len() - 1) as f64 * share) as usize]);
        Ok(Figures {
            messages,
            seconds: self.seconds,
            per_second: messages as f64 / self.seconds,
            p50_us: at(0.5),
            p99_us: at(0.99),
            cpu_us: per_message(self.cpu),
            written_per_byte: per_message(self.written) / payload as f64,
            disk_per_byte: 0.0,
            resident: self.resident,
        })
    }
}

/// Microseconds, for a list of many.
pub(crate) fn us(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX)
}
