//! What is wrong with a machine itself: a disk that is full or slow, a clock that was set.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::yard::run;

/// Room on a machine's disk, MiB.
const DISK_MIB: u64 = 1_536;
/// What a relay keeps back of it, MiB.
const RESERVE_MIB: u64 = 192;
/// Every sync waits so long on a slow disk, microseconds.
const SLOW_US: u64 = 150_000;
/// A process may take so long to be watched.
const PATIENCE: Duration = Duration::from_secs(20);

/// Disks and clocks of machines, one of each by number.
pub struct Machines {
    folder: PathBuf,
    preloaded: PathBuf,
    /// What slows a process down, and which one.
    slow: Mutex<Option<(Child, u32)>>,
}

impl Machines {
    /// So many, each with a small disk of its own in memory and with a clock that can be set; in mounts
    /// of this process's own.
    ///
    /// # Errors
    /// If the system does not let this process, or libfaketime is missing.
    pub fn build(folder: &Path, machines: usize) -> io::Result<Self> {
        let all = Self {
            folder: folder.to_owned(),
            preloaded: preloaded()?,
            slow: Mutex::new(None),
        };
        for machine in 0..machines {
            fs::create_dir_all(all.disk(machine))?;
            run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m"), "disk"])
                .arg(all.disk(machine)))?;
            all.set_clock(machine, 0)?;
        }
        Ok(all)
    }

    fn disk(&self, machine: usize) -> PathBuf {
        self.folder.join(format!("disk-{machine}"))
    }

    fn clock(&self, machine: usize) -> PathBuf {
        self.folder.join(format!("clock-{machine}"))
    }

    /// Carries a folder, there already or not, to a machine's disk and leaves a link.
    ///
    /// # Errors
    /// If it cannot be carried.
    pub fn carry(&self, machine: usize, folder: &Path) -> io::Result<()> {
        let place = self.disk(machine).join("data");
        if folder.exists() {
            run(Command::new("cp").arg("-a").arg(folder).arg(&place))?;
            fs::remove_dir_all(folder)?;
        } else {
            fs::create_dir_all(&place)?;
            fs::create_dir_all(folder.parent().unwrap_or(folder))?;
        }
        symlink(&place, folder)
    }

    /// What a program on a machine is run by, so that its clock is the machine's.
    pub fn through(&self, machine: usize) -> Vec<String> {
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", self.preloaded.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.clock(machine).display()),
            "FAKETIME_CACHE_DURATION=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "NO_FAKE_STAT=1".to_owned(),
            format!("TELESPHOR_RELAY__STORE__RESERVE_MIB={RESERVE_MIB}"),
        ]
    }

    /// Sets a machine's clock so far from the right time, seconds. Programs see it within one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_clock(&self, machine: usize, seconds: i64) -> io::Result<()> {
        let new = self.folder.join("clock");
        fs::write(&new, format!("{seconds:+}\n"))?;
        fs::rename(new, self.clock(machine))
    }

    /// Leaves no room on a machine's disk.
    ///
    /// # Errors
    /// Any but that there is none.
    pub fn fill(&self, machine: usize) -> io::Result<()> {
        let mut file = fs::File::create(self.disk(machine).join("filler"))?;
        let (mut piece, zeros) = (1 << 20, vec![0; 1 << 20]);
        while piece > 0 {
            match file.write_all(&zeros[..piece]) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::StorageFull => piece /= 2,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// If it cannot be given.
    pub fn free(&self, machine: usize) -> io::Result<()> {
        fs::remove_file(self.disk(machine).join("filler"))
    }

    /// Makes every sync of a process slow, and whatever else it asks of the system slower than it was.
    ///
    /// # Errors
    /// If it cannot be watched.
    pub fn slow(&self, process: u32) -> io::Result<()> {
        let calls = "?fsync,?fdatasync,?sync_file_range,?msync";
        let tracer = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={calls}"))
            .arg("-e")
            .arg(format!("inject={calls}:delay_enter={SLOW_US}"))
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        *self.slowed() = Some((tracer, process));
        let begun = Instant::now();
        while !watched(process) {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("strace did not attach"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Ends that.
    ///
    /// # Errors
    /// If there is nothing to end.
    pub fn quick(&self) -> io::Result<()> {
        let Some((mut tracer, _)) = self.slowed().take() else {
            return Ok(());
        };
        // It lets go of what it watches before it ends.
        run(Command::new("kill").arg(tracer.id().to_string()))?;
        tracer.wait().map(drop)
    }

    /// Leaves what lies on the disks where it can be looked at afterwards.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn keep(&self, machines: usize) -> io::Result<()> {
        for machine in 0..machines {
            let kept = self.folder.join(format!("kept-{machine}"));
            run(Command::new("cp").arg("-a").arg(self.disk(machine)).arg(kept))?;
        }
        Ok(())
    }

    fn slowed(&self) -> MutexGuard<'_, Option<(Child, u32)>> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        let _ = self.quick();
    }
}

/// What a program is run by whose clock is so far from the right time, seconds.
///
/// # Errors
/// If libfaketime is missing.
pub fn wrong_clock(seconds: i64) -> io::Result<Vec<String>> {
    Ok(vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", preloaded()?.display()),
        format!("FAKETIME={seconds:+}s"),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "NO_FAKE_STAT=1".to_owned(),
    ])
}

/// Where the distribution puts what changes a program's clock.
fn preloaded() -> io::Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib")?.flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .ok_or_else(|| io::Error::other("libfaketime is missing; run `make nats`"))
}

fn watched(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let tracer = status.lines().find_map(|l| l.strip_prefix("TracerPid:"));
    // One that is gone will not be watched any more either.
    tracer.is_none_or(|pid| pid.trim() != "0")
}
