//! Being admitted: an admission token is spent for vouchers, each good for one mailbox.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Enrol, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, Voucher};
use telesphor_wire::mailbox::{MailboxKind, Policy};

use super::open::Plan;
use super::owner::COMMAND_LIFE_MS;
use crate::core::records::{Entry, Job, MailboxChoice, Refused, Via, What};
use crate::core::{Ctx, names};
use crate::error::Result;

/// Vouchers that every class gives.
const FEWEST: usize = 8;

impl Ctx<'_, '_> {
    /// Queues the enrolment. The vouchers' ids are chosen here, so that repeating the very
    /// bytes gives the very vouchers.
    pub(crate) fn enrol(&mut self, token: Voucher, vouchers: usize) -> Result<u64> {
        let command = Command::Enrol(Enrol {
            token,
            vouchers: (0..vouchers).map(|_| Voucher::random()).collect(),
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            ext: Extensions::none(),
        });
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice { mailbox: None }),
            command: Some(Bytes(canonical::encode(&command))),
            via: Via::Signed(true),
            job: Job::Enrol(true),
            after: None,
            queued: self.now,
        })
    }

    /// Vouchers have come: the first mailboxes are opened.
    pub(crate) fn enrolled(&mut self, vouchers: Vec<SignedVoucher>) -> Result<()> {
        let record = self.profile.record();
        for voucher in vouchers {
            let good = voucher.statement.domain == record.domain
                && record
                    .admission
                    .verify(&voucher.statement, &voucher.signature)
                    .is_ok();
            if good {
                self.tx
                    .push(Table::Mailboxes, names::VOUCHERS, &canonical::encode(&voucher))?;
            }
        }
        if self.profile.inbox.is_none() {
            self.open_inbox()?;
        }
        if self.profile.own.is_none() {
            self.open_own()?;
        }
        if self.profile.backup.is_none()
            && let Some(key) = self.keys.stored.backup.clone()
        {
            self.open_backup(&key)?;
        }
        Ok(())
    }

    /// Refused: with fewer vouchers if they were too many for the token's class, else for good.
    pub(crate) fn not_enrolled(&mut self, command: Option<&Bytes>, refused: Refused) -> Result<()> {
        if let (Some(Ok(Command::Enrol(enrol))), ErrorCode::TooMany) =
            (command.map(|c| canonical::decode::<Command>(c)), refused.code)
            && enrol.vouchers.len() > FEWEST
        {
            self.enrol(enrol.token, FEWEST)?;
            return Ok(());
        }
        let mut profile = self.profile.clone();
        profile.refused = Some(refused);
        self.put_profile(profile)
    }

    /// The mailbox that contacts deposit into.
    fn open_inbox(&mut self) -> Result<()> {
        let (id, voucher) = self.draw_mailbox()?;
        let plan = Plan {
            id,
            voucher,
            kind: MailboxKind::Personal,
            used: MailboxUse::Inbox,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: None,
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        let mut profile = self.profile.clone();
        profile.inbox = Some(id);
        self.put_profile(profile)
    }
}
