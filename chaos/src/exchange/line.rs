//! A TCP line between two servers that can be cut, joined again, and listened to.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::relay::free_port;

/// One line.
pub struct Line {
    front: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: AtomicBool,
    over: AtomicBool,
    ends: Mutex<Vec<TcpStream>>,
    /// All that went over it.
    heard: Mutex<Vec<u8>>,
}

impl Line {
    /// A line that leads to `back`.
    ///
    /// # Errors
    /// If no port is free.
    pub fn to(back: SocketAddr) -> io::Result<Self> {
        let front = free_port()?;
        let listener = TcpListener::bind(front)?;
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(stream) = stream
                    && !shared.cut.load(Ordering::Acquire)
                {
                    // Who is not there is met again by the next try.
                    let _ = join(stream, back, &shared);
                }
            }
        });
        Ok(Self { front, state })
    }

    /// Where it begins.
    pub const fn front(&self) -> SocketAddr {
        self.front
    }

    /// Cuts it: what is under way is lost, and nothing new gets through.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::Release);
        let mut ends = self.state.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for end in ends.drain(..) {
            // It may have ended by itself.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Joins it again.
    pub fn join(&self) {
        self.state.cut.store(false, Ordering::Release);
    }

    /// Everything that went over it so far, in both directions.
    pub fn heard(&self) -> Vec<u8> {
        self.state
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Release);
        self.cut();
        // Wakes the thread that listens.
        let _ = TcpStream::connect(self.front);
    }
}

fn join(front: TcpStream, back: SocketAddr, state: &Arc<State>) -> io::Result<()> {
    let back = TcpStream::connect(back)?;
    let both = [
        (front.try_clone()?, back.try_clone()?),
        (back.try_clone()?, front.try_clone()?),
    ];
    let mut ends = state.ends.lock().unwrap_or_else(PoisonError::into_inner);
    ends.extend([front, back]);
    drop(ends);
    for (mut from, mut into) in both {
        let state = state.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let heard = &buffer[..length];
                let mut all = state.heard.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend_from_slice(heard);
                drop(all);
                if into.write_all(heard).is_err() {
                    break;
                }
            }
            let _ = into.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
