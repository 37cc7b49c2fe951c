//! The faults.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::Machines;
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
    /// There is no room left on a machine's disk.
    FullDisk(usize),
    /// Every sync of a machine takes long.
    SlowDisk(usize),
    /// A relay's clock is set so far from the right time, seconds; set right at the end.
    Clock(usize, i64),
}

impl Strike {
    /// What [`Strike::kind`] says, all of it. The last six strike machines themselves.
    pub const KINDS: [&'static str; 16] = [
        "relay killed",
        "NATS killed",
        "relay paused",
        "NATS paused",
        "machine isolated",
        "deaf in one direction",
        "two machines apart",
        "one NATS wiped",
        "all NATS wiped",
        "one NATS damaged",
        "relay's disk full",
        "NATS's disk full",
        "relay's disk slow",
        "NATS's disk slow",
        "relay's clock ahead",
        "relay's clock behind",
    ];

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

    /// Whether this kind strikes a machine itself: its disk or its clock.
    pub fn is_of_a_machine(kind: &str) -> bool {
        Self::KINDS[10..].contains(&kind)
    }

    /// One of those that strike a machine itself, by a number.
    pub fn of_a_machine(random: u64) -> Self {
        const HOUR: i64 = 3_600;
        const LEADS: [i64; 6] = [-HOUR, HOUR, -24 * HOUR, 24 * HOUR, -700 * HOUR, 700 * HOUR];
        let host = (random >> 4) as usize % Yard::HOSTS;
        match random % 3 {
            0 => Self::FullDisk(host),
            1 => Self::SlowDisk(host),
            _ => Self::Clock(host % 3, LEADS[(random >> 8) as usize % LEADS.len()]),
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
            Self::FullDisk(host) if *host < 3 => "relay's disk full",
            Self::FullDisk(_) => "NATS's disk full",
            Self::SlowDisk(host) if *host < 3 => "relay's disk slow",
            Self::SlowDisk(_) => "NATS's disk slow",
            Self::Clock(_, lead) if *lead > 0 => "relay's clock ahead",
            Self::Clock(..) => "relay's clock behind",
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
            Self::FullDisk(host) => machines(yard)?.fill(host)?,
            Self::SlowDisk(host) => {
                let process = match host {
                    0..3 => cluster.relays[host].pid(),
                    _ => cluster.nats.pid(host - 3),
                };
                machines(yard)?.slow(process.unwrap_or_default())?;
            }
            Self::Clock(host, lead) => machines(yard)?.set_clock(host, lead)?,
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
            Self::FullDisk(host) => {
                machines(yard)?.free(host)?;
                // What a supervisor does: a relay whose store failed has ended itself, and a NATS server
                // that could not write offers no streams before it is started anew.
                match host {
                    0..3 if cluster.relays[host].has_ended() => _ = cluster.relays[host].start()?,
                    0..3 => {}
                    _ => {
                        cluster.nats.kill(host - 3)?;
                        cluster.nats.start_one(host - 3)?;
                    }
                }
            }
            Self::SlowDisk(_) => machines(yard)?.quick()?,
            Self::Clock(host, _) => machines(yard)?.set_clock(host, 0)?,
        }
        Ok(())
    }
}

fn machines(yard: &Yard) -> io::Result<&Machines> {
    yard.machines
        .as_ref()
        .ok_or_else(|| io::Error::other("the yard was built without machines"))
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
