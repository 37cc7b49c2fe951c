//! What became of a request goes into the outbox it came from: an event like any other, deposited
//! with the key that the domain's relays share.

use std::time::Duration;

use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::outbox::News;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::text::SupportCode;

use super::Exchange;
use crate::edge::tally::{outcome, seconds};
use crate::traces::{Record, Trace};

/// The deposit is good for so long, milliseconds.
const VALID_MS: u64 = 3_600_000;
/// So often it is tried before the other domain is asked once more.
const TRIES: u32 = 5;

impl Exchange {
    /// Puts it into an outbox. What fails for a passing reason is asked for again.
    pub(super) async fn tell(&self, mailbox: MailboxId, support: SupportCode, news: &News) {
        let taken = seconds();
        let command = self.deposit_of(mailbox, news);
        let mut answer = self.engine.carry_out(support, command.clone()).await;
        for _ in 1..TRIES {
            let (Answer::Busy(after) | Answer::NotYetDurable(after)) = answer else {
                break;
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
            answer = self.engine.carry_out(support, command.clone()).await;
        }
        self.metrics.exchange.told(news, &answer);
        let ended = Record::Ended(Trace {
            support,
            taken,
            answered: seconds(),
            outcome: outcome(&answer),
        });
        if !self.traces.record(vec![ended]) {
            self.metrics.traces_dropped();
        }
        let settled = match &answer {
            Answer::Durable(_) => true,
            // It stands there already, with another seal around the same answer.
            Answer::Refused(refusal) if refusal.code == ErrorCode::OtherBody => true,
            Answer::Refused(refusal) => {
                tracing::warn!(code = %refusal.code, "what became of a request for another hospital could not be put into its outbox");
                // Closed, or its owner wants to hear nothing of us: nobody is there to be told.
                matches!(refusal.code.code() / 1000, 2 | 3)
            }
            _ => false,
        };
        if settled {
            self.state().settled(news);
            self.moved.notify_one();
        }
    }

    fn deposit_of(&self, mailbox: MailboxId, news: &News) -> Command {
        let mut deposit = Deposit {
            mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::FORWARDED,
            // One for each request: whatever comes twice is put there once.
            command_id: CommandId(news.of().0),
            not_after: self.now() + VALID_MS,
            payload: canonical::encode(news).into(),
            ext: Extensions::none(),
            signature: None,
        };
        let signature = self.deposit.sign(&deposit.statement());
        deposit.signature = Some((self.deposit.public(), signature));
        Command::Deposit(deposit)
    }
}
