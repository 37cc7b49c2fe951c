//! What is said to a contact at another hospital: deposits into the personal mailbox there, in the
//! place of messages in a conversation.

use telesphor_clinical::contact::ContactAddress;
use telesphor_clinical::message::{DepositEnvelope, DepositMessage, GroupMessage};
use telesphor_clinical::team::TeamWord;
use telesphor_sealing::Member;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::sign::SigningKey;

use super::record::FarSay;
use crate::core::Ctx;
use crate::core::records::{DepositSay, Held, Padding, TalkSay, Via};
use crate::error::{Error, Result};

/// Of everything that is said in a conversation, what needs no other mailbox that both read.
const fn can_be_deposited(message: &GroupMessage) -> bool {
    matches!(
        message,
        GroupMessage::Document(_)
            | GroupMessage::Receipt(_)
            | GroupMessage::History(_)
            | GroupMessage::Credentials(_)
            | GroupMessage::Contact(_)
            | GroupMessage::Evidence(_)
            | GroupMessage::Grant(_)
            | GroupMessage::GrantEnded(_)
            | GroupMessage::Rx(_)
            | GroupMessage::Role(_)
            | GroupMessage::Team(TeamWord::Roster(_))
            | GroupMessage::Lab(_)
            | GroupMessage::Study(_)
            | GroupMessage::Gather(_)
    )
}

impl Ctx<'_, '_> {
    /// Whether this can be said to that contact.
    ///
    /// # Errors
    /// [`ErrorCode::NotForwardable`].
    pub(crate) fn may_be_said(&self, say: &TalkSay) -> Result<()> {
        if self.elsewhere(&say.contact)?.is_none() {
            return Ok(());
        }
        let message: GroupMessage = canonical::decode(&say.body).map_err(|_| Error::fault("message"))?;
        match can_be_deposited(&message) {
            true => Ok(()),
            false => Err(ErrorCode::NotForwardable.into()),
        }
    }

    /// Seals what would be said in a conversation as a deposit for a contact elsewhere, for the
    /// entry of that number and time.
    pub(crate) fn seal_said(
        &mut self,
        entry: (u64, u64),
        say: &TalkSay,
        address: &ContactAddress,
    ) -> Result<Option<(Command, Via)>> {
        let message = DepositMessage::Said(say.body.clone());
        let deposit = DepositSay {
            contact: say.contact,
            body: Bytes(DepositEnvelope::new(message).to_bytes()),
            padding: match say.padding {
                // A receipt's frame is larger here than the one size of receipts.
                Padding::Receipt => Padding::Message,
                other => other,
            },
        };
        self.seal_far_deposit(entry, &deposit, address)
    }

    /// Seals a deposit for a contact elsewhere.
    pub(crate) fn seal_far_deposit(
        &mut self,
        entry: (u64, u64),
        say: &DepositSay,
        address: &ContactAddress,
    ) -> Result<Option<(Command, Via)>> {
        // Nothing is sealed that could not go.
        if self.road(&address.domain, entry.1)?.is_none() {
            return Ok(None);
        }
        let Some(deposit) = self.deposit_of(&say.contact, &say.body, say.padding)? else {
            return Ok(None);
        };
        let key = SigningKey::from_seed(&address.deposit_seed);
        let far = FarSay {
            domain: address.domain.clone(),
            mailbox: address.mailbox,
            wish: self.signed_wish(deposit, &key),
        };
        self.seal_for_domain(entry, far)
    }

    /// A contact at another hospital says something.
    pub(crate) fn said_from_elsewhere(
        &mut self,
        from: &Member,
        bytes: &[u8],
        stamp: u64,
        held: &Held,
    ) -> Result<()> {
        let message: GroupMessage = canonical::decode(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        let who = from.identity;
        match message {
            GroupMessage::Document(carried) => self.document_came(&who, carried, stamp, held),
            GroupMessage::Receipt(receipt) => self.receipt_came(from, &receipt),
            GroupMessage::History(bytes) => self.history_grew(&who, &bytes),
            GroupMessage::Credentials(bytes) => self.credentials_came(&who, &bytes),
            GroupMessage::Contact(record) => self.contact_renewed(&who, *record),
            GroupMessage::Evidence(bytes) => self.evidence_came(&bytes),
            GroupMessage::Grant(grant) => self.grant_came(from, *grant, held),
            GroupMessage::GrantEnded(ended) => self.grant_ended(&who, &ended),
            GroupMessage::Rx(word) => self.rx_word(&who, word),
            GroupMessage::Role(word) => self.role_word(&who, word, stamp),
            GroupMessage::Team(TeamWord::Roster(roster)) => self.roster_came(&roster),
            GroupMessage::Lab(word) => self.lab_word(&who, word),
            GroupMessage::Study(word) => self.study_word(&who, word),
            GroupMessage::Gather(word) => self.gather_word(&who, word),
            // Nobody says anything else in this way.
            _ => Err(ErrorCode::NotForwardable.into()),
        }
    }
}
