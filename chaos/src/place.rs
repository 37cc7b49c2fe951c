//! Places for relays on this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Where a relay of a cluster is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Clients come to it there.
    pub listen: SocketAddr,
    /// Its pages.
    pub metrics: SocketAddr,
    /// The program that runs it, with its arguments; empty for none.
    pub through: Vec<String>,
}

/// A free port at a loopback address of this process alone: between looking and listening nobody
/// else takes it, neither a relay of another process nor a connection that needs a port.
///
/// # Errors
/// If there is none.
pub fn free_port() -> io::Result<SocketAddr> {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    TcpListener::bind((Ipv4Addr::new(127, 64 | high, middle, low), 0))?.local_addr()
}

/// Places on this machine, each on ports of its own.
///
/// # Errors
/// As [`free_port`].
pub fn places(relays: usize) -> io::Result<Vec<Place>> {
    let place = |_| {
        Ok(Place {
            listen: free_port()?,
            metrics: free_port()?,
            through: Vec::new(),
        })
    };
    (0..relays).map(place).collect()
}
