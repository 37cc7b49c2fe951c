//! Comparison (a): RocksDB and BLAKE3 alone. One writer thread; whatever waits is hashed, put
//! into one write batch and synced once. No network, no rules, no signatures.
//!
//! It runs as a process of its own so that its processor time can be told apart. Its one
//! producer thread keeps the messages in flight and does nothing else.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rocksdb::{DB, Options, WriteBatch, WriteOptions};

use crate::append::{PAYLOAD, WARM_UP};
use crate::error::{Result, odd};
use crate::measure::{Figures, Window, on_disk, us};

/// What the process is to do.
#[derive(clap::Args)]
pub(crate) struct Order {
    /// Where.
    #[arg(long)]
    folder: PathBuf,
    /// Messages that wait for their sync at one time.
    #[arg(long)]
    in_flight: usize,
    /// How long, seconds.
    #[arg(long)]
    seconds: u64,
}

struct Message {
    payload: Vec<u8>,
    sent: Instant,
}

/// The process: prints its figures as JSON.
pub(crate) fn serve(order: &Order) -> Result<()> {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_write_buffer_size(64 << 20);
    let db = DB::open(&options, &order.folder)?;
    let (send, receive) = mpsc::sync_channel::<Message>(order.in_flight);
    let (done, finished) = mpsc::channel::<Vec<Message>>();
    let writer = std::thread::spawn(move || write(&db, &receive, &done));

    let started = Instant::now();
    let mut window = None;
    let (mut latencies, mut total) = (Vec::new(), 0u64);
    let mut idle: Vec<Message> = (0..order.in_flight)
        .map(|i| Message {
            payload: vec![i as u8; PAYLOAD],
            sent: started,
        })
        .collect();
    let over = WARM_UP + Duration::from_secs(order.seconds);
    loop {
        for mut message in idle.drain(..) {
            total += 1;
            message.payload[..8].copy_from_slice(&total.to_be_bytes());
            message.sent = Instant::now();
            send.send(message).map_err(|_| odd("the writer ended"))?;
        }
        idle = finished.recv().map_err(|_| odd("the writer ended"))?;
        let now = Instant::now();
        if window.is_some() {
            latencies.extend(idle.iter().map(|m| us(now - m.sent)));
        } else if started.elapsed() >= WARM_UP {
            window = Some(Window::open(&[std::process::id()])?);
        }
        if started.elapsed() >= over {
            break;
        }
    }
    let figures = window
        .ok_or_else(|| odd("too short"))?
        .close()?
        .figures(latencies, PAYLOAD)?;
    drop(send);
    writer.join().map_err(|_| odd("the writer panicked"))??;
    let disk_per_byte = on_disk(&order.folder)? as f64 / (total as f64 * PAYLOAD as f64);
    let text = serde_json::to_string(&Figures {
        disk_per_byte,
        ..figures
    })
    .map_err(odd)?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn write(db: &DB, receive: &mpsc::Receiver<Message>, done: &mpsc::Sender<Vec<Message>>) -> Result<()> {
    let mut sync = WriteOptions::default();
    sync.set_sync(true);
    let mut key = 0u64;
    while let Ok(first) = receive.recv() {
        let mut group = vec![first];
        group.extend(receive.try_iter());
        let mut batch = WriteBatch::default();
        for message in &group {
            key += 1;
            let hash = blake3::hash(&message.payload);
            let mut row = [0u8; 40];
            row[..8].copy_from_slice(&key.to_be_bytes());
            row[8..].copy_from_slice(hash.as_bytes());
            batch.put(row, &message.payload);
        }
        db.write_opt(&batch, &sync)?;
        if done.send(group).is_err() {
            break;
        }
    }
    Ok(())
}

/// Runs it and gives its figures.
pub(crate) fn measure(folder: &Path, in_flight: usize, lasts: Duration) -> Result<Figures> {
    let child: Child = Command::new(std::env::current_exe()?)
        .arg("raw")
        .arg("--folder")
        .arg(folder)
        .args([
            "--in-flight",
            &in_flight.to_string(),
            "--seconds",
            &lasts.as_secs().to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(odd("the comparison with RocksDB alone failed"));
    }
    serde_json::from_slice(&output.stdout).map_err(odd)
}
