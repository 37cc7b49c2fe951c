//! The bus that is used: NATS with JetStream.
//!
//! ```text
//! stream   tel_<name>_p<partition>_r<round>_<opener>      R3, file, limits, discard new
//! subject  tel.<name>.log.p<partition>.<round>.<opener>   its only one
//!          tel.<name>.say.p<partition>.<member>           a member's words, at most once
//!          tel.<name>.ask.<member>                        questions, with a reply subject
//!          tel.<name>.blob.<member>                       the same about large files, beside the order
//!          tel.<name>.pass.<member>                       the same about mailboxes that not every relay keeps
//!          tel.<name>.news.p<partition>.<member>          which of them have something new
//!          tel.<name>.in.<member>.<random>                what a member waits for: answers, its streams
//! ```
//!
//! Every subject that belongs to one member ends in its key, so that NATS can hold each to its
//! own (`ops/nats`).
//!
//! Nothing that is said to have happened here is relied on: an acknowledgement means *ordered*,
//! a missing one means nothing. JetStream's own deduplication spares a second copy and no more.

use std::fmt::Write;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, push};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode, Message};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt;
use telesphor_wire::ids::PartitionId;
use tokio::sync::mpsc;

use super::bus::{Bus, BusError, Question, StreamId, StreamState};
use super::say::Seat;

/// How the bus is used.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// Stands in every subject: two clusters on one NATS do not meet.
    pub name: String,
    /// This relay.
    pub me: Seat,
    /// Copies of each stream.
    pub replicas: usize,
    /// A stream holds no more than this, bytes; then it refuses.
    pub stream_bytes: i64,
    /// Answers are waited for so long.
    pub timeout: Duration,
}

/// Where NATS is and how this relay shows who it is.
#[derive(Clone, Debug, Default)]
pub struct NatsAddress {
    /// `nats://host:port` or `tls://host:port`, several of one cluster.
    pub servers: Vec<String>,
    /// PEM file with the authorities of NATS's certificates.
    pub ca: Option<PathBuf>,
    /// PEM files with this relay's certificate and its key: NATS knows each relay by its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// NATS cannot be reached as the settings say.
#[derive(Debug, thiserror::Error)]
#[error("NATS: {0}")]
pub struct NoNats(String);

impl NatsAddress {
    /// Connects as a member of the cluster of that name; goes on trying in the background where a
    /// server is not there yet. Certificates are read again with every new connection.
    ///
    /// # Errors
    /// [`NoNats`] if a file cannot be read or an address is none.
    pub async fn connect(&self, cluster: &str, me: Seat) -> Result<Client, NoNats> {
        let fault = |e: &dyn std::error::Error| NoNats(e.to_string());
        let mut options = async_nats::ConnectOptions::new()
            .name("telesphor-relay")
            .custom_inbox_prefix(format!("tel.{cluster}.in.{}", hex(&me)))
            .retry_on_initial_connect()
            .ping_interval(Duration::from_secs(5))
            .reconnect_delay_callback(|tries| Duration::from_millis(100 * (tries as u64).clamp(1, 10)));
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        options.connect(self.servers.clone()).await.map_err(|e| fault(&e))
    }
}

/// What went over a connection, without what the protocol adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages that came.
    pub messages_in: u64,
    /// Messages that were sent.
    pub messages_out: u64,
    /// Bytes in those that came.
    pub bytes_in: u64,
    /// Bytes in those that were sent.
    pub bytes_out: u64,
}

/// NATS as a [`Bus`].
pub struct Nats {
    client: Client,
    jetstream: jetstream::Context,
    config: NatsConfig,
}

/// The server says at least this often that a stream which says nothing is still there.
const HEARTBEAT: Duration = Duration::from_secs(2);

impl Nats {
    /// Over a connection.
    pub fn new(client: Client, config: NatsConfig) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(config.timeout);
        Self {
            client,
            jetstream,
            config,
        }
    }

    fn stream_name(&self, stream: StreamId) -> String {
        format!("tel_{}_{}", self.config.name, id(stream, '_'))
    }

    fn log_subject(&self, stream: StreamId) -> String {
        format!("tel.{}.log.{}", self.config.name, id(stream, '.'))
    }

    /// The connection: for the exchange with other domains, which goes over the same servers.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What went over this connection since it was first made.
    pub fn traffic(&self) -> Traffic {
        let counted = self.client.statistics();
        Traffic {
            messages_in: counted.in_messages.load(Ordering::Relaxed),
            messages_out: counted.out_messages.load(Ordering::Relaxed),
            bytes_in: counted.in_bytes.load(Ordering::Relaxed),
            bytes_out: counted.out_bytes.load(Ordering::Relaxed),
        }
    }

    /// Whether a server is reached.
    pub fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    fn say_subject(&self, partition: PartitionId, member: &str) -> String {
        format!("tel.{}.say.p{}.{member}", self.config.name, partition.0)
    }

    fn ask_subject(&self, member: Seat) -> String {
        format!("tel.{}.ask.{}", self.config.name, hex(&member))
    }

    fn blob_subject(&self, member: Seat) -> String {
        format!("tel.{}.blob.{}", self.config.name, hex(&member))
    }

    /// Asks a member about large files. What comes back is not checked.
    ///
    /// # Errors
    /// [`BusError::Unknown`] if nothing came in time.
    pub async fn ask_of_blobs(&self, member: Seat, question: Bytes) -> Result<Bytes, BusError> {
        self.question(self.blob_subject(member), question).await
    }

    /// Gives what this member is asked about large files, as long as somebody takes it.
    pub async fn asked_of_blobs(&self, into: mpsc::Sender<Question>) {
        self.questions(self.blob_subject(self.config.me), into).await;
    }

    /// Asks a member about a mailbox that it keeps. What comes back is not checked.
    ///
    /// # Errors
    /// [`BusError::Missing`] if nobody hears it, [`BusError::Unknown`] if nothing came in time.
    pub async fn pass_on(
        &self,
        member: Seat,
        question: Bytes,
        patience: Duration,
    ) -> Result<Bytes, BusError> {
        let subject = format!("tel.{}.pass.{}", self.config.name, hex(&member));
        let asked = self.client.request(subject, question);
        match tokio::time::timeout(patience, asked).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Err(BusError::Missing),
            _ => Err(BusError::Unknown),
        }
    }

    /// Answers what is passed on to this member, as long as it is polled. How much at once is for `answer`
    /// to say.
    pub async fn passed_on<A>(&self, answer: impl Fn(Bytes) -> A)
    where
        A: Future<Output = Option<Vec<u8>>> + Send + 'static,
    {
        let subject = format!("tel.{}.pass.{}", self.config.name, hex(&self.config.me));
        let mut asked = self.subscribe(subject).await;
        while let Some(message) = asked.next().await {
            let Some(back) = message.reply else { continue };
            let (client, answered) = (self.client.clone(), answer(message.payload));
            tokio::spawn(async move {
                if let Some(answer) = answered.await {
                    // Whoever asked may be gone.
                    let _ = client.publish(back, answer.into()).await;
                }
            });
        }
    }

    /// Tells everybody what is new in a partition. Nobody may have heard it.
    pub async fn tell_news(&self, partition: PartitionId, news: Bytes) {
        let me = hex(&self.config.me);
        let subject = format!("tel.{}.news.p{}.{me}", self.config.name, partition.0);
        let _ = self.client.publish(subject, news).await;
    }

    /// Hears what is new in all partitions, as long as it is polled.
    pub async fn hear_news(&self, heard: impl Fn(Bytes)) {
        let mut news = self.subscribe(format!("tel.{}.news.*.*", self.config.name)).await;
        while let Some(message) = news.next().await {
            heard(message.payload);
        }
    }

    async fn question(&self, subject: String, question: Bytes) -> Result<Bytes, BusError> {
        let asked = self.client.request(subject, question);
        match tokio::time::timeout(self.config.timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            _ => Err(BusError::Unknown),
        }
    }

    async fn questions(&self, subject: String, into: mpsc::Sender<Question>) {
        let mut asked = self.subscribe(subject).await;
        while let Some(message) = asked.next().await {
            let Some(back) = message.reply else { continue };
            let (client, runtime) = (self.client.clone(), tokio::runtime::Handle::current());
            let question = Question {
                bytes: message.payload,
                reply: Box::new(move |answer| {
                    // Whoever asked may be gone.
                    let _ = runtime.block_on(client.publish(back, answer));
                }),
            };
            if into.send(question).await.is_err() {
                return;
            }
        }
    }

    /// Hands on what is published to a subject, as long as somebody takes it. Comes back by
    /// itself with the connection.
    async fn subscribe(&self, subject: String) -> async_nats::Subscriber {
        loop {
            match self.client.subscribe(subject.clone()).await {
                Ok(subscriber) => return subscriber,
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

fn hex(seat: &Seat) -> String {
    seat.0.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn id(stream: StreamId, between: char) -> String {
    let (round, opener) = (stream.inc.round, hex(&stream.inc.opener));
    format!("p{}{between}r{round}{between}{opener}", stream.partition.0)
}

/// Why no stream was made, for whoever runs NATS.
fn not_made(code: ErrorCode) -> BusError {
    match code {
        ErrorCode::INSUFFICIENT_RESOURCES | ErrorCode::STORAGE_RESOURCES_EXCEEDED => BusError::NoRoom,
        ErrorCode::CLUSTER_NO_PEERS | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => BusError::TooFew,
        ErrorCode::JETSTREAM_NOT_ENABLED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
        | ErrorCode::MAXIMUM_STREAMS_LIMIT => BusError::Refused,
        // A leader that is being chosen, a change on its way: it is asked again.
        _ => BusError::Unknown,
    }
}

impl Bus for Nats {
    async fn open(&self, stream: StreamId) -> Result<(), BusError> {
        let config = Config {
            name: self.stream_name(stream),
            subjects: vec![self.log_subject(stream)],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: self.config.replicas,
            discard: DiscardPolicy::New,
            max_bytes: self.config.stream_bytes,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            deny_delete: true,
            duplicate_window: Duration::from_secs(120),
            ..Config::default()
        };
        match self.jetstream.create_stream(config).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.kind() {
                CreateStreamErrorKind::JetStream(e) => not_made(e.error_code()),
                _ => BusError::Unknown,
            }),
        }
    }

    async fn publish(
        &self,
        stream: StreamId,
        id: String,
        entry: Bytes,
        first: bool,
    ) -> Result<u64, BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.as_str());
        headers.insert("Nats-Expected-Stream", self.stream_name(stream).as_str());
        if first {
            headers.insert("Nats-Expected-Last-Sequence", "0");
        }
        let sent = self
            .jetstream
            .publish_with_headers(self.log_subject(stream), headers, entry)
            .await
            .map_err(|_| BusError::Unknown)?;
        match sent.await {
            Ok(ack) => Ok(ack.sequence),
            Err(error) => Err(match error.kind() {
                // No stream takes the subject. It may also have no leader just now.
                PublishErrorKind::StreamNotFound => BusError::Missing,
                PublishErrorKind::WrongLastSequence => BusError::NotEmpty,
                _ => BusError::Unknown,
            }),
        }
    }

    async fn follow(
        &self,
        stream: StreamId,
        from: u64,
        into: mpsc::Sender<(u64, Bytes)>,
    ) -> Result<(), BusError> {
        let config = push::Config {
            deliver_subject: self.client.new_inbox(),
            ack_policy: AckPolicy::None,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            replay_policy: ReplayPolicy::Instant,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            num_replicas: 1,
            memory_storage: true,
            inactive_threshold: Duration::from_secs(30),
            ..push::Config::default()
        };
        let consumer = self
            .jetstream
            .create_consumer_on_stream(config, self.stream_name(stream))
            .await
            .map_err(|_| BusError::Unknown)?;
        let mut messages = consumer.messages().await.map_err(|_| BusError::Unknown)?;
        while let Some(message) = messages.next().await {
            let message: Message = message.map_err(|_| BusError::Unknown)?;
            let number = message.info().map_err(|_| BusError::Unknown)?.stream_sequence;
            if into.send((number, message.message.payload)).await.is_err() {
                return Ok(());
            }
        }
        Err(BusError::Unknown)
    }

    async fn look(&self, stream: StreamId) -> Result<StreamState, BusError> {
        match self.jetstream.get_stream(self.stream_name(stream)).await {
            Ok(found) => {
                let state = &found.cached_info().state;
                let half = u64::try_from(self.config.stream_bytes / 2).unwrap_or(u64::MAX);
                Ok(StreamState {
                    first: state.first_sequence.max(1),
                    last: state.last_sequence,
                    crowded: state.bytes > half,
                })
            }
            Err(error) => Err(match error.kind() {
                GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    BusError::Missing
                }
                _ => BusError::Unknown,
            }),
        }
    }

    async fn purge(&self, stream: StreamId, below: u64) -> Result<(), BusError> {
        let found = self
            .jetstream
            .get_stream_no_info(self.stream_name(stream))
            .await
            .map_err(|_| BusError::Unknown)?;
        found
            .purge()
            .sequence(below)
            .await
            .map(|_| ())
            .map_err(|_| BusError::Unknown)
    }

    async fn forget_before(&self, stream: StreamId) -> Result<(), BusError> {
        let mine = format!("tel_{}_p{}_r", self.config.name, stream.partition.0);
        let current = hex(&stream.inc.opener);
        let mut names = self.jetstream.stream_names();
        let mut old = Vec::new();
        while let Some(name) = names.next().await {
            let name = name.map_err(|_| BusError::Unknown)?;
            // A round and its opener, in the order of incarnations.
            let parts = name.strip_prefix(&mine).and_then(|rest| rest.split_once('_'));
            let earlier = parts.and_then(|(round, opener)| {
                let round: u64 = round.parse().ok()?;
                Some((round, opener) < (stream.inc.round, current.as_str()))
            });
            if earlier == Some(true) {
                old.push(name);
            }
        }
        for name in old {
            self.jetstream
                .delete_stream(name)
                .await
                .map_err(|_| BusError::Unknown)?;
        }
        Ok(())
    }

    async fn say(&self, partition: PartitionId, words: Bytes) {
        // Said at most once: whatever needs to be heard is said again.
        let _ = self
            .client
            .publish(self.say_subject(partition, &hex(&self.config.me)), words)
            .await;
    }

    async fn hear(&self, partition: PartitionId, into: mpsc::Sender<Bytes>) {
        let mut heard = self.subscribe(self.say_subject(partition, "*")).await;
        while let Some(message) = heard.next().await {
            if into.send(message.payload).await.is_err() {
                return;
            }
        }
    }

    async fn ask(&self, member: Seat, question: Bytes) -> Result<Bytes, BusError> {
        self.question(self.ask_subject(member), question).await
    }

    async fn asked(&self, me: Seat, into: mpsc::Sender<Question>) {
        self.questions(self.ask_subject(me), into).await;
    }
}
