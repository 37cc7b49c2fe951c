//! `/livez`, `/readyz`, `/metrics`: a listener of their own, loopback by default, without TLS.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{App, HttpResponse, HttpServer, web};
use telesphor_engine::{Engine, EngineStanding};

use crate::metrics::Metrics;

/// What the probes ask.
#[derive(Clone)]
pub(crate) struct Probe {
    /// Whether it does its work.
    pub engine: Engine,
    /// The page.
    pub metrics: Metrics,
    /// Whether it is being stopped.
    pub draining: Arc<AtomicBool>,
}

/// The listener, not yet serving.
pub(crate) struct BoundProbes {
    /// Drives it.
    pub server: Server,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Binds the listener.
///
/// # Errors
/// If the address cannot be listened on.
pub(crate) fn bind(listener: TcpListener, probe: Probe) -> io::Result<BoundProbes> {
    let address = listener.local_addr()?;
    let probe = web::Data::new(probe);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(probe.clone())
            .route("/livez", web::get().to(live))
            .route("/readyz", web::get().to(ready))
            .route("/metrics", web::get().to(metrics))
    })
    .workers(1)
    .max_connections(64)
    .client_request_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(30))
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(BoundProbes { server, address })
}

/// The process answers.
async fn live() -> HttpResponse {
    HttpResponse::Ok().body("live\n")
}

/// It takes requests.
async fn ready(probe: web::Data<Probe>) -> HttpResponse {
    match probe.engine.observe().standing {
        EngineStanding::Failed => HttpResponse::ServiceUnavailable().body("failed\n"),
        EngineStanding::Draining => HttpResponse::ServiceUnavailable().body("draining\n"),
        EngineStanding::Serving if probe.draining.load(Ordering::Acquire) => {
            HttpResponse::ServiceUnavailable().body("draining\n")
        }
        EngineStanding::Serving => HttpResponse::Ok().body("ready\n"),
    }
}

async fn metrics(probe: web::Data<Probe>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4"))
        .body(probe.metrics.page())
}
