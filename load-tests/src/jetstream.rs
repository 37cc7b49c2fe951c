//! What could have been used instead: a bare JetStream stream, every message synced before its
//! acknowledgement (`sync_interval: always`), 1 KiB payloads, one message a publication, no TLS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use telesphor_chaos::nats::Nats;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::append::{PAYLOAD, WARM_UP};
use crate::error::{Result, odd};
use crate::measure::{Figures, Window, on_disk, us};

const CONNECTIONS: usize = 8;
/// A cluster elects its first leader in so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures one stream over so many servers, a copy on each, so many messages on the way.
pub(crate) fn measure(
    runtime: &Runtime,
    binary: &Path,
    folder: &Path,
    (servers, in_flight): (usize, u32),
    lasts: Duration,
) -> Result<Figures> {
    let nats = Nats::start_with(binary, folder, servers, "sync_interval: always")?;
    let (figures, total) = runtime.block_on(load(&nats, servers, in_flight as usize, lasts))?;
    let stored: u64 = (0..servers)
        .map(|at| on_disk(&nats.store(at)))
        .sum::<Result<_>>()?;
    Ok(Figures {
        disk_per_byte: stored as f64 / (total as f64 * PAYLOAD as f64),
        ..figures
    })
}

async fn load(nats: &Nats, copies: usize, in_flight: usize, lasts: Duration) -> Result<(Figures, u64)> {
    let urls = nats.urls();
    let mut clients = Vec::new();
    for url in urls.iter().cycle().take(CONNECTIONS.min(in_flight).max(copies)) {
        clients.push(jetstream::new(async_nats::connect(url).await.map_err(odd)?));
    }
    let stream = stream::Config {
        name: "load".into(),
        subjects: vec!["load.>".into()],
        storage: stream::StorageType::File,
        num_replicas: copies,
        ..Default::default()
    };
    let began = Instant::now();
    while let Err(error) = clients[0].create_stream(stream.clone()).await {
        if began.elapsed() > PATIENCE {
            return Err(odd(error));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // 0 warming up, 1 measuring, 2 over.
    let phase = Arc::new(AtomicU8::new(0));
    let mut senders = JoinSet::new();
    for i in 0..in_flight {
        let (client, phase) = (clients[i % clients.len()].clone(), phase.clone());
        senders.spawn(async move {
            let payload = bytes::Bytes::from(vec![i as u8; PAYLOAD]);
            let (mut latencies, mut total) = (Vec::new(), 0u64);
            loop {
                let sent = Instant::now();
                client
                    .publish("load.one", payload.clone())
                    .await
                    .map_err(odd)?
                    .await
                    .map_err(odd)?;
                total += 1;
                match phase.load(Ordering::Relaxed) {
                    0 => {}
                    1 => latencies.push(us(sent.elapsed())),
                    _ => return Ok::<_, crate::error::Error>((latencies, total)),
                }
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let window = Window::open(&nats.pids())?;
    phase.store(1, Ordering::Relaxed);
    tokio::time::sleep(lasts).await;
    let window = window.close()?;
    phase.store(2, Ordering::Relaxed);
    let (mut latencies, mut total) = (Vec::new(), 0);
    while let Some(sender) = senders.join_next().await {
        let (some, sent) = sender.map_err(odd)??;
        latencies.extend(some);
        total += sent;
    }
    Ok((window.figures(latencies, PAYLOAD)?, total))
}
