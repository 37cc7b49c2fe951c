//! Giving a contact a view of documents until an instant, and ending it.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::{Grant, Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::header::{Purpose, PurposeCode};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::{MAX_LIST, VERSION};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::scope::{Scopes, Sharing, sharing};
use telesphor_clinical::self_entry::{GrantEnded, SelfEntry};
use telesphor_clinical::text::Text;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::core::Ctx;
use crate::core::records::{Job, Padding, TalkSay, What};
use crate::documents::keep::{Kept, Way, all_kept};
use crate::error::{Error, Result};

/// What is to be shown to a contact.
#[derive(Clone, Debug)]
pub struct ShareRequest {
    /// The contact, as a command line names it.
    pub with: String,
    /// Every own document that the rule of scopes lets through; empty for none.
    pub scopes: Scopes,
    /// These documents, whatever their scopes.
    pub documents: Vec<DocumentId>,
    /// Until when, Unix milliseconds.
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
    pub(crate) until: Option<u64>,
    pub(crate) why: String,
    pub(crate) documents: Vec<DocumentId>,
    pub(crate) revoked: Option<u64>,
}

pub(crate) fn given_name(id: &Digest) -> Vec<u8> {
    [b"given/", &id.0[..]].concat()
}

/// Which of one's own documents a request means, and which are held back.
pub(crate) fn chosen(
    kept: Vec<Kept>,
    scopes: &Scopes,
    documents: &[DocumentId],
) -> (Vec<Kept>, Vec<(Kept, Scopes)>, Vec<Kept>) {
    let (mut shown, mut withheld, mut outside) = (Vec::new(), Vec::new(), Vec::new());
    for entry in kept.into_iter().filter(|k| k.way == Way::Own) {
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
    /// Signs the grant, tells the contact, and sends the documents after it; gives their ids.
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
        let (shown, _, _) = chosen(all_kept(self.tx)?, &request.scopes, &request.documents);
        let documents: Vec<DocumentId> = shown.iter().map(|k| k.id).collect();
        if documents.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        for some in documents.chunks(MAX_LIST) {
            let signed = self.sign_grant(to, some, request)?;
            let id = signed.grant.id();
            self.put(
                Table::Grants,
                &given_name(&id),
                &Given {
                    signed: signed.clone(),
                    to,
                    until: request.until,
                    why: request.why.clone(),
                    documents: some.to_vec(),
                    revoked: None,
                },
            )?;
            self.own(SelfEntry::Grant(Box::new(signed.clone())))?;
            // The grant goes first: a document that comes under it is kept as shown, not given.
            self.talk(&to, &GroupMessage::Grant(Box::new(signed)))?;
            for document in some {
                self.send_document(document, &to)?;
            }
        }
        Ok(documents)
    }

    fn sign_grant(
        &self,
        to: IdentityId,
        documents: &[DocumentId],
        request: &ShareRequest,
    ) -> Result<SignedGrant> {
        let grant = Grant {
            version: VERSION,
            subject: self.me(),
            by: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            mandate: None,
            to: Grantee::Identity(to),
            what: Granted::Documents(documents.to_vec()),
            from: self.instant(),
            until: match request.until {
                Some(at) => Until::Instant(Instant::now_of(at, 0, Clock::Device)),
                None => Until::Revoked(Extensions::none()),
            },
            why: Purpose {
                code: PurposeCode::Patient,
                words: Some(Text::cut(&request.why)),
            },
            random: Digest(*Secret::random().expose()),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&grant);
        Ok(SignedGrant { grant, signature })
    }

    /// Ends what was granted to a contact, for documents in any of these scopes, or for these
    /// documents, or for all if neither is named. Gives how many grants were ended.
    pub(crate) fn revoke(&mut self, who: &str, scopes: &Scopes, documents: &[DocumentId]) -> Result<usize> {
        let to = crate::contacts::show::find(self.tx, who)?.contact.record.identity;
        let all = scopes.is_empty() && documents.is_empty();
        let mut ended = 0;
        for mut given in super::show::all_given(self.tx)? {
            if given.to != to || given.revoked.is_some() {
                continue;
            }
            let mut stays = Vec::new();
            for id in &given.documents {
                let scoped = self
                    .kept(id)?
                    .is_some_and(|k| k.header.scopes.iter().any(|s| scopes.contains(s)));
                if !(all || scoped || documents.contains(id)) {
                    stays.push(*id);
                }
            }
            if stays.len() == given.documents.len() {
                continue;
            }
            let id = given.signed.grant.id();
            let end = GrantEnded {
                grant: id,
                at: self.instant(),
                why: None,
                ext: Extensions::none(),
            };
            given.revoked = Some(self.now);
            self.put(Table::Grants, &given_name(&id), &given)?;
            self.own(SelfEntry::GrantEnded(end.clone()))?;
            if !stays.is_empty() {
                // What stays is granted anew before the old word ends.
                let request = ShareRequest {
                    with: String::new(),
                    scopes: Scopes::none(),
                    documents: stays.clone(),
                    until: given.until,
                    why: given.why.clone(),
                    although_unverified: true,
                };
                let signed = self.sign_grant(to, &stays, &request)?;
                let renewed = Given {
                    signed: signed.clone(),
                    documents: stays,
                    revoked: None,
                    ..given
                };
                self.put(Table::Grants, &given_name(&signed.grant.id()), &renewed)?;
                self.own(SelfEntry::Grant(Box::new(signed.clone())))?;
                self.talk(&to, &GroupMessage::Grant(Box::new(signed)))?;
            }
            self.talk(&to, &GroupMessage::GrantEnded(end))?;
            ended += 1;
        }
        if ended == 0 {
            Err(Error::of(ErrorCode::NotFound))
        } else {
            Ok(ended)
        }
    }

    /// Queues a message for a contact.
    pub(crate) fn talk(&mut self, to: &IdentityId, body: &GroupMessage) -> Result<u64> {
        let say = TalkSay {
            contact: *to,
            body: Bytes(canonical::encode(body)),
            padding: Padding::Message,
        };
        self.enqueue(What::Talk(say), Job::Nothing(true), None)
    }
}
