//! The personal mailbox: sealed deposits by contacts, in both directions.

use telesphor_clinical::message::{DepositEnvelope, DepositMessage};
use telesphor_clinical::self_entry::IntakeKeyEntry;
use telesphor_sealing::deposit::{Intake, IntakeKey, SealedDeposit, seal_deposit};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, IdentityId};
use telesphor_wire::mailbox::EventKind;

use super::owner::COMMAND_LIFE_MS;
use crate::core::records::{DepositSay, DepositorVia, Held, Job, Known, Padding, Via, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// The keys that open deposits, newest first.
    pub(crate) fn intake_keys(&self) -> Result<Vec<IntakeKeyEntry>> {
        Ok(self
            .get(Table::IdentityKeys, names::INTAKE_KEYS)?
            .unwrap_or_default())
    }

    /// Queues a sealed deposit for a contact.
    pub(crate) fn deposit_for(
        &mut self,
        contact: &IdentityId,
        message: DepositMessage,
        padding: Padding,
        job: Job,
    ) -> Result<u64> {
        let body = Bytes(DepositEnvelope::new(message).to_bytes());
        self.enqueue(
            What::Deposit(DepositSay {
                contact: *contact,
                body,
                padding,
            }),
            job,
            None,
        )
    }

    /// Seals a deposit to the contact's present intake key.
    pub(crate) fn seal_deposit(
        &mut self,
        contact: &IdentityId,
        body: &[u8],
        padding: Padding,
    ) -> Result<Option<(Command, Via)>> {
        let known: Option<Known> = self.get(Table::Contacts, &contact.0)?;
        let address = known.and_then(|k| k.contact.record.addresses.into_iter().next());
        let (Some(address), Some(deposit)) = (address, self.deposit_of(contact, body, padding)?) else {
            return Ok(None);
        };
        let via = DepositorVia {
            mailbox: address.mailbox,
            seed: address.deposit_seed,
        };
        Ok(Some((Command::Deposit(deposit), Via::Depositor(via))))
    }

    /// The deposit itself, without its right.
    pub(crate) fn deposit_of(
        &self,
        contact: &IdentityId,
        body: &[u8],
        padding: Padding,
    ) -> Result<Option<Deposit>> {
        let Some(known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(None);
        };
        let record = &known.contact.record;
        let Some(address) = record.addresses.first() else {
            return Ok(None);
        };
        // A key past its time may be gone when this arrives. If there is a newer one, its word
        // lies in the personal mailbox; if there is none, its owner was away and keeps the old.
        if record.intake.until < self.now && !self.inbox_read {
            return Ok(None);
        }
        let to = Intake {
            mailbox: address.mailbox,
            id: record.intake.id,
            key: record.intake.key.clone(),
        };
        let payload = seal_deposit(&to, self.me(), &self.keys.endpoint, body, padding.bucket())
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let deposit = Deposit {
            mailbox: address.mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            payload,
            ext: Extensions::none(),
            signature: None,
        };
        Ok(Some(deposit))
    }

    /// Takes a deposit in: opened, its sender looked up, verified, carried out.
    pub(crate) fn take_deposit(&mut self, held: &Held, payload: &[u8], stamp: u64) -> Result<()> {
        let closed = Error::of(ErrorCode::CannotOpen);
        let keys: Vec<IntakeKey> = self
            .intake_keys()?
            .into_iter()
            .map(|k| IntakeKey { id: k.id, key: k.key })
            .collect();
        let opened = SealedDeposit(payload)
            .open(&held.id, &keys)
            .map_err(|_| closed.clone())?;
        let (sender, endpoint) = opened.claimed();
        if !self.tx.contains(Table::Contacts, &sender.0)? {
            return self.keep_early(sender, held.id, payload, stamp);
        }
        let current = self.endpoint_keys(&sender)?.contains(&endpoint);
        let deposit = opened.verify(&[endpoint]).map_err(|_| closed.clone())?;
        let from = telesphor_sealing::Member {
            identity: sender,
            endpoint: deposit.endpoint(),
            leaf: deposit.endpoint(),
        };
        let envelope =
            DepositEnvelope::from_bytes(deposit.body()).map_err(|_| Error::of(ErrorCode::Malformed))?;
        // A new endpoint can only bring the history that names it: that proves itself.
        if !current && !matches!(envelope.body, DepositMessage::History(_)) {
            return Err(closed);
        }
        match envelope.body {
            DepositMessage::Document(carried) => self.document_came(&sender, carried, stamp, held),
            DepositMessage::Receipt(receipt) => self.receipt_came(&from, &receipt),
            DepositMessage::Contact(record) => self.contact_renewed(&sender, *record),
            DepositMessage::Welcome(welcome) => self.welcomed_by(&sender, &welcome),
            DepositMessage::History(bytes) => self.history_grew(&sender, &bytes),
            DepositMessage::Said(bytes) => self.said_from_elsewhere(&from, &bytes, stamp, held),
            DepositMessage::Credentials(bytes) => self.credentials_came(&sender, &bytes),
            // That a Welcome was taken shows in the group as well; complaints and rejoins are
            // for mailboxes with more than two parties.
            _ => Ok(()),
        }
    }
}
