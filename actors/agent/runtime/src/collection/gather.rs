//! A patient asks those who treated him before for all that they have; each answers when a person
//! there says so.

use serde::{Deserialize, Serialize};
use telesphor_clinical::collection::{COLLECTION, CollectionWhy, GatherAsk, GatherWord};
use telesphor_clinical::header::{DocumentKind, Subject};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};

use super::give::Written;
use crate::acts::standing::refuse_not_current;
use crate::core::Ctx;
use crate::core::records::Padding;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::views::{GatherView, ItemState};

const ASKED: &[u8] = b"gather-asked";
const CAME: &[u8] = b"gather-came";
/// Requests that are remembered, at either end.
const MOST: usize = 256;

/// A request, at either end: one for each of two people, the newest.
#[derive(Clone, Serialize, Deserialize)]
struct Request {
    with: IdentityId,
    request: Nonce,
    at: u64,
    words: Option<Text>,
    /// The list that answers it (at whoever answers: the one that was sent).
    answer: Option<DocumentId>,
}

fn requests(records: &impl Records, list: &[u8]) -> Result<Vec<Request>> {
    Ok(records.get_value(Table::Receipts, list)?.unwrap_or_default())
}

impl Ctx<'_, '_> {
    fn put_request(&mut self, list: &[u8], request: Request) -> Result<()> {
        let mut all = requests(self.tx, list)?;
        all.retain(|r| r.with != request.with);
        all.push(request);
        let spare = all.len().saturating_sub(MOST);
        all.drain(..spare);
        self.put(Table::Receipts, list, &all)
    }

    pub(super) fn ask_for_all(&mut self, who: &IdentityId, words: &str) -> Result<()> {
        let words = (!words.is_empty()).then(|| Text::cut(words));
        let request = Nonce::random();
        self.put_request(
            ASKED,
            Request {
                with: *who,
                request,
                at: self.now,
                words: words.clone(),
                answer: None,
            },
        )?;
        let word = GatherWord::Ask(GatherAsk { request, words });
        self.say_to(who, &GroupMessage::Gather(word), Padding::Uniform)
    }

    /// A contact asks for all that is here about him.
    pub(crate) fn gather_word(&mut self, from: &IdentityId, word: GatherWord) -> Result<()> {
        match word {
            GatherWord::Ask(ask) => self.put_request(
                CAME,
                Request {
                    with: *from,
                    request: ask.request,
                    at: self.now,
                    words: ask.words,
                    answer: None,
                },
            ),
            GatherWord::Foreign(_) => Ok(()),
        }
    }

    /// All that is here about somebody and did not come from him: by its subject, and results of
    /// laboratory orders that were made for him. What was taken back or replaced is told by what
    /// stands in its place.
    fn all_about(&self, who: &IdentityId) -> Result<Vec<Kept>> {
        let results = self.results_for(who)?;
        let about = Some(Subject::Identity(*who));
        let mut all = Vec::new();
        for kept in all_kept(self.tx)? {
            let his = kept.header.subject == about || results.contains(&kept.id);
            let given = kept.way != Way::Shared && kept.from != Some(*who) && kept.header.author != *who;
            let list = kept.header.kind == DocumentKind::List && kept.header.format.as_str() == COLLECTION;
            let whole = self.tx.body(&kept.id)?.is_some();
            if his && given && !list && whole && refuse_not_current(self.tx, &self.profile, &kept).is_ok() {
                all.push(kept);
            }
        }
        Ok(all)
    }

    pub(super) fn answer_with_all(&mut self, who: &IdentityId) -> Result<DocumentId> {
        let asked = requests(self.tx, CAME)?.into_iter().find(|r| r.with == *who);
        let mut asked = asked.ok_or(Error::of(ErrorCode::NotFound))?;
        let list = Written {
            why: CollectionWhy::Answer,
            request: Some(asked.request),
            referral: None,
            words: String::new(),
            subject: *who,
        };
        let chosen = self.all_about(who)?;
        let id = self.send_collection(who, chosen, list)?;
        asked.answer = Some(id);
        self.put_request(CAME, asked)?;
        Ok(id)
    }

    /// The list that answers a request of this identity's, if it has come: by whoever was asked.
    fn answer_to(&self, request: &Request) -> Result<Option<DocumentId>> {
        for kept in all_kept(self.tx)?.into_iter().rev() {
            if kept.header.author != request.with || kept.header.format.as_str() != COLLECTION {
                continue;
            }
            match self.collection(&kept.id) {
                Ok(list) if list.request == Some(request.request) => return Ok(Some(kept.id)),
                _ => {}
            }
        }
        Ok(None)
    }

    pub(super) fn gathered(&mut self) -> Result<Vec<GatherView>> {
        let people = People::load(self.tx, &self.profile)?;
        let mut all = Vec::new();
        for request in requests(self.tx, ASKED)? {
            let answer = self.answer_to(&request)?;
            let (mut here, mut listed) = (0, 0);
            if let Some(answer) = &answer {
                let check = self.check_collection(&answer.to_string())?;
                listed = check.items.len();
                here = check
                    .items
                    .iter()
                    .filter(|i| i.state == ItemState::Genuine)
                    .count();
            }
            all.push(GatherView {
                with: people.alias(&request.with),
                mine: true,
                at: request.at,
                words: request.words.map(|w| w.shown()),
                answer,
                listed,
                here,
            });
        }
        for request in requests(self.tx, CAME)? {
            let listed = match &request.answer {
                Some(answer) => self.collection(answer)?.items.len(),
                None => self.all_about(&request.with)?.len(),
            };
            all.push(GatherView {
                with: people.alias(&request.with),
                mine: false,
                at: request.at,
                words: request.words.map(|w| w.shown()),
                answer: request.answer,
                listed,
                here: 0,
            });
        }
        Ok(all)
    }
}
