//! What can be asked on the admin socket, and the answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use telesphor_order::member::clocks::TOLERANCE_MS;

/// Longest line in either direction, bytes.
pub const MAX_LINE: u64 = 256 * 1024;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How it is.
    Status,
    /// One support code's way.
    Trace {
        /// The code.
        code: String,
    },
    /// Finish what is under way, refuse new, exit.
    Drain {
        /// Wait so long, seconds.
        timeout_s: u64,
    },
    /// A new admission.
    AdmitNew {
        /// Number of the class.
        class: u16,
        /// How many may use it.
        uses: u32,
        /// Worthless after this instant, Unix milliseconds.
        until: u64,
    },
    /// Admissions that still work.
    AdmitList,
    /// Make an admission worthless.
    AdmitEnd {
        /// Beginning of its id.
        id: String,
    },
    /// A checkpoint of the store.
    Backup {
        /// A folder that does not exist yet.
        to: PathBuf,
    },
    /// The records of the cluster and of the domain were replaced.
    ClusterChanged,
    /// Domains were pinned or unpinned.
    DomainsChanged,
    /// How it stands with other domains.
    Domains,
}

/// The answer to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    /// Done.
    Done(T),
    /// Not done.
    Fault(FaultWords),
}

/// A fault on its way over the socket.
#[derive(Debug, Serialize, Deserialize)]
pub struct FaultWords {
    /// Exit code for the command.
    pub exit: u8,
    /// Number of the stable code.
    pub code: u16,
    /// What happened.
    pub words: String,
    /// When it is worth trying again, seconds.
    pub retry_after_s: Option<u64>,
}

/// How the relay is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// `serving`, `draining` or `failed`.
    pub standing: String,
    /// The domain.
    pub domain: String,
    /// Version of the program.
    pub version: String,
    /// The store's life, hex.
    pub incarnation: String,
    /// When the process began, Unix milliseconds.
    pub started: u64,
    /// Where it listens, with the port it really has.
    pub listen: String,
    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub metrics: String,
    /// WebSocket sessions.
    pub sessions: u64,
    /// Connections that have proved nothing.
    pub unproven: u64,
    /// Mailboxes awake in memory.
    pub live_mailboxes: u64,
    /// Commands without an answer yet.
    pub calls_in_flight: u64,
    /// Age of the oldest command that is not durable, milliseconds.
    pub oldest_not_durable_ms: Option<u64>,
    /// How long the last fsync took, microseconds.
    pub last_fsync_us: Option<u64>,
    /// Commands that changed something, since the start.
    pub accepted: u64,
    /// When the certificate ends, Unix seconds.
    pub certificate_until: i64,
    /// Bytes free on the store's disk.
    pub disk_free: u64,
    /// Bytes that are kept back.
    pub disk_reserve: u64,
    /// Whether new events are refused for want of room.
    pub writes_stopped: bool,
    /// Jumps of the machine's clock since the start.
    pub clock_steps: u64,
    /// How far it is ahead of what the relays of the cluster agree on (behind, if negative), milliseconds.
    pub clock_lead_ms: Option<i64>,
    /// The partitions.
    pub partitions: Vec<PartitionStatus>,
}

impl Status {
    /// The machine's clock in words.
    pub fn clock(&self) -> String {
        let jumps = format!("{} jump(s) since the start", self.clock_steps);
        match self.clock_lead_ms {
            Some(lead) if !self.clock_agrees() => {
                let way = if lead > 0 { "ahead of" } else { "behind" };
                let apart = lead.unsigned_abs() / 1000;
                format!("WRONG: {apart} s {way} what the relays agree on; theirs is used; {jumps}")
            }
            _ => jumps,
        }
    }

    /// Whether the machine's clock says what the relays agree on.
    pub fn clock_agrees(&self) -> bool {
        self.clock_lead_ms
            .is_none_or(|lead| lead.unsigned_abs() <= TOLERANCE_MS)
    }
}

/// A relay of the version before keeps everything.
const fn kept() -> bool {
    true
}

/// One partition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// Which.
    pub partition: u16,
    /// Whether this relay keeps it; if not, what concerns it is passed on.
    #[serde(default = "kept")]
    pub kept: bool,
    /// Whether it is to keep it and does not: it takes it over when it starts.
    #[serde(default)]
    pub to_take_over: bool,
    /// Addresses of the relays that are to keep it, where not all of them do.
    #[serde(default)]
    pub keepers: Vec<String>,
    /// Last position that is durable.
    pub position: u64,
    /// Groups that wait to be ordered.
    pub waiting: u64,
    /// Age of the oldest command that is not durable, milliseconds.
    pub oldest_not_durable_ms: Option<u64>,
    /// Confirms nothing, because something is wrong.
    pub fenced: bool,
    /// How the relay stands in the partition's cluster, if it is one of several.
    pub member: Option<MemberStatus>,
}

/// One relay in a partition's cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberStatus {
    /// What it does; `following` is the everyday one.
    pub phase: String,
    /// Rises with each rebase.
    pub round: u64,
    /// Whether the incarnation is known to be active.
    pub active: bool,
    /// Whether this relay votes.
    pub votes: bool,
    /// Relays that vote.
    pub seats: u64,
    /// Of these, how many were heard.
    pub heard: u64,
    /// The last entry on this disk.
    pub head: u64,
    /// The last one that a majority remembers.
    pub chosen: u64,
    /// The last one that was answered.
    pub durable: u64,
    /// By which version of the rules is decided.
    #[serde(default)]
    pub rules: u16,
    /// Why it cannot go on by itself, if so.
    pub lost: Option<String>,
    /// Why it was fenced, while it does not follow again.
    #[serde(default)]
    pub fenced: Option<String>,
}

/// One support code's way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TraceStep {
    /// When it came in, RFC 3339.
    pub accepted: String,
    /// When it was durable, refused or otherwise answered, RFC 3339.
    pub answered: String,
    /// `durable`, `refused`, `busy`, `not_yet_durable`, `answered` or `unanswered`.
    pub outcome: String,
    /// The code of a refusal.
    pub code: Option<String>,
    /// What that code says.
    pub words: Option<String>,
    /// Sessions that its event left for, the sender's own not counted.
    pub sessions: u32,
    /// Whether they are still counted. If not there may have been more of them.
    pub counting: bool,
}

/// An admission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdmissionRow {
    /// Hash of its token, hex: names it without letting anybody use it.
    pub id: String,
    /// Name of the class.
    pub class: String,
    /// How many may still use it.
    pub uses: u32,
    /// Worthless after this instant, Unix milliseconds.
    pub until: u64,
}

/// A new admission, with what lets it be used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewAdmission {
    /// Its row.
    #[serde(flatten)]
    pub row: AdmissionRow,
    /// The link.
    pub link: String,
}

/// A backup that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupMade {
    /// Where.
    pub to: PathBuf,
    /// The store's life, hex.
    pub incarnation: String,
}

/// Something began or ended; there is nothing more to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nothing {}
