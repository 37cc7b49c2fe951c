//! From what was applied to what is answered: attestation, receipts, vouchers, followers.

use std::sync::Arc;

use telesphor_order::{Order, Origin};
use telesphor_rules::effects::{Gave, GivenStep, GivenVouchers};
use telesphor_store::{Applied, Done, Outcome, Reader};
use telesphor_wire::answer::{Answer, Refusal, Taken};
use telesphor_wire::command::{SignedVoucher, VoucherStatement};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ledger::LedgerAnswer;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::receipt::{Attest, AttestStatement, Receipt};
use telesphor_wire::text::Domain;

use crate::config::{OutboxHook, RelayKeys};
use crate::house::House;
use crate::observe::Counters;
use crate::partition::Partition;
use crate::session::outbox::Wakes;
use crate::ticket::Ticket;

/// Signs for the relay, and answers.
pub(crate) struct Settler {
    pub(crate) keys: RelayKeys,
    pub(crate) domain: Domain,
    pub(crate) reader: Reader,
    /// Relays that a receipt needs.
    pub(crate) quorum: usize,
    /// Told of what is to be passed on to other domains.
    pub(crate) on_outbox: OutboxHook,
}

/// Who is told that something is not durable yet asks again after so long, milliseconds.
pub(crate) const NOT_YET_DURABLE_MS: u64 = 2_000;

impl Settler {
    /// Answers every ticket of an applied record, then tells the followers.
    pub(crate) fn settle(
        self: &Arc<Self>,
        house: &House,
        partition: &Partition,
        applied: Applied,
        origins: &[Origin],
        attests: &[Attest],
        wakes: &mut Wakes,
    ) {
        Self::count(house, &applied);
        let mut repeated = Vec::new();
        let mut outcomes = applied.outcomes.iter();
        for origin in origins {
            let mut tickets = partition.claim(origin.group).into_iter();
            for outcome in outcomes.by_ref().take(origin.count) {
                let ticket = tickets.next();
                match (outcome, ticket) {
                    (Outcome::Refused(refusal), Some(ticket)) => {
                        ticket.answer_with(Answer::Refused(refusal.clone()), wakes);
                    }
                    (Outcome::Accepted(done), Some(ticket)) => {
                        ticket.answer_with(self.first(&applied, attests, done), wakes);
                    }
                    (Outcome::Repeated(done), Some(ticket)) => repeated.push((ticket, done.clone())),
                    (Outcome::Told(gave), Some(ticket)) => ticket.answer_with(told(gave), wakes),
                    // Another relay's, or yielded a second time.
                    (_, None) => {}
                }
            }
        }
        self.repeat(house, repeated);
        // Each mailbox once, though a batch may hold many events of it.
        let mut mailboxes: Vec<_> = applied.fresh.iter().map(|f| f.mailbox).collect();
        mailboxes.sort_unstable();
        mailboxes.dedup();
        house.registry.fresh(&mailboxes);
        if let Some(away) = &house.core.away {
            away.announce(partition.id, &applied.fresh);
        }
        let passed_on = |kind| matches!(kind, EventKind::FORWARD | EventKind::FORWARDED);
        let outboxes = applied.fresh.iter().filter(|f| passed_on(f.header.kind));
        let outboxes: Vec<_> = outboxes.map(|f| f.mailbox).collect();
        if !outboxes.is_empty() {
            (self.on_outbox)(&outboxes);
        }
    }

    /// Before anybody is answered, so that no client knows more than its operator.
    fn count(house: &House, applied: &Applied) {
        let count = |meant: fn(&&Outcome) -> bool| applied.outcomes.iter().filter(meant).count() as u64;
        let counters = &house.core.counters;
        Counters::add(&counters.accepted, count(|o| matches!(o, Outcome::Accepted(_))));
        Counters::add(&counters.repeated, count(|o| matches!(o, Outcome::Repeated(_))));
    }

    /// Old receipts are read from the disk, and a whole batch is hashed for one of them: when
    /// many clients come back at once and ask again, that must not hold the writer up. In a
    /// cluster the others attest again, too.
    fn repeat(self: &Arc<Self>, house: &House, repeated: Vec<(Ticket, Done)>) {
        if repeated.is_empty() {
            return;
        }
        let (settler, core, order) = (self.clone(), house.core.clone(), house.order.clone());
        // Dropped with the runtime, the tickets in it say "unknown".
        house.core.runtime.spawn(async move {
            for (ticket, done) in repeated {
                let (reader, place) = (settler.reader.clone(), done.place);
                let read = move || reader.receipt(&place).map_err(|_| Refusal::of(ErrorCode::Fenced));
                let receipt = core.clone().blocking(read).await.ok().flatten();
                ticket.answer(settler.again(&*order, &done, receipt).await);
            }
        });
    }

    /// This relay's word for what was decided.
    pub(crate) fn attest(&self, applied: &Applied) -> Attest {
        self.signed(&AttestStatement {
            partition: applied.partition,
            incarnation: applied.head.incarnation,
            position: applied.position,
            head: applied.digest,
            ext: Extensions::none(),
        })
    }

    fn signed(&self, statement: &AttestStatement) -> Attest {
        Attest {
            relay: self.keys.attesting.public(),
            ext: Extensions::none(),
            signature: self.keys.attesting.sign(statement),
        }
    }

    fn first(&self, applied: &Applied, attests: &[Attest], done: &Done) -> Answer {
        let receipt = done.place.leaf.and_then(|leaf| applied.receipt(leaf));
        self.done(
            done,
            receipt.map(|r| Receipt {
                attests: attests.to_vec(),
                ..r
            }),
        )
    }

    /// The receipt of the first time, built from the disk and attested again: by as many as
    /// receipts need, or its sender is told to ask later.
    async fn again(&self, order: &dyn Order, done: &Done, receipt: Option<Receipt>) -> Answer {
        let Some(receipt) = receipt else {
            return self.done(done, None);
        };
        let statement = receipt.statement();
        let mut attests = vec![self.signed(&statement)];
        if attests.len() < self.quorum {
            let (partition, position) = (receipt.head.partition, receipt.head.position);
            attests.extend(order.attests(partition, position, statement.head).await);
        }
        if attests.len() < self.quorum {
            return Answer::NotYetDurable(NOT_YET_DURABLE_MS);
        }
        self.done(done, Some(Receipt { attests, ..receipt }))
    }

    fn done(&self, done: &Done, receipt: Option<Receipt>) -> Answer {
        match (&done.gave, receipt) {
            (Gave::Vouchers(given), _) => Answer::Enrolled(self.vouchers(given)),
            (Gave::Nothing, Some(receipt)) => Answer::Durable(Box::new(receipt)),
            (Gave::Package(given), Some(receipt)) => Answer::Taken(Box::new(Taken {
                package: given.package.clone(),
                last_resort: given.last_resort,
                left: given.left,
                receipt,
            })),
            (Gave::Nothing, None) if done.place.leaf.is_none() => Answer::Admitted(Extensions::none()),
            (Gave::Step(given), Some(receipt)) => ledger(given, Some(receipt)),
            // Done, but its proof cannot be read just now.
            (_, None) => Answer::Refused(Refusal::of(ErrorCode::Fenced)),
        }
    }

    fn vouchers(&self, given: &GivenVouchers) -> Vec<SignedVoucher> {
        let sign = |voucher| {
            let statement = VoucherStatement {
                domain: self.domain.clone(),
                voucher,
                class: given.class,
                until: given.until,
                ext: Extensions::none(),
            };
            let signature = self.keys.admission.sign(&statement);
            SignedVoucher { statement, signature }
        };
        given.vouchers.iter().copied().map(sign).collect()
    }
}

/// To a question: there is nothing to prove.
fn told(gave: &Gave) -> Answer {
    match gave {
        Gave::Step(given) => ledger(given, None),
        // No other command asks.
        _ => Answer::Refused(Refusal::of(ErrorCode::Internal)),
    }
}

fn ledger(given: &GivenStep, receipt: Option<Receipt>) -> Answer {
    Answer::Ledger(Box::new(LedgerAnswer {
        standing: given.standing,
        step: given.step.clone(),
        receipt,
        ext: Extensions::none(),
    }))
}
