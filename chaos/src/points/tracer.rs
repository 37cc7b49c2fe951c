//! `strace`, counting or breaking the calls of some threads of a relay.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Fault, Kind, Point, Stream};

/// How long threads may take to be watched.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `strace` is told: which calls, what happens at which of them, and where its notes go.
pub(super) fn arguments(point: Option<&Point>, notes: &Path) -> Vec<String> {
    let join = |kinds: &[Kind]| {
        let calls: Vec<_> = kinds.iter().flat_map(|k| k.calls()).copied().collect();
        // Calls that this machine's kernel does not have are not asked for.
        calls
            .iter()
            .map(|c| format!("?{c}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let mut arguments = vec![
        "-qq".to_owned(),
        "-o".into(),
        notes.display().to_string(),
        "-e".into(),
    ];
    match point {
        None => arguments.push(format!("trace={}", join(&Kind::ALL))),
        Some(point) => {
            let calls = join(&[point.kind]);
            let action = match point.fault {
                Fault::Kill => "signal=SIGKILL",
                Fault::InputOutput => "error=EIO",
            };
            arguments.push(format!("trace={calls}"));
            arguments.push("-e".into());
            arguments.push(format!("inject={calls}:{action}:when={}", point.nth));
        }
    }
    arguments
}

/// Threads of a running relay being watched.
pub(super) struct Tracer(Child);

impl Tracer {
    /// Watches the threads of a stream, from now on. None if there is no such thread.
    pub(super) fn attach(
        process: u32,
        stream: Stream,
        point: Option<&Point>,
        notes: &Path,
    ) -> io::Result<Option<Self>> {
        let threads = threads(process, stream.thread().unwrap_or_default())?;
        if threads.is_empty() {
            return Ok(None);
        }
        let mut command = Command::new("strace");
        command.args(arguments(point, notes));
        for thread in &threads {
            command.args(["-p", thread]);
        }
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let tracer = Self(quiet.spawn()?);
        let begun = Instant::now();
        while !threads.iter().all(|thread| watched(process, thread)) {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("strace did not attach"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Some(tracer))
    }

    /// Waits for its end, which comes with the relay's.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.wait().map(drop)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn threads(process: u32, name: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let entry = entry?;
        // A thread that has just ended is none.
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.starts_with(name) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

fn watched(process: u32, thread: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/task/{thread}/status")).unwrap_or_default();
    let tracer = status.lines().find_map(|l| l.strip_prefix("TracerPid:"));
    // A thread that is gone will not be watched any more either.
    tracer.is_none_or(|pid| pid.trim() != "0")
}

/// Whether the notes say that the fault was injected.
pub(super) fn was_injected(notes: &Path) -> bool {
    fs::read_to_string(notes).is_ok_and(|text| text.contains("(INJECTED)"))
}

/// How many calls of each kind the notes show, in the thread that made most of them.
pub(super) fn counted(notes: &str) -> BTreeMap<Kind, u32> {
    let mut by_thread: BTreeMap<(Kind, &str), u32> = BTreeMap::new();
    for line in notes.lines() {
        // With more than one thread each line begins with its number.
        let (thread, line) = match line.split_once(' ') {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => (number, rest.trim_start()),
            _ => ("", line),
        };
        let call = line.split('(').next().unwrap_or_default();
        if let Some(kind) = Kind::ALL.iter().find(|k| k.calls().contains(&call)) {
            *by_thread.entry((*kind, thread)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((kind, _), calls) in by_thread {
        let entry: &mut u32 = most.entry(kind).or_default();
        *entry = (*entry).max(calls);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_in_another_thread_or_as_another_kind() {
        let one = "fdatasync(7) = 0\nwrite(3, \"fsync(\"..., 9) = 9\nrenameat(1, \"a\", 1, \"b\") = 0\n";
        let kinds = counted(one);
        assert_eq!(kinds.get(&Kind::Sync), Some(&1));
        assert_eq!(kinds.get(&Kind::Write), Some(&1));
        assert_eq!(kinds.get(&Kind::Name), Some(&1));
        let two = "12 write(1, \"\", 0 <unfinished ...>\n13  write(1, \"\", 0) = 0\n12 <... write resumed>) = 0\n13 write(1, \"\", 0) = 0\n";
        assert_eq!(counted(two).get(&Kind::Write), Some(&2));
    }
}
