//! Words about letters to roles, in the conversations of an organisation with those who know it.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::role::RoleWord;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::core::Ctx;
use crate::core::records::{Job, Known, Padding, TalkSay, What};
use crate::error::{Error, Result};

/// Envelope, signature and framing beside a word's own bytes.
const MARGIN: usize = 1024;

impl Ctx<'_, '_> {
    /// Says a word to a contact. Somebody who is no contact is told nothing, nor is somebody at another hospital
    /// told what is too large to be brought there: one person must not hold up a desk.
    pub(super) fn tell_role(&mut self, to: &IdentityId, word: RoleWord) -> Result<()> {
        match self.tell_role_for(to, word, Job::Nothing(true)) {
            Ok(_) => Ok(()),
            Err(error) if error.code == ErrorCode::NotFound => Ok(()),
            Err(error) if error.code == ErrorCode::TooLarge && self.elsewhere(to)?.is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The same, for a document on its way; gives the place in the outbox.
    pub(super) fn tell_role_for(&mut self, to: &IdentityId, word: RoleWord, job: Job) -> Result<u64> {
        let known: Option<Known> = self.get(Table::Contacts, &to.0)?;
        if known.is_none_or(|k| k.removed) {
            return Err(ErrorCode::NotFound.into());
        }
        let body = Bytes(canonical::encode(&GroupMessage::Role(word)));
        let most = self.largest_for(to)?;
        let fits = |padding: &Padding| {
            let size = padding.bucket().size_for(body.len() + MARGIN);
            size.is_some_and(|size| size <= most)
        };
        let padding = [Padding::Message, Padding::Handshake]
            .into_iter()
            .find(fits)
            .ok_or(Error::of(ErrorCode::TooLarge))?;
        let say = TalkSay {
            contact: *to,
            body,
            padding,
        };
        self.enqueue(What::Talk(say), job, None)
    }

    /// A contact says a word about letters to roles.
    pub(crate) fn role_word(&mut self, from: &IdentityId, word: RoleWord, stamp: u64) -> Result<()> {
        match word {
            RoleWord::Card(card) => self.card_came(from, &card),
            RoleWord::Key(key) => self.key_came(from, &key),
            RoleWord::Ask(ask) => self.keys_asked(from, &ask),
            RoleWord::Keys(keys) => self.keys_came(from, &keys),
            RoleWord::Letter(letter) => match letter.organisation == self.me() {
                true => self.letter_at_desk(from, *letter),
                false => self.letter_came(from, *letter, stamp),
            },
            RoleWord::Want(want) => self.wanted(from, &want),
            RoleWord::More(more) => self.more_copies(from, more),
            RoleWord::Answer(answer) => match self.desk(&answer.letter)?.is_some() {
                true => self.answer_at_desk(from, &answer),
                false => self.role_answer_came(from, &answer),
            },
            RoleWord::Passed(passed) => self.passed_came(from, &passed),
            RoleWord::Evidence(evidence) => match self.desk(&evidence.letter)?.is_some() {
                true => self.evidence_at_desk(from, evidence),
                false => self.role_evidence_came(from, &evidence),
            },
            RoleWord::Foreign(_) => Ok(()),
        }
    }
}
