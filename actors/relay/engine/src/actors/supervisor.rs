//! The actor that all others are linked to.
//!
//! What an actor holds answers by itself when the actor is gone (tickets, follows,
//! connections: each has a drop guard), so supervision has one thing left to do: make room
//! for a fresh one. A partition's actor is not begun anew: its process is.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use telesphor_order::Order;
use telesphor_store::{Fatal, StoreError};

use super::registry::Registry;
use crate::config::FatalHook;
use crate::core::Core;

/// Everything that reaches the supervisor.
pub(crate) enum SupervisorMessage {
    /// Time to look for mailboxes that nobody uses.
    Passivate,
    /// These actors hold a partition each.
    Partitions(Vec<ractor::ActorId>),
}

/// The behaviour; all state is in [`State`].
pub(crate) struct Supervisor;

pub(crate) struct State {
    core: Arc<Core>,
    registry: Arc<Registry>,
    order: Arc<dyn Order>,
    on_fatal: FatalHook,
    partitions: Vec<ractor::ActorId>,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = State;
    type Arguments = (Arc<Core>, Arc<Registry>, Arc<dyn Order>, FatalHook);

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        (core, registry, order, on_fatal): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        // Often enough that a mailbox sleeps after at most one and a half times its idle time.
        let every = (core.limits.mailbox_idle / 2).max(Duration::from_millis(1));
        myself.send_interval(every, || SupervisorMessage::Passivate);
        Ok(State {
            core,
            registry,
            order,
            on_fatal,
            partitions: Vec::new(),
        })
    }

    async fn handle(
        &self,
        _: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Passivate => {
                state.registry.passivate();
                // The writer may have a note to sync and nothing else to do.
                state.order.wake();
            }
            SupervisorMessage::Partitions(ids) => state.partitions = ids,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, _) = event {
            // The reason may hold what a caller sent, so it is not told.
            tracing::error!(target: "telesphor::engine", "an actor failed and was let go");
            if state.partitions.contains(&who.get_id()) {
                state.core.fail();
                state.order.close();
                (state.on_fatal)(&Fatal::Store(StoreError::Poisoned));
            } else {
                state.registry.forget(who.get_id());
            }
        }
        Ok(())
    }
}
