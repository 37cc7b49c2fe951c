//! One page of one mailbox for one holder of a right: looked up, bounded, in order.
//!
//! Every page asks the rules anew. A right that ended since the last page ends here, at the
//! very event that ended it.

use telesphor_rules::read::{Claim, ReadSpan, may_read};
use telesphor_rules::records::{self, are_kept};
use telesphor_store::{Reader, StoreError};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, Event};
use telesphor_wire::records::RecordsPage;
use telesphor_wire::session::Right;

use crate::trace::Given;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageOrder {
    pub(crate) mailbox: MailboxId,
    pub(crate) claim: Claim,
    /// Events after this one.
    pub(crate) after: u64,
    pub(crate) max_events: usize,
    /// Payload bytes; the first event comes whatever its size.
    pub(crate) max_bytes: usize,
}

/// What there is.
#[derive(Debug)]
pub(crate) struct PageFound {
    /// In order, without gaps, from the first one the right covers.
    pub(crate) events: Vec<Event>,
    /// Where the mailbox stands.
    pub(crate) head: Cursor,
    /// Where the reader stands after them.
    pub(crate) after: u64,
    /// Whether more is there already.
    pub(crate) more: bool,
    /// The right ends with these events.
    pub(crate) over: Option<Refusal>,
    /// The owner wants to know who gets them.
    pub(crate) recorded: bool,
}

impl PageFound {
    /// Which events these are.
    pub(crate) fn given(&self, mailbox: &MailboxId) -> Option<Given> {
        Some(Given {
            mailbox: *mailbox,
            from: self.events.first()?.header.seq,
            to: self.events.last()?.header.seq,
        })
    }

    /// Payload bytes: what credit is counted in.
    pub(crate) fn bytes(&self) -> usize {
        self.events
            .iter()
            .filter_map(|e| e.payload.as_ref())
            .map(|p| p.len())
            .sum()
    }
}

/// Reads one page from the disk. Blocks.
///
/// # Errors
/// The refusal with which the follow ends. Trouble with the disk is told as 5004: reading
/// changes nothing, and a broken disk shows itself to the writer.
pub(crate) fn page(reader: &Reader, order: &PageOrder, now: u64) -> Result<PageFound, Refusal> {
    let fault = |_: StoreError| Refusal::of(ErrorCode::Internal);
    let (span, recorded) = span(reader, order, now).map_err(fault)??;
    let read = reader
        .events(
            &order.mailbox,
            order.after,
            &span,
            order.max_bytes,
            order.max_events,
        )
        .map_err(fault)?;
    let after = read
        .events
        .last()
        .map_or(order.after.max(span.after), |e| e.header.seq);
    // A key whose epoch has ended reads up to the event that ended it, and no further.
    let over = (after >= span.to).then(|| ErrorCode::WrongEpoch.into());
    Ok(PageFound {
        events: read.events,
        head: read.head,
        after,
        more: after < read.to,
        over,
        recorded,
    })
}

fn span(
    reader: &Reader,
    order: &PageOrder,
    now: u64,
) -> Result<Result<(ReadSpan, bool), Refusal>, StoreError> {
    let Some(mailbox) = reader.mailbox(&order.mailbox)? else {
        return Ok(Err(ErrorCode::Refused.into()));
    };
    let record = match order.claim.right {
        Right::Read => reader.access(&order.mailbox, order.claim.branch, order.claim.epoch)?,
        Right::Owner | Right::Deposit => None,
    };
    let span = may_read(&mailbox, record.as_ref(), &order.claim, now);
    Ok(span.map(|span| (span, are_kept(&mailbox))))
}

/// When a right to read ends, if it is one that ends by the clock. Blocks.
///
/// # Errors
/// As [`page`].
pub(crate) fn ends(reader: &Reader, mailbox: &MailboxId, claim: &Claim) -> Result<Option<u64>, Refusal> {
    if claim.right != Right::Read {
        return Ok(None);
    }
    let fault = |_: StoreError| Refusal::of(ErrorCode::Internal);
    let record = reader.access(mailbox, claim.branch, claim.epoch).map_err(fault)?;
    let whole = reader.mailbox(mailbox).map_err(fault)?.map(|held| held.ends());
    Ok(record.map(|record| record.lease).into_iter().chain(whole).min())
}

/// One page of delivery records, for the owner alone; looked up anew at each page. Blocks.
///
/// # Errors
/// The refusal to be sent.
pub(crate) fn records(
    reader: &Reader,
    mailbox: &MailboxId,
    claim: &Claim,
    after: u64,
    max_records: u32,
) -> Result<RecordsPage, Refusal> {
    let fault = |_: StoreError| Refusal::of(ErrorCode::Internal);
    let held = reader.mailbox(mailbox).map_err(fault)?;
    records::may_read(held.as_ref(), claim, u64::from(max_records))?;
    let max = usize::try_from(max_records).unwrap_or(usize::MAX);
    let kept = held.as_ref().is_some_and(are_kept);
    let page = reader.records(mailbox, after, max).map_err(fault)?;
    Ok(RecordsPage { kept, ..page })
}
