//! What the holder of a mandate is told of the record: who can see what, and what happened. Cut to
//! the reach of the mandate before it leaves, so that his program never holds a line of anything
//! else (a parent who may not see psychiatry does not read that psychiatry was opened).

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::MAX_LIST;
use telesphor_clinical::mandate::Mandate;
use telesphor_clinical::standing_in::{LogEntry, MandateLog, MandateWho, WhoLine};
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::HashLabel;

use super::record::is_noted;
use crate::core::{Core, Ctx};
use crate::documents::keep::{Kept, Way};
use crate::documents::show::People;
use crate::error::Result;
use crate::sharing::show::all_given;
use crate::views::{LogLine, Seen};

/// Lines of the log that are looked at.
const LOG: usize = 10_000;

fn mark_name(id: &Digest) -> Vec<u8> {
    [b"by-mandate-mark/", &id.0[..]].concat()
}

fn mark(who: &MandateWho) -> Digest {
    hash(HashLabel::Original, &("who can see", &who.lines))
}

impl Ctx<'_, '_> {
    /// Notes what the holder was told last.
    pub(super) fn put_mark(&mut self, id: &Digest, who: &MandateWho) -> Result<()> {
        self.put(Table::Grants, &mark_name(id), &mark(who))
    }
}

/// Whether a document lies in the mandate's reach.
fn reaches(records: &impl Records, m: &Mandate, document: &DocumentId) -> Result<bool> {
    let kept: Option<Kept> = records.get_value(Table::Documents, &document.0)?;
    Ok(kept.is_some_and(|k| k.way != Way::Shared && m.covers(&k.header.scopes, &k.header.sensitivity)))
}

/// Who can see what, if the holder was told something else last.
pub(super) fn who(core: &Core, records: &impl Records, m: &Mandate) -> Result<Option<MandateWho>> {
    let (people, given) = (People::load(records, &core.profile)?, all_given(records)?);
    let mut lines = Vec::new();
    for view in crate::sharing::show::who(records, &core.profile)? {
        if view.with == m.holder || !reaches(records, m, &view.document)? {
            continue;
        }
        // What a wider grant is for may tell of what lies outside.
        let mut whole = true;
        for one in given
            .iter()
            .filter(|g| g.to == view.with && g.documents.contains(&view.document))
        {
            for document in &one.documents {
                whole &= reaches(records, m, document)?;
            }
        }
        let holder_acted = given.iter().any(|g| {
            g.signed.grant.by == m.holder && g.to == view.with && g.documents.contains(&view.document)
        });
        if holder_acted {
            continue;
        }
        lines.push(WhoLine {
            document: view.document,
            to: view.with,
            name: Text::cut(&people.name(&view.with)),
            until: view.until,
            given: view.given,
            why: whole.then(|| Text::cut(&view.why)),
            opened: view.opened,
            revoked: view.revoked,
        });
    }
    lines.truncate(MAX_LIST);
    let told = MandateWho {
        mandate: m.id(),
        at: Instant::now_of((core.clock)(), 0, Clock::Device),
        lines,
    };
    let last: Option<Digest> = records.get_value(Table::Grants, &mark_name(&told.mandate))?;
    Ok((last != Some(mark(&told))).then_some(told))
}

/// What happened that the holder was not told yet. A line that concerns several documents, or
/// none, is nobody's but the owner's.
pub(super) fn log(core: &Core, records: &impl Records, m: &Mandate) -> Result<Option<MandateLog>> {
    let mut all: Vec<LogLine> = crate::sharing::show::log(records, &core.profile, LOG)?;
    all.extend(crate::deliveries::show::lines(core, &core.profile.identity)?);
    let id = m.id();
    let mut lines = Vec::new();
    for line in all {
        // What the holder did he knows.
        let others = line.seen == Seen::Plain && line.who != Some(m.holder);
        let Some(document) = line.document.filter(|_| others) else {
            continue;
        };
        if !reaches(records, m, &document)? {
            continue;
        }
        let entry = LogEntry {
            at: line.at,
            who: line.who,
            name: Text::cut(&line.alias),
            what: Text::cut(line.what),
            words: Text::cut(&line.words),
            document,
        };
        if !is_noted(records, &id, &entry)? {
            lines.push(entry);
        }
    }
    // Oldest first, as it happened; what there is more goes with the next look.
    lines.sort_by_key(|line| line.at);
    lines.truncate(MAX_LIST / 4);
    Ok((!lines.is_empty()).then_some(MandateLog { mandate: id, lines }))
}
