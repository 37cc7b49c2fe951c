//! From solid ground to a running relay, and back.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::future::{BoxFuture, FutureExt};
use telesphor_blobs::Blobs;
use telesphor_engine::{AwayConfig, Clock, Engine, EngineConfig, RelayKeys};
use telesphor_order::cluster::nats::Nats;
use telesphor_order::cluster::{Clocks, Wanted};
use telesphor_order::{Alone, AloneLimits, Order};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::facts::deposit_key;
use telesphor_wire::text::SupportCode;
use tokio::sync::{mpsc, watch};

use super::ground::Ground;
use super::probes;
use crate::admin::office::Office;
use crate::admin::server;
use crate::clock;
use crate::cluster;
use crate::cluster::blobs::Peers;
use crate::cluster::roads::NatsRoads;
use crate::cluster::takeover::{self, Asker};
use crate::config::Settings;
use crate::edge::gate::Gate;
use crate::edge::tally;
use crate::edge::{self, Edge, Published, Room};
use crate::exchange::{self, Dirty, Exchange};
use crate::fault::{Exit, Fault};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::metrics::{Members, Metrics, Passing};
use crate::peers::PinnedDomains;
use crate::sealing::Sealing;
use crate::tls::{self, Certificates};
use crate::traces::{self, Record};

/// How long sessions have to take their last frame.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A relay that serves.
pub struct Running {
    // -- fixed at the start
    /// The settings in force.
    pub settings: Settings,
    /// The data directory.
    pub layout: Layout,
    /// Where the edge listens.
    pub listening: SocketAddr,
    /// Where probes and metrics are.
    pub probing: SocketAddr,
    /// When it began, Unix milliseconds.
    pub started: u64,
    // -- shared with the workers
    /// Decides and keeps.
    pub engine: Engine,
    /// Large ciphertext.
    pub blobs: Arc<Blobs>,
    /// The certificate in use.
    pub certificates: Arc<Certificates>,
    /// The record in force.
    pub published: Arc<Published>,
    /// Connections that have proved nothing.
    pub gate: Arc<Gate>,
    /// Room on the disk.
    pub room: Arc<Room>,
    /// Counters.
    pub metrics: Metrics,
    /// The way to the other relays, if there are any.
    pub bus: Option<Bus>,
    /// The exchange with other domains, if there is a way to them.
    pub(crate) exchange: Option<Arc<Exchange>>,
    /// Those that are pinned.
    pub peers: Arc<RwLock<PinnedDomains>>,
    /// What is sealed to the domain is opened with it.
    pub sealing: Arc<RwLock<Sealing>>,
    /// When the cluster began, if the relay is one of several.
    pub founded: Option<u64>,
    /// Whether it is being stopped.
    pub draining: Arc<AtomicBool>,
    // -- owned by the process alone
    /// The relay's own keys; changed only when the sealing key is renewed.
    pub keys: Mutex<Keys>,
    exchanging: Option<tokio::task::JoinHandle<()>>,
    passing: Option<tokio::task::JoinHandle<((), ())>>,
    edge_handle: ServerHandle,
    probes_handle: ServerHandle,
    _lock: File,
}

/// The way to the other relays of a cluster.
pub struct Bus {
    /// NATS.
    pub nats: Arc<Nats>,
    /// What is measured of it, and of this relay as a member.
    pub members: Members,
    /// What is measured of what passes between relays, where not every one keeps everything.
    pub passing: Option<Passing>,
    /// This relay's clock and the others'.
    pub clocks: Arc<Clocks>,
    /// Who is to vote.
    pub wanted: watch::Sender<Wanted>,
}

/// Ready when a part of the relay that must never end has ended.
pub(crate) type Ends = BoxFuture<'static, Fault>;

/// Starts everything.
///
/// # Errors
/// If an address cannot be listened on, or the engine does not start.
pub(crate) async fn start(ground: Ground, asked: mpsc::Sender<Duration>) -> Result<(Running, Ends), Fault> {
    let Ground {
        settings,
        layout,
        domain,
        keys,
        certificate,
        record,
        cluster,
        sealing,
        peers: pinned,
        mut store,
        lock,
    } = ground;
    let listener = listen("edge.listen", &settings.edge.listen)?;
    let probe_listener = listen("metrics.listen", &settings.metrics.listen)?;
    let metrics = Metrics::new().map_err(|e| Fault::bug(e.to_string()))?;
    let started = clock::now_ms();
    metrics.started_at(started / 1000);
    let (traces, _writer) = traces::start(
        &layout.traces(),
        settings.traces.keep_days,
        settings.traces.max_mib,
    )
    .map_err(|e| Fault::file("support codes", &layout.traces(), &e))?;
    let room = Arc::new(Room::new(&layout.store(), settings.store.reserve_mib << 20));

    let mut config = EngineConfig::new(domain.clone(), settings.store.partitions);
    config.limits.sessions = settings.edge.max_connections;
    config.on_fatal = Arc::new(|_| {
        // Nothing may be confirmed after a failed write, and no destructor may touch the store.
        tracing::error!("the store failed; the process ends so that nothing more is confirmed");
        std::process::abort();
    });
    let deliveries = (traces.clone(), metrics.clone());
    config.on_delivered = Arc::new(move |codes| {
        let (traces, metrics) = &deliveries;
        let at = tally::seconds();
        let delivered = |support: &SupportCode| Record::Delivered {
            support: *support,
            at,
        };
        if !traces.record(codes.iter().map(delivered).collect()) {
            metrics.traces_dropped();
        }
    });
    let dirty = Arc::new(Dirty::default());
    let marked = dirty.clone();
    config.on_outbox = Arc::new(move |mailboxes| marked.mark(mailboxes));
    let relay_keys = RelayKeys {
        attesting: keys.attesting.clone(),
        admission: keys.admission.clone(),
    };
    let waiting = config.limits.partition_waiting;
    let mut roads = None;
    let (order, bus): (Arc<dyn Order>, _) = match &cluster {
        None => {
            let limits = AloneLimits {
                waiting_submissions: waiting,
            };
            (Arc::new(Alone::new(settings.store.partitions, limits)), None)
        }
        Some(signed) => {
            config.quorum = signed.wanted().voting() / 2 + 1;
            let wanted = watch::Sender::new(signed.wanted());
            let clocks = Arc::new(Clocks::system());
            let latest = clocks.clone();
            config.clock = Clock::among(Arc::new(move || latest.limit()));
            let (order, nats) = cluster::bus::order(
                &settings,
                signed,
                &keys,
                store.reader(),
                wanted.subscribe(),
                clocks.clone(),
                waiting,
            )
            .await?;
            if signed.record.replicas().is_some() {
                let asker = Asker {
                    nats: &nats,
                    signed,
                    key: &keys.attesting,
                };
                let [kept, fresh] = asker.take_over(&mut store).await?;
                let (ways, unsaid) =
                    NatsRoads::new(nats.clone(), keys.attesting.public(), wanted.subscribe());
                config.away = Some(AwayConfig {
                    roads: ways.clone(),
                    kept,
                    fresh,
                });
                roads = Some((ways, unsaid));
            }
            let members = Members::new(&metrics, settings.cluster.certificate.is_some())
                .map_err(|e| Fault::bug(e.to_string()))?;
            let passing = config.away.as_ref().map(|_| Passing::new(&metrics)).transpose();
            (
                order,
                Some(Bus {
                    nats,
                    members,
                    passing: passing.map_err(|e| Fault::bug(e.to_string()))?,
                    clocks,
                    wanted,
                }),
            )
        }
    };
    let engine = Engine::start(config, store, order, relay_keys)
        .await
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::StoreDamaged, e.to_string()))?;
    let passing = roads.map(|(ways, unsaid)| {
        let leaving = takeover::tend(engine.clone());
        let passing = ways.run(engine.clone(), unsaid);
        tokio::spawn(async move { tokio::join!(passing, leaving) })
    });

    let certificates = Certificates::new(certificate);
    let server_tls = tls::server_config(certificates.clone(), settings.tls.allow_classical)
        .map_err(|e| Fault::bug(e.to_string()))?;
    let gate = Gate::new(
        settings.edge.max_unproven,
        Duration::from_secs(settings.edge.unproven_timeout),
        metrics.clone(),
    );
    let published = Published::new(record);
    let blobs = Blobs::open(&layout.blobs(), cluster.is_some())
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::BlobDamaged, e.to_string()))?;
    let blobs = Arc::new(blobs);
    let peers = cluster.as_ref().zip(bus.as_ref()).map(|(signed, bus)| {
        let (nats, wanted) = (bus.nats.clone(), bus.wanted.subscribe());
        Peers::new(
            blobs.clone(),
            nats,
            keys.attesting.clone(),
            signed.record.cluster,
            wanted,
        )
    });
    if let Some(peers) = &peers {
        tokio::spawn(peers.clone().run());
    }
    let files = exchange::Files {
        blobs: blobs.clone(),
        streams: Arc::default(),
        peers,
    };
    let (pinned, sealing) = (Arc::new(RwLock::new(pinned)), Arc::new(RwLock::new(sealing)));
    let road = exchange::connect(&settings, &keys, &domain, bus.as_ref().map(|b| &*b.nats)).await?;
    let exchange = road.map(|road| {
        Exchange::new(exchange::Parts {
            engine: engine.clone(),
            road,
            domain: domain.clone(),
            key: keys.domain.clone(),
            deposit: deposit_key(&keys.admission, &domain),
            me: keys.attesting.public(),
            wanted: bus.as_ref().map(|bus| bus.wanted.subscribe()),
            peers: pinned.clone(),
            sealing: sealing.clone(),
            give_up_ms: settings.exchange.give_up_after * 1_000,
            own_road: !settings.exchange.nats.is_empty(),
            layout: layout.clone(),
            room: room.clone(),
            files: files.clone(),
            metrics: metrics.clone(),
            traces: traces.clone(),
            dirty,
        })
    });
    let exchanging = exchange.as_ref().map(|e| tokio::spawn(e.clone().run()));
    let shared = Edge {
        exchange: exchange.clone(),
        engine: engine.clone(),
        blobs: blobs.clone(),
        blob_streams: files.streams,
        peers: files.peers,
        published: published.clone(),
        room: room.clone(),
        metrics: metrics.clone(),
        traces,
        ping_every: Duration::from_secs(settings.edge.ping_every),
        silence_timeout: Duration::from_secs(settings.edge.silence_timeout),
        request_timeout: Duration::from_secs(settings.edge.request_timeout),
    };
    let no_listener =
        |e: std::io::Error| Fault::new(Exit::Machine, ErrorCode::RelayIo, format!("edge.listen: {e}"));
    let bound = edge::bind(listener, &settings.edge, server_tls, &gate, shared).map_err(no_listener)?;
    let draining = Arc::new(AtomicBool::new(false));
    let probe = probes::Probe {
        engine: engine.clone(),
        metrics: metrics.clone(),
        draining: draining.clone(),
    };
    let probes = probes::bind(probe_listener, probe).map_err(no_listener)?;

    let (edge_handle, probes_handle) = (bound.server.handle(), probes.server.handle());
    let running = Running {
        listening: bound.address,
        probing: probes.address,
        started,
        engine,
        blobs,
        certificates,
        published,
        gate,
        room,
        metrics,
        bus,
        exchange,
        exchanging,
        passing,
        peers: pinned,
        sealing,
        founded: cluster.as_ref().map(|c| c.record.founded),
        draining,
        keys: Mutex::new(keys),
        edge_handle,
        probes_handle,
        _lock: lock,
        settings,
        layout,
    };
    let admin = server::bind(&running.layout)?;
    let edge_ends = tokio::spawn(bound.server);
    let probes_end = tokio::spawn(probes.server);
    let admin_ends = tokio::spawn(server::serve(admin, running.office(), asked));
    let ends = async move {
        let what = tokio::select! {
            _ = edge_ends => "the edge",
            _ = probes_end => "the listener for probes",
            _ = admin_ends => "the admin socket",
        };
        Fault::bug(format!("{what} ended by itself"))
    };
    Ok((running, ends.boxed()))
}

fn listen(path: &str, address: &str) -> Result<TcpListener, Fault> {
    let listener = TcpListener::bind(address).map_err(|e| {
        Fault::new(
            Exit::Machine,
            ErrorCode::BadConfig,
            format!("{path}: {address}: {e}"),
        )
    })?;
    Ok(listener)
}

impl Running {
    /// Says on stdout where it listens: whoever asked for port 0 learns the port here.
    pub fn announce(&self) {
        tracing::info!("serving");
        let line = serde_json::json!({
            "v": 1,
            "listening": self.listening.to_string(),
            "metrics": self.probing.to_string(),
        });
        let mut out = std::io::stdout().lock();
        // Whoever closed stdout does not want to know.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Refuses new work and finishes what is under way; `false` if the time ran out.
    pub async fn drain(&self, patience: Duration) -> bool {
        tracing::info!("draining");
        self.draining.store(true, Ordering::Release);
        // What it has under way stands in the outboxes.
        if let Some(exchanging) = &self.exchanging {
            exchanging.abort();
        }
        // What others have asked is still answered; they ask another relay from now on.
        if let Some(passing) = &self.passing {
            passing.abort();
        }
        self.metrics.draining(true);
        self.metrics.ready(false);
        self.engine.drain(patience).await.finished
    }

    /// Closes what is open. Nothing unconfirmed is confirmed any more.
    pub async fn stop(&self) {
        // Goodbye is on its way; a client that does not take it must not hold the end up.
        let latest = tokio::time::Instant::now() + LAST_WORDS;
        while self.metrics.sessions() > 0 && tokio::time::Instant::now() < latest {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.edge_handle.stop(false).await;
        self.probes_handle.stop(false).await;
        let _ = fs::remove_file(self.layout.socket());
        tracing::info!("stopped");
    }

    /// What the admin socket works with.
    fn office(&self) -> Office {
        let (domain, me) = {
            let keys = self.keys();
            (keys.domain.public(), keys.attesting.public())
        };
        Office {
            engine: self.engine.clone(),
            gate: self.gate.clone(),
            room: self.room.clone(),
            metrics: self.metrics.clone(),
            certificates: self.certificates.clone(),
            published: self.published.clone(),
            peers: self.peers.clone(),
            exchange: self.exchange.clone(),
            layout: self.layout.clone(),
            domain,
            me,
            wanted: self.bus.as_ref().map(|bus| bus.wanted.clone()),
            clocks: self.bus.as_ref().map(|bus| bus.clocks.clone()),
            keep_days: self.settings.traces.keep_days,
            started: self.started,
            listening: self.listening,
            probing: self.probing,
        }
    }

    /// The keys, for renewing the record.
    pub fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
