//! The sender's part: ask for the readers' keys, seal, hand over to the organisation's desk.

use telesphor_clinical::attention::Escalation;
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::role::{
    RoleAsk, RoleContent, RoleEvidence, RoleKeys, RoleLetter, RoleSaid, RoleStep, RoleWord, SignedRoleCard,
    content_of, evidence_of,
};
use telesphor_clinical::text::Text;
use telesphor_identity::evidence::EvidenceOf;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::record::{Written, all_cards, card_of};
use super::seal::{copy, seal_value};
use super::verbs::{RoleAddress, RoleSend};
use crate::contacts;
use crate::core::records::{DocumentJob, Job, Refused};
use crate::core::{Ctx, names};
use crate::documents::keep::Kept;
use crate::documents::send::{Reached, SentRecord};
use crate::documents::write::Draft;
use crate::error::{Error, Result};

/// How long an answer is waited for before the keys are asked for again, milliseconds.
const ASK_AGAIN_MS: u64 = 60_000;

impl Ctx<'_, '_> {
    /// The card of a role that somebody names.
    pub(crate) fn role_at(&self, to: &RoleAddress) -> Result<SignedRoleCard> {
        let known = contacts::show::find(self.tx, &to.organisation)?;
        let organisation = known.contact.record.identity;
        let mut fits = all_cards(self.tx)?.into_iter();
        fits.find(|c| c.card.organisation == organisation && c.card.role.as_str() == to.role)
            .ok_or(Error::of(ErrorCode::NotFound))
    }

    /// Signs a draft and writes it to a role; gives the document and the role's identity.
    pub(crate) fn send_to_role(
        &mut self,
        to: &RoleSend,
        mut draft: Draft,
    ) -> Result<(DocumentId, IdentityId)> {
        let steps = self.steps_of(to, draft.acknowledge_by)?;
        let then = to.then.iter().zip(steps.iter().skip(1));
        draft.then = then
            .map(|(then, step)| Escalation {
                role: step.role.clone(),
                identity: Some(step.identity),
                after_ms: then.after_ms,
            })
            .collect();
        let (document, _) = self.write_document(draft)?;
        let role = self.write_letter(&document, steps, None)?;
        Ok((document, role))
    }

    /// The way of a letter. The time of its last role is as long as the one before had.
    fn steps_of(&self, to: &RoleSend, by: Option<u64>) -> Result<Vec<RoleStep>> {
        let first = self.role_at(&to.to)?.card;
        let at = |ms: u64| Instant::now_of(ms, 0, Clock::Device);
        let mut steps = vec![RoleStep {
            role: first.role,
            identity: first.identity,
            by: by.map(at),
        }];
        let mut until = by;
        for then in &to.then {
            let card = self.role_at(&then.to)?.card;
            let (Some(before), true) = (until, card.organisation == first.organisation) else {
                // Another organisation's desk knows nothing of this letter.
                return Err(ErrorCode::Usage.into());
            };
            if steps.iter().any(|s| s.identity == card.identity) {
                return Err(ErrorCode::Usage.into());
            }
            until = Some(before.saturating_add(then.after_ms));
            steps.push(RoleStep {
                role: card.role,
                identity: card.identity,
                by: until.map(at),
            });
        }
        Ok(steps)
    }

    /// Queues a document that is kept here for a role. It waits in the vault until its readers'
    /// keys have come.
    pub(crate) fn write_letter(
        &mut self,
        document: &DocumentId,
        steps: Vec<RoleStep>,
        follows: Option<Digest>,
    ) -> Result<IdentityId> {
        let role = steps.first().ok_or(Error::of(ErrorCode::Usage))?.identity;
        let card = card_of(self.tx, &role)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let kept = self.kept(document)?.ok_or(Error::of(ErrorCode::NotFound))?;
        if !kept.header.parts.is_empty() {
            // Files are fetched from a relay, and nobody asks another domain's for one.
            self.must_be_at_home(&card.card.organisation)?;
        }
        let mut written = Written {
            letter: Digest(*Secret::random().expose()),
            document: *document,
            organisation: card.card.organisation,
            steps,
            at: 0,
            follows,
            key: None,
            asked: self.now,
            asks: None,
            passed: Vec::new(),
        };
        self.put_letter_to(&written, 0, &role)?;
        self.note_sent_to_role(document, &role, Reached::Queued)?;
        self.ask_for_keys(&mut written)?;
        Ok(role)
    }

    /// A role's line among what was sent.
    pub(super) fn note_sent_to_role(
        &mut self,
        document: &DocumentId,
        role: &IdentityId,
        reached: Reached,
    ) -> Result<()> {
        let kept = self.kept(document)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let name = names::sent(document, role);
        if self.get::<SentRecord>(Table::Receipts, &name)?.is_none() {
            self.push(Table::Receipts, names::SENT, &(*document, *role))?;
        }
        let durable = (reached == Reached::Durable).then_some(self.now);
        self.put(
            Table::Receipts,
            &name,
            &SentRecord {
                document: *document,
                title: kept.header.title.as_str().to_owned(),
                to: *role,
                reached,
                queued: self.now,
                durable,
                delivered: None,
                opened: None,
                took_ms: None,
                why: None,
                receipt: None,
            },
        )
    }

    fn ask_for_keys(&mut self, written: &mut Written) -> Result<()> {
        let ask = RoleAsk {
            letter: written.letter,
            roles: written.steps.iter().map(|s| s.identity).collect(),
            follows: written.follows,
        };
        let seq = self.tell_role_for(&written.organisation, RoleWord::Ask(ask), Job::Nothing(true))?;
        (written.asked, written.asks) = (self.now, Some(seq));
        self.put_written(written)
    }

    /// Whether what was asked last has not come to where it is answered.
    fn still_asks(&self, written: &Written) -> Result<bool> {
        let waits = written
            .asks
            .map(|seq| self.tx.at(Table::Outbox, names::OUTBOX, seq));
        Ok(waits.transpose()?.flatten().is_some())
    }

    /// Asks again for the keys of letters that wait too long; gives when it is to be done again.
    pub(super) fn ask_again(&mut self) -> Result<u64> {
        let mut next = u64::MAX;
        for mut written in self.waiting()? {
            if self.sent_failed(&written)? {
                self.waits_no_more(&written.letter)?;
                continue;
            }
            let mut again = written.asked.saturating_add(ASK_AGAIN_MS);
            if again <= self.now {
                // A hospital that is away for days is not asked by the minute.
                if !self.still_asks(&written)? {
                    self.ask_for_keys(&mut written)?;
                }
                again = self.now.saturating_add(ASK_AGAIN_MS);
            }
            next = next.min(again);
        }
        Ok(next)
    }

    fn sent_failed(&self, written: &Written) -> Result<bool> {
        let Some(first) = written.steps.first() else {
            return Ok(true);
        };
        let sent: Option<SentRecord> =
            self.get(Table::Receipts, &names::sent(&written.document, &first.identity))?;
        Ok(sent.is_none_or(|s| s.reached == Reached::Failed))
    }

    /// The readers' keys are here: the letter is sealed and goes. Whoever is on no roster known
    /// here gets no copy, whatever the desk says; without anybody to read it, it waits.
    pub(super) fn keys_came(&mut self, from: &IdentityId, keys: &RoleKeys) -> Result<()> {
        let Some(mut written) = self.written(&keys.letter)? else {
            return Ok(());
        };
        if written.organisation != *from || written.key.is_some() || self.sent_failed(&written)? {
            return Ok(());
        }
        self.take_all_proofs(&keys.proofs)?;
        // Who said that he has the letter that this one corrects may read what corrects it.
        let before = match &written.follows {
            Some(earlier) => super::record::heard_of(self.tx, earlier)?,
            None => Vec::new(),
        };
        let secret = Secret::random();
        let mut copies = Vec::new();
        for reader in &keys.keys {
            let who = reader.key.person;
            let had = before.iter().any(|h| h.who == who);
            let holds = had || self.holds_any(from, &written.steps, &who)?;
            let fits = reader.key.organisation == *from && holds && self.check_role_key(reader).is_ok();
            if fits {
                copies.push(copy(from, &written.letter, &secret, reader)?);
            }
        }
        let Some(first) = written.steps.first().map(|s| s.identity) else {
            return Ok(());
        };
        if copies.is_empty() {
            return Ok(());
        }
        let letter = self.sealed_letter(&written, &secret, copies)?;
        written.key = Some(secret);
        self.put_written(&written)?;
        let job = DocumentJob {
            document: written.document,
            to: first,
        };
        match self.tell_role_for(from, RoleWord::Letter(Box::new(letter)), Job::Document(job)) {
            Err(error) if matches!(error.code, ErrorCode::TooLarge | ErrorCode::NotFound) => {
                let refused = Refused {
                    code: error.code,
                    support: None,
                };
                self.document_failed(job, refused)
            }
            other => {
                other?;
                self.evidence_of_letter(&written)
            }
        }
    }

    /// Writes a correction to every role that a document of this chain went to; whoever was given
    /// that one is given this one. Gives the roles.
    pub(crate) fn correct_at_roles(
        &mut self,
        earlier: &[DocumentId],
        correction: &DocumentId,
    ) -> Result<Vec<IdentityId>> {
        let mut roles = Vec::new();
        for before in self.all_written()? {
            let gone = before.key.is_some() && earlier.contains(&before.document);
            let Some(first) = before.steps.first().map(|s| s.identity).filter(|_| gone) else {
                continue;
            };
            if super::record::letter_to(self.tx, correction, &first)?.is_some() {
                continue;
            }
            // Those to whom it went on need a key as well, and a time of their own no more.
            let steps = before.steps.iter().map(|step| RoleStep {
                by: None,
                ..step.clone()
            });
            self.write_letter(correction, steps.collect(), Some(before.letter))?;
            roles.push(first);
        }
        Ok(roles)
    }

    /// Whether somebody has a turn now or later in one of the roles of a letter.
    pub(super) fn holds_any(
        &self,
        organisation: &IdentityId,
        steps: &[RoleStep],
        who: &IdentityId,
    ) -> Result<bool> {
        let roster = self.roster(organisation)?;
        Ok(roster.is_some_and(|s| {
            steps.iter().any(|step| {
                s.roster
                    .turns(who, step.role.as_str())
                    .any(|t| t.until.stamp() > self.now)
            })
        }))
    }

    fn sealed_letter(
        &self,
        written: &Written,
        secret: &Secret,
        copies: Vec<telesphor_clinical::role::RoleCopy>,
    ) -> Result<RoleLetter> {
        let (me, organisation) = (self.me(), written.organisation);
        let kept = self
            .kept(&written.document)?
            .ok_or(Error::of(ErrorCode::NotFound))?;
        let mut proofs = vec![Bytes(self.proofs_about(&me)?.to_bytes())];
        if kept.header.author != me {
            proofs.push(Bytes(self.proofs_about(&kept.header.author)?.to_bytes()));
        }
        let said = RoleSaid {
            letter: written.letter,
            organisation,
            from: me,
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            document: written.document,
            steps: written.steps.clone(),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&said);
        let content = RoleContent {
            document: Bytes(self.document_bytes(&written.document)?),
            proofs,
            said,
            signature,
        };
        Ok(RoleLetter {
            version: VERSION,
            letter: written.letter,
            organisation,
            from: me,
            name: Text::default(),
            steps: written.steps.clone(),
            at: 0,
            follows: written.follows,
            sealed: seal_value(secret, &content_of(&organisation, &written.letter, &me), &content),
            copies,
            ext: Extensions::none(),
        })
    }

    /// Lets the proof of a document's time follow the letter, if it is here by now.
    fn evidence_of_letter(&mut self, written: &Written) -> Result<()> {
        match self.kept(&written.document)? {
            Some(kept) if !kept.evidence.is_empty() => self.say_evidence(written, &kept),
            _ => Ok(()),
        }
    }

    fn say_evidence(&mut self, written: &Written, kept: &Kept) -> Result<()> {
        let Some(key) = &written.key else { return Ok(()) };
        let evidence = EvidenceOf {
            document: kept.id,
            evidence: kept.evidence.clone(),
            ext: Extensions::none(),
        };
        let sealed = seal_value(key, &evidence_of(&written.letter), &Bytes(evidence.to_bytes()));
        let letter = written.letter;
        self.tell_role(
            &written.organisation,
            RoleWord::Evidence(RoleEvidence { letter, sealed }),
        )
    }

    /// The proof of a document's time is whole: it follows every letter that left before it.
    pub(crate) fn evidence_to_roles(&mut self, kept: &Kept) -> Result<()> {
        for written in self.all_written()? {
            if written.document == kept.id {
                self.say_evidence(&written, kept)?;
            }
        }
        Ok(())
    }
}
