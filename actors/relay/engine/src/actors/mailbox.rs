//! The actor of one mailbox that is awake: admits commands within the mailbox's bounds,
//! keeps the list of its followers. It holds nothing that is not on the disk or in a
//! connection, so it can be put to sleep at any time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use super::partition::PartitionMessage;
use super::registry::{Lease, Live};
use crate::core::Core;
use crate::session::shared::Follower;
use crate::submit::Item;
use crate::weight;

/// Everything that reaches a mailbox's actor.
pub(crate) enum MailboxMessage {
    /// Commands of one frame, in their order. The lease keeps the mailbox awake on their way.
    Admit(Vec<Item>, Lease),
    /// Something durable was appended.
    Fresh,
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

pub(crate) struct State {
    core: Arc<Core>,
    live: Arc<Live>,
    partition: ActorRef<PartitionMessage>,
    followers: Vec<Follower>,
}

impl Actor for MailboxActor {
    type Msg = MailboxMessage;
    type State = State;
    type Arguments = (Arc<Core>, Arc<Live>, ActorRef<PartitionMessage>);

    async fn pre_start(
        &self,
        _: ActorRef<MailboxMessage>,
        (core, live, partition): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            core,
            live,
            partition,
            followers: Vec::new(),
        })
    }

    async fn handle(
        &self,
        _: ActorRef<MailboxMessage>,
        message: MailboxMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            MailboxMessage::Admit(items, _lease) => state.admit(items),
            MailboxMessage::Fresh => state.followers.iter().for_each(Follower::wake),
            MailboxMessage::Follow(follower) => state.follow(follower),
            MailboxMessage::Unfollow {
                session,
                handle,
                generation,
            } => {
                let meant =
                    |f: &Follower| (f.session_id, f.handle, f.generation) == (session, handle, generation);
                state.followers.retain(|f| !meant(f));
                state
                    .live
                    .followers
                    .store(state.followers.len(), Ordering::SeqCst);
            }
        }
        Ok(())
    }
}

impl State {
    /// Commands beyond the mailbox's bounds are answered Busy; the others keep their order.
    ///
    /// Once one is turned away, so are the rest of its frame: a sender's later command must
    /// not overtake its earlier one.
    fn admit(&mut self, items: Vec<Item>) {
        let limits = &self.core.limits;
        let mut admitted = Vec::with_capacity(items.len());
        let mut full = false;
        for mut item in items {
            let bytes = weight::bytes(&item.submission.command);
            let share = match full {
                true => None,
                false => self
                    .live
                    .gauge
                    .take(bytes, limits.mailbox_calls, limits.mailbox_bytes),
            };
            match share {
                Some(share) => {
                    item.ticket.hold(share);
                    admitted.push(item);
                }
                None => {
                    full = true;
                    item.ticket.busy();
                }
            }
        }
        if !admitted.is_empty() {
            drop(self.partition.cast(PartitionMessage::Submit(admitted)));
        }
    }

    /// Counted first and woken then: what is appended after the count is announced, and what
    /// was appended before it is found by the first look.
    fn follow(&mut self, follower: Follower) {
        self.followers.push(follower);
        self.live.followers.store(self.followers.len(), Ordering::SeqCst);
        if let Some(follower) = self.followers.last() {
            follower.wake();
        }
    }
}
