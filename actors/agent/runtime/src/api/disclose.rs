//! `disclose`, `claim`: showing parts.

use telesphor_clinical::fields::Leaf;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::text::Text;
use telesphor_identity::parcel::{PARCEL, Parcel};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use crate::contacts;
use crate::core::names;
use crate::disclose::{Disclosure, SdJwtFile, Shown, to_contact};
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_view, view};
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::views::{DocumentView, SentView};

/// What is sent to a contact at once.
#[derive(Clone, Debug)]
pub struct ParcelDraft {
    /// What it is to the reader.
    pub kind: DocumentKind,
    /// One line for the reader's inbox.
    pub title: String,
    /// What the reader files it under.
    pub reference: Option<String>,
    /// The reader's question, if one was asked.
    pub question: Option<String>,
    /// The document of the reader's, or one's own earlier one, that it answers or adds to.
    pub answers: Option<DocumentId>,
    /// What is shown.
    pub shown: Vec<Shown>,
}

impl Agent {
    /// The parts that a document can be shown by, in its own order; none if only whole.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`, `Retracted`, `Replaced`, `LeaseOver`.
    pub async fn parts(&self, what: &str) -> Result<(DocumentView, Vec<Leaf>)> {
        let what = what.to_owned();
        self.shared
            .work(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let (kept, leaves) = ctx.parts_of(&what)?;
                    let people = People::load(ctx.tx, &profile)?;
                    Ok((view(ctx.tx, &people, &kept)?, leaves))
                })
            })
            .await
    }

    /// A `.tel` file with parts of a document, or all of it, for one reader.
    ///
    /// # Errors
    /// As [`Agent::parts`]; `NotTheHolder`, `NoSuchPart`.
    pub async fn disclose(&self, shown: Shown, to: Disclosure) -> Result<Vec<u8>> {
        self.shared
            .work(move |core| core.write(|ctx| Ok(ctx.shown_file(&shown, &to)?.1)))
            .await
    }

    /// Parts of a document as an SD-JWT, bound to a reader and a question if they are given.
    ///
    /// # Errors
    /// As [`Agent::disclose`]; `NotLetIn` on a new device that has not heard of its root secret.
    pub async fn sd_jwt(&self, shown: Shown, bound: Option<(String, String)>) -> Result<SdJwtFile> {
        self.shared
            .work(move |core| {
                core.write(|ctx| {
                    let bound = bound.as_ref().map(|(r, q)| (r.as_str(), q.as_str()));
                    ctx.sd_jwt(&shown, bound)
                })
            })
            .await
    }

    /// Shows parts of several documents to a contact, in one message that is kept as what was
    /// shown. Returns as soon as it is in the outbox.
    ///
    /// # Errors
    /// As [`Agent::disclose`]; `NotFound` for an unknown contact; `TooLarge`.
    pub async fn show(&self, to: &str, draft: ParcelDraft) -> Result<SentView> {
        let to = to.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let known = contacts::show::find(ctx.tx, &to)?;
                    let id = known.contact.record.identity;
                    let refused = |_| Error::of(ErrorCode::InputRefused);
                    let question = draft.question.map(Text::new).transpose().map_err(refused)?;
                    let reference = draft.reference.map(Text::new).transpose().map_err(refused)?;
                    let whom = to_contact(id, question);
                    let mut files = Vec::new();
                    for shown in &draft.shown {
                        files.push(ctx.shown_file(shown, &whom)?.1);
                    }
                    let body = Parcel::new(reference, files).to_bytes();
                    let mut written = Draft::new(draft.kind, PARCEL, &draft.title, body);
                    written.replies_to = draft.answers;
                    let (document, _) = ctx.write_document(written)?;
                    ctx.send_document(&document, &id)?;
                    let people = People::load(ctx.tx, &profile)?;
                    let record: SentRecord = ctx
                        .get(Table::Receipts, &names::sent(&document, &id))?
                        .ok_or(Error::fault("sent"))?;
                    sent_view(ctx.tx, &people, &record)
                })
            })
            .await
    }
}
