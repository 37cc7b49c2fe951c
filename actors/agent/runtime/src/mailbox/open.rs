//! Opening a mailbox: one voucher, one id in the voucher's partition, one signed Open.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::{DepositKeys, FirstAccess, Open, OwnerAct, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{IdentityId, MailboxId, PartitionId};
use telesphor_wire::limits::DEPOSIT_KEY_PADDING;
use telesphor_wire::mailbox::{Cursor, Genesis, MailboxKind, Policy};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::core::index::Lane;
use crate::core::records::{Held, Job, Known, MailboxState, OwnerKeys};
use crate::core::{Core, Ctx, names};
use crate::error::{Error, Result};

/// An end that no clock reaches: a mailbox that lasts until its owner ends it.
pub(crate) const NO_END: u64 = i64::MAX as u64;

/// How a mailbox is to be.
pub(crate) struct Plan {
    pub(crate) id: MailboxId,
    pub(crate) voucher: SignedVoucher,
    pub(crate) kind: MailboxKind,
    pub(crate) used: MailboxUse,
    pub(crate) with: Option<IdentityId>,
    pub(crate) min_suite: u16,
    pub(crate) policy: Policy,
    pub(crate) access: Option<FirstAccess>,
    pub(crate) deposit_keys: Vec<PublicKey>,
    pub(crate) name: String,
}

/// Whether another mailbox can be opened.
pub(crate) fn may_draw(records: &impl Records, now: u64) -> Result<bool> {
    for (_, bytes) in records.range(Table::Mailboxes, names::VOUCHERS, 0, 512)? {
        let voucher: SignedVoucher = canonical::decode(&bytes).map_err(|_| Error::fault("voucher"))?;
        if voucher.statement.until > now {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Core {
    /// Whether something waits for a conversation that cannot be begun, because no mailbox is left for it.
    pub(crate) fn wants_admission(&self) -> Result<bool> {
        let snapshot = self.read()?;
        if may_draw(&snapshot, (self.clock)())? {
            return Ok(false);
        }
        for slot in self.index.outbox.values().filter(|slot| !slot.sealed) {
            let Lane::Contact(contact) = slot.lane else {
                continue;
            };
            let known: Option<Known> = snapshot.get_value(Table::Contacts, &contact.0)?;
            if known.is_some_and(|k| !k.opening && k.conversations.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Ctx<'_, '_> {
    /// Takes a voucher out of the stock and draws an id for the mailbox it opens.
    pub(crate) fn draw_mailbox(&mut self) -> Result<(MailboxId, SignedVoucher)> {
        for (position, bytes) in self.tx.range(Table::Mailboxes, names::VOUCHERS, 0, 512)? {
            self.tx.delete_at(Table::Mailboxes, names::VOUCHERS, position)?;
            let voucher: SignedVoucher = canonical::decode(&bytes).map_err(|_| Error::fault("voucher"))?;
            if voucher.statement.until <= self.now {
                continue;
            }
            let count = self.profile.partitions;
            let partition = PartitionId::of(&MailboxId(voucher.statement.voucher.0), count);
            loop {
                let id = MailboxId::random();
                if PartitionId::of(&id, count) == partition {
                    return Ok((id, voucher));
                }
            }
        }
        Err(ErrorCode::AdmissionInvalid.into())
    }

    /// Queues the Open and keeps the mailbox as opening; gives the outbox entry.
    pub(crate) fn open_mailbox(&mut self, plan: Plan, after: Option<u64>) -> Result<u64> {
        self.open_mailbox_as(plan, OwnerKeys::generate(), after)
    }

    /// The same, under owner keys that were chosen.
    pub(crate) fn open_mailbox_as(
        &mut self,
        plan: Plan,
        owner: OwnerKeys,
        after: Option<u64>,
    ) -> Result<u64> {
        let genesis = Genesis {
            mailbox: plan.id,
            domain: self.profile.domain().clone(),
            kind: plan.kind,
            owner: owner.key().public(),
            next_owner: owner.commitment(),
            min_suite: plan.min_suite,
            policy: self.recorded(plan.policy, plan.used, &plan.id),
            ext: Extensions::none(),
        };
        let held = Held {
            id: plan.id,
            domain: genesis.domain.clone(),
            kind: plan.kind,
            used: plan.used,
            state: MailboxState::Opening,
            entered: 0,
            genesis: genesis.link(),
            owner_key: genesis.owner,
            owner: Some(owner),
            branch: 0,
            epoch: plan.access.as_ref().map_or(0, |a| a.epoch),
            with: plan.with,
            deposit_keys: plan.deposit_keys.clone(),
            lease: plan.access.as_ref().map_or(NO_END, |a| a.lease),
            name: plan.name,
        };
        self.put_cursor(
            &plan.id,
            &Cursor {
                seq: 0,
                hash: genesis.link(),
            },
        )?;
        self.put_held(&held)?;
        let deposit_keys = match plan.kind {
            MailboxKind::Personal => padded(plan.deposit_keys),
            MailboxKind::Shared => DepositKeys::default(),
        };
        let open = Open {
            genesis,
            voucher: plan.voucher,
            access: plan.access,
            deposit_keys,
        };
        self.enqueue_act(
            plan.id,
            OwnerAct::Open(Box::new(open)),
            Job::Opened(plan.id),
            after,
        )
    }

    /// The relay has not opened it. A vault that came back from a backup may hold vouchers that
    /// were spent after it: then the next one is taken.
    pub(crate) fn not_opened(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        if code != ErrorCode::VoucherSpent {
            return Ok(());
        }
        let mut held = self.held(mailbox)?;
        held.state = MailboxState::Ended;
        self.put_held(&held)?;
        match held.with {
            _ if self.profile.own == Some(*mailbox) => self.open_own(),
            _ if held.used == MailboxUse::Shared => self.room_not_opened(mailbox),
            _ if held.used == MailboxUse::Team => self.team_not_opened(mailbox),
            _ if held.used == MailboxUse::StudyAnswers => self.study_not_opened(mailbox, code),
            _ if held.used == MailboxUse::Results => self.order_not_opened(mailbox, code),
            Some(with) => self.leave_conversation(&with, mailbox),
            None => Ok(()),
        }
    }

    /// The relay has opened it.
    pub(crate) fn opened(&mut self, mailbox: &MailboxId, receipt: &Receipt) -> Result<()> {
        let mut held = self.held(mailbox)?;
        held.state = MailboxState::Open;
        if held.kind == MailboxKind::Shared {
            held.entered = receipt.leaf.seq;
        }
        self.put_held(&held)?;
        if self.cursor(mailbox)?.seq == 0 {
            // The Open itself is the first event, and the receipt proves its place.
            self.put_cursor(
                mailbox,
                &Cursor {
                    seq: receipt.leaf.seq,
                    hash: receipt.leaf.hash,
                },
            )?;
            self.note_link(mailbox, receipt.leaf.seq, &receipt.leaf.hash)?;
        }
        self.tell_mailbox(&held)?;
        match held.used {
            MailboxUse::Conversation | MailboxUse::Vitals | MailboxUse::Shared => {
                self.conversation_open(&held, receipt)
            }
            MailboxUse::Team => self.team_open(&held),
            MailboxUse::Own => self.own_open(&held),
            MailboxUse::OneTime => self.invitation_open(&held),
            _ => Ok(()),
        }
    }
}

/// The list as the relay gets it: sorted, and padded with random keys so that its length does
/// not tell the number of contacts.
pub(crate) fn padded(mut keys: Vec<PublicKey>) -> DepositKeys {
    let len = keys.len().max(1).next_multiple_of(DEPOSIT_KEY_PADDING);
    while keys.len() < len {
        keys.push(SigningKey::generate().public());
    }
    keys.sort_unstable();
    keys.dedup();
    DepositKeys(keys)
}
