//! What the types cannot say: ranges, addresses, and settings that contradict each other.

use std::net::SocketAddr;

use telesphor_wire::text::Domain;

use super::load::ConfigFault;
use super::model::Settings;

/// Longest path of a Unix socket (`sun_path` holds 108 bytes with its end mark).
const MAX_SOCKET_PATH: usize = 107;

/// All that was found wrong.
pub type Finding = Vec<ConfigFault>;

/// Checks settings; an empty list means that the relay can start with them.
pub fn check(s: &Settings) -> Finding {
    let mut found = Finding::new();
    let mut need = |ok: bool, path: &str, words: &str| {
        if !ok {
            found.push(ConfigFault::at(path, words));
        }
    };
    need(
        s.domain.parse::<Domain>().is_ok(),
        "domain",
        "must be a domain name in small letters",
    );
    need(
        !s.data.as_os_str().is_empty(),
        "data",
        "must name the data directory",
    );
    need(
        s.data.join("admin.sock").as_os_str().len() <= MAX_SOCKET_PATH,
        "data",
        "is too long a path for the admin socket in it; choose a shorter one",
    );
    need(
        s.edge.listen.parse::<SocketAddr>().is_ok(),
        "edge.listen",
        "must be an address and port, such as 0.0.0.0:7443",
    );
    need(
        address_ok(&s.edge.address),
        "edge.address",
        "must be host:port, as agents reach it",
    );
    need(
        s.cluster
            .nats
            .iter()
            .all(|url| url.starts_with("nats://") || url.starts_with("tls://")),
        "cluster.nats",
        "must be addresses such as nats://10.0.0.1:4222",
    );
    need(
        !s.cluster.name.is_empty()
            && s.cluster
                .name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-'),
        "cluster.name",
        "must be letters, digits and hyphens",
    );
    need(
        matches!(s.cluster.stream_replicas, 1 | 3 | 5),
        "cluster.stream_replicas",
        "must be 1, 3 or 5",
    );
    need(
        s.cluster.certificate.is_some() == s.cluster.key.is_some(),
        "cluster.certificate",
        "must come together with cluster.key",
    );
    need(
        s.exchange
            .nats
            .iter()
            .all(|url| url.starts_with("nats://") || url.starts_with("tls://")),
        "exchange.nats",
        "must be addresses such as tls://10.0.0.1:4222",
    );
    need(
        s.exchange.certificate.is_some() == s.exchange.key.is_some(),
        "exchange.certificate",
        "must come together with exchange.key",
    );
    need(
        (1..=6 * 24 * 3_600).contains(&s.exchange.give_up_after),
        "exchange.give_up_after",
        "must be 1 to 518400 seconds (6 days): nothing is valid for longer than 7 days",
    );
    need(s.edge.workers <= 256, "edge.workers", "must be at most 256");
    need(
        s.edge.max_connections >= 16,
        "edge.max_connections",
        "must be at least 16",
    );
    need(
        s.edge.max_unproven >= 8,
        "edge.max_unproven",
        "must be at least 8",
    );
    need(
        s.edge.max_unproven <= s.edge.max_connections,
        "edge.max_unproven",
        "must not be more than edge.max_connections",
    );
    need(
        s.edge.max_handshakes >= 8,
        "edge.max_handshakes",
        "must be at least 8",
    );
    for (path, value) in [
        ("edge.handshake_timeout", s.edge.handshake_timeout),
        ("edge.request_timeout", s.edge.request_timeout),
        ("edge.unproven_timeout", s.edge.unproven_timeout),
        ("edge.ping_every", s.edge.ping_every),
        ("edge.silence_timeout", s.edge.silence_timeout),
        ("edge.drain_timeout", s.edge.drain_timeout),
    ] {
        need((1..=3600).contains(&value), path, "must be 1 to 3600 seconds");
    }
    need(
        s.edge.silence_timeout > s.edge.ping_every,
        "edge.silence_timeout",
        "must be longer than edge.ping_every, or every quiet session is closed",
    );
    need(
        !s.tls.certificate.as_os_str().is_empty(),
        "tls.certificate",
        "must name a file",
    );
    need(!s.tls.key.as_os_str().is_empty(), "tls.key", "must name a file");
    need(
        s.tls.warn_days >= s.tls.critical_days,
        "tls.warn_days",
        "must not be less than tls.critical_days",
    );
    match s.metrics.listen.parse::<SocketAddr>() {
        Ok(at) => need(
            at.ip().is_loopback() || s.metrics.beyond_loopback,
            "metrics.listen",
            "is not loopback; if that is meant, set metrics.beyond_loopback",
        ),
        Err(_) => need(
            false,
            "metrics.listen",
            "must be an address and port, such as 127.0.0.1:7444",
        ),
    }
    need(
        (1..=4096).contains(&s.store.partitions),
        "store.partitions",
        "must be 1 to 4096",
    );
    need(
        s.store.reserve_mib >= 1,
        "store.reserve_mib",
        "must be at least 1",
    );
    need(
        (1..=30 * 24 * 3_600).contains(&s.store.reclaim_every),
        "store.reclaim_every",
        "must be 1 to 2592000 seconds (30 days)",
    );
    need(
        matches!(s.logs.level.as_str(), "error" | "warn" | "info" | "debug"),
        "logs.level",
        "must be error, warn, info or debug",
    );
    need(
        matches!(s.logs.format.as_str(), "json" | "text"),
        "logs.format",
        "must be json or text",
    );
    need(
        (1..=365).contains(&s.traces.keep_days),
        "traces.keep_days",
        "must be 1 to 365",
    );
    need(s.traces.max_mib >= 1, "traces.max_mib", "must be at least 1");
    found
}

/// `host:port` with a host that is a name or an address.
fn address_ok(address: &str) -> bool {
    if address.parse::<SocketAddr>().is_ok() {
        return true;
    }
    match address.rsplit_once(':') {
        Some((host, port)) => host.parse::<Domain>().is_ok() && port.parse::<u16>().is_ok(),
        None => false,
    }
}
