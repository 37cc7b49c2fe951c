//! One session: proofs, pipelined calls, followed mailboxes.
//!
//! [`Session`] is a handle; the connection itself belongs to one task (`driver`). Every
//! request made here gets exactly one answer: the relay's, or the news that the connection
//! is gone.

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{Incarnation, Nonce};
use telesphor_wire::limits::{self, PROTOCOL_VERSION};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::records::{FEATURE, FetchRecords, RecordsPage};
use telesphor_wire::session::{ClientFrame, Events, Fetch, Hello, RelayFrame};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::{Domain, SupportCode};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::credential::{Binding, Credential};
use super::driver::{self, Driver, Request};
use super::error::LinkError;
use super::pin::Pin;
use super::tls;

/// Requests that may wait for the connection's task.
pub(crate) const REQUEST_QUEUE: usize = 256;
/// Pushes that may wait for the reader. Credit bounds their bytes.
pub(crate) const PUSH_QUEUE: usize = 1024;

/// Read at one time, bytes. The library fills a buffer of this size with zeros before each read, which
/// at its default of 128 KiB costs more than what is read.
const READ_BUFFER: usize = 16 << 10;

/// What the relay said about itself when the session began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WelcomeFacts {
    /// The domain.
    pub domain: Domain,
    /// The relay's attesting key.
    pub relay: PublicKey,
    /// The life of its store.
    pub incarnation: Incarnation,
    /// Partitions of the domain.
    pub partitions: u16,
    /// Its clock then, Unix milliseconds.
    pub clock: u64,
    /// What this side called the connection: its name in delivery records.
    pub agent_nonce: Nonce,
    /// Whether the relay writes delivery records.
    pub records: bool,
}

/// What a good proof tells about the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The handle under which the right stands.
    pub handle: u32,
    /// Where the mailbox stands (readers only).
    pub head: Option<Cursor>,
    /// Last accepted owner counter (owners only).
    pub counter: Option<u64>,
}

/// Something that came by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// Events of a followed mailbox, in order.
    Events(Events),
    /// A follow ended, and why.
    Ended(u32, Refusal),
}

/// A command's way through the relay can be followed by this code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// The relay's answer.
    pub answer: Answer,
    /// Printed to the user when something went wrong.
    pub support: SupportCode,
}

/// A call that the connection has been given.
#[derive(Debug)]
pub(crate) struct Begun(oneshot::Receiver<Result<Replied, LinkError>>);

impl Begun {
    /// Waits for its answer.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(crate) async fn answer(self) -> Result<Replied, LinkError> {
        self.0.await.map_err(|_| LinkError::lost())?
    }
}

/// A session on one connection. Cheap to clone; the connection ends with the last clone.
#[derive(Clone, Debug)]
pub struct Session {
    requests: mpsc::Sender<Request>,
    facts: WelcomeFacts,
}

impl Session {
    /// Connects, checks the relay's key, binds the session to the channel and says hello.
    /// Pushed events arrive at the receiver, which closes when the connection is gone.
    ///
    /// `relays` are the attesting keys of the pinned domain record: a relay that is not among
    /// them is refused, though its TLS key fits.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn open(pin: &Pin, relays: &[PublicKey]) -> Result<(Self, mpsc::Receiver<Push>), LinkError> {
        Self::open_as(pin, relays, Nonce::random()).await
    }

    /// The same under a number that names this connection in delivery records. At least half of
    /// it must be random.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn open_as(
        pin: &Pin,
        relays: &[PublicKey],
        agent_nonce: Nonce,
    ) -> Result<(Self, mpsc::Receiver<Push>), LinkError> {
        let (stream, channel_binding) = tls::connect(pin).await?;
        let request = format!("wss://{}/v1/session", pin.address)
            .into_client_request()
            .map_err(|_| LinkError::WrongRelay)?;
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(limits::MAX_FRAME_BYTES);
        config.max_frame_size = Some(limits::MAX_FRAME_BYTES);
        config.read_buffer_size = READ_BUFFER;
        let (mut socket, _) = client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|_| LinkError::lost())?;

        let hello = Hello {
            versions: vec![PROTOCOL_VERSION],
            features: vec![FEATURE],
            agent_nonce,
            ext: Extensions::none(),
        };
        driver::send(&mut socket, &ClientFrame::Hello(hello)).await?;
        let welcome = match driver::receive(&mut socket).await? {
            RelayFrame::Welcome(welcome) => welcome,
            RelayFrame::Goodbye(g) => {
                return Err(LinkError::Lost {
                    retry_after_ms: Some(g.retry_after_ms),
                });
            }
            _ => return Err(LinkError::Form),
        };
        if welcome.version != PROTOCOL_VERSION {
            return Err(LinkError::Form);
        }
        if welcome.domain != pin.domain || !relays.contains(&welcome.relay) {
            return Err(LinkError::WrongRelay);
        }
        let binding = Binding {
            domain: welcome.domain.clone(),
            relay: welcome.relay,
            channel_binding,
            relay_nonce: welcome.relay_nonce,
            agent_nonce,
        };
        let (requests, queue) = mpsc::channel(REQUEST_QUEUE);
        let (pushes, received) = mpsc::channel(PUSH_QUEUE);
        let max_frame = (welcome.max_frame as usize).min(limits::MAX_FRAME_BYTES);
        tokio::spawn(Driver::new(socket, binding, max_frame, queue, pushes).run());
        let facts = WelcomeFacts {
            domain: welcome.domain,
            relay: welcome.relay,
            incarnation: welcome.incarnation,
            partitions: welcome.partitions,
            clock: welcome.clock,
            agent_nonce,
            records: welcome.features.contains(&FEATURE),
        };
        Ok((Self { requests, facts }, received))
    }

    /// One whose connection a test plays.
    #[cfg(test)]
    pub(super) const fn on_paper(requests: mpsc::Sender<Request>, facts: WelcomeFacts) -> Self {
        Self { requests, facts }
    }

    /// What the relay said about itself.
    pub const fn facts(&self) -> &WelcomeFacts {
        &self.facts
    }

    /// Proves a right.
    ///
    /// # Errors
    /// [`LinkError::Refused`] with one code for unknown mailbox and wrong key alike.
    pub async fn prove(&self, credential: Credential) -> Result<Standing, LinkError> {
        self.ask(|reply| Request::Prove(Box::new(credential), reply))
            .await?
    }

    /// Sends a command and waits for its answer. `handle` is the right a deposit uses; 0
    /// where the command carries its own signature.
    ///
    /// # Errors
    /// [`LinkError::Lost`]: the outcome is unknown, send the same bytes again.
    pub async fn call(&self, handle: u32, command: Command) -> Result<Replied, LinkError> {
        self.call_as(SupportCode::random(), handle, command).await
    }

    /// [`Session::call`] under a support code that was chosen, so that it is known also if no
    /// answer comes.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn call_as(
        &self,
        support: SupportCode,
        handle: u32,
        command: Command,
    ) -> Result<Replied, LinkError> {
        let begun = self.begin_call(support, handle, command).await?;
        begun.answer().await
    }

    /// Hands a command to the connection and gives the wait for its answer. What is begun goes out
    /// also while nobody polls that wait: of many waits that stood in line for a place in the queue
    /// and were not polled, each would keep the place it was given, and a proof asked for behind
    /// them would never have one.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(crate) async fn begin_call(
        &self,
        support: SupportCode,
        handle: u32,
        command: Command,
    ) -> Result<Begun, LinkError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Request::Call {
            handle,
            support,
            command: Box::new(command),
            reply,
        })
        .await?;
        Ok(Begun(answer))
    }

    /// Has the events after a position pushed.
    ///
    /// # Errors
    /// [`LinkError::Lost`].
    pub async fn follow(&self, handle: u32, after: u64, credit: u32) -> Result<(), LinkError> {
        self.tell(Request::Follow {
            handle,
            after,
            credit,
        })
        .await
    }

    /// Gives more credit after pushed events were taken over. It is gathered, and told the relay a
    /// quarter of the window at a time.
    ///
    /// # Errors
    /// [`LinkError::Lost`].
    pub async fn credit(&self, handle: u32, bytes: u32) -> Result<(), LinkError> {
        self.tell(Request::Credit { handle, bytes }).await
    }

    /// Reads delivery records after a number, under a handle with the owner's right.
    ///
    /// # Errors
    /// [`LinkError::Refused`]; [`LinkError::Lost`].
    pub async fn records(&self, handle: u32, after: u64, max_records: u32) -> Result<RecordsPage, LinkError> {
        let fetch = FetchRecords {
            handle,
            after,
            max_records,
        };
        self.ask(|reply| Request::Records(fetch, reply)).await?
    }

    /// Asks for one page of events after a position. It comes as a push: the events, none if there
    /// are none, or why not.
    ///
    /// # Errors
    /// [`LinkError::Lost`].
    pub async fn fetch(&self, handle: u32, after: u64, max_events: u32) -> Result<(), LinkError> {
        self.tell(Request::Fetch(Fetch {
            handle,
            after,
            max_events,
        }))
        .await
    }

    /// Gives up a handle and whatever it follows.
    ///
    /// # Errors
    /// [`LinkError::Lost`].
    pub async fn forget(&self, handle: u32) -> Result<(), LinkError> {
        self.tell(Request::Forget(handle)).await
    }

    async fn tell(&self, request: Request) -> Result<(), LinkError> {
        self.requests.send(request).await.map_err(|_| LinkError::lost())
    }

    async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, LinkError> {
        let (reply, answer) = oneshot::channel();
        self.tell(make(reply)).await?;
        // The task drops its waiters when the connection ends: that is the answer then.
        answer.await.map_err(|_| LinkError::lost())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use telesphor_wire::command::Enrol;
    use telesphor_wire::ids::{CommandId, Voucher};

    use crate::link::paper;

    fn enrol() -> Command {
        Command::Enrol(Enrol {
            token: Voucher::random(),
            vouchers: Vec::new(),
            command_id: CommandId::random(),
            not_after: 0,
            ext: Extensions::none(),
        })
    }

    #[tokio::test]
    async fn calls_whose_answers_nobody_waits_for_yet_keep_what_comes_next_from_the_relay() {
        let (requests, mut queue) = mpsc::channel(REQUEST_QUEUE);
        let session = Session::on_paper(requests, paper::facts());
        let connection = tokio::spawn(async move {
            let mut calls = 0;
            while let Some(request) = queue.recv().await {
                match request {
                    Request::Call { .. } => calls += 1,
                    _ => return calls,
                }
            }
            0
        });
        let mut begun = Vec::new();
        for _ in 0..3 * REQUEST_QUEUE {
            begun.push(
                session
                    .begin_call(SupportCode::random(), 0, enrol())
                    .await
                    .unwrap(),
            );
        }
        session.forget(1).await.unwrap();
        assert_eq!(
            connection.await.unwrap(),
            3 * REQUEST_QUEUE,
            "all before it, and then it"
        );
        // A connection that ends answers all of them.
        for call in begun {
            assert_eq!(call.answer().await.unwrap_err(), LinkError::lost());
        }
    }
}
