//! What is known of one connection: its exporter value, its place among those that have
//! proved nothing, and the nonce it was given.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream as Accepted;
use telesphor_wire::ids::Nonce;

use super::gate::{Gate, Place};
use crate::metrics::{Dropped, Metrics};

/// RFC 9266, section 2.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// One TLS connection.
pub struct Channel {
    /// Exporter value; 32 bytes, empty context.
    pub binding: Nonce,
    place: Place,
    nonce: Mutex<Option<GivenNonce>>,
    socket: Option<Arc<TcpStream>>,
    metrics: Metrics,
}

/// A nonce and when it was given.
#[derive(Clone, Copy, Debug)]
pub struct GivenNonce {
    /// The nonce.
    pub nonce: Nonce,
    /// Unix milliseconds.
    pub given_ms: u64,
}

impl Channel {
    /// Takes in a new connection; called by actix before its first request.
    pub fn attach(gate: &Arc<Gate>, metrics: &Metrics, stream: &dyn Any, data: &mut Extensions) {
        let Some(tls) = stream.downcast_ref::<TlsStream<Accepted>>() else {
            return;
        };
        let (tcp, connection) = tls.get_ref();
        // Without the exporter nothing could be proved here, so there is no channel then.
        let Ok(binding) = connection.export_keying_material([0u8; 32], EXPORTER_LABEL, None) else {
            return;
        };
        metrics.connection_opened();
        let socket = tcp
            .as_fd()
            .try_clone_to_owned()
            .ok()
            .map(|fd| Arc::new(TcpStream::from(fd)));
        let place = gate.enter(socket.clone());
        data.insert(Arc::new(Self {
            binding: Nonce(binding),
            place,
            nonce: Mutex::new(None),
            socket,
            metrics: metrics.clone(),
        }));
    }

    /// It has proved a right, so it no longer counts among the unknown.
    pub fn proved(&self) {
        self.place.proved();
    }

    /// It was given this nonce, in place of the one before.
    pub fn gave(&self, nonce: Nonce, given_ms: u64) {
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(GivenNonce { nonce, given_ms });
    }

    /// The nonce it was given last.
    pub fn nonce(&self) -> Option<GivenNonce> {
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection without waiting for anything.
    pub fn cut(&self, why: Dropped) {
        self.metrics.connection_dropped(why);
        if let Some(socket) = &self.socket {
            // Its task sees the end of the stream and closes the rest.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
