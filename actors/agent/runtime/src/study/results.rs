//! What a researcher may see.

use telesphor_clinical::study::table::{Given, Shown, table};
use telesphor_research::halves::together;
use telesphor_vault::Snapshot;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;

use super::judge::study_of;
use super::part::shape;
use super::record::{own, people};
use crate::error::{Error, Result};
use crate::views::SumView;
use telesphor_clinical::study::task::SumKind;

/// What a voucher is signed over.
pub(super) fn voucher_words(study: &DocumentId, serial: &Digest) -> Vec<u8> {
    canonical::encode(&("study-voucher", study, serial))
}

/// The rows of a study, as far as they may be shown.
pub(super) fn rows_of(snapshot: &Snapshot, id: &DocumentId) -> Result<Shown> {
    let (_, study) = study_of(snapshot, id)?;
    let all = people(snapshot, id)?.into_iter();
    let given = all.filter(|p| !p.left && p.number > 0).map(|p| Given {
        who: p.key.0[..4].iter().map(|b| format!("{b:02x}")).collect(),
        rows: p.rows,
    });
    table(&study, given.collect()).ok_or(Error::of(ErrorCode::StudyTooFew))
}

/// The sums of a study.
pub(super) fn sums_of(snapshot: &Snapshot, id: &DocumentId) -> Result<Vec<SumView>> {
    let (_, study) = study_of(snapshot, id)?;
    let own = own(snapshot, id)?.ok_or(Error::of(ErrorCode::NotFound))?;
    let mut all = Vec::new();
    for result in &own.sums {
        let Some(task) = study.sums.get(usize::from(result.task)) else {
            continue;
        };
        let people = usize::try_from(result.people).unwrap_or(usize::MAX);
        let values = match (task.shape(), result.halves.as_slice()) {
            (Some(form), [(_, one), (_, other)]) => together(shape(form), [one, other], people).ok(),
            _ => None,
        };
        let means = match (&task.kind, &values) {
            (SumKind::Gradient(g), Some(sums)) => g.mean(sums, u64::from(result.people)),
            _ => Vec::new(),
        };
        all.push(SumView {
            name: task.name.shown(),
            words: task.words(),
            people: result.people,
            values,
            means,
            epsilon_milli: task.epsilon_milli,
            at: result.at,
        });
    }
    Ok(all)
}
