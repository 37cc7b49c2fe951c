//! Taking documents back: a signed retraction goes to everybody who was sent or shown them.
//!
//! It is a document, so it proves itself, wherever it is passed on to. What it cannot do: make
//! anybody forget or delete what was read or copied; honest programs hide it from then on.

use telesphor_clinical::header::{DocumentKind, Relation, RelationKind, Subject};
use telesphor_clinical::limits::MAX_RELATIONS;
use telesphor_clinical::retraction::{RETRACTION, Retraction, RetractionReason};
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::amend::Reaches;
use super::standing::{replacements, standing_of};
use super::views::{HadIt, Retracted, StandingView};
use crate::contacts;
use crate::core::Ctx;
use crate::documents::keep::{Kept, Way};
use crate::documents::send::Reached;
use crate::documents::show::{People, all_sent, sent_state};
use crate::documents::write::Draft;
use crate::error::Result;
use crate::sharing::show::all_given;

/// A retraction as it is asked for.
#[derive(Clone, Debug)]
pub struct RetractRequest {
    /// Which document, by id or the beginning of it.
    pub what: String,
    /// Why.
    pub reason: RetractionReason,
    /// In words for everybody who had it. Must not name the patient whom it was wrongly about.
    pub words: Option<String>,
    /// The contact whom it was really about, if that is known: told so in words of its own.
    pub belongs_to: Option<String>,
}

impl Ctx<'_, '_> {
    /// Takes a document and the others of its chain back, wherever they went.
    pub(crate) fn retract(&mut self, request: &RetractRequest) -> Result<Retracted> {
        let kept = self.my_document(&request.what)?;
        let standing = standing_of(self.tx, &self.profile, &kept.id, &kept.header.author)?;
        if kept.header.kind == DocumentKind::Retraction {
            return Err(ErrorCode::InputRefused.into());
        }
        if matches!(standing, StandingView::Retracted(_)) {
            return Err(ErrorCode::Retracted.into());
        }
        let belongs_to = match &request.belongs_to {
            Some(who) => Some(contacts::show::find(self.tx, who)?.contact.record.identity),
            None => None,
        };
        let chain = self.chain(&kept)?;
        let stopped = self.stop_unsent(&chain)?;
        let mut retractions = Vec::new();
        for part in chain.chunks(MAX_RELATIONS) {
            retractions.push(self.write_retraction(&kept, part, request)?);
        }
        let mut had = self.tell_who_had(&chain, &retractions, &stopped)?;
        self.retract_in_teams(&chain, &retractions, &mut had)?;
        let somebody_has_it = had.iter().any(|h| !h.stopped);
        let notified = match request.reason {
            RetractionReason::WrongPatient if somebody_has_it => {
                self.tell_patients(&kept, &had, belongs_to)?
            }
            _ => Vec::new(),
        };
        Ok(Retracted {
            retractions,
            documents: chain.len(),
            had,
            notified,
        })
    }

    /// A document of one's own with everything that it replaced and that replaced it.
    fn chain(&self, kept: &Kept) -> Result<Vec<DocumentId>> {
        let mut chain = vec![kept.id];
        let mut next = 0;
        while let Some(id) = chain.get(next).copied() {
            next += 1;
            let mut beside = replacements(self.tx, &self.profile, &id, &self.me())?;
            if let Some(kept) = self.kept(&id)?.filter(|k| k.header.author == self.me()) {
                let earlier = kept.header.relates.iter();
                beside.extend(
                    earlier
                        .filter(|r| matches!(r.kind, RelationKind::Replaces | RelationKind::Amends))
                        .map(|r| r.document),
                );
            }
            for id in beside {
                if !chain.contains(&id) && self.kept(&id)?.is_some_and(|k| k.way == Way::Own) {
                    chain.push(id);
                }
            }
        }
        Ok(chain)
    }

    fn write_retraction(
        &mut self,
        kept: &Kept,
        chain: &[DocumentId],
        request: &RetractRequest,
    ) -> Result<DocumentId> {
        let words = request.words.as_deref().map(Text::cut);
        let body = Retraction::new(request.reason, words).to_bytes();
        let title = format!("Taken back: {}", request.reason.words());
        let mut draft = Draft::new(DocumentKind::Retraction, RETRACTION, &title, body);
        // Everybody gets the same one: it must not name a patient whom it was wrongly about.
        if request.reason != RetractionReason::WrongPatient {
            draft.subject = match &kept.header.subject {
                Some(Subject::Identity(id)) => Some(*id),
                _ => None,
            };
            draft.scopes = kept.header.scopes.clone();
            draft.sensitivity = kept.header.sensitivity.clone();
        }
        draft.urgent = true;
        draft.corrects = chain
            .iter()
            .map(|document| Relation {
                kind: RelationKind::Retracts,
                document: *document,
            })
            .collect();
        Ok(self.write_document(draft)?.0)
    }

    /// Sends the retraction to everybody who was sent or shown any of these documents, and ends
    /// what of it is still shown.
    fn tell_who_had(
        &mut self,
        chain: &[DocumentId],
        retractions: &[DocumentId],
        stopped: &[IdentityId],
    ) -> Result<Vec<HadIt>> {
        let people = People::load(self.tx, &self.profile)?;
        let given = all_given(self.tx)?;
        let mut had: Vec<HadIt> = Vec::new();
        for sent in all_sent(self.tx)?.iter().filter(|s| chain.contains(&s.document)) {
            let role = self.is_role(&sent.to)?;
            let never_left = stopped.contains(&sent.to) && sent.receipt.is_none();
            match self.reaches(sent, &given)? {
                Reaches::Shown(running) => {
                    for given in running {
                        self.end_given(given, chain, None)?;
                    }
                }
                Reaches::Given | Reaches::Over => {}
            }
            let entry = HadIt {
                who: sent.to,
                alias: people.alias(&sent.to),
                state: sent_state(sent.reached),
                opened: sent.opened,
                stopped: never_left,
                told: role,
            };
            match had.iter_mut().find(|h| h.who == sent.to) {
                None => had.push(entry),
                Some(known) => {
                    known.stopped &= entry.stopped;
                    known.opened = known.opened.or(entry.opened);
                    if sent.reached != Reached::Failed {
                        known.state = known.state.max(entry.state);
                    }
                }
            }
        }
        for retraction in retractions {
            self.correct_at_roles(chain, retraction)?;
        }
        for one in &mut had {
            if !one.stopped && !one.told && self.reachable(&one.who)? {
                for retraction in retractions {
                    self.send_document(retraction, &one.who)?;
                }
                one.told = true;
            }
        }
        Ok(had)
    }

    /// Wrong patient: the one whose name it bore and the one whom it was about are told, each in
    /// words of its own that do not name the other.
    fn tell_patients(
        &mut self,
        kept: &Kept,
        had: &[HadIt],
        belongs_to: Option<IdentityId>,
    ) -> Result<Vec<String>> {
        let named = match &kept.header.subject {
            Some(Subject::Identity(id)) => Some(*id),
            _ => None,
        };
        let sent = had.iter().filter(|h| !h.stopped).count();
        let opened = had.iter().filter(|h| h.opened.is_some()).count();
        let how_far = format!(
            "It had gone to {} and {} had opened it, as far as is known now. \
             They were told that it was taken back. What was read or copied cannot be unseen.",
            counted(sent, "recipient"),
            counted(opened, "of them")
        );
        let texts = [
            (
                named,
                "In your name, about somebody else",
                "A document was written in your name by mistake. It is about somebody else and says nothing about you.",
            ),
            (
                belongs_to,
                "About you, in somebody else's name",
                "A document that is about you was written in somebody else's name by mistake.",
            ),
        ];
        let people = People::load(self.tx, &self.profile)?;
        let mut told = Vec::new();
        for (who, title, text) in texts {
            let Some(who) = who.filter(|who| *who != self.me()) else {
                continue;
            };
            if !self.reachable(&who)? {
                continue;
            }
            let body = format!("{text} {how_far}\n").into_bytes();
            let mut draft = Draft::new(DocumentKind::Message, "text/plain", title, body);
            draft.subject = Some(who);
            let notice = self.write_document(draft)?.0;
            self.send_document(&notice, &who)?;
            told.push(people.alias(&who));
        }
        Ok(told)
    }
}

fn counted(n: usize, what: &str) -> String {
    match (n, what) {
        (0, "of them") => "none of them".to_owned(),
        (0, _) => format!("no {what}"),
        (1, _) => format!("1 {what}"),
        (n, "of them") => format!("{n} of them"),
        (n, _) => format!("{n} {what}s"),
    }
}
