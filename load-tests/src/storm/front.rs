//! Something between agents and relay that counts bytes: it opens nothing, and passes all on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::error::Result;
use crate::report;

/// After a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);
const BUFFER: usize = 64 * 1024;

/// Bytes that went through, TLS and all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    /// From the agents to the relay.
    pub(super) up: u64,
    /// From the relay to the agents.
    pub(super) down: u64,
}

impl Passed {
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            up: self.up - before.up,
            down: self.down - before.down,
        }
    }
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
}

/// The front.
pub(super) struct Front {
    listener: TcpListener,
    counts: Arc<Counts>,
}

impl Front {
    pub(super) async fn bind() -> Result<Self> {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let here = Ipv4Addr::new(127, 64 | high, middle, low);
        Ok(Self {
            listener: TcpListener::bind((here, 0)).await?,
            counts: Arc::default(),
        })
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Passes everything on to the relay from now on.
    pub(super) fn begin(self, relay: SocketAddr) -> Gauge {
        let gauge = Gauge(self.counts.clone());
        tokio::spawn(async move {
            loop {
                let agent = match self.listener.accept().await {
                    Ok((agent, _)) => agent,
                    Err(error) => {
                        // Out of files, as a rule: one connection less, not the end of the front.
                        report::line_err(&format!("a connection was not accepted: {error}"));
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                let counts = self.counts.clone();
                tokio::spawn(async move {
                    let Ok(relay) = TcpStream::connect(relay).await else {
                        return;
                    };
                    // A small frame must not wait for a full one.
                    if agent.set_nodelay(true).is_err() || relay.set_nodelay(true).is_err() {
                        return;
                    }
                    let ((from_agent, to_agent), (from_relay, to_relay)) =
                        (agent.into_split(), relay.into_split());
                    let up = counts.clone();
                    tokio::spawn(pass(from_agent, to_relay, move |n| {
                        up.up.fetch_add(n, Ordering::Relaxed);
                    }));
                    pass(from_relay, to_agent, move |n| {
                        counts.down.fetch_add(n, Ordering::Relaxed);
                    })
                    .await;
                });
            }
        });
        gauge
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: impl Fn(u64)) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(n) = from.read(&mut buffer).await {
        if n == 0 || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
        count(n as u64);
    }
}

/// Tells what has passed.
#[derive(Clone)]
pub(super) struct Gauge(Arc<Counts>);

impl Gauge {
    pub(super) fn now(&self) -> Passed {
        Passed {
            up: self.0.up.load(Ordering::Relaxed),
            down: self.0.down.load(Ordering::Relaxed),
        }
    }
}
