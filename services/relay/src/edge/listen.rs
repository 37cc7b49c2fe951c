//! Binding the edge: routes, bounds and timeouts of one `HttpServer`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, Service};
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;

use super::channel::Channel;
use super::gate::Gate;
use super::state::Edge;
use super::{blob, call, hello, session};
use crate::config;

/// The edge, listening but not yet serving.
pub struct Bound {
    /// Drives it.
    pub server: Server,
    /// Where it listens, with the port it really has.
    pub address: SocketAddr,
}

/// Binds the edge.
///
/// # Errors
/// If the address cannot be listened on.
pub fn bind(
    listener: TcpListener,
    settings: &config::Edge,
    tls: ServerConfig,
    gate: &Arc<Gate>,
    edge: Edge,
) -> io::Result<Bound> {
    let address = listener.local_addr()?;
    let workers = match settings.workers {
        0 => crate::process::half_the_processors(),
        n => n,
    };
    // More than there may be sessions: whoever comes when all are taken is told so (T-4004),
    // instead of waiting before a door that nobody opens.
    let connections = settings.max_connections + settings.max_unproven;
    let edge = web::Data::new(edge);
    let (gate, metrics) = (gate.clone(), edge.metrics.clone());
    let request_timeout = Duration::from_secs(settings.request_timeout);
    let server = HttpServer::new(move || {
        let metrics = edge.metrics.clone();
        App::new()
            .app_data(edge.clone())
            .wrap_fn(move |request, next| {
                let (metrics, answering) = (metrics.clone(), next.call(request));
                async move {
                    let response = answering.await?;
                    metrics.http_answered(response.status().as_u16());
                    Ok(response)
                }
            })
            .service(
                web::resource("/v1/hello")
                    .get(hello::hello)
                    .default_service(web::to(call::wrong_method)),
            )
            .service(
                web::resource("/v1/domain")
                    .get(hello::domain)
                    .default_service(web::to(call::wrong_method)),
            )
            .service(
                web::resource("/v1/exchange")
                    .get(hello::exchange)
                    .default_service(web::to(call::wrong_method)),
            )
            .service(
                web::resource("/v1/call")
                    .post(call::call)
                    .default_service(web::to(call::wrong_method)),
            )
            .service(
                web::resource("/v1/blob")
                    .post(blob::blob)
                    .default_service(web::to(call::wrong_method)),
            )
            .service(
                web::resource("/v1/session")
                    .get(session::open)
                    .default_service(web::to(call::wrong_method)),
            )
            .default_service(web::to(hello::nothing_here))
    })
    .on_connect(move |stream, data| Channel::attach(&gate, &metrics, stream, data))
    .workers(workers)
    .max_connections(connections.div_ceil(workers))
    .max_connection_rate(settings.max_handshakes)
    .backlog(1_024)
    .tls_handshake_timeout(Duration::from_secs(settings.handshake_timeout))
    .client_request_timeout(request_timeout)
    .client_disconnect_timeout(Duration::from_secs(2))
    .keep_alive(Duration::from_secs(settings.unproven_timeout))
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(5)
    .listen_rustls_0_23(listener, tls)?
    .run();
    Ok(Bound { server, address })
}
