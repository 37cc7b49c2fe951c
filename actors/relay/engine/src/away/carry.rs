//! What the engine wants of a mailbox that it does not keep, as questions and their answers.

use std::collections::VecDeque;
use std::sync::Arc;

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::limits::MAX_CALLS_PER_FRAME;
use telesphor_wire::passing::{
    About, AskCalls, AskFile, AskOver, AskPage, AskProof, AskRecords, FileAct, Held, PassedCall, Shown,
};
use telesphor_wire::records::RecordsPage;

use super::ask::{NoKeeper, ORDERED, READ};
use super::{Away, ShownRight, locked};
use crate::core::Core;
use crate::reading::{PageFound, PageOrder};
use crate::session::outbox::Wakes;
use crate::settle::NOT_YET_DURABLE_MS;
use crate::submit::Item;
use crate::ticket::Ticket;
use crate::weight;

/// Nobody who keeps the mailbox is there: the sender comes again after so long.
const AGAIN_MS: u64 = 1_000;
/// Bytes of commands that are passed on at once; a larger one goes alone.
const AT_ONCE: usize = 512 * 1024;

/// The answers to one question that was not answered with what was asked for.
fn otherwise(about: About) -> Refusal {
    match about {
        About::Refused(refusal) => refusal,
        About::Busy(_) => ErrorCode::HoldersAway.into(),
        _ => ErrorCode::Internal.into(),
    }
}

impl Away {
    /// Whether a right is held that a client has shown.
    ///
    /// # Errors
    /// The refusal to be sent, or [`NoKeeper`].
    pub(crate) async fn proof(
        &self,
        partition: PartitionId,
        shown: &Shown,
    ) -> Result<Result<Held, Refusal>, NoKeeper> {
        let ask = About::Proof(Box::new(AskProof {
            shown: shown.clone(),
            since: self.seen(partition),
        }));
        match self.ask(partition, &ask, READ).await? {
            About::Held(held) => {
                self.saw(partition, held.position);
                Ok(Ok(held))
            }
            About::Busy(_) => Err(NoKeeper { heard: false }),
            other => Ok(Err(otherwise(other))),
        }
    }

    /// A page. Whoever keeps the mailbox has noted for its owner that it was handed out.
    ///
    /// # Errors
    /// The refusal with which the follow ends, or [`NoKeeper`].
    pub(crate) async fn page(
        &self,
        partition: PartitionId,
        shown: &Shown,
        order: &PageOrder,
    ) -> Result<Result<PageFound, Refusal>, NoKeeper> {
        let most = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let ask = About::Page(Box::new(AskPage {
            shown: shown.clone(),
            since: self.seen(partition),
            after: order.after,
            max_events: most(order.max_events),
            max_bytes: most(order.max_bytes),
        }));
        match self.ask(partition, &ask, READ).await? {
            About::Events(page) => {
                self.saw(partition, page.position);
                Ok(Ok(PageFound {
                    events: page.events,
                    head: page.head,
                    after: page.after,
                    more: page.more,
                    over: page.over,
                    recorded: false,
                }))
            }
            About::Busy(_) => Err(NoKeeper { heard: false }),
            other => Ok(Err(otherwise(other))),
        }
    }

    /// A page of delivery records, as one of those who keep the mailbox has written them.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub(crate) async fn records(
        &self,
        partition: PartitionId,
        shown: &Shown,
        after: u64,
        max_records: u32,
    ) -> Result<RecordsPage, Refusal> {
        let ask = About::Records(Box::new(AskRecords {
            shown: shown.clone(),
            after,
            max_records,
        }));
        match self.ask(partition, &ask, READ).await {
            Ok(About::Recorded(page)) => Ok(*page),
            Ok(other) => Err(otherwise(other)),
            Err(NoKeeper { .. }) => Err(ErrorCode::HoldersAway.into()),
        }
    }

    /// Whether something may be done with a large file now; how many bytes of them may be kept.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub(crate) async fn file(
        &self,
        partition: PartitionId,
        shown: &Shown,
        act: FileAct,
    ) -> Result<u64, Refusal> {
        let ask = About::File(Box::new(AskFile {
            shown: shown.clone(),
            act,
        }));
        match self.ask(partition, &ask, READ).await {
            Ok(About::Allowed(quota)) => Ok(quota),
            Ok(other) => Err(otherwise(other)),
            Err(NoKeeper { .. }) => Err(ErrorCode::BlobBusy.into()),
        }
    }

    /// Whether the time of a large file is over; not, as long as nobody says so.
    pub(crate) async fn is_over(&self, partition: PartitionId, mailbox: MailboxId, since: u64) -> bool {
        let ask = About::Over(AskOver { mailbox, since });
        matches!(self.ask(partition, &ask, READ).await, Ok(About::IsOver(true)))
    }

    /// Passes commands of one mailbox on, behind those of it that are on their way. Waits for nothing.
    pub(crate) fn pass_on(
        self: &Arc<Self>,
        core: &Core,
        partition: PartitionId,
        mailbox: MailboxId,
        items: Vec<Item>,
    ) {
        let mut lanes = locked(&self.lanes);
        if let Some(lane) = lanes.get_mut(&mailbox) {
            return lane.extend(items);
        }
        lanes.insert(mailbox, items.into());
        drop(lanes);
        let lane = Lane {
            away: self.clone(),
            partition,
            mailbox,
            over: false,
        };
        core.runtime.spawn(lane.run());
    }
}

/// The commands of one mailbox on their way, as long as there are any.
struct Lane {
    away: Arc<Away>,
    partition: PartitionId,
    mailbox: MailboxId,
    /// It was taken away when it was empty; there may be another one by now.
    over: bool,
}

/// However it ends, nobody waits for it: what is left in it answers when it is dropped.
impl Drop for Lane {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let left = locked(&self.away.lanes).remove(&self.mailbox);
        drop(left);
    }
}

/// What became of all commands that were passed on together.
enum Became {
    Answered(Vec<Answer>),
    /// None of them was carried out, or nobody knows; the same for what comes behind them, which must not
    /// overtake them.
    Failed(Answer),
}

impl Lane {
    async fn run(mut self) {
        while let Some((calls, tickets)) = self.next() {
            let became = self.became(calls, tickets.len()).await;
            let mut wakes = Wakes::default();
            match became {
                Became::Answered(answers) => {
                    for (ticket, answer) in tickets.into_iter().zip(answers) {
                        self.saw(&answer);
                        ticket.answer_with(answer, &mut wakes);
                    }
                }
                Became::Failed(answer) => {
                    let behind = self.take_all();
                    for ticket in tickets.into_iter().chain(behind) {
                        ticket.answer_with(answer.clone(), &mut wakes);
                    }
                }
            }
        }
    }

    /// What is passed on together next; nothing if there is none, and then there is no lane any more.
    fn next(&mut self) -> Option<(AskCalls, Vec<Ticket>)> {
        let mut lanes = locked(&self.away.lanes);
        let lane = lanes.get_mut(&self.mailbox)?;
        if lane.is_empty() {
            lanes.remove(&self.mailbox);
            self.over = true;
            return None;
        }
        let items = some_of(lane);
        drop(lanes);
        Some(passed(items))
    }

    fn take_all(&self) -> Vec<Ticket> {
        let mut lanes = locked(&self.away.lanes);
        let items = lanes.get_mut(&self.mailbox).map(std::mem::take);
        let items = items.into_iter().flatten();
        items.map(|item| item.ticket).collect()
    }

    async fn became(&self, calls: AskCalls, count: usize) -> Became {
        let ask = About::Calls(calls);
        match self.away.ask(self.partition, &ask, ORDERED).await {
            Ok(About::Answers(answers)) if answers.len() == count => Became::Answered(answers),
            Ok(About::Busy(ms)) => Became::Failed(Answer::Busy(ms)),
            Ok(About::Refused(refusal)) => Became::Failed(Answer::Refused(refusal)),
            // Nothing of it was changed anywhere.
            Err(NoKeeper { heard: false }) => Became::Failed(Answer::Busy(AGAIN_MS)),
            // It may have been carried out: the same bytes find out.
            _ => Became::Failed(Answer::NotYetDurable(NOT_YET_DURABLE_MS)),
        }
    }

    /// Whoever is asked next must know of what was answered here.
    fn saw(&self, answer: &Answer) {
        if let Answer::Durable(receipt) = answer {
            self.away.saw(self.partition, receipt.head.position);
        }
    }
}

/// The first ones, at least one.
fn some_of(lane: &mut VecDeque<Item>) -> Vec<Item> {
    let (mut size, mut count) = (0, 0);
    for item in lane.iter().take(MAX_CALLS_PER_FRAME) {
        size += weight::bytes(&item.submission.command);
        if count > 0 && size > AT_ONCE {
            break;
        }
        count += 1;
    }
    lane.drain(..count).collect()
}

fn passed(items: Vec<Item>) -> (AskCalls, Vec<Ticket>) {
    let mut shown: Vec<ShownRight> = Vec::new();
    let (mut calls, mut tickets) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for mut item in items {
        item.ticket.handed_over();
        let rests_on = item.shown.map(|right| {
            let at = shown.iter().position(|known| Arc::ptr_eq(known, &right));
            at.unwrap_or_else(|| {
                shown.push(right);
                shown.len() - 1
            })
        });
        calls.push(PassedCall {
            support: item.ticket.support(),
            // No more than there are commands.
            shown: rests_on.and_then(|at| u16::try_from(at).ok()),
            command: item.submission.command,
        });
        tickets.push(item.ticket);
    }
    let shown = shown.iter().map(|right| (**right).clone()).collect();
    (AskCalls { shown, calls }, tickets)
}
