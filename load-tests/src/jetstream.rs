//! Comparison (b): one JetStream stream, one replica, every message synced before its
//! acknowledgement (`sync_interval: always`), 1 KiB payloads, no TLS.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use tokio::task::JoinSet;

use crate::append::{PAYLOAD, WARM_UP};
use crate::error::{Result, odd};
use crate::measure::{Figures, Window, on_disk, us};

const PATIENCE: Duration = Duration::from_secs(15);
const CONNECTIONS: usize = 8;

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Ends only the process that this value started.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures it.
pub(crate) async fn measure(
    binary: &Path,
    folder: &Path,
    in_flight: usize,
    lasts: Duration,
) -> Result<Figures> {
    std::fs::create_dir_all(folder)?;
    let store = folder.join("store");
    let config = folder.join("nats.conf");
    std::fs::write(
        &config,
        format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {folder:?}\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n"
        ),
    )?;
    let log = std::fs::File::create(folder.join("nats.log"))?;
    let child = Command::new(binary)
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let server = Server(child);
    let address = address(folder, server.0.id()).await?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS.min(in_flight) {
        clients.push(jetstream::new(async_nats::connect(&address).await.map_err(odd)?));
    }
    let stream = stream::Config {
        name: "load".into(),
        subjects: vec!["load.>".into()],
        storage: stream::StorageType::File,
        num_replicas: 1,
        ..Default::default()
    };
    clients[0].create_stream(stream).await.map_err(odd)?;

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
    let window = Window::open(server.0.id())?;
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
    let figures = window.figures(latencies, PAYLOAD)?;
    let disk_per_byte = on_disk(&store)? as f64 / (total as f64 * PAYLOAD as f64);
    Ok(Figures {
        disk_per_byte,
        ..figures
    })
}

/// The server writes the ports it took into a file.
async fn address(folder: &Path, pid: u32) -> Result<String> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let found = std::fs::read_dir(folder)?.filter_map(|e| e.ok()).find(|e| {
            e.file_name()
                .to_string_lossy()
                .ends_with(&format!("_{pid}.ports"))
        });
        if let Some(file) = found
            && let Ok(ports) = serde_json::from_slice::<serde_json::Value>(&std::fs::read(file.path())?)
            && let Some(address) = ports["nats"][0].as_str()
        {
            return Ok(address.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(odd(
        "nats-server did not start; its log is in the folder of the run",
    ))
}
