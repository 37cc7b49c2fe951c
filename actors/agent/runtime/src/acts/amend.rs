//! Putting a corrected document in the place of one that was sent, for everybody who has it.

use telesphor_clinical::attention::Urgency;
use telesphor_clinical::header::{Relation, RelationKind, Status, Subject};
use telesphor_clinical::instant::Instant;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::standing::standing_of;
use super::views::{Amended, StandingView};
use crate::core::Ctx;
use crate::core::records::Known;
use crate::documents::keep::{Kept, Way};
use crate::documents::send::SentRecord;
use crate::documents::show::{People, all_sent, find};
use crate::documents::write::Draft;
use crate::error::Result;
use crate::sharing::give::Given;
use crate::sharing::show::all_given;

/// What a corrected document says anew; the rest stays as it was.
#[derive(Clone, Debug)]
pub struct Correction {
    /// Media type of the body.
    pub format: String,
    /// One line for lists; as it was if left out.
    pub title: Option<String>,
    /// The bytes, signed as they are.
    pub body: Vec<u8>,
    /// Whether somebody must see it soon; as it was if not.
    pub urgent: bool,
    /// By when somebody must have accepted it, Unix milliseconds; as it was if left out.
    pub acknowledge_by: Option<u64>,
}

/// How a document reached somebody, as far as a correction of it may follow.
pub(super) enum Reaches {
    /// Given for good.
    Given,
    /// Shown, and still is.
    Shown(Vec<Given>),
    /// Shown until an end that has come.
    Over,
}

impl Ctx<'_, '_> {
    /// A document of one's own that may be corrected or taken back.
    pub(super) fn my_document(&self, what: &str) -> Result<Kept> {
        let kept = find(self.tx, what)?;
        if kept.header.author != self.me() || kept.way != Way::Own {
            return Err(ErrorCode::NotAuthor.into());
        }
        Ok(kept)
    }

    /// How a sent document reaches its recipient now.
    pub(super) fn reaches(&self, sent: &SentRecord, given: &[Given]) -> Result<Reaches> {
        let theirs: Vec<&Given> = given
            .iter()
            .filter(|g| g.to == sent.to && g.documents.contains(&sent.document))
            .collect();
        let in_room = match &sent.receipt {
            Some(receipt) => self.room(&receipt.leaf.mailbox)?.is_some(),
            None => !theirs.is_empty(),
        };
        let running: Vec<Given> = theirs.into_iter().filter(|g| g.runs(self.now)).cloned().collect();
        Ok(match (in_room, running.is_empty()) {
            (_, false) => Reaches::Shown(running),
            (true, true) => Reaches::Over,
            (false, true) => Reaches::Given,
        })
    }

    /// Whether somebody can be written to.
    pub(crate) fn reachable(&self, who: &IdentityId) -> Result<bool> {
        let known: Option<Known> = self.get(Table::Contacts, &who.0)?;
        Ok(known.is_some_and(|k| !k.removed))
    }

    /// Writes a document that replaces an earlier one and sends it the way that one went: given
    /// where it was given, shown until the same end where it is shown.
    pub(crate) fn amend(&mut self, what: &str, correction: Correction) -> Result<Amended> {
        let old = self.my_document(what)?;
        match standing_of(self.tx, &self.profile, &old.id, &old.header.author)? {
            StandingView::Current => {}
            StandingView::Replaced(_) => return Err(ErrorCode::Replaced.into()),
            StandingView::Retracted(_) => return Err(ErrorCode::Retracted.into()),
        }
        let document = self.write_correction(&old, correction)?;
        let given = all_given(self.tx)?;
        let (mut to, mut left) = (Vec::new(), Vec::new());
        let people = People::load(self.tx, &self.profile)?;
        for sent in all_sent(self.tx)?.iter().filter(|s| s.document == old.id) {
            if self.is_role(&sent.to)? {
                continue;
            }
            match self.reaches(sent, &given)? {
                _ if !self.reachable(&sent.to)? => left.push(people.alias(&sent.to)),
                Reaches::Over => left.push(people.alias(&sent.to)),
                Reaches::Given => {
                    self.send_document(&document, &sent.to)?;
                    to.push(sent.to);
                }
                Reaches::Shown(running) => {
                    for given in running {
                        self.show_until(&sent.to, &[document], given.until, &given.why, given.under)?;
                    }
                    to.push(sent.to);
                }
            }
        }
        for who in self.correct_in_teams(&[old.id], &[document])? {
            if !to.contains(&who) {
                to.push(who);
            }
        }
        to.extend(self.correct_at_roles(&[old.id], &document)?);
        Ok(Amended { document, to, left })
    }

    fn write_correction(&mut self, old: &Kept, correction: Correction) -> Result<DocumentId> {
        let header = &old.header;
        let title = correction.title.unwrap_or(header.title.as_str().to_owned());
        let mut draft = Draft::new(header.kind, &correction.format, &title, correction.body);
        draft.subject = match &header.subject {
            Some(Subject::Identity(id)) => Some(*id),
            _ => None,
        };
        draft.scopes = header.scopes.clone();
        draft.sensitivity = header.sensitivity.clone();
        draft.effective = header.effective.clone();
        draft.language = header.language.as_ref().map(|l| l.as_str().to_owned());
        draft.role = header.role_at_time.as_ref().map(|r| r.as_str().to_owned());
        // What had to be accepted has to be accepted as corrected: nobody has seen this one.
        let before = &header.attention;
        let asked = before.acknowledge_by.as_ref().map(Instant::stamp);
        let hurry = matches!(before.urgency, Urgency::Urgent | Urgency::Stat);
        draft.urgent = correction.urgent || hurry || asked.is_some();
        draft.acknowledge_by = correction.acknowledge_by.or(asked.filter(|by| *by > self.now));
        draft.status = Status::Amended;
        draft.corrects = vec![Relation {
            kind: RelationKind::Replaces,
            document: old.id,
        }];
        Ok(self.write_document(draft)?.0)
    }
}
