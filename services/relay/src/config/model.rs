//! The settings and their defaults. Every one has a value, so that what is in force can be printed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The domain's name, as in its record.
    pub domain: String,
    /// The data directory.
    pub data: PathBuf,
    /// Where agents connect.
    pub edge: Edge,
    /// The certificate.
    pub tls: Tls,
    /// `/livez`, `/readyz`, `/metrics`.
    pub metrics: MetricsListener,
    /// The store.
    pub store: StoreSettings,
    /// The cluster, if the relay is one of several.
    pub cluster: ClusterSettings,
    /// The exchange with other domains.
    pub exchange: ExchangeSettings,
    /// The log.
    pub logs: Logs,
    /// Support codes.
    pub traces: Traces,
    /// The process itself.
    pub process: Process,
}

/// Where agents connect. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// Address to listen on; port 0 takes a free one.
    pub listen: String,
    /// `host:port` at which agents reach it, as written into the domain record.
    pub address: String,
    /// Threads that serve connections; 0 = one for every two processors.
    pub workers: usize,
    /// Connections at one time.
    pub max_connections: usize,
    /// Connections that have proved nothing; the oldest gives way to a new one.
    pub max_unproven: usize,
    /// TLS handshakes at one time, per worker.
    pub max_handshakes: usize,
    /// A handshake that takes longer is dropped.
    pub handshake_timeout: u64,
    /// A request whose head or body takes longer is dropped.
    pub request_timeout: u64,
    /// A connection that has proved nothing for so long is dropped.
    pub unproven_timeout: u64,
    /// A session is pinged this often.
    pub ping_every: u64,
    /// A session that was silent for so long is closed.
    pub silence_timeout: u64,
    /// How long SIGTERM and `drain` wait for work under way.
    pub drain_timeout: u64,
}

/// The certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate and those above it; relative to the data directory.
    pub certificate: PathBuf,
    /// PEM file with its private key; relative to the data directory.
    pub key: PathBuf,
    /// Also take clients that offer no post-quantum key exchange (X25519 alone).
    pub allow_classical: bool,
    /// `check` warns so many days before the certificate ends.
    pub warn_days: u64,
    /// `check` says critical so many days before the certificate ends.
    pub critical_days: u64,
}

/// The listener for probes and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsListener {
    /// Address to listen on, without TLS; loopback unless a private network carries it.
    pub listen: String,
    /// Whether an address other than loopback is meant.
    pub beyond_loopback: bool,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Slices of the mailboxes, fixed when the store is made.
    pub partitions: u16,
    /// New events are refused while less than this is free on the disk, MiB.
    pub reserve_mib: u64,
    /// What was erased has left the disk after so many seconds, at most.
    pub reclaim_every: u64,
}

/// The bus between the relays of a cluster. A relay that is alone needs none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// NATS servers, such as `nats://10.0.0.1:4222`.
    pub nats: Vec<String>,
    /// Stands in every subject, so that two clusters on one NATS do not meet.
    pub name: String,
    /// PEM file with the authorities of NATS's certificates; relative to the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// PEM file with this relay's certificate for NATS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Copies that NATS keeps of each stream.
    pub stream_replicas: usize,
    /// A stream of NATS holds no more than this, MiB.
    pub stream_mib: u64,
}

/// The exchange with other domains. The relays of a cluster use the cluster's NATS for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeSettings {
    /// NATS servers of its own, such as `tls://10.0.0.1:4222`; empty: those of the cluster.
    pub nats: Vec<String>,
    /// PEM file with the authorities of their certificates; relative to the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// PEM file with this relay's certificate for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// A request that was not answered comes back after so many seconds.
    pub give_up_after: u64,
}

/// The log: JSON lines on stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// `json` or `text`.
    pub format: String,
}

/// Support codes with times and outcomes, for `trace`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// Kept so many days.
    pub keep_days: u64,
    /// And never more than this, MiB; the oldest give way.
    pub max_mib: u64,
}

/// The process itself.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Let the kernel write core dumps and let others of the same user read its memory.
    pub core_dumps: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: String::new(),
            data: PathBuf::new(),
            edge: Edge::default(),
            tls: Tls::default(),
            metrics: MetricsListener::default(),
            store: StoreSettings::default(),
            cluster: ClusterSettings::default(),
            exchange: ExchangeSettings::default(),
            logs: Logs::default(),
            traces: Traces::default(),
            process: Process::default(),
        }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:7443".into(),
            address: String::new(),
            workers: 0,
            max_connections: 20_000,
            max_unproven: 1_024,
            max_handshakes: 2_048,
            handshake_timeout: 5,
            request_timeout: 10,
            unproven_timeout: 30,
            ping_every: 20,
            silence_timeout: 60,
            drain_timeout: 30,
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: "tls/certificate.pem".into(),
            key: "tls/certificate.key".into(),
            allow_classical: false,
            warn_days: 21,
            critical_days: 7,
        }
    }
}

impl Default for MetricsListener {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7444".into(),
            beyond_loopback: false,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            partitions: 4,
            reserve_mib: 1_024,
            reclaim_every: 24 * 3_600,
        }
    }
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            nats: Vec::new(),
            name: "telesphor".into(),
            ca: None,
            certificate: None,
            key: None,
            stream_replicas: 3,
            stream_mib: 1_024,
        }
    }
}

impl Default for ExchangeSettings {
    fn default() -> Self {
        Self {
            nats: Vec::new(),
            ca: None,
            certificate: None,
            key: None,
            give_up_after: 5 * 24 * 3_600,
        }
    }
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            level: "info".into(),
            format: "json".into(),
        }
    }
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            keep_days: 14,
            max_mib: 256,
        }
    }
}
