//! Which documents are not current any more, by the word of their authors.
//!
//! A document that replaces or takes back another may come before it. So what it says is noted
//! under the earlier one's id and the later one's author, and judged when somebody looks: by then
//! both are here, and so is the author's history.

use std::collections::BTreeMap;

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::{Header, Relation, RelationKind};
use telesphor_clinical::retraction::{Retraction, RetractionReason};
use telesphor_clinical::standing::{Claim, Standing, corrects, standing};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::views::{ReplacedView, RetractedView, StandingView};
use crate::core::shared::clock;
use crate::core::{Ctx, Profile};
use crate::documents::keep::Kept;
use crate::error::{Error, Result};
use crate::people;

/// Every pair of an earlier document and an author of whose claims some are noted.
const CLAIMED: &[u8] = b"claimed";
/// Claims of one author about one document. An honest author corrects the current one, so that
/// there are two at most; a retraction always finds room.
const MOST: usize = 32;
/// The longest chain of replacements that is followed.
const LONGEST: usize = 1024;

fn name(earlier: &DocumentId, author: &IdentityId) -> Vec<u8> {
    [b"claims/", &earlier.0[..], &author.0].concat()
}

impl Ctx<'_, '_> {
    /// Notes what a document that is kept here says of earlier ones.
    pub(crate) fn note_claims(&mut self, id: &DocumentId, header: &Header) -> Result<()> {
        for relation in header.relates.iter().filter(|r| corrects(r.kind)) {
            let name = name(&relation.document, &header.author);
            let mut claims: Vec<DocumentId> = self.get(Table::Receipts, &name)?.unwrap_or_default();
            if claims.contains(id) {
                continue;
            }
            if claims.is_empty() {
                self.push(Table::Receipts, CLAIMED, &(relation.document, header.author))?;
            }
            match relation.kind {
                RelationKind::Retracts => claims.insert(0, *id),
                _ => claims.push(*id),
            }
            claims.truncate(MOST);
            self.put(Table::Receipts, &name, &claims)?;
        }
        Ok(())
    }
}

/// The claims about one document that count here.
fn claims(
    records: &impl Records,
    profile: &Profile,
    earlier: &DocumentId,
    author: &IdentityId,
) -> Result<Vec<Claim>> {
    let noted: Option<Vec<DocumentId>> = records.get_value(Table::Receipts, &name(earlier, author))?;
    let mut claims = Vec::new();
    for id in noted.unwrap_or_default() {
        let Some(kept) = records.get_value::<Kept>(Table::Documents, &id.0)? else {
            continue;
        };
        if genuine(records, profile, &kept)? {
            claims.extend(Claim::of(id, &kept.header, earlier, author));
        }
    }
    Ok(claims)
}

/// Whether the author signed it, judged anew if it could not be when it came.
fn genuine(records: &impl Records, profile: &Profile, kept: &Kept) -> Result<bool> {
    if kept.doubt.is_none() {
        return Ok(true);
    }
    let (Some((_, history)), Some(bytes)) = (
        people::history(records, profile, &kept.header.author)?,
        records.body(&kept.id)?,
    ) else {
        return Ok(false);
    };
    let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
    let said = SignerSaid {
        identity: &document.header.author,
        head: &document.signing.author_head,
        endpoint: &document.signing.endpoint,
    };
    let judged = history.check_signed(
        said,
        Judged::now(clock()),
        &document.statement(),
        &document.signature,
    );
    Ok(judged.is_ok())
}

/// Where a document of this author stands, with the whole chain followed.
pub(crate) fn standing_of(
    records: &impl Records,
    profile: &Profile,
    document: &DocumentId,
    author: &IdentityId,
) -> Result<StandingView> {
    let arrived = |id: &DocumentId| -> Result<u64> {
        let kept: Option<Kept> = records.get_value(Table::Documents, &id.0)?;
        Ok(kept.map_or(0, |k| k.arrived))
    };
    match standing(&claims(records, profile, document, author)?) {
        Standing::Current => Ok(StandingView::Current),
        Standing::Retracted(claim) => Ok(StandingView::Retracted(RetractedView {
            by: claim.document,
            at: arrived(&claim.document)?,
            ..reason(records, &claim.document)?
        })),
        Standing::Replaced(first) => {
            let at = arrived(&first.document)?;
            let (mut by, mut taken_back) = (first.document, false);
            for _ in 0..LONGEST {
                match standing(&claims(records, profile, &by, author)?) {
                    Standing::Current => break,
                    Standing::Replaced(next) => by = next.document,
                    Standing::Retracted(_) => {
                        taken_back = true;
                        break;
                    }
                }
            }
            Ok(StandingView::Replaced(ReplacedView { by, at, taken_back }))
        }
    }
}

/// The documents that an author put in the place of one.
pub(crate) fn replacements(
    records: &impl Records,
    profile: &Profile,
    document: &DocumentId,
    author: &IdentityId,
) -> Result<Vec<DocumentId>> {
    let all = claims(records, profile, document, author)?.into_iter();
    Ok(all
        .filter(|c| c.kind != RelationKind::Retracts)
        .map(|c| c.document)
        .collect())
}

/// Why, as the retraction says it.
fn reason(records: &impl Records, retraction: &DocumentId) -> Result<RetractedView> {
    let said = match records.body(retraction)? {
        Some(bytes) => {
            let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
            Retraction::of(&document)
        }
        None => Retraction::new(RetractionReason::Other(0), None),
    };
    let mut words = said.reason.words().to_owned();
    if let Some(more) = said.words {
        words = format!("{words}; {}", more.shown());
    }
    Ok(RetractedView {
        by: *retraction,
        at: 0,
        reason: said.reason.word().to_owned(),
        words,
    })
}

/// The standing of everything that is not current, for a whole list.
#[derive(Default)]
pub(crate) struct Standings(BTreeMap<(DocumentId, IdentityId), StandingView>);

impl Standings {
    pub(crate) fn load(records: &impl Records, profile: &Profile) -> Result<Self> {
        let mut all = BTreeMap::new();
        let mut from = 0;
        loop {
            let page = records.range(Table::Receipts, CLAIMED, from, 1024)?;
            let Some((last, _)) = page.last() else {
                return Ok(Self(all));
            };
            from = last + 1;
            for (_, bytes) in &page {
                let (document, author): (DocumentId, IdentityId) =
                    canonical::decode(bytes).map_err(|_| Error::fault("claims"))?;
                let view = standing_of(records, profile, &document, &author)?;
                all.insert((document, author), view);
            }
        }
    }

    pub(crate) fn of(&self, document: &DocumentId, author: &IdentityId) -> StandingView {
        let view = self.0.get(&(*document, *author));
        view.cloned().unwrap_or(StandingView::Current)
    }
}

/// A document that was taken back is not shown, passed on or answered to.
pub(crate) fn refuse_retracted(records: &impl Records, profile: &Profile, kept: &Kept) -> Result<()> {
    match standing_of(records, profile, &kept.id, &kept.header.author)? {
        StandingView::Retracted(_) => Err(ErrorCode::Retracted.into()),
        _ => Ok(()),
    }
}

/// One that was replaced is not given to anybody either.
pub(crate) fn refuse_not_current(records: &impl Records, profile: &Profile, kept: &Kept) -> Result<()> {
    match standing_of(records, profile, &kept.id, &kept.header.author)? {
        StandingView::Current => Ok(()),
        StandingView::Retracted(_) => Err(ErrorCode::Retracted.into()),
        StandingView::Replaced(_) => Err(ErrorCode::Replaced.into()),
    }
}

/// What a verifier is told of a document that is not current.
pub(crate) fn superseded(standing: &StandingView) -> Option<Relation> {
    match standing {
        StandingView::Current => None,
        StandingView::Replaced(r) => Some(Relation {
            kind: RelationKind::Replaces,
            document: r.by,
        }),
        StandingView::Retracted(r) => Some(Relation {
            kind: RelationKind::Retracts,
            document: r.by,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::Core;
    use crate::documents::keep::Way;
    use crate::documents::write::Draft;
    use crate::testing::Paper;
    use telesphor_clinical::header::DocumentKind;

    fn note(text: &str, kind: RelationKind, of: Option<DocumentId>) -> Draft {
        let mut draft = Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec());
        draft.corrects = of
            .map(|document| Relation { kind, document })
            .into_iter()
            .collect();
        draft
    }

    fn written(core: &mut Core, draft: Draft) -> (DocumentId, Vec<u8>) {
        core.write(|ctx| ctx.write_document(draft)).unwrap()
    }

    fn take(reader: &mut Core, bytes: &[u8]) {
        reader
            .write(|ctx| {
                let document = SignedDocument::from_bytes(bytes).unwrap();
                let doubt = ctx.doubt(&document)?;
                let from = Some(document.header.author);
                ctx.keep(&document, bytes, Way::Received, from, ctx.now, doubt)
            })
            .unwrap();
    }

    fn knows(reader: &mut Core, author: &mut Core) {
        let history = author.write(|ctx| ctx.my_history()).unwrap();
        let id = author.profile.identity;
        reader.write(|ctx| ctx.learn_history(&id, &history)).unwrap();
    }

    fn stands(reader: &mut Core, document: &DocumentId, author: &Core) -> StandingView {
        let author = author.profile.identity;
        reader
            .write(|ctx| standing_of(ctx.tx, &ctx.profile, document, &author))
            .unwrap()
    }

    #[test]
    fn a_correction_that_comes_before_its_document_or_its_authors_history_is_lost() {
        let mut paper = Paper::new();
        let (mut doctor, mut reader) = (paper.person("doctor"), paper.person("reader"));
        let (old, old_bytes) = written(&mut doctor, note("10 mg", RelationKind::Replaces, None));
        let (new, new_bytes) = written(&mut doctor, note("1 mg", RelationKind::Replaces, Some(old)));
        let (_, back) = written(&mut doctor, note("wrong", RelationKind::Retracts, Some(new)));
        take(&mut reader, &new_bytes);
        take(&mut reader, &old_bytes);
        // Nobody can say yet whether the doctor signed it.
        assert_eq!(stands(&mut reader, &old, &doctor), StandingView::Current);
        knows(&mut reader, &mut doctor);
        let StandingView::Replaced(by) = stands(&mut reader, &old, &doctor) else {
            panic!("the correction is lost")
        };
        assert_eq!((by.by, by.taken_back), (new, false));
        take(&mut reader, &back);
        let StandingView::Replaced(by) = stands(&mut reader, &old, &doctor) else {
            panic!("the first one came back to life")
        };
        assert!(by.taken_back);
        assert!(matches!(
            stands(&mut reader, &new, &doctor),
            StandingView::Retracted(_)
        ));
    }

    #[test]
    fn somebody_elses_claims_hide_a_document_or_leave_no_room_for_the_authors() {
        let mut paper = Paper::new();
        let (mut doctor, mut reader) = (paper.person("doctor"), paper.person("reader"));
        let mut mallory = paper.person("mallory");
        knows(&mut reader, &mut doctor);
        knows(&mut reader, &mut mallory);
        let (old, old_bytes) = written(&mut doctor, note("10 mg", RelationKind::Replaces, None));
        for n in 0..MOST + 8 {
            let text = format!("not hers {n}");
            let (_, bytes) = written(&mut mallory, note(&text, RelationKind::Retracts, Some(old)));
            take(&mut reader, &bytes);
        }
        take(&mut reader, &old_bytes);
        assert_eq!(stands(&mut reader, &old, &doctor), StandingView::Current);
        for n in 0..MOST + 8 {
            let text = format!("{n} mg");
            let (_, bytes) = written(&mut doctor, note(&text, RelationKind::Replaces, Some(old)));
            take(&mut reader, &bytes);
        }
        let (back, bytes) = written(&mut doctor, note("wrong", RelationKind::Retracts, Some(old)));
        take(&mut reader, &bytes);
        let StandingView::Retracted(by) = stands(&mut reader, &old, &doctor) else {
            panic!("there was no room for the author's own word")
        };
        assert_eq!(by.by, back);
    }
}
