//! Connections that have proved nothing: few, short-lived, and the oldest gives way.
//!
//! A flood of silent connections therefore costs a fixed number of sockets, and a
//! well-behaved client gets in as long as it proves its right before as many new connections
//! come as there are places.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::{Dropped, Metrics};

/// The places for connections that have proved nothing.
pub struct Gate {
    places: usize,
    patience: Duration,
    metrics: Metrics,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// By number, so the first is the oldest.
    sockets: BTreeMap<u64, (Instant, Arc<TcpStream>)>,
}

/// One connection's place; given back when it proves a right or ends.
pub struct Place {
    gate: Arc<Gate>,
    number: u64,
    proved: AtomicBool,
}

impl Gate {
    /// So many places, each for so long.
    pub fn new(places: usize, patience: Duration, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            places,
            patience,
            metrics,
            waiting: Mutex::default(),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; when there is no place the oldest one is ended.
    ///
    /// `handle` is a second handle of its socket: it allows that without the help of its task.
    pub fn enter(self: &Arc<Self>, handle: Option<Arc<TcpStream>>) -> Place {
        let mut waiting = self.waiting();
        waiting.next += 1;
        let number = waiting.next;
        if let Some(handle) = handle {
            waiting.sockets.insert(number, (Instant::now(), handle));
        }
        while waiting.sockets.len() > self.places {
            let Some((_, (_, oldest))) = waiting.sockets.pop_first() else {
                break;
            };
            end(&oldest);
            self.metrics.connection_dropped(Dropped::GaveWay);
        }
        self.metrics.unproven_connections(waiting.sockets.len());
        Place {
            gate: self.clone(),
            number,
            proved: AtomicBool::new(false),
        }
    }

    /// Ends those that have waited too long. To be called about once a second.
    pub fn sweep(&self, now: Instant) {
        let mut waiting = self.waiting();
        while let Some(first) = waiting.sockets.first_entry() {
            if now.saturating_duration_since(first.get().0) < self.patience {
                break;
            }
            end(&first.remove().1);
            self.metrics.connection_dropped(Dropped::Unproven);
        }
        self.metrics.unproven_connections(waiting.sockets.len());
    }

    /// Connections that have proved nothing.
    pub fn occupied(&self) -> usize {
        self.waiting().sockets.len()
    }

    fn leave(&self, number: u64) {
        let mut waiting = self.waiting();
        waiting.sockets.remove(&number);
        self.metrics.unproven_connections(waiting.sockets.len());
    }
}

fn end(socket: &TcpStream) {
    // Its task sees the end of the stream and closes the rest.
    let _ = socket.shutdown(Shutdown::Both);
}

impl Place {
    /// The connection has proved a right: it no longer counts here.
    pub fn proved(&self) {
        if !self.proved.swap(true, Ordering::Relaxed) {
            self.gate.leave(self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.proved();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn pair(listener: &TcpListener) -> (TcpStream, Option<Arc<TcpStream>>) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, Some(Arc::new(listener.accept().unwrap().0)))
    }

    fn ended(client: &mut TcpStream) -> bool {
        client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        matches!(client.read(&mut [0]), Ok(0))
    }

    #[test]
    fn a_flood_of_silent_connections_takes_every_place() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Gate::new(2, Duration::from_secs(60), Metrics::new().unwrap());
        let (mut a, server_a) = pair(&listener);
        let (mut b, server_b) = pair(&listener);
        let (mut c, server_c) = pair(&listener);
        // Its own task holds the socket too, as in service.
        let _task = server_a.clone();
        let place_a = gate.enter(server_a);
        place_a.proved();
        let _b = gate.enter(server_b);
        let _c = gate.enter(server_c);
        assert_eq!(gate.occupied(), 2);
        let (mut d, server_d) = pair(&listener);
        let _d = gate.enter(server_d);
        assert_eq!(gate.occupied(), 2);
        assert!(!ended(&mut a), "one that has proved a right stays");
        assert!(ended(&mut b), "the oldest gives way");
        assert!(!ended(&mut c));
        assert!(!ended(&mut d));
    }

    #[test]
    fn a_connection_that_never_proves_anything_stays_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Gate::new(8, Duration::from_secs(1), Metrics::new().unwrap());
        let (mut a, server) = pair(&listener);
        let _place = gate.enter(server);
        gate.sweep(Instant::now());
        assert!(!ended(&mut a));
        gate.sweep(Instant::now() + Duration::from_secs(2));
        assert!(ended(&mut a));
        assert_eq!(gate.occupied(), 0);
    }
}
