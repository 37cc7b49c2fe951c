//! Corrections in teams: what takes the place of a document that a team is shown, or takes it back,
//! is said there too.

use telesphor_clinical::header::Header;
use telesphor_clinical::standing::corrects;
use telesphor_vault::Table;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::record::{Known, Standing, View};
use crate::acts::views::HadIt;
use crate::core::records::{Held, MailboxState};
use crate::core::{Ctx, names};
use crate::documents::keep::Kept;
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_state};
use crate::documents::stamp::evidence_message;
use crate::error::Result;
use crate::views::SentState;

impl Ctx<'_, '_> {
    /// Teams where this endpoint sits, or which it owns, and which are shown any of these.
    fn teams_shown(&self, documents: &[DocumentId]) -> Result<Vec<(Known, View)>> {
        let mut all = Vec::new();
        for known in self.teams()? {
            let held: Option<Held> = self.get(Table::Mailboxes, &known.team.mailbox.0)?;
            let open = held.is_some_and(|h| h.state == MailboxState::Open);
            let sits = matches!(known.team.standing, Standing::Own | Standing::Sitting);
            let view = self.team_view(&known.team.mailbox)?;
            if open && sits && view.shown.iter().any(|d| documents.contains(d)) {
                all.push((known, view));
            }
        }
        Ok(all)
    }

    /// Says corrections in every team that is shown what they correct; gives who sits there.
    pub(crate) fn correct_in_teams(
        &mut self,
        earlier: &[DocumentId],
        corrections: &[DocumentId],
    ) -> Result<Vec<IdentityId>> {
        let mut people = Vec::new();
        for (known, view) in self.teams_shown(earlier)? {
            let mailbox = known.team.mailbox;
            let fresh: Vec<DocumentId> = corrections
                .iter()
                .filter(|c| !view.shown.contains(c))
                .copied()
                .collect();
            if fresh.is_empty() {
                continue;
            }
            match known.team.standing {
                Standing::Own => self.team_show(&mailbox, &fresh)?,
                _ => {
                    for document in fresh {
                        self.team_write(&mailbox, document)?;
                    }
                }
            }
            people.extend(self.others_in(&mailbox)?);
        }
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }

    /// Says retractions in teams, and lists everybody there who was shown what is taken back.
    pub(crate) fn retract_in_teams(
        &mut self,
        chain: &[DocumentId],
        retractions: &[DocumentId],
        had: &mut Vec<HadIt>,
    ) -> Result<()> {
        let shown = self.teams_shown(chain)?;
        let here = self.correct_in_teams(chain, retractions)?;
        let people = People::load(self.tx, &self.profile)?;
        for (known, _) in shown {
            for who in self.ever_in(&known.team.mailbox)? {
                let sent = self.sent_in_team(chain, &who)?;
                let told = here.contains(&who);
                // Whoever has left and never opened it has nothing of it any more.
                let opened = sent.as_ref().and_then(|s| s.opened);
                if had.iter().any(|h| h.who == who) || (!told && opened.is_none()) {
                    continue;
                }
                had.push(HadIt {
                    who,
                    alias: people.alias(&who),
                    state: sent.map_or(SentState::Durable, |s| sent_state(s.reached)),
                    opened,
                    stopped: false,
                    told,
                });
            }
        }
        Ok(())
    }

    fn sent_in_team(&self, chain: &[DocumentId], who: &IdentityId) -> Result<Option<SentRecord>> {
        let mut best: Option<SentRecord> = None;
        for id in chain {
            let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(id, who))?;
            best = match (best, sent) {
                (Some(b), Some(s)) if b.opened.is_some() || b.reached >= s.reached => Some(b),
                (b, None) => b,
                (_, s) => s,
            };
        }
        Ok(best)
    }

    /// Whether a document corrects one that a team is shown, by the same author: it belongs there
    /// whatever its own scopes say. A retraction on the wrong patient has none.
    pub(crate) fn corrects_what_is_shown(&self, view: &View, header: &Header) -> Result<bool> {
        for relation in header.relates.iter().filter(|r| corrects(r.kind)) {
            if !view.shown.contains(&relation.document) {
                continue;
            }
            let old = self.kept(&relation.document)?;
            if old.is_some_and(|k| k.header.author == header.author) {
                return Ok(relation.kind == telesphor_clinical::header::RelationKind::Retracts);
            }
        }
        Ok(false)
    }

    /// Lets the proof of a document's time follow it into the teams that are shown it.
    pub(crate) fn evidence_to_teams(&mut self, kept: &Kept) -> Result<()> {
        let mine = kept.header.author == self.me();
        let teams: Vec<(MailboxId, Standing)> = self
            .teams_shown(&[kept.id])?
            .into_iter()
            .map(|(known, _)| (known.team.mailbox, known.team.standing))
            .collect();
        for (mailbox, standing) in teams {
            let others = self.others_in(&mailbox)?;
            // An author who sits there says it himself.
            let for_another = standing == Standing::Own && !others.contains(&kept.header.author);
            if !others.is_empty() && (mine || for_another) {
                self.say_in_team(mailbox, &evidence_message(kept))?;
            }
        }
        Ok(())
    }
}
