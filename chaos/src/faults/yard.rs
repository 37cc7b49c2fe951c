//! Machines for a cluster: network namespaces with an address each, all at one bridge, inside a
//! network of this process's own. Nothing leaves it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::Machines;

/// Set for a process that is in a network of its own.
pub const INSIDE: &str = "TELESPHOR_IN_A_YARD";

/// The command that runs this program again in a network and mounts of its own.
///
/// # Errors
/// If this program cannot be found.
pub fn inside() -> io::Result<Command> {
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--net", "--mount"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1");
    Ok(command)
}

/// The machines: relays first, then as many NATS servers.
pub struct Yard {
    hosts: Vec<PathBuf>,
    /// Disks and clocks of their own, if they have any.
    pub machines: Option<Machines>,
}

impl Yard {
    /// Machines of a cluster of three.
    pub const HOSTS: usize = 6;

    /// Builds it, with files in `folder`; with `machines`, disks can fill up and clocks can be set.
    ///
    /// # Errors
    /// If the system does not let this process.
    pub fn build(folder: &Path, relays: usize, machines: bool) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        ip(["link", "set", "lo", "up"])?;
        ip(["link", "add", "yard", "type", "bridge"])?;
        ip(["addr", "add", "10.77.0.1/24", "dev", "yard"])?;
        ip(["link", "set", "yard", "up"])?;
        let machines = machines
            .then(|| Machines::build(&folder, 2 * relays))
            .transpose()?;
        let mut yard = Self {
            hosts: Vec::new(),
            machines,
        };
        for host in 0..2 * relays {
            let file = folder.join(format!("host-{host}"));
            fs::write(&file, b"")?;
            run(Command::new("unshare")
                .arg(format!("--net={}", file.display()))
                .arg("true"))?;
            let link = link(host);
            let path = file.as_os_str();
            ip(["link", "add", &link, "type", "veth", "peer", "name", "eth0"])?;
            ip([
                OsStr::new("link"),
                "set".as_ref(),
                "eth0".as_ref(),
                "netns".as_ref(),
                path,
            ])?;
            ip(["link", "set", &link, "master", "yard", "up"])?;
            yard.hosts.push(file);
            let address = format!("{}/24", yard.address(host));
            yard.on(host, &["addr", "add", &address, "dev", "eth0"])?;
            yard.on(host, &["link", "set", "eth0", "up"])?;
            yard.on(host, &["link", "set", "lo", "up"])?;
        }
        Ok(yard)
    }

    /// Where a machine is.
    pub fn address(&self, host: usize) -> IpAddr {
        Ipv4Addr::new(10, 77, 0, 10 + host as u8).into()
    }

    /// Runs a program on it.
    pub fn through(&self, host: usize) -> Vec<String> {
        let mut through = vec![
            "nsenter".to_owned(),
            format!("--net={}", self.hosts[host].display()),
        ];
        through.extend(self.machines.iter().flat_map(|m| m.through(host)));
        through
    }

    /// Carries a folder to a machine's disk, if it has one.
    ///
    /// # Errors
    /// If it cannot be carried.
    pub fn carry(&self, host: usize, folder: &Path) -> io::Result<()> {
        self.machines.as_ref().map_or(Ok(()), |m| m.carry(host, folder))
    }

    /// Takes it from the net: whatever it sends or is sent vanishes.
    ///
    /// # Errors
    /// If the system does not let this process.
    pub fn isolate(&self, host: usize) -> io::Result<()> {
        ip(["link", "set", &link(host), "nomaster"])
    }

    /// Puts it back.
    ///
    /// # Errors
    /// If the system does not let this process.
    pub fn rejoin(&self, host: usize) -> io::Result<()> {
        ip(["link", "set", &link(host), "master", "yard"])
    }

    /// What `from` sends to `to` goes to a machine that is not there.
    ///
    /// # Errors
    /// If the system does not let this process.
    pub fn deafen(&self, from: usize, to: usize) -> io::Result<()> {
        let to = self.address(to).to_string();
        let nobody = "02:00:00:00:00:99";
        self.on(
            from,
            &[
                "neigh",
                "replace",
                &to,
                "lladdr",
                nobody,
                "dev",
                "eth0",
                "nud",
                "permanent",
            ],
        )
    }

    /// And reaches it again.
    ///
    /// # Errors
    /// If the system does not let this process.
    pub fn hear(&self, from: usize, to: usize) -> io::Result<()> {
        let to = self.address(to).to_string();
        self.on(from, &["neigh", "del", &to, "dev", "eth0"])
    }

    fn on(&self, host: usize, arguments: &[&str]) -> io::Result<()> {
        run(Command::new("nsenter")
            .arg(format!("--net={}", self.hosts[host].display()))
            .arg("ip")
            .args(arguments))
    }
}

fn link(host: usize) -> String {
    format!("host{host}")
}

fn ip<S: AsRef<OsStr>, const N: usize>(arguments: [S; N]) -> io::Result<()> {
    run(Command::new("ip").args(arguments))
}

pub(super) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", said.trim())))
}
