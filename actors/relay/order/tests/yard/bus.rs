//! A bus in memory that keeps its word, until it is told to lie.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use telesphor_order::cluster::say::Seat;
use telesphor_order::cluster::{Bus, BusError, Question, StreamId, StreamState};
use telesphor_wire::ids::PartitionId;
use tokio::sync::{broadcast, mpsc};

#[derive(Default)]
struct Stream {
    /// Purged below it.
    first: u64,
    entries: BTreeMap<u64, Bytes>,
    ids: HashMap<String, u64>,
    last: u64,
}

impl Stream {
    fn bytes(&self) -> usize {
        self.entries.values().map(Bytes::len).sum()
    }
}

#[derive(Default)]
struct State {
    streams: HashMap<StreamId, Stream>,
    /// How many of a hundred words get lost.
    deaf: u32,
    count: u32,
    /// No more streams than this are made, if it is set.
    most: Option<usize>,
    /// Questions reach nobody.
    mute: bool,
    /// Whoever is asked, this one answers.
    answers: Option<Seat>,
    /// So many questions reached nobody.
    unheard: usize,
    /// Words that were said.
    said: usize,
    /// What this member answers is changed on its way.
    changes: Option<Seat>,
    /// This member hears no words.
    without_ears: Option<usize>,
    /// A stream holds no more bytes than this, if it is set.
    holds: Option<usize>,
    /// What is under way to these members gets lost.
    astray: Vec<usize>,
}

/// Shared by all members of a test.
#[derive(Clone)]
pub(crate) struct TestBus {
    /// Whose ears it has.
    member: usize,
    state: Arc<Mutex<State>>,
    changed: broadcast::Sender<()>,
    words: broadcast::Sender<(PartitionId, Bytes)>,
    asked: Arc<Mutex<HashMap<Seat, mpsc::Sender<Question>>>>,
}

impl TestBus {
    pub(crate) fn new() -> Self {
        Self {
            member: usize::MAX,
            state: Arc::default(),
            changed: broadcast::channel(4096).0,
            words: broadcast::channel(65536).0,
            asked: Arc::default(),
        }
    }

    /// The same bus as a member has it.
    pub(crate) fn of(&self, member: usize) -> Self {
        Self {
            member,
            ..self.clone()
        }
    }

    /// One member hears no words, or all do.
    pub(crate) fn without_ears(&self, member: Option<usize>) {
        self.state.lock().unwrap().without_ears = member;
    }

    /// Entries on their way to these members get lost and nobody is told.
    pub(crate) fn lose_on_the_way_to(&self, members: impl IntoIterator<Item = usize>) {
        self.state.lock().unwrap().astray = members.into_iter().collect();
    }

    fn tell(&self) {
        let _ = self.changed.send(());
    }

    /// It has room for so many streams.
    pub(crate) fn room_for(&self, streams: usize) {
        self.state.lock().unwrap().most = Some(streams);
    }

    /// A stream holds so many bytes and refuses what would be more.
    pub(crate) fn streams_hold(&self, bytes: usize) {
        self.state.lock().unwrap().holds = Some(bytes);
    }

    /// Questions reach nobody, or reach their members again.
    pub(crate) fn mute(&self, mute: bool) {
        self.state.lock().unwrap().mute = mute;
    }

    /// One member answers in the place of all.
    pub(crate) fn let_answer(&self, member: Seat) {
        self.state.lock().unwrap().answers = Some(member);
    }

    /// What one member answers is changed on its way.
    pub(crate) fn change_answers_of(&self, member: Seat) {
        self.state.lock().unwrap().changes = Some(member);
    }

    /// How many words were said.
    pub(crate) fn said(&self) -> usize {
        self.state.lock().unwrap().said
    }

    /// How many questions reached nobody.
    pub(crate) fn unheard(&self) -> usize {
        self.state.lock().unwrap().unheard
    }

    // ---- lies

    /// Every stream is gone.
    pub(crate) fn wipe(&self) {
        self.state.lock().unwrap().streams.clear();
        self.tell();
    }

    /// Every stream loses its last entries, and their numbers are given again.
    pub(crate) fn rewind(&self, entries: u64) {
        for stream in self.state.lock().unwrap().streams.values_mut() {
            for _ in 0..entries {
                if let Some((last, _)) = stream.entries.pop_last() {
                    stream.last = last - 1;
                    stream.ids.retain(|_, n| *n < last);
                }
            }
        }
        self.tell();
    }

    /// An entry in the middle is gone.
    pub(crate) fn lose_from_the_middle(&self) {
        for stream in self.state.lock().unwrap().streams.values_mut() {
            let middle = stream.last / 2;
            if middle > 1 {
                stream.entries.remove(&middle);
            }
        }
    }

    /// Something that no relay has submitted stands in every stream.
    pub(crate) fn inject(&self, junk: &[u8]) {
        for stream in self.state.lock().unwrap().streams.values_mut() {
            stream.last += 1;
            stream.entries.insert(stream.last, Bytes::copy_from_slice(junk));
        }
        self.tell();
    }

    /// The last entry of every stream is published once more.
    pub(crate) fn repeat_the_last(&self) {
        for stream in self.state.lock().unwrap().streams.values_mut() {
            if let Some((_, entry)) = stream.entries.last_key_value() {
                let entry = entry.clone();
                stream.last += 1;
                stream.entries.insert(stream.last, entry);
            }
        }
        self.tell();
    }

    /// Everything but the last entries is purged.
    pub(crate) fn purge_to_the_last(&self) {
        for stream in self.state.lock().unwrap().streams.values_mut() {
            stream.first = stream.last;
            let first = stream.first;
            stream.entries.retain(|n, _| *n >= first);
        }
    }

    /// So many of a hundred words are not heard.
    pub(crate) fn deafen(&self, percent: u32) {
        self.state.lock().unwrap().deaf = percent;
    }

    /// Where each stream begins and ends, for whoever must say why nothing came.
    pub(crate) fn stands(&self) -> Vec<(StreamId, u64, u64, usize)> {
        let state = self.state.lock().unwrap();
        let stands = |(id, s): (&StreamId, &Stream)| (*id, s.first, s.last, s.entries.len());
        state.streams.iter().map(stands).collect()
    }

    /// The stream of the latest incarnation.
    pub(crate) fn latest(&self) -> Option<StreamId> {
        self.state
            .lock()
            .unwrap()
            .streams
            .keys()
            .copied()
            .max_by_key(|id| id.inc)
    }

    pub(crate) fn streams(&self) -> usize {
        self.state.lock().unwrap().streams.len()
    }
}

impl Bus for TestBus {
    async fn open(&self, stream: StreamId) -> Result<(), BusError> {
        let mut state = self.state.lock().unwrap();
        let full = state.most.is_some_and(|most| state.streams.len() >= most);
        if full && !state.streams.contains_key(&stream) {
            return Err(BusError::NoRoom);
        }
        state.streams.entry(stream).or_default();
        Ok(())
    }

    async fn publish(
        &self,
        stream: StreamId,
        id: String,
        entry: Bytes,
        first: bool,
    ) -> Result<u64, BusError> {
        let number = {
            let mut state = self.state.lock().unwrap();
            let holds = state.holds.unwrap_or(usize::MAX);
            let stream = state.streams.get_mut(&stream).ok_or(BusError::Missing)?;
            if let Some(number) = stream.ids.get(&id) {
                return Ok(*number);
            }
            if stream.bytes() + entry.len() > holds {
                return Err(BusError::Unknown);
            }
            if first && stream.last > 0 {
                return Err(BusError::NotEmpty);
            }
            stream.last += 1;
            stream.entries.insert(stream.last, entry);
            stream.ids.insert(id, stream.last);
            stream.last
        };
        self.tell();
        Ok(number)
    }

    async fn follow(
        &self,
        stream: StreamId,
        from: u64,
        into: mpsc::Sender<(u64, Bytes)>,
    ) -> Result<(), BusError> {
        let mut changed = self.changed.subscribe();
        let mut next = from;
        loop {
            let entry = {
                let state = self.state.lock().unwrap();
                let stream = state.streams.get(&stream).ok_or(BusError::Missing)?;
                let found = stream.entries.range(next..).next();
                found.map(|(n, entry)| (*n, entry.clone()))
            };
            match entry {
                Some((n, entry)) => {
                    next = n + 1;
                    if self.state.lock().unwrap().astray.contains(&self.member) {
                        continue;
                    }
                    if into.send((n, entry)).await.is_err() {
                        return Ok(());
                    }
                }
                None => {
                    let _ = tokio::time::timeout(Duration::from_millis(200), changed.recv()).await;
                }
            }
        }
    }

    async fn look(&self, stream: StreamId) -> Result<StreamState, BusError> {
        let state = self.state.lock().unwrap();
        let stream = state.streams.get(&stream).ok_or(BusError::Missing)?;
        Ok(StreamState {
            first: stream.first.max(1),
            last: stream.last,
            crowded: state.holds.is_some_and(|holds| stream.bytes() > holds / 2),
        })
    }

    async fn purge(&self, stream: StreamId, below: u64) -> Result<(), BusError> {
        let mut state = self.state.lock().unwrap();
        let stream = state.streams.get_mut(&stream).ok_or(BusError::Missing)?;
        stream.first = stream.first.max(below);
        stream.entries.retain(|n, _| *n >= below);
        Ok(())
    }

    async fn forget_before(&self, stream: StreamId) -> Result<(), BusError> {
        let old = |id: &StreamId| id.partition == stream.partition && id.inc < stream.inc;
        self.state.lock().unwrap().streams.retain(|id, _| !old(id));
        Ok(())
    }

    async fn say(&self, partition: PartitionId, words: Bytes) {
        let lost = {
            let mut state = self.state.lock().unwrap();
            state.said += 1;
            state.count = state.count.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state.count >> 16) % 100 < state.deaf
        };
        if !lost {
            let _ = self.words.send((partition, words));
        }
    }

    async fn hear(&self, partition: PartitionId, into: mpsc::Sender<Bytes>) {
        let mut words = self.words.subscribe();
        loop {
            match words.recv().await {
                Ok((of, words)) if of == partition => {
                    let deaf = self.state.lock().unwrap().without_ears == Some(self.member);
                    if !deaf && into.send(words).await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn ask(&self, member: Seat, question: Bytes) -> Result<Bytes, BusError> {
        {
            let mut state = self.state.lock().unwrap();
            if state.mute {
                state.unheard += 1;
                return Err(BusError::Unknown);
            }
        }
        let member = self.state.lock().unwrap().answers.unwrap_or(member);
        let to = self
            .asked
            .lock()
            .unwrap()
            .get(&member)
            .cloned()
            .ok_or(BusError::Unknown)?;
        let (answer, answered) = tokio::sync::oneshot::channel();
        let question = Question {
            bytes: question,
            reply: Box::new(move |bytes| {
                let _ = answer.send(bytes);
            }),
        };
        to.send(question).await.map_err(|_| BusError::Unknown)?;
        match tokio::time::timeout(Duration::from_secs(2), answered).await {
            Ok(Ok(bytes)) if self.state.lock().unwrap().changes == Some(member) => {
                // In the body of the last entry, if it is a batch.
                let mut bytes = bytes.to_vec();
                let at = bytes.len().saturating_sub(4);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
                Ok(bytes.into())
            }
            Ok(Ok(bytes)) => Ok(bytes),
            _ => Err(BusError::Unknown),
        }
    }

    async fn asked(&self, me: Seat, into: mpsc::Sender<Question>) {
        self.asked.lock().unwrap().insert(me, into.clone());
        into.closed().await;
    }
}
