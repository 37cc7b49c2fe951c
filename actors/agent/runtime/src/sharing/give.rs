//! Giving a contact a view of documents until an instant.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::{Grant, Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::header::{DocumentKind, Purpose, PurposeCode};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::{MAX_LIST, VERSION};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::scope::{Scopes, Sharing, sharing};
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_clinical::text::Text;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::show::all_given;
use crate::acts::standing::refuse_not_current;
use crate::core::{Ctx, names};
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::send::{Reached, SentRecord};
use crate::documents::show::People;
use crate::endpoints::mailboxes::room_entry;
use crate::error::Result;
use crate::mailbox::open::NO_END;

/// What is to be shown to a contact.
#[derive(Clone, Debug)]
pub struct ShareRequest {
    /// The contact, as a command line names it.
    pub with: String,
    /// Every own document that the rule of scopes lets through; empty for none.
    pub scopes: Scopes,
    /// These documents, whatever their scopes.
    pub documents: Vec<DocumentId>,
    /// Until when, Unix milliseconds; `None`: until it is revoked.
    pub until: Option<u64>,
    /// What for, in words.
    pub why: String,
    /// The contact has not been compared, and that is known.
    pub although_unverified: bool,
}

/// A grant given here, with the names for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) signed: SignedGrant,
    pub(crate) to: IdentityId,
    /// The room that carries it out.
    pub(crate) mailbox: MailboxId,
    pub(crate) until: Option<u64>,
    pub(crate) why: String,
    pub(crate) documents: Vec<DocumentId>,
    pub(crate) revoked: Option<u64>,
    /// The mandate that it rests on, if one.
    pub(crate) under: Option<Digest>,
}

impl Given {
    /// Whether it still shows something.
    pub(crate) fn runs(&self, now: u64) -> bool {
        self.revoked.is_none() && self.until.is_none_or(|until| until > now)
    }
}

pub(crate) fn given_name(id: &Digest) -> Vec<u8> {
    [b"given/", &id.0[..]].concat()
}

/// Documents that a request means, those that are held back, and those outside of it.
pub(crate) type Chosen = (Vec<Kept>, Vec<(Kept, Scopes)>, Vec<Kept>);

/// Which of one's own documents a request means, and which are held back.
pub(crate) fn chosen(kept: Vec<Kept>, people: &People, scopes: &Scopes, documents: &[DocumentId]) -> Chosen {
    // What was written in another's name is of his record, not of one's own.
    let mine = kept
        .into_iter()
        .filter(|k| k.way == Way::Own && k.header.on_behalf_of.is_none());
    chosen_of(mine, people, scopes, documents)
}

/// The same of these documents, whoever's they are. What was replaced or taken back is neither,
/// nor is what only says so.
pub(crate) fn chosen_of(
    kept: impl Iterator<Item = Kept>,
    people: &People,
    scopes: &Scopes,
    documents: &[DocumentId],
) -> Chosen {
    let (mut shown, mut withheld, mut outside) = (Vec::new(), Vec::new(), Vec::new());
    for entry in kept.filter(|k| people.is_current(k) && k.header.kind != DocumentKind::Retraction) {
        if documents.contains(&entry.id) {
            shown.push(entry);
            continue;
        }
        match sharing(&entry.header.scopes, &entry.header.sensitivity, scopes) {
            Sharing::Shared => shown.push(entry),
            Sharing::Withheld(missing) => withheld.push((entry, missing)),
            Sharing::Outside => outside.push(entry),
        }
    }
    (shown, withheld, outside)
}

impl Ctx<'_, '_> {
    /// Grants documents to a contact in the room of the asked-for end, tells it there, and sends
    /// them after it; gives their ids. The last word counts: what the contact was shown until
    /// another end is shown until this one instead.
    pub(crate) fn share(&mut self, request: &ShareRequest) -> Result<Vec<DocumentId>> {
        let known = crate::contacts::show::find(self.tx, &request.with)?;
        let to = known.contact.record.identity;
        let verified = known.contact.certainty != telesphor_clinical::contact::Certainty::Unverified;
        if !verified && !request.although_unverified && !known.contact.allow_unverified {
            return Err(ErrorCode::Unverified.into());
        }
        if request.until.is_some_and(|until| until <= self.now) {
            return Err(ErrorCode::Usage.into());
        }
        for id in &request.documents {
            if let Some(kept) = self.kept(id)? {
                refuse_not_current(self.tx, &self.profile, &kept)?;
            }
        }
        let people = People::load(self.tx, &self.profile)?;
        let (shown, _, _) = chosen(all_kept(self.tx)?, &people, &request.scopes, &request.documents);
        let documents: Vec<DocumentId> = shown.iter().map(|k| k.id).collect();
        if documents.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        self.show_until(&to, &documents, request.until, &request.why, None)?;
        Ok(documents)
    }

    /// Shows documents to a contact until an instant, by one's own word or under a mandate. What
    /// is on its way there already until the same instant is not sent twice.
    pub(crate) fn show_until(
        &mut self,
        to: &IdentityId,
        documents: &[DocumentId],
        until: Option<u64>,
        why: &str,
        under: Option<Digest>,
    ) -> Result<()> {
        let room = self.room_until(to, until.unwrap_or(NO_END), under)?.mailbox;
        let others: Vec<Given> = all_given(self.tx)?
            .into_iter()
            .filter(|g| g.to == *to && g.runs(self.now) && g.under == under)
            .collect();
        let mut fresh = Vec::new();
        for document in documents {
            let here = others
                .iter()
                .any(|g| g.mailbox == room && g.documents.contains(document));
            if !here || self.failed(document, to)? {
                fresh.push(*document);
            }
        }
        let mut last = None;
        for some in fresh.chunks(MAX_LIST) {
            let given = Given {
                signed: self.sign_grant(*to, some, until, why, under)?,
                to: *to,
                mailbox: room,
                until,
                why: why.to_owned(),
                documents: some.to_vec(),
                revoked: None,
                under,
            };
            // The grant goes first, so that the reader knows under which word a document comes.
            self.put_given(&given, None)?;
            for document in some {
                last = Some(self.send_document_into(document, to, Some(room))?);
            }
        }
        for given in others.into_iter().filter(|g| g.mailbox != room) {
            self.end_given(given, documents, last)?;
        }
        Ok(())
    }

    /// Keeps a grant, tells one's own endpoints, and says it in its room.
    pub(crate) fn put_given(&mut self, given: &Given, after: Option<u64>) -> Result<()> {
        let id = given.signed.grant.id();
        self.put(Table::Grants, &given_name(&id), given)?;
        self.own(SelfEntry::Grant(Box::new(given.signed.clone())))?;
        self.tell_siblings(room_entry(given, self.profile.domain()))?;
        self.show_mandate(given, after)?;
        let said = GroupMessage::Grant(Box::new(given.signed.clone()));
        self.say_in_room(&given.mailbox, &said, after)?;
        Ok(())
    }

    fn failed(&self, document: &DocumentId, to: &IdentityId) -> Result<bool> {
        let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(document, to))?;
        Ok(sent.is_none_or(|s| s.reached == Reached::Failed))
    }

    pub(crate) fn sign_grant(
        &self,
        to: IdentityId,
        documents: &[DocumentId],
        until: Option<u64>,
        why: &str,
        under: Option<Digest>,
    ) -> Result<SignedGrant> {
        let grant = Grant {
            version: VERSION,
            subject: self.acts_for(under.as_ref())?,
            by: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            mandate: under,
            to: Grantee::Identity(to),
            what: Granted::Documents(documents.to_vec()),
            from: self.instant(),
            until: match until {
                Some(at) => Until::Instant(Instant::now_of(at, 0, Clock::Device)),
                None => Until::Revoked(Extensions::none()),
            },
            why: Purpose {
                code: PurposeCode::Patient,
                words: Some(Text::cut(why)),
            },
            random: Digest(*Secret::random().expose()),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&grant);
        Ok(SignedGrant { grant, signature })
    }
}
