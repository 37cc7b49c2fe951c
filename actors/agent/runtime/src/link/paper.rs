//! A relay on paper, for tests of how much a connection is asked for at once: it grants every proof.
#![allow(clippy::unwrap_used)]

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, Nonce};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::session::Events;
use telesphor_wire::sign::SigningKey;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::driver::Request;
use super::session::{PUSH_QUEUE, Push, REQUEST_QUEUE, Session, Standing, WelcomeFacts};

/// What such a relay says of itself.
pub(super) fn facts() -> WelcomeFacts {
    WelcomeFacts {
        domain: "a.example".parse().unwrap(),
        relay: SigningKey::generate().public(),
        incarnation: Incarnation([1; 32]),
        partitions: 1,
        clock: 0,
        agent_nonce: Nonce::random(),
        records: false,
    }
}

/// A session with a relay that has so many frames for each mailbox that is followed, and sends them at
/// once. It ends when so many mailboxes are followed: `true` if nothing ever found no room, as the
/// connection's own task would have ended then.
pub(crate) fn relay(mailboxes: usize, frames: usize) -> (Session, mpsc::Receiver<Push>, JoinHandle<bool>) {
    let (requests, mut queue) = mpsc::channel(REQUEST_QUEUE);
    let (pushes, pushed) = mpsc::channel(PUSH_QUEUE);
    let head = Cursor {
        seq: 0,
        hash: Digest([0; 32]),
    };
    let relay = tokio::spawn(async move {
        let (mut handle, mut followed) = (0, 0);
        // Kept, so that nobody takes the relay for gone.
        let mut calls = Vec::new();
        while let Some(request) = queue.recv().await {
            match request {
                Request::Prove(_, reply) => {
                    handle += 1;
                    let standing = Standing {
                        handle,
                        head: Some(head),
                        counter: None,
                    };
                    let _ = reply.send(Ok(standing));
                }
                Request::Follow { handle, .. } => {
                    for _ in 0..frames {
                        let events = Events {
                            handle,
                            events: Vec::new(),
                            head,
                        };
                        if pushes.try_send(Push::Events(events)).is_err() {
                            return false;
                        }
                    }
                    followed += 1;
                    if followed == mailboxes {
                        return true;
                    }
                }
                Request::Call { reply, .. } => calls.push(reply),
                _ => {}
            }
        }
        false
    });
    (Session::on_paper(requests, facts()), pushed, relay)
}
