//! What is asked of another hospital's ledger, request by request: what it takes and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair};
use telesphor_chaos::exchange::{Asker, Outcome};
use telesphor_chaos::tenant::VALID_MS;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Nonce;
use telesphor_wire::ledger::{
    ByPharmacy, ConfirmWord, EntryKey, LedgerAct, LedgerCommand, Opening, Reserve, StepKind, Ticket, key_hash,
};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::Domain;

/// Somebody at B who asks A's ledger, request by request.
struct Asking {
    asker: Asker,
    to: Domain,
    key: SealingPublic,
    lane: Nonce,
}

impl Asking {
    async fn begin(pair: &Pair) -> Self {
        let asker = Asker::enrol(&pair.b.relay).await.unwrap();
        let to: Domain = pair.a.domain.parse().unwrap();
        let key = asker.sealing(&to).await.unwrap();
        Self {
            asker,
            to,
            key,
            lane: Nonce::random(),
        }
    }

    async fn ask(&mut self, command: LedgerCommand) -> Outcome {
        let command = Command::Ledger(Box::new(command));
        let passing = self.asker.seal_in((&self.to, self.lane), &self.key, &command);
        let passing = passing.unwrap();
        let answer = self.asker.put(&passing).await.unwrap();
        assert!(matches!(answer, Answer::Durable(_)), "{answer:?}");
        let (of, outcome) = self.asker.news().await.unwrap();
        assert_eq!(of, passing.request.digest());
        outcome
    }
}

/// The step that an answer proves.
fn step(outcome: &Outcome) -> (StepKind, u64) {
    match outcome {
        Outcome::Ledger(told) => {
            let step = told.step.as_ref().unwrap();
            assert_eq!(told.receipt.as_ref().unwrap().leaf, step.leaf());
            (step.kind, step.seq)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_late_or_repeated_request_draws_at_another_hospitals_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let mut asking = Asking::begin(&pair).await;
    let (holder, cancel, pharmacy) = (
        SigningKey::generate(),
        SigningKey::generate(),
        SigningKey::generate(),
    );
    let opening = Opening {
        salt: Nonce::random(),
        holder: EntryKey::Shown(holder.public()),
        cancel: EntryKey::Hidden(key_hash(&cancel.public())),
    };
    let entry = opening.entry(&asking.to);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = u64::try_from(now.unwrap().as_millis()).unwrap();
    let reserve = |entry, by: &SigningKey| {
        let ticket = Ticket::new(entry, pharmacy.public(), 1 << 39, now + VALID_MS);
        let reserve = Reserve {
            opening: opening.clone(),
            ticket: ticket.signed(by),
        };
        LedgerCommand::new(entry, LedgerAct::Reserve(Box::new(reserve)), now + VALID_MS)
    };
    let confirm = |by: &SigningKey, not_after| {
        let word = ConfirmWord {
            entry,
            parts: 1 << 39,
            ext: Extensions::none(),
        };
        LedgerCommand::new(entry, LedgerAct::Confirm(ByPharmacy::new(by, word)), not_after)
    };
    // By a ticket that the patient did not sign; of an entry of another domain's ledger.
    let forged = asking.ask(reserve(entry, &pharmacy)).await;
    assert_eq!(forged, Outcome::Refused(ErrorCode::BadSignature));
    let elsewhere = opening.entry(&"hospital-b.example".parse().unwrap());
    let foreign = asking.ask(reserve(elsewhere, &holder)).await;
    assert_eq!(foreign, Outcome::Refused(ErrorCode::RxNotThisLedger));
    let reserved = asking.ask(reserve(entry, &holder)).await;
    assert_eq!(step(&reserved), (StepKind::Reserved, 1));
    // Somebody else's key confirms nothing; what comes too late is not opened.
    let stranger = asking.ask(confirm(&holder, now + VALID_MS)).await;
    assert_eq!(stranger, Outcome::Refused(ErrorCode::RxNotReserved));
    let late = asking.ask(confirm(&pharmacy, now - 1)).await;
    assert_eq!(late, Outcome::Undelivered(ErrorCode::Expired));
    // The same command in another seal, and the same word in another command, draw nothing more.
    let command = confirm(&pharmacy, now + VALID_MS);
    for again in [command.clone(), command, confirm(&pharmacy, now + VALID_MS)] {
        let told = asking.ask(again).await;
        assert_eq!(step(&told), (StepKind::Confirmed, 2));
    }
    let look = LedgerCommand::new(entry, LedgerAct::Look(opening.clone()), now + VALID_MS);
    match asking.ask(look).await {
        Outcome::Ledger(told) => {
            assert_eq!((told.standing.confirmed, told.standing.free), (1 << 39, 1 << 39))
        }
        other => panic!("{other:?}"),
    }
}
