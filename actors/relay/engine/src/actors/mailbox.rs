//! The actor of one mailbox that is awake: keeps the list of its followers. It holds nothing
//! that is not on the disk or in a connection, so it can be put to sleep at any time.
//!
//! It alone changes the list; whoever has something new for the followers wakes them by it
//! ([`super::registry::Live`]), without waking the actor first.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::registry::Live;
use crate::session::shared::Follower;

/// Everything that reaches a mailbox's actor.
pub(crate) enum MailboxMessage {
    /// A session follows.
    Follow(Follower),
    /// A session follows no more.
    Unfollow {
        /// Which session.
        session: u64,
        /// Under which handle.
        handle: u32,
        /// Which of the follows under that handle.
        generation: u64,
    },
}

/// The behaviour; all state is in [`State`].
pub(crate) struct MailboxActor;

pub(crate) struct State(Arc<Live>);

/// However the actor ends, its followers are told: each does so when it is dropped.
impl Drop for State {
    fn drop(&mut self) {
        drop(self.0.take_followers());
    }
}

impl Actor for MailboxActor {
    type Msg = MailboxMessage;
    type State = State;
    type Arguments = Arc<Live>;

    async fn pre_start(
        &self,
        _: ActorRef<MailboxMessage>,
        live: Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State(live))
    }

    async fn handle(
        &self,
        _: ActorRef<MailboxMessage>,
        message: MailboxMessage,
        State(live): &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // On the list first and woken then: what is appended after that is announced, and
            // what was appended before it is found by the first look.
            MailboxMessage::Follow(follower) => live.follow(follower),
            MailboxMessage::Unfollow {
                session,
                handle,
                generation,
            } => {
                let meant =
                    |f: &Follower| (f.session_id, f.handle, f.generation) == (session, handle, generation);
                live.unfollow(meant);
            }
        }
        Ok(())
    }
}
