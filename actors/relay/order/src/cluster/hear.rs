//! What others say, and what is said to them.

use std::time::Instant;

use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::sign::Signed;

use super::bus::Bus;
use super::driver::Driver;
use super::fetch;
use super::memory::Keep;
use super::phase::{After, Done, Gone, Lost, Phase};
use super::say::{Collect, Decided, Heard, Hello, Place, Promised, Said, Seat, Vote, Word};
use super::versions::{self, Knows};
use crate::member::Inc;

/// One message of words, at most, bytes.
const MAX_MESSAGE: usize = 1024 * 1024;

impl<B: Bus> Driver<B> {
    pub(crate) async fn on_words(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        let Ok(words) = canonical::decode_bounded::<Vec<Word>>(bytes, MAX_MESSAGE) else {
            return Ok(());
        };
        for word in words {
            self.on_word(word).await?;
        }
        self.answer().await
    }

    async fn on_word(&mut self, word: Word) -> Result<(), Gone> {
        match word {
            Word::Vote(said) if self.good(&said, said.what.place) => self.on_vote(&said),
            Word::Decided(decided) => self.on_decided(decided),
            Word::Collect(said) if self.good(&said, said.what.place) && said.what.inc.opener == said.from => {
                self.on_collect(said.what.inc).await?;
            }
            Word::Promise(said) if self.good(&said, said.what.place) => self.on_promise(said.from, said.what),
            Word::Opened(said) if self.good(&said, said.what.place) => {
                let inc = said.what.genesis.inc;
                if said.from == inc.opener {
                    self.on_announced(inc);
                }
            }
            Word::Hello(said) if self.good(&said, said.what.place) => self.on_hello(&said),
            Word::Heard(said) if self.good(&said, said.what.place) => {
                self.on_heard(said.from, &said.what).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Another member's word about this partition, by its own signature.
    fn good<T: Signed>(&self, said: &Said<T>, place: Place) -> bool {
        place == self.place && said.from != self.context.me && self.knows(&said.from) && said.verify().is_ok()
    }

    /// Whether somebody belongs to the cluster, as far as this member knows.
    pub(crate) fn knows(&self, seat: &Seat) -> bool {
        let accepted = &self.standing.accepted;
        accepted.members.has(seat) || accepted.before.has(seat) || self.context.knows(seat)
    }

    /// Rounds only rise; a candidate goes above all it has seen.
    fn saw(&mut self, inc: Inc<Seat>) {
        self.round = self.round.max(inc.round);
    }

    fn on_vote(&mut self, said: &Said<Vote>) {
        let vote = &said.what;
        self.saw(vote.inc);
        let seats = &self.standing.accepted.members;
        self.context.clocks.heard(said.from, &vote.ext, seats);
        let heard = self.heard.entry(said.from).or_default();
        let again = heard.voted == Some((vote.inc, vote.at.n));
        heard.voted = heard.voted.max(Some((vote.inc, vote.at.n)));
        heard.rules = Some(Knows::said(&vote.ext));
        if vote.inc > self.standing.accepted.inc {
            // A majority may be there already; the stream says so.
            self.on_announced(vote.inc);
        }
        if vote.inc != self.standing.accepted.inc {
            return;
        }
        let history = &self.history;
        let same = self
            .votes
            .note(said.from, vote.at, &|n| history.link(n), history.head().n);
        let accepted = &self.standing.accepted;
        let counts = accepted.members.has(&said.from) || accepted.before.has(&said.from);
        if !same && counts && matches!(self.phase, Phase::Following) {
            self.fence("others remember another order than this relay");
        } else if again && same && vote.at.n < self.synced {
            self.vote_again(vote.at.n);
        }
    }

    pub(crate) fn on_decided(&mut self, decided: Decided) {
        let from = decided.attest.relay;
        let waits = decided.position > self.durable
            && decided.position <= self.durable + 4 * super::limits::UNDECIDED as u64;
        if !waits || from == self.context.me || !self.knows(&from) {
            return;
        }
        let mut statement = fetch::statement(self.place, decided.position, decided.head);
        statement.ext = decided.attest.ext.clone();
        if from.verify(&statement, &decided.attest.signature).is_ok() {
            self.verdicts
                .other(decided.position, from, decided.head, decided.attest);
        }
    }

    /// What should have been heard by now is asked for: words may be lost.
    pub(crate) fn ask_attests(&mut self) {
        if self.attesting || self.durable >= self.decided || !self.stalled() {
            return;
        }
        self.attesting = true;
        let (bus, place, others) = (self.context.bus.clone(), self.place, self.others());
        let (from, to) = (self.durable + 1, self.decided);
        self.jobs
            .spawn(async move { Done::Attests(fetch::attests(&*bus, place, &others, from, to).await) });
    }

    /// Whether the same position was waited for at the tick before.
    fn stalled(&mut self) -> bool {
        let waits = self.durable + 1;
        let stalled = self.waited == waits;
        self.waited = waits;
        stalled
    }

    // ---- hello: what did I say before I started?

    pub(crate) fn say_hello(&mut self) {
        let Phase::Starting { nonce, .. } = &self.phase else {
            return;
        };
        let hello = Hello {
            place: self.place,
            nonce: *nonce,
            ext: Extensions::none(),
        };
        self.out.push(Word::Hello(Said::by(&self.context.key, hello)));
        self.said = Instant::now();
    }

    fn on_hello(&mut self, said: &Said<Hello>) {
        let known = self.heard.get(&said.from).copied().unwrap_or_default();
        let heard = Heard {
            place: self.place,
            nonce: said.what.nonce,
            promised: known.promised,
            voted: known.voted,
            ext: self.context.clocks.said(),
        };
        self.out.push(Word::Heard(Said::by(&self.context.key, heard)));
        // What it followed may be gone: it is told where it goes on before it misses anything and begins another round.
        if matches!(self.phase, Phase::Following) {
            self.vote();
        }
    }

    async fn on_heard(&mut self, from: Seat, told: &Heard) -> Result<(), Gone> {
        let majority = self.standing.accepted.members.majority();
        let member = self.standing.accepted.members.has(&from);
        let own = usize::from(self.has_seat());
        let (promised, head) = (self.standing.promised, self.history.head().n);
        // Also what it let go of again it has said.
        let head = head.max(self.standing.silent_to);
        let accepted = self.standing.accepted.inc;
        let Phase::Starting { nonce, heard } = &mut self.phase else {
            return Ok(());
        };
        if *nonce != told.nonce {
            return Ok(());
        }
        let seats = &self.standing.accepted.members;
        self.context.clocks.heard(from, &told.ext, seats);
        let more = told.promised.is_some_and(|p| p > promised)
            || told
                .voted
                .is_some_and(|(inc, n)| inc > accepted || (inc == accepted && n > head));
        if more {
            // Rule 17: its disk is an older copy. The key never votes again.
            return self.lose(Lost::Forgotten).await;
        }
        if member {
            heard.insert(from);
        }
        if heard.len() + own >= majority {
            self.resume();
        }
        Ok(())
    }

    /// Goes on from what stands on the disk.
    pub(crate) fn resume(&mut self) {
        let (promised, accepted) = (self.standing.promised, self.standing.accepted.inc);
        if promised > accepted {
            self.phase = Phase::Promised {
                inc: promised,
                since: Instant::now(),
            };
        } else if accepted.round == 0 {
            // Founded, and nothing was ordered yet: the first incarnation is opened like any other.
            self.phase = Phase::Fenced {
                since: Instant::now(),
            };
        } else {
            self.follow();
            self.vote();
        }
    }

    // ---- promises

    async fn on_collect(&mut self, inc: Inc<Seat>) -> Result<(), Gone> {
        self.saw(inc);
        if matches!(self.phase, Phase::Starting { .. } | Phase::Lost) {
            return Ok(());
        }
        if inc == self.standing.promised && matches!(self.phase, Phase::Promised { .. }) {
            // It did not hear the answer.
            if self.pending.is_empty() {
                self.say_promise(inc);
            }
            return Ok(());
        }
        let Some(promised) = self.standing.promise(inc) else {
            return Ok(());
        };
        self.standing = promised;
        self.follower = None;
        self.phase = Phase::Promised {
            inc,
            since: Instant::now(),
        };
        let keep = Keep {
            standing: self.written(),
            ..Keep::default()
        };
        self.keep(keep, After::Promised(inc)).await
    }

    /// What is synced by now is all that this member ever had of the incarnation it leaves.
    pub(crate) fn promise(&self, inc: Inc<Seat>) -> Promised {
        Promised {
            place: self.place,
            inc,
            accepted: self.standing.accepted.clone(),
            head: self.history.head(),
            before: self.history.before_head(),
            ext: versions::stating(self.rules()),
        }
    }

    pub(crate) fn say_promise(&mut self, inc: Inc<Seat>) {
        if inc != self.standing.promised || !matches!(self.phase, Phase::Promised { .. }) {
            return;
        }
        let promise = Said::by(&self.context.key, self.promise(inc));
        self.out.push(Word::Promise(Box::new(promise)));
    }

    pub(crate) fn say_collect(&mut self, inc: Inc<Seat>) {
        let collect = Collect {
            place: self.place,
            inc,
            ext: Extensions::none(),
        };
        self.out.push(Word::Collect(Said::by(&self.context.key, collect)));
        self.said = Instant::now();
    }
}
