//! Bringing a mandate in line: what it lets its holder read is shown to him, and everything that
//! rests on it ends with it. One function, run whenever something changed, on every device: it
//! looks at what is and what should be, so it may be run at any time.

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::mandate::{Mandate, Power};
use telesphor_clinical::self_entry::GrantEnded;
use telesphor_clinical::standing_in::{MandateLog, MandateWho, MandateWord};
use telesphor_identity::mandate::MandateProblem;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;

use super::judge::runs;
use super::mirror;
use super::record::{KeptMandate, all_mandates, is_noted, mandate};
use crate::core::records::Known;
use crate::core::{Core, Ctx, Profile};
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::error::Result;
use crate::sharing::give::Given;
use crate::sharing::show::all_given;

/// What stands as the reason of a grant by which a holder reads.
pub(crate) const BY_MANDATE: &str = "by mandate";
/// Noted once a sleeping mandate was seen awake.
const WOKEN: &str = "woken";
/// Between two looks while things change, milliseconds.
const PAUSE_MS: u64 = 250;
/// How long until the next look if nothing changes, milliseconds.
const SELDOM_MS: u64 = 3600 * 1000;

/// Something to do for a mandate.
pub(crate) enum Due {
    /// It has ended.
    Over(Digest),
    /// What it waited for is attested: its holder is shown that.
    Woken(Digest),
    /// Documents to be shown to its holder.
    Show(Digest, Vec<DocumentId>),
    /// Its holder is told who can see what.
    Who(Digest, MandateWho),
    /// Its holder is told what happened.
    Log(Digest, MandateLog),
}

impl Core {
    /// Looks after mandates if something has changed; gives in how many milliseconds to look again.
    pub(crate) fn tend_mandates(&mut self) -> Result<u64> {
        if !self.index.mandates || !self.index.changed || self.index.behind() > 0 {
            return Ok(SELDOM_MS);
        }
        let now = (self.clock)();
        if now < self.index.mandates_at {
            return Ok(self.index.mandates_at - now);
        }
        self.bring_mandates_in_line()?;
        self.index.mandates_at = now.saturating_add(PAUSE_MS);
        Ok(if self.index.changed { PAUSE_MS } else { SELDOM_MS })
    }

    /// The same at once; gives whether there is something new to send.
    pub(crate) fn bring_mandates_in_line(&mut self) -> Result<bool> {
        if !self.index.mandates {
            return Ok(false);
        }
        self.index.changed = false;
        let due = due(self)?;
        if due.is_empty() {
            return Ok(false);
        }
        let before = self.index.outbox.len();
        self.write(|ctx| due.into_iter().try_for_each(|due| ctx.carry_out_due(due)))?;
        Ok(self.index.outbox.len() > before)
    }
}

/// What is to be done for mandates, by what is there now.
fn due(core: &Core) -> Result<Vec<Due>> {
    let (snapshot, profile, now) = (core.read()?, &core.profile, (core.clock)());
    let mut due = Vec::new();
    for kept in all_mandates(&snapshot)? {
        let m = &kept.signed.mandate;
        let id = m.id();
        if kept.over.is_some() {
            continue;
        }
        match runs(&snapshot, profile, now, &kept.signed)? {
            Ok(_) if m.subject == profile.identity && m.powers.contains(&Power::Read) => {
                if !may_be_told(&snapshot, m)? {
                    continue;
                }
                if m.dormant_until.is_some() && !is_noted(&snapshot, &id, &WOKEN)? {
                    due.push(Due::Woken(id));
                }
                let documents = not_shown(&snapshot, profile, now, m)?;
                if !documents.is_empty() {
                    due.push(Due::Show(id, documents));
                }
                due.extend(mirror::who(core, &snapshot, m)?.map(|who| Due::Who(id, who)));
                due.extend(mirror::log(core, &snapshot, m)?.map(|log| Due::Log(id, log)));
            }
            Err(MandateProblem::Ended(_)) => due.push(Due::Over(id)),
            Err(MandateProblem::NotThen) if m.from.stamp() <= now => due.push(Due::Over(id)),
            _ => {}
        }
    }
    Ok(due)
}

/// Whether the holder is a contact to whom documents may go.
fn may_be_told(records: &impl Records, m: &Mandate) -> Result<bool> {
    use telesphor_clinical::contact::Certainty;
    let known: Option<Known> = records.get_value(Table::Contacts, &m.holder.0)?;
    // A mandate of one's own is given to somebody who was compared, or knowingly not.
    let by_oneself = m.issuer == m.subject;
    Ok(known.is_some_and(|k| {
        let compared = k.contact.certainty != Certainty::Unverified || k.contact.allow_unverified;
        !k.removed && (compared || by_oneself)
    }))
}

/// Documents that the holder may read and is not shown yet.
fn not_shown(records: &impl Records, profile: &Profile, now: u64, m: &Mandate) -> Result<Vec<DocumentId>> {
    let people = People::load(records, profile)?;
    let under = Some(m.id());
    let given: Vec<Given> = all_given(records)?
        .into_iter()
        .filter(|g| g.under == under && g.to == m.holder && g.runs(now))
        .collect();
    let mut due = Vec::new();
    for kept in all_kept(records)? {
        let shown = given.iter().any(|g| g.documents.contains(&kept.id));
        if !shown && is_reached(m, &kept) && people.is_current(&kept) && records.body(&kept.id)?.is_some() {
            due.push(kept.id);
        }
    }
    Ok(due)
}

/// Whether a document of one's own record lies in a mandate's reach. What a contact only shows is
/// not one's own to show, and what the holder wrote he has.
pub(crate) fn is_reached(m: &Mandate, kept: &Kept) -> bool {
    let header = &kept.header;
    kept.way != Way::Shared
        && header.author != m.holder
        && header.kind != DocumentKind::Retraction
        && header.on_behalf_of.is_none_or(|whom| whom == m.subject)
        && m.covers(&header.scopes, &header.sensitivity)
}

impl Ctx<'_, '_> {
    fn carry_out_due(&mut self, due: Due) -> Result<()> {
        match due {
            Due::Over(id) => self.mandate_over(&id),
            Due::Woken(id) => {
                self.note_line(&id, &WOKEN)?;
                match mandate(self.tx, &id)? {
                    Some(kept) => self.tell_parties(&kept.signed),
                    None => Ok(()),
                }
            }
            Due::Show(id, documents) => self.show_holder(&id, &documents),
            Due::Who(id, who) => {
                if let Some(kept) = mandate(self.tx, &id)? {
                    self.put_mark(&id, &who)?;
                    self.tell_mandate(&kept.signed.mandate.holder, MandateWord::Who(who))?;
                }
                Ok(())
            }
            Due::Log(id, log) => {
                if let Some(kept) = mandate(self.tx, &id)? {
                    for line in &log.lines {
                        self.note_line(&id, line)?;
                    }
                    self.tell_mandate(&kept.signed.mandate.holder, MandateWord::Log(log))?;
                }
                Ok(())
            }
        }
    }

    /// Shows the holder of a mandate documents, until it ends.
    fn show_holder(&mut self, id: &Digest, documents: &[DocumentId]) -> Result<()> {
        let Some(kept) = mandate(self.tx, id)? else {
            return Ok(());
        };
        let m = &kept.signed.mandate;
        let until = m.until.as_ref().map(|until| until.stamp());
        match self.show_until(&m.holder, documents, until, BY_MANDATE, Some(*id)) {
            // No place for another mailbox is left: `identity admit` brings more.
            Err(error) if error.code == ErrorCode::AdmissionInvalid => Ok(()),
            other => other,
        }
    }

    /// Ends everything that rests on a mandate: what its holder is shown, the rooms he opened, and
    /// what was shown to this identity under it.
    pub(crate) fn mandate_over(&mut self, id: &Digest) -> Result<()> {
        let Some(kept) = mandate(self.tx, id)? else {
            return Ok(());
        };
        for given in all_given(self.tx)? {
            if given.under == Some(*id) && given.runs(self.now) {
                let all = given.documents.clone();
                self.end_given(given, &all, None)?;
            }
        }
        for (grant, by) in self.grants_under(id)? {
            let ended = GrantEnded {
                grant,
                at: self.instant(),
                why: None,
                ext: Extensions::none(),
            };
            self.grant_ended(&by, &ended)?;
        }
        self.forget_told(id)?;
        self.put_mandate(&KeptMandate {
            over: Some(self.now),
            ..kept
        })
    }
}
