//! The shape of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A blind relay for clinical messages.
#[derive(Debug, Parser)]
#[command(name = "telesphor-relay", version, about, long_about = None, after_help = EXITS)]
pub(crate) struct Call {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXITS: &str = "Exit codes: 0 done, 1 our fault, 2 wrong usage, 3 refused, 4 not genuine, 5 nothing found, \
6 not yet, 7 relay not reachable, 8 this machine, 9 somebody was first. `check` alone has 0 OK, 1 WARNING, \
2 CRITICAL, 3 UNKNOWN.";

/// What holds for every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file [default: relay.toml in the data directory]
    #[arg(long, global = true, env = "TELESPHOR_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A setting by its path, over file and environment; may stand more than once
    #[arg(long = "set", global = true, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// One JSON object a line on stdout, faults as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// One fact a line, nothing redrawn
    #[arg(long, global = true)]
    pub plain: bool,
    /// Never ask; no command here does, so scripts may always pass it
    #[arg(long, global = true)]
    pub no_input: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a working configuration, own keys and a signed domain record
    Init(Init),
    /// Run; SIGHUP reloads certificates, SIGTERM drains
    Serve(Serve),
    /// Check the settings, or print those in force
    Config(ConfigArgs),
    /// Let agents enrol, by class
    Admit(Admit),
    /// Several relays that keep everything together, over NATS
    Cluster(ClusterArgs),
    /// Other hospitals
    Domain(DomainArgs),
    /// What is wrong, for monitoring: OK, WARNING, CRITICAL, UNKNOWN
    Check(Check),
    /// 0 or 1 only, for containers
    Healthcheck(Healthcheck),
    /// Sessions, partitions, disk, oldest command that is not durable
    Status(Status),
    /// One support code's way, without identifiers
    Trace(Trace),
    /// Facts of a data directory, read only
    Inspect(Inspect),
    /// Walk every chain and name the first broken link
    Verify,
    /// A checkpoint of the store, the keys and the settings
    Backup(Backup),
    /// Take a backup into a new data directory; begins a new incarnation
    Restore(Restore),
    /// Finish what is under way, refuse new, exit
    Drain(Drain),
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Name of the domain, such as hospital-a.example
    #[arg(long)]
    pub domain: String,
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0:7443", value_name = "ADDR")]
    pub listen: String,
    /// host:port at which agents reach it [default: the domain and the port listened on]
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// PEM file with the certificate; without it one is made, for tests and the first days
    #[arg(long, requires = "key", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, requires = "certificate", value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Address of /livez, /readyz and /metrics
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<String>,
    /// error, warn, info or debug
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

impl Serve {
    /// The flags as paths and values.
    pub(crate) fn flags(&self) -> Vec<(String, String)> {
        [
            ("edge.listen", &self.listen),
            ("metrics.listen", &self.metrics_listen),
            ("logs.level", &self.log_level),
        ]
        .into_iter()
        .filter_map(|(path, value)| value.clone().map(|v| (path.to_owned(), v)))
        .collect()
    }
}

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Which.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// `config check|print`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Name every fault by its path
    Check,
    /// Print the settings
    Print {
        /// Those in force: file, environment and flags together, with every default
        #[arg(long)]
        effective: bool,
    },
}

/// `admit`.
#[derive(Debug, Args)]
pub(crate) struct Admit {
    /// Which.
    #[command(subcommand)]
    pub command: AdmitCommand,
}

/// `admit new|list|end`.
#[derive(Debug, Subcommand)]
pub(crate) enum AdmitCommand {
    /// A link that lets agents enrol
    New {
        /// patient, clinician, device or organisation
        #[arg(long)]
        class: String,
        /// How many may use it
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// Until when: 30d, 2027-02-18 or an RFC 3339 instant
        #[arg(long, default_value = "30d")]
        until: String,
        /// Show it as a QR code too
        #[arg(long)]
        qr: bool,
    },
    /// Links that still work
    List,
    /// Make a link worthless
    End {
        /// Its id, as `admit list` shows it; may be shortened while unique
        id: String,
    },
}

/// `cluster`.
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Which.
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// `cluster init|replace|renew|accept|show|status`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Found a cluster: a data directory for each of its relays
    Init(ClusterInit),
    /// Give the seat of a relay that leaves, or that will not come back, to another one: makes its data
    /// directory from this running relay
    Replace(ClusterReplace),
    /// One more relay, with a data directory of its own: where --replicas keep each mailbox
    Add(ClusterAdd),
    /// One relay less: the others take over what it keeps
    Drain(ClusterDrain),
    /// Another certificate key or address for this relay
    Renew(ClusterRenew),
    /// Take a change that was made at another relay of the cluster
    Accept(ClusterAccept),
    /// Who is in the cluster, by its signed record: no relay needs to run
    Show,
    /// How this relay stands in each partition
    Status,
}

/// `cluster init`.
#[derive(Debug, Args)]
pub(crate) struct ClusterInit {
    /// Name of the domain, such as hospital-a.example
    #[arg(long)]
    pub domain: String,
    /// host:port at which agents reach a relay; once for each, 3, 5 or 7 of them, or more with --replicas
    #[arg(long, required = true, value_name = "HOST:PORT")]
    pub relay: Vec<String>,
    /// Where NATS is, such as tls://10.0.0.1:4222; once for each server. With tls:// the relays show
    /// who they are by nats/certificate.pem in their data directory, which `ops/nats/make` puts there
    #[arg(long, required = true, value_name = "URL")]
    pub nats: Vec<String>,
    /// How many relays keep each mailbox, 3, 5 or 7, if not all of them are to: then there may be any
    /// number of relays above that, and each takes every request
    #[arg(long, value_name = "NUMBER")]
    pub replicas: Option<u16>,
    /// Into how many parts mailboxes are divided; for the cluster's life
    #[arg(long, value_name = "NUMBER")]
    pub partitions: Option<u16>,
    /// Address that every relay listens on, with the port of its own
    #[arg(long, default_value = "0.0.0.0", value_name = "IP")]
    pub listen: String,
    /// Stands in every subject of NATS, so that two clusters on one NATS do not meet
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A folder that does not exist yet, for the data directories
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// `cluster replace`.
#[derive(Debug, Args)]
pub(crate) struct ClusterReplace {
    /// The relay that leaves: beginning of its member name, or its address, as `cluster show` has them
    pub member: String,
    /// host:port at which agents reach the new relay
    #[arg(long, value_name = "HOST:PORT")]
    pub with: String,
    /// A folder that does not exist yet, for the new relay's data directory and the change
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// `cluster add`.
#[derive(Debug, Args)]
pub(crate) struct ClusterAdd {
    /// host:port at which agents reach the new relay
    #[arg(value_name = "HOST:PORT")]
    pub address: String,
    /// A folder that does not exist yet, for the new relay's data directory and the change
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
}

/// `cluster drain`.
#[derive(Debug, Args)]
pub(crate) struct ClusterDrain {
    /// The relay that leaves: beginning of its member name, or its address, as `cluster show` has them
    pub member: String,
    /// A file that does not exist yet, for the change
    #[arg(long, value_name = "FILE")]
    pub into: PathBuf,
}

/// `cluster renew`.
#[derive(Debug, Args)]
pub(crate) struct ClusterRenew {
    /// PEM file with the new certificate; without it the one of the settings is meant
    #[arg(long, requires = "key", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, requires = "certificate", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// host:port at which agents will reach it
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// A file that does not exist yet, for the change
    #[arg(long, value_name = "FILE")]
    pub into: PathBuf,
}

/// `cluster accept`.
#[derive(Debug, Args)]
pub(crate) struct ClusterAccept {
    /// The file that `cluster replace` or `cluster renew` made
    pub change: PathBuf,
}

/// `domain`.
#[derive(Debug, Args)]
pub(crate) struct DomainArgs {
    /// Which.
    #[command(subcommand)]
    pub command: DomainCommand,
}

/// `domain show|pin|peers|unpin`.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// This domain's card, to be given to other hospitals
    Show {
        /// Write it to this file, which does not exist yet
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
    /// Exchange with another hospital from now on: pins its card. At each relay of a cluster
    Pin {
        /// The other hospital's card, made by its `domain show --into`
        card: PathBuf,
        /// Its key as its operator says it by another way: anything else is refused
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Another key may stand for the name from now on
        #[arg(long)]
        replace: bool,
    },
    /// The pinned hospitals, and how it stands with each
    Peers,
    /// Exchange nothing more with another hospital
    Unpin {
        /// Its domain
        domain: String,
    },
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// How to show it
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// How `check` shows what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Text,
    /// One object
    Json,
    /// One line for monitoring plug-ins
    Nagios,
    /// For the text file collector
    Prometheus,
}

/// `healthcheck`.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// Whether it takes requests, not only whether it lives
    #[arg(long)]
    pub ready: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Again every two seconds, until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// `trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// The support code the client printed, such as 7KQ-2M4
    pub code: String,
}

/// `inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Only this partition
    #[arg(long)]
    pub partition: Option<u16>,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// A folder that does not exist yet
    pub to: PathBuf,
    /// Walk every chain of the copy before saying that it is good
    #[arg(long)]
    pub verify: bool,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A folder made by `backup`
    pub from: PathBuf,
}

/// `drain`.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// Wait so long for work under way
    #[arg(long, default_value = "30s")]
    pub timeout: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn two_flags_contradict_each_other() {
        super::Call::command().debug_assert();
    }
}
