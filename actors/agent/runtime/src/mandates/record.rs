//! What is kept of mandates, and the words that concern them as they come.

use serde::{Deserialize, Serialize};
use telesphor_clinical::mandate::SignedMandate;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_clinical::standing_in::{MandateLog, MandateWho, MandateWord};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HashLabel;

use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};
use crate::team::serve::padding_for;

/// Lines of one holder's log that are kept; the oldest give way.
const LINES: u64 = 16_384;

/// A mandate as it is kept: given, held, or shown as a reason for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptMandate {
    pub(crate) signed: SignedMandate,
    /// When it came here, Unix milliseconds.
    pub(crate) came: u64,
    /// When everything that rested on it was ended here.
    pub(crate) over: Option<u64>,
}

const PREFIX: &[u8] = b"mandate/";

fn name(id: &Digest) -> Vec<u8> {
    [PREFIX, &id.0].concat()
}

fn who_name(id: &Digest) -> Vec<u8> {
    [b"by-mandate-who/", &id.0[..]].concat()
}

fn log_name(id: &Digest) -> Vec<u8> {
    [b"by-mandate-log/", &id.0[..]].concat()
}

fn line_name(id: &Digest, line: &impl Serialize) -> Vec<u8> {
    let digest = hash(HashLabel::Original, &("line of a log", id, line));
    [b"by-mandate-line/", &id.0[..], &digest.0].concat()
}

/// Every mandate kept here.
pub(crate) fn all_mandates(records: &impl Records) -> Result<Vec<KeptMandate>> {
    let mut all: Vec<KeptMandate> = records
        .scan(Table::Grants)?
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX))
        .filter_map(|(_, bytes)| canonical::decode(bytes).ok())
        .collect();
    all.sort_by_key(|kept| kept.signed.mandate.from.unix_ms);
    Ok(all)
}

/// One mandate.
pub(crate) fn mandate(records: &impl Records, id: &Digest) -> Result<Option<KeptMandate>> {
    Ok(records.get_value(Table::Grants, &name(id))?)
}

/// Who can see what by the last word of the one acted for.
pub(crate) fn who_told(records: &impl Records, id: &Digest) -> Result<Option<MandateWho>> {
    Ok(records.get_value(Table::Grants, &who_name(id))?)
}

/// What happened by the words of the one acted for.
pub(crate) fn log_told(
    records: &impl Records,
    id: &Digest,
) -> Result<Vec<telesphor_clinical::standing_in::LogEntry>> {
    let newest = records.newest(Table::Receipts, &log_name(id), u64::MAX, 10_000)?;
    Ok(newest
        .iter()
        .filter_map(|(_, bytes)| canonical::decode(bytes).ok())
        .collect())
}

/// Whether a line was noted for a mandate: said by the one acted for, or heard by the holder.
pub(crate) fn is_noted(records: &impl Records, id: &Digest, line: &impl Serialize) -> Result<bool> {
    Ok(records.contains(Table::Receipts, &line_name(id, line))?)
}

impl Ctx<'_, '_> {
    pub(crate) fn put_mandate(&mut self, kept: &KeptMandate) -> Result<()> {
        self.fx.mandates = true;
        self.put(Table::Grants, &name(&kept.signed.mandate.id()), kept)
    }

    /// Keeps a mandate whose issuer signed it, whoever brought it; whether it holds is judged when
    /// it is used. One that concerns this identity is told to its other devices.
    pub(crate) fn keep_mandate(&mut self, signed: &SignedMandate) -> Result<()> {
        let m = &signed.mandate;
        if mandate(self.tx, &m.id())?.is_some() {
            return Ok(());
        }
        let Some(history) = self.history(&m.issuer)? else {
            return Ok(());
        };
        let state = history.at_head(&m.issuer_head);
        let known = state.is_some_and(|s| s.endpoint(&m.endpoint).is_some());
        if !known || m.endpoint.verify(m, &signed.signature).is_err() {
            return Ok(());
        }
        self.put_mandate(&KeptMandate {
            signed: signed.clone(),
            came: self.now,
            over: None,
        })?;
        let me = self.me();
        match [m.subject, m.holder, m.issuer].contains(&me) {
            true => self.tell_siblings(SelfEntry::Mandate(Box::new(signed.clone()))),
            false => Ok(()),
        }
    }

    /// Says a word under a mandate to a contact, in the conversation with it. Somebody who is no
    /// contact is told nothing.
    pub(crate) fn tell_mandate(&mut self, to: &IdentityId, word: MandateWord) -> Result<()> {
        let message = GroupMessage::Mandate(word);
        let padding = padding_for(&Bytes(canonical::encode(&message)));
        self.say_to(to, &message, padding)
    }

    /// A word under a mandate has come.
    pub(crate) fn mandate_word(&mut self, held: &Held, from: &Member, word: MandateWord) -> Result<()> {
        if held.used != MailboxUse::Conversation {
            return Ok(());
        }
        let who = &from.identity;
        match word {
            MandateWord::Who(told) => self.mandate_who(who, told),
            MandateWord::Log(told) => self.mandate_log(who, told),
            MandateWord::Acted(act) => self.acted(from, *act),
            MandateWord::Owner(keys) => self.acted_owner(who, keys),
            MandateWord::Request(request) => self.asked_by_mandate(from, *request),
            MandateWord::Answer(answer) => self.answered_by_mandate(who, &answer),
            MandateWord::Over(ended) => self.acted_over(who, &ended),
            MandateWord::Read(receipt) => self.acted_read(who, *receipt),
            MandateWord::Foreign(_) => Ok(()),
        }
    }

    /// A mandate that this identity holds for the one who speaks.
    fn held_of(&self, from: &IdentityId, id: &Digest) -> Result<()> {
        let kept = mandate(self.tx, id)?.ok_or(Error::of(ErrorCode::NoMandate))?;
        let m = &kept.signed.mandate;
        match m.holder == self.me() && m.subject == *from {
            true => Ok(()),
            false => Err(ErrorCode::MandateOther.into()),
        }
    }

    fn mandate_who(&mut self, from: &IdentityId, told: MandateWho) -> Result<()> {
        self.held_of(from, &told.mandate)?;
        self.put(Table::Grants, &who_name(&told.mandate), &told)
    }

    fn mandate_log(&mut self, from: &IdentityId, told: MandateLog) -> Result<()> {
        self.held_of(from, &told.mandate)?;
        for line in &told.lines {
            if self.note_line(&told.mandate, line)? {
                let position = self.push(Table::Receipts, &log_name(&told.mandate), line)?;
                if position > LINES {
                    self.tx
                        .delete_at(Table::Receipts, &log_name(&told.mandate), position - LINES)?;
                }
            }
        }
        Ok(())
    }

    /// The holder of a mandate that is over has no more use for what he was told under it.
    pub(crate) fn forget_told(&mut self, id: &Digest) -> Result<()> {
        self.tx.delete(Table::Grants, &who_name(id))?;
        let list = log_name(id);
        for (position, _) in self.tx.range(Table::Receipts, &list, 0, usize::MAX)? {
            self.tx.delete_at(Table::Receipts, &list, position)?;
        }
        Ok(())
    }

    /// Notes a line once; `false` if it was noted before.
    pub(crate) fn note_line(&mut self, id: &Digest, line: &impl Serialize) -> Result<bool> {
        let name = line_name(id, line);
        if self.tx.contains(Table::Receipts, &name)? {
            return Ok(false);
        }
        self.put(Table::Receipts, &name, &true)?;
        Ok(true)
    }
}
