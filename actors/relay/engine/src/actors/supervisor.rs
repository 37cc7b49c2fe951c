//! The actor that all others are linked to.
//!
//! What an actor holds answers by itself when the actor is gone (tickets, follows,
//! connections: each has a drop guard), so supervision has one thing left to do: make room
//! for a fresh one.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use telesphor_order::Order;

use super::registry::Registry;

/// Everything that reaches the supervisor.
pub(crate) enum SupervisorMessage {
    /// Time to look for mailboxes that nobody uses.
    Passivate,
}

/// The behaviour; all state is in [`State`].
pub(crate) struct Supervisor;

pub(crate) struct State {
    registry: Arc<Registry>,
    order: Arc<dyn Order>,
}

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = State;
    type Arguments = (Arc<Registry>, Arc<dyn Order>);

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        (registry, order): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        // Often enough that a mailbox sleeps after at most one and a half times its idle time.
        let every = (registry.mailbox_idle() / 2).max(Duration::from_millis(1));
        myself.send_interval(every, || SupervisorMessage::Passivate);
        Ok(State { registry, order })
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
            state.registry.forget(who.get_id());
        }
        Ok(())
    }
}
