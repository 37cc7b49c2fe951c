//! What the admin socket can have done.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use telesphor_engine::{AdminError, Engine, EngineStanding};
use telesphor_order::cluster::{Clocks, Wanted};
use telesphor_rules::class;
use telesphor_rules::facts::Token;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{PartitionId, Voucher};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::SupportCode;
use tokio::sync::watch;

use super::words::{
    AdmissionRow, BackupMade, MemberStatus, NewAdmission, Nothing, PartitionStatus, Status, TraceStep,
};
use crate::backup;
use crate::classes;
use crate::clock;
use crate::cluster;
use crate::edge::gate::Gate;
use crate::edge::{Published, Room};
use crate::exchange::{Exchange, PeerStanding};
use crate::fault::{Exit, Fault};
use crate::layout::Layout;
use crate::metrics::Metrics;
use crate::peers::PinnedDomains;
use crate::record;
use crate::serve::store_fault;
use crate::tls::Certificates;
use crate::traces;

/// Admissions looked at, at most.
const MOST_TOKENS: usize = 100_000;

/// Everything it needs; shared with the rest of the process.
pub struct Office {
    /// Decides and keeps.
    pub engine: Engine,
    /// Connections that have proved nothing.
    pub gate: Arc<Gate>,
    /// Room on the disk.
    pub room: Arc<Room>,
    /// Counters.
    pub metrics: Metrics,
    /// The certificate in use.
    pub certificates: Arc<Certificates>,
    /// The record in force.
    pub published: Arc<Published>,
    /// The other domains that are pinned.
    pub peers: Arc<RwLock<PinnedDomains>>,
    /// The exchange with them, if there is a way.
    pub(crate) exchange: Option<Arc<Exchange>>,
    /// The data directory.
    pub layout: Layout,
    /// The key that signs the domain's records.
    pub domain: PublicKey,
    /// This relay, as its cluster knows it.
    pub me: PublicKey,
    /// Who is to vote, if the relay is one of several.
    pub wanted: Option<watch::Sender<Wanted>>,
    /// Its clock and the others', if the relay is one of several.
    pub clocks: Option<Arc<Clocks>>,
    /// Support codes are kept so many days.
    pub keep_days: u64,
    /// When the process began, Unix milliseconds.
    pub started: u64,
    /// Where the edge listens.
    pub listening: SocketAddr,
    /// Where probes and metrics are.
    pub probing: SocketAddr,
}

impl Office {
    /// How the relay is.
    pub fn status(&self) -> Status {
        let seen = self.engine.observe();
        let millis = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let standing = match seen.standing {
            EngineStanding::Serving => "serving",
            EngineStanding::Draining => "draining",
            EngineStanding::Failed => "failed",
        };
        Status {
            standing: standing.to_owned(),
            domain: self.published.record().record.domain.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incarnation: hex(seen.incarnation.as_bytes()),
            started: self.started,
            listen: self.listening.to_string(),
            metrics: self.probing.to_string(),
            sessions: seen.sessions as u64,
            unproven: self.gate.occupied() as u64,
            live_mailboxes: seen.live_mailboxes as u64,
            calls_in_flight: seen.calls_in_flight as u64,
            oldest_not_durable_ms: seen
                .partitions
                .iter()
                .filter_map(|p| p.oldest_not_durable)
                .max()
                .map(millis),
            last_fsync_us: seen
                .last_fsync
                .map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
            accepted: seen.totals.accepted,
            certificate_until: self.certificates.current().not_after,
            disk_free: self.room.free(),
            disk_reserve: self.room.reserve(),
            writes_stopped: self.room.is_short(),
            clock_steps: self.metrics.clock_steps(),
            clock_lead_ms: self.clocks.as_ref().and_then(|c| c.lead()),
            partitions: seen
                .partitions
                .iter()
                .map(|p| PartitionStatus {
                    partition: p.partition.0,
                    kept: p.kept,
                    to_take_over: !p.kept && self.is_keeper(p.partition),
                    keepers: self.keepers(p.partition),
                    position: p.position,
                    waiting: p.waiting as u64,
                    oldest_not_durable_ms: p.oldest_not_durable.map(millis),
                    fenced: p.fenced,
                    member: p.member.as_ref().map(member),
                })
                .collect(),
        }
    }

    /// Whether this relay is to keep a partition.
    fn is_keeper(&self, partition: PartitionId) -> bool {
        let wanted = self.wanted.as_ref().map(watch::Sender::borrow);
        wanted.is_some_and(|wanted| wanted.seats(partition).contains(&self.me))
    }

    /// Where a partition is kept, if not at every relay.
    fn keepers(&self, partition: PartitionId) -> Vec<String> {
        let Some(wanted) = self.wanted.as_ref().map(watch::Sender::borrow) else {
            return Vec::new();
        };
        if wanted.replicas.is_none() {
            return Vec::new();
        }
        let (seats, record) = (wanted.seats(partition), self.published.record());
        let relays = record.record.relays.iter();
        let keepers = relays.filter(|entry| seats.contains(&entry.relay));
        keepers.map(|entry| entry.address.clone()).collect()
    }

    /// One support code's way.
    pub fn trace(&self, code: &str) -> Result<Vec<TraceStep>, Fault> {
        trace(&self.layout, self.keep_days, code, Some(&self.engine))
    }

    /// A new admission, with its link.
    pub async fn admit(&self, class: u16, uses: u32, until: u64) -> Result<NewAdmission, Fault> {
        let known = class::by_number(class).ok_or_else(|| Fault::usage("there is no such class"))?;
        if uses == 0 || until <= clock::now_ms() {
            return Err(Fault::usage(
                "an admission needs at least one use and an end in the future",
            ));
        }
        let token = Voucher::random();
        self.engine
            .register_token(
                token,
                Token {
                    class: known.number,
                    uses,
                    until,
                },
            )
            .await
            .map_err(|e| refused(&e))?;
        let record = self.published.record();
        // Whoever follows the link comes to the relay that shows this certificate.
        let tls_key = self.certificates.current().tls_key;
        let here = record
            .record
            .relays
            .iter()
            .find(|entry| entry.tls_key == tls_key)
            .ok_or_else(|| Fault::bug("the domain record does not name this relay"))?;
        let link = AdmissionLink {
            domain: record.record.domain.clone(),
            address: here.address.clone(),
            key: record.record.key,
            tls_key,
            token,
        };
        let id = telesphor_rules::facts::token_hash(&token);
        Ok(NewAdmission {
            row: row(&id, Token { class, uses, until }),
            link: link.to_text(),
        })
    }

    /// Admissions that still work.
    pub async fn admissions(&self) -> Result<Vec<AdmissionRow>, Fault> {
        let now = clock::now_ms();
        let tokens = self.engine.tokens(MOST_TOKENS).map_err(|e| store_fault(&e))?;
        Ok(tokens
            .iter()
            .filter(|(_, t)| t.uses > 0 && t.until > now)
            .map(|(id, t)| row(id, *t))
            .collect())
    }

    /// Makes an admission worthless. What was enrolled with it stays.
    pub async fn end_admission(&self, id: String) -> Result<AdmissionRow, Fault> {
        let found = self.engine.tokens(MOST_TOKENS).map_err(|e| store_fault(&e))?;
        let mut fitting = found
            .iter()
            .filter(|(digest, t)| t.uses > 0 && hex(digest.as_bytes()).starts_with(&id));
        let (Some((digest, token)), None) = (fitting.next(), fitting.next()) else {
            let several = found
                .iter()
                .filter(|(d, _)| hex(d.as_bytes()).starts_with(&id))
                .count()
                > 1;
            return Err(match several {
                true => Fault::usage("this id names more than one admission; give more letters of it"),
                false => Fault::new(
                    Exit::NotFound,
                    ErrorCode::NotFound,
                    "there is no admission of this id",
                ),
            });
        };
        let ended = Token { uses: 0, ..*token };
        self.engine
            .set_token(*digest, ended)
            .await
            .map_err(|e| refused(&e))?;
        Ok(row(digest, ended))
    }

    /// Takes the records of the cluster and of the domain as they lie in the data directory now.
    pub fn reread(&self) -> Result<Nothing, Fault> {
        let Some(wanted) = &self.wanted else {
            return Err(Fault::usage("this relay is alone"));
        };
        let cluster = cluster::record::read(&self.layout, &self.domain)?
            .ok_or_else(|| Fault::usage("this relay has no cluster record any more"))?;
        self.published.replace(record::read(&self.layout)?);
        wanted.send_replace(cluster.wanted());
        if cluster.record.replicas().is_some() && !cluster.record.seats.contains(&self.me) {
            // It hands over what it keeps; whoever comes is served by those who stay.
            self.engine.retire();
        }
        tracing::info!(
            edition = cluster.record.edition,
            "took a new record of the cluster"
        );
        Ok(Nothing {})
    }

    /// Takes note of domains that were pinned or unpinned.
    pub fn repin(&self) -> Result<Nothing, Fault> {
        let peers = PinnedDomains::read(&self.layout)?;
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
        tracing::info!("took the pinned domains anew");
        Ok(Nothing {})
    }

    /// The pinned domains, and how it stands with them.
    pub fn domains(&self) -> Result<Vec<PeerStanding>, Fault> {
        match &self.exchange {
            Some(exchange) => Ok(exchange.standing()),
            None => Err(Fault::of(Exit::Refused, ErrorCode::ExchangeOff)),
        }
    }

    /// A checkpoint of the store with what a restore needs beside it.
    pub async fn backup(&self, to: &Path) -> Result<BackupMade, Fault> {
        let folder = backup::begin(to)?;
        self.engine
            .backup(folder.store())
            .await
            .map_err(|e| refused(&e))?;
        backup::finish(&self.layout, &folder)?;
        Ok(BackupMade {
            to: to.to_owned(),
            incarnation: hex(self.engine.observe().incarnation.as_bytes()),
        })
    }
}

/// One support code's way, from the traces of a data directory and from the engine that runs
/// on it, if one does.
///
/// # Errors
/// Exit 5 if there are none.
pub fn trace(
    layout: &Layout,
    keep_days: u64,
    code: &str,
    live: Option<&Engine>,
) -> Result<Vec<TraceStep>, Fault> {
    let code: SupportCode = code
        .parse()
        .map_err(|e: telesphor_wire::text::TextError| Fault::usage(e.to_string()))?;
    let oldest = (clock::now_ms() / 1000).saturating_sub(keep_days * 24 * 3600);
    let found = traces::find(&layout.traces(), code, u32::try_from(oldest).unwrap_or(u32::MAX))
        .map_err(|e| Fault::file("support codes", &layout.traces(), &e))?;
    if found.requests.is_empty() {
        return Err(Fault::new(
            Exit::NotFound,
            ErrorCode::NotFound,
            format!("no request with the support code {code} was seen here in the time that is kept"),
        ));
    }
    // The engine knows of a delivery before the writer of traces does.
    let known = live.map(|engine| engine.trace(code)).unwrap_or_default();
    let sessions = known.iter().map(|t| t.sessions).fold(found.sessions, u32::max);
    let show = |seconds: u32| clock::show(u64::from(seconds) * 1000);
    let step = |t: &traces::Trace| {
        let refusal = match t.outcome {
            traces::Outcome::Refused(code) => Some(code),
            _ => None,
        };
        TraceStep {
            accepted: show(t.taken),
            answered: show(t.answered),
            outcome: t.outcome.word().to_owned(),
            code: refusal.map(|c| c.to_string()),
            words: refusal.map(|c| c.words().to_owned()),
            sessions,
            counting: !known.is_empty(),
        }
    };
    Ok(found.requests.iter().map(step).collect())
}

fn refused(error: &AdminError) -> Fault {
    match error {
        AdminError::Store(error) => store_fault(error),
        AdminError::Stopped => Fault::of(Exit::Refused, ErrorCode::Draining),
        AdminError::NotYet => Fault::new(Exit::NotYet, ErrorCode::Fenced, error.to_string()),
        AdminError::Busy => Fault::new(Exit::NotYet, ErrorCode::Draining, error.to_string()),
        AdminError::Failed => Fault::of(Exit::Machine, ErrorCode::Fenced),
    }
}

fn row(id: &Digest, token: Token) -> AdmissionRow {
    AdmissionRow {
        id: hex(id.as_bytes()),
        class: classes::name(token.class).to_owned(),
        uses: token.uses,
        until: token.until,
    }
}

/// Small letters and digits, two a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn member(seen: &telesphor_order::Standing) -> MemberStatus {
    MemberStatus {
        phase: seen.phase.to_owned(),
        round: seen.round,
        active: seen.active,
        votes: seen.votes,
        seats: seen.seats as u64,
        heard: seen.heard as u64,
        head: seen.head,
        chosen: seen.chosen,
        durable: seen.durable,
        rules: seen.rules,
        lost: seen.lost.map(|why| why.to_string()),
        fenced: seen.fenced.map(str::to_owned),
    }
}
