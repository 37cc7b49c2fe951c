//! Pairing a machine, and saying whose values it sends.

use serde::{Deserialize, Serialize};
use telesphor_clinical::identifier::HowChecked;
use telesphor_clinical::instant::Instant;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::stream::{Association, SignedAssociation};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};

use crate::core::Ctx;
use crate::core::records::{Held, Job, PackageJob, Padding};
use crate::error::{Error, Result};

/// The last word about a mailbox's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attached {
    pub(crate) mailbox: MailboxId,
    pub(crate) signed: SignedAssociation,
    pub(crate) since: u64,
}

pub(crate) fn attached_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"attached/", &mailbox.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Opens a vitals mailbox with a machine.
    pub(crate) fn pair(&mut self, who: &str) -> Result<IdentityId> {
        let device = crate::contacts::show::find(self.tx, who)?.contact.record.identity;
        if self.mailboxes_of(MailboxUse::Vitals, Some(device))?.is_empty() {
            self.take_package(&PackageJob {
                contact: device,
                used: MailboxUse::Vitals,
                into: None,
                room: None,
            })?;
        }
        Ok(device)
    }

    /// The vitals mailbox shared with somebody: the machine here, or its patient there.
    pub(crate) fn vitals(&self, with: Option<IdentityId>) -> Result<Held> {
        let mut found = self.mailboxes_of(MailboxUse::Vitals, with)?;
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (None, _) => Err(ErrorCode::NotFound.into()),
            _ => Err(ErrorCode::Ambiguous.into()),
        }
    }

    /// What is attached in a mailbox now.
    pub(crate) fn attached(&self, mailbox: &MailboxId) -> Result<Option<Attached>> {
        let last: Option<Attached> = self.get(Table::Devices, &attached_name(mailbox))?;
        Ok(last.filter(|a| a.signed.association.until.is_none()))
    }

    /// Says that a machine's values are a patient's from now on: a fresh stream. Said by the
    /// one who sees both, into the mailbox that both read.
    pub(crate) fn attach(&mut self, held: &Held, device: IdentityId, patient: IdentityId) -> Result<()> {
        if self.attached(&held.id)?.is_some() {
            self.detach(held)?;
        }
        let stream = Digest(*Secret::random().expose());
        let from = self.instant();
        self.associate(held, device, patient, stream, from, None)
    }

    /// Ends the association: what comes after is nobody's.
    pub(crate) fn detach(&mut self, held: &Held) -> Result<()> {
        let attached = self.attached(&held.id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let last = attached.signed.association;
        let until = Some(self.instant());
        self.associate(held, last.device, last.patient, last.stream, last.from, until)
    }

    fn associate(
        &mut self,
        held: &Held,
        device: IdentityId,
        patient: IdentityId,
        stream: Digest,
        from: Instant,
        until: Option<Instant>,
    ) -> Result<()> {
        let association = Association {
            version: VERSION,
            device,
            patient,
            stream,
            from,
            until,
            by: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            checked: HowChecked::Vouched,
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&association);
        let signed = SignedAssociation {
            association,
            signature,
        };
        self.keep_association(&held.id, &signed)?;
        let body = GroupMessage::Association(Box::new(signed));
        self.say(held.id, &body, Padding::Message, Job::Nothing(true))?;
        Ok(())
    }

    /// Keeps an association as the mailbox's last word.
    pub(crate) fn keep_association(&mut self, mailbox: &MailboxId, signed: &SignedAssociation) -> Result<()> {
        self.put(
            Table::Devices,
            &super::came::association(&signed.association.id()),
            signed,
        )?;
        let attached = Attached {
            mailbox: *mailbox,
            signed: signed.clone(),
            since: self.now,
        };
        self.put(Table::Devices, &attached_name(mailbox), &attached)
    }
}
