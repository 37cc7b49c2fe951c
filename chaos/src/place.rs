//! Places for relays on this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

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

/// What was given, and is perhaps not listened at yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free port at a loopback address of this process alone, and each of them once: between looking and
/// listening nobody else takes it, neither a relay, be it of this process or of another, nor a connection that needs a port.
///
/// # Errors
/// If there is none.
pub fn free_port() -> io::Result<SocketAddr> {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    loop {
        let free = TcpListener::bind((Ipv4Addr::new(127, 64 | high, middle, low), 0))?.local_addr()?;
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(free.port()) {
            return Ok(free);
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;

    #[test]
    fn two_relays_are_given_one_port_and_the_second_one_ends() {
        const MANY: usize = 2_000;
        let given: BTreeSet<_> = (0..MANY).map(|_| free_port().unwrap()).collect();
        assert_eq!(given.len(), MANY);
    }
}
