//! Signing a document of one's own.

use telesphor_clinical::attention::{Attention, Escalation, Urgency};
use telesphor_clinical::document::{SignedDocument, Signer};
use telesphor_clinical::header::{DocumentKind, Header, Relation, RelationKind, Status, Subject};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::keep::Way;
use crate::blobs::record::Place;
use crate::blobs::seal::SealedFiles;
use crate::core::Ctx;
use crate::core::records::{Job, What};
use crate::error::{Error, Result};

/// A document to be written: what a command line or a page knows of it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is.
    pub kind: DocumentKind,
    /// Media type of the body.
    pub format: String,
    /// One line for lists.
    pub title: String,
    /// The bytes, signed as they are.
    pub body: Vec<u8>,
    /// Whom it is about; `None` leaves it open.
    pub subject: Option<IdentityId>,
    /// Compartments.
    pub scopes: Scopes,
    /// Those of them (or others) that are sensitive here.
    pub sensitivity: Scopes,
    /// When what it tells was so.
    pub effective: Option<Instant>,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// In what role the author writes, in words.
    pub role: Option<String>,
    /// Whether somebody must see it soon.
    pub urgent: bool,
    /// By when somebody must have accepted it, Unix milliseconds.
    pub acknowledge_by: Option<u64>,
    /// The document it answers.
    pub replies_to: Option<DocumentId>,
    /// Files that belong to it, sealed already.
    pub files: Option<SealedFiles>,
    /// Whom to ask then, in this order.
    pub(crate) then: Vec<Escalation>,
    /// Where it stands.
    pub(crate) status: Status,
    /// Documents of one's own that it replaces or takes back.
    pub(crate) corrects: Vec<Relation>,
    /// The number that stands for whom it is about, where its author must not know.
    pub(crate) blind: Option<Text>,
    /// For whom it is written, and by which mandate.
    pub(crate) on_behalf: Option<OnBehalf>,
}

impl Draft {
    /// A draft with the least it needs.
    pub fn new(kind: DocumentKind, format: &str, title: &str, body: Vec<u8>) -> Self {
        Self {
            kind,
            format: format.to_owned(),
            title: title.to_owned(),
            body,
            subject: None,
            scopes: Scopes::none(),
            sensitivity: Scopes::none(),
            effective: None,
            language: None,
            role: None,
            urgent: false,
            acknowledge_by: None,
            replies_to: None,
            files: None,
            then: Vec::new(),
            status: Status::Final,
            corrects: Vec::new(),
            blind: None,
            on_behalf: None,
        }
    }
}

impl Ctx<'_, '_> {
    /// Signs a draft, keeps the document and has its time proved; gives its id and bytes.
    pub(crate) fn write_document(&mut self, draft: Draft) -> Result<(DocumentId, Vec<u8>)> {
        let usage = |_| Error::of(ErrorCode::InputRefused);
        let format = Text::new(draft.format).map_err(usage)?;
        let title = Text::cut(&draft.title);
        let mut header = Header::new(draft.kind, format, title, self.me(), self.instant());
        let blind = draft.blind.map(Subject::Blind);
        header.subject = draft.subject.map(Subject::Identity).or(blind);
        header.scopes = draft.scopes;
        header.sensitivity = draft.sensitivity;
        header.effective = draft.effective;
        header.language = draft.language.map(Text::new).transpose().map_err(usage)?;
        let seen_by = draft.subject.unwrap_or_else(|| self.me());
        if let Some((by, role)) = self.written_by(&seen_by)? {
            header.ext = header.ext.with(by.extension());
            header.role_at_time = (!role.is_empty()).then(|| Text::cut(&role));
        }
        if let Some(role) = draft.role {
            header.role_at_time = Some(Text::new(role).map_err(usage)?);
        }
        header.attention = Attention {
            urgency: if draft.urgent {
                Urgency::Urgent
            } else {
                Urgency::Routine
            },
            acknowledge_by: draft
                .acknowledge_by
                .map(|at| Instant::now_of(at, 0, Clock::Device)),
            then: draft.then,
        };
        header.on_behalf_of = draft.on_behalf.map(|said| said.subject);
        header.mandate = draft.on_behalf.map(|said| said.mandate);
        header.status = draft.status;
        header.relates = draft.corrects;
        if let Some(document) = draft.replies_to {
            header.relates.push(Relation {
                kind: RelationKind::RepliesTo,
                document,
            });
        }
        let signer = Signer {
            key: &self.keys.endpoint,
            author_head: self.my_head()?,
        };
        let mut options = self.sign_options(&header)?;
        let mut at = Vec::new();
        if let Some(SealedFiles { seed, files }) = draft.files {
            options.seed = Some(seed);
            for file in files {
                header.parts.push(file.part);
                at.push(file.at);
            }
        }
        let document =
            SignedDocument::sign(header, draft.body, &signer, options).map_err(|e| Error::of(e.code()))?;
        let bytes = document.to_bytes();
        let id = self.keep(&document, &bytes, Way::Own, None, self.now, None)?;
        if !at.is_empty() {
            self.put_parts(&id, &at)?;
            self.want_parts(&id, Place::Own(true))?;
        }
        // Before anything else leaves: the earlier the proof, the more it is worth.
        self.enqueue(What::Stamp(id), Job::Stamp(id), None)?;
        self.tell_record(&id)?;
        Ok((id, bytes))
    }
}
