//! The faults.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::yard::Yard;
use crate::cluster::Cluster;
use crate::relay::RelayError;

/// Something that happens to a cluster, and that ends again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// `kill -9` of a relay; started again at the end.
    KillRelay(usize),
    /// `kill -9` of a NATS server.
    KillNats(usize),
    /// A relay stands still.
    PauseRelay(usize),
    /// A NATS server stands still.
    PauseNats(usize),
    /// Nothing reaches a machine or leaves it.
    Isolate(usize),
    /// What one machine sends to another vanishes; the other way goes on.
    OneWay(usize, usize),
    /// Two machines do not hear each other.
    Apart(usize, usize),
    /// One NATS server loses everything it has stored.
    WipeNats(usize),
    /// All of them do.
    WipeAllNats,
    /// Bytes in what a NATS server has stored are turned over.
    DamageNats(usize),
}

impl Strike {
    /// One of them, by a number.
    pub fn drawn(random: u64) -> Self {
        let which = (random >> 4) as usize % 3;
        let hosts = Yard::HOSTS;
        let (a, step) = (
            (random >> 8) as usize % hosts,
            1 + (random >> 12) as usize % (hosts - 1),
        );
        let b = (a + step) % hosts;
        match random % 16 {
            0..=2 => Self::KillRelay(which),
            3 | 4 => Self::KillNats(which),
            5 | 6 => Self::PauseRelay(which),
            7 => Self::PauseNats(which),
            8 | 9 => Self::Isolate(a),
            10 => Self::OneWay(a, b),
            11 | 12 => Self::Apart(a, b),
            13 => Self::WipeNats(which),
            14 => Self::WipeAllNats,
            _ => Self::DamageNats(which),
        }
    }

    /// What it is, whoever it strikes.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::KillRelay(_) => "relay killed",
            Self::KillNats(_) => "NATS killed",
            Self::PauseRelay(_) => "relay paused",
            Self::PauseNats(_) => "NATS paused",
            Self::Isolate(_) => "machine isolated",
            Self::OneWay(..) => "deaf in one direction",
            Self::Apart(..) => "two machines apart",
            Self::WipeNats(_) => "one NATS wiped",
            Self::WipeAllNats => "all NATS wiped",
            Self::DamageNats(_) => "one NATS damaged",
        }
    }

    /// Strikes.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn begin(&self, yard: &Yard, cluster: &mut Cluster) -> Result<(), RelayError> {
        match *self {
            Self::KillRelay(at) => cluster.relays[at].kill()?,
            Self::KillNats(at) => cluster.nats.kill(at)?,
            Self::PauseRelay(at) => signal("STOP", cluster.relays[at].pid())?,
            Self::PauseNats(at) => signal("STOP", cluster.nats.pid(at))?,
            Self::Isolate(host) => yard.isolate(host)?,
            Self::OneWay(from, to) => yard.deafen(from, to)?,
            Self::Apart(a, b) => {
                yard.deafen(a, b)?;
                yard.deafen(b, a)?;
            }
            Self::WipeNats(at) => {
                cluster.nats.kill(at)?;
                cluster.nats.wipe(at)?;
            }
            Self::WipeAllNats => {
                for at in 0..3 {
                    cluster.nats.kill(at)?;
                }
                for at in 0..3 {
                    cluster.nats.wipe(at)?;
                }
            }
            Self::DamageNats(at) => {
                cluster.nats.kill(at)?;
                damage(&cluster.nats.store(at))?;
            }
        }
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn end(&self, yard: &Yard, cluster: &mut Cluster) -> Result<(), RelayError> {
        match *self {
            Self::KillRelay(at) => _ = cluster.relays[at].start()?,
            Self::PauseRelay(at) => signal("CONT", cluster.relays[at].pid())?,
            Self::PauseNats(at) => signal("CONT", cluster.nats.pid(at))?,
            Self::Isolate(host) => yard.rejoin(host)?,
            Self::OneWay(from, to) => yard.hear(from, to)?,
            Self::Apart(a, b) => {
                yard.hear(a, b)?;
                yard.hear(b, a)?;
            }
            Self::KillNats(at) | Self::WipeNats(at) | Self::DamageNats(at) => cluster.nats.start_one(at)?,
            Self::WipeAllNats => {
                for at in 0..3 {
                    cluster.nats.start_one(at)?;
                }
            }
        }
        Ok(())
    }
}

/// Only processes that this program started have an id here.
fn signal(name: &str, pid: Option<u32>) -> io::Result<()> {
    let Some(pid) = pid else { return Ok(()) };
    let done = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()?;
    if done.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("kill -{name} {pid} failed")))
    }
}

/// Turns a byte over in the middle of every file of a server's streams.
fn damage(store: &Path) -> io::Result<()> {
    for path in files(store)? {
        let mut file = fs::File::options().read(true).write(true).open(&path)?;
        let middle = file.metadata()?.len() / 2;
        let mut byte = [0];
        file.seek(SeekFrom::Start(middle))?;
        if file.read(&mut byte)? == 1 {
            file.seek(SeekFrom::Start(middle))?;
            file.write_all(&[byte[0] ^ 0x40])?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else if entry.path().extension().is_some_and(|e| e == "blk" || e == "idx") {
            found.push(entry.path());
        }
    }
    Ok(found)
}
