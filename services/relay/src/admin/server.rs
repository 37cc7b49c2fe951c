//! The answering end of the admin socket: bounded, one request a connection.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use telesphor_wire::error::ErrorCode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::office::Office;
use super::words::{FaultWords, MAX_LINE, Nothing, Reply, Request};
use crate::fault::{Exit, Fault};
use crate::layout::Layout;

/// Requests dealt with at one time.
const AT_ONCE: usize = 8;
/// A request must be there within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Binds the socket. The caller holds the lock of the data directory, so one that is left over
/// belongs to a process that has ended.
///
/// # Errors
/// Exit 8.
pub fn bind(layout: &Layout) -> Result<UnixListener, Fault> {
    let path = layout.socket();
    let fault = |e: io::Error| Fault::file("admin socket", &path, &e);
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fault(e)),
        _ => {}
    }
    // The folder around it is closed to others already; the mode is the second bolt.
    let listener = UnixListener::bind(&path).map_err(fault)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(fault)?;
    Ok(listener)
}

/// Answers requests until the process ends. A drain is handed to `asked`.
pub async fn serve(listener: UnixListener, office: Office, asked: mpsc::Sender<Duration>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let office = Arc::new(office);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (office, asked) = (office.clone(), asked.clone());
                tokio::spawn(async move {
                    // A caller that went away has nobody left to be told.
                    let _ = one(stream, &office, &asked).await;
                    drop(place);
                });
            }
            // Out of file handles, most likely: that passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn one(stream: UnixStream, office: &Arc<Office>, asked: &mpsc::Sender<Duration>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(MAX_LINE));
    let read = timeout(PATIENCE, reader.read_line(&mut line)).await;
    let answer = match read {
        Ok(Ok(_)) => match serde_json::from_str::<Request>(&line) {
            Ok(request) => dispatch(request, office, asked).await,
            Err(_) => fault(&Fault::new(
                Exit::Usage,
                ErrorCode::Usage,
                "not a request that this version knows",
            )),
        },
        _ => return Ok(()),
    };
    write.write_all(answer.as_bytes()).await?;
    write.write_all(b"\n").await?;
    write.shutdown().await
}

async fn dispatch(request: Request, office: &Arc<Office>, asked: &mpsc::Sender<Duration>) -> String {
    match request {
        Request::Status => reply(Ok(office.status())),
        Request::Drain { timeout_s } => {
            // One drain is enough; a second one asks for what is happening already.
            let _ = asked.try_send(Duration::from_secs(timeout_s));
            reply(Ok(Nothing {}))
        }
        Request::AdmitNew { class, uses, until } => reply(office.admit(class, uses, until).await),
        Request::AdmitList => reply(office.admissions().await),
        Request::AdmitEnd { id } => reply(office.end_admission(id).await),
        Request::Trace { code } => blocking(office, move |office| office.trace(&code)).await,
        Request::Backup { to } => reply(office.backup(&to).await),
        Request::DomainsChanged => blocking(office, Office::repin).await,
        Request::Domains => reply(office.domains()),
        Request::ClusterChanged => blocking(office, Office::reread).await,
    }
}

/// For what reads or writes much.
async fn blocking<T, F>(office: &Arc<Office>, work: F) -> String
where
    T: Serialize + Send + 'static,
    F: FnOnce(&Office) -> Result<T, Fault> + Send + 'static,
{
    let office = office.clone();
    match tokio::task::spawn_blocking(move || work(&office)).await {
        Ok(result) => reply(result),
        Err(_) => fault(&Fault::of(Exit::Bug, ErrorCode::Internal)),
    }
}

fn reply<T: Serialize>(result: Result<T, Fault>) -> String {
    match result {
        Ok(done) => serde_json::to_string(&Reply::Done(done)).unwrap_or_default(),
        Err(error) => fault(&error),
    }
}

fn fault(error: &Fault) -> String {
    serde_json::to_string(&Reply::<Nothing>::Fault(FaultWords::from(error))).unwrap_or_default()
}
