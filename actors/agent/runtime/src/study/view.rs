//! A study as it is shown.

use telesphor_clinical::study::row::{fits, rows};
use telesphor_clinical::study::table::Given;
use telesphor_wire::ids::DocumentId;

use super::judge::study_of;
use super::record::{all_adding, own, part, people};
use super::results::rows_of;
use crate::core::{Ctx, Profile};
use crate::documents::keep::{Kept, all_kept};
use crate::documents::show::People;
use crate::error::Result;
use crate::views::{StudyRowsView, StudyStand, StudyView};
use telesphor_clinical::header::DocumentKind;
use telesphor_vault::Snapshot;

impl Ctx<'_, '_> {
    /// A study, with what would leave.
    pub(super) fn study_view(&self, kept: &Kept) -> Result<StudyView> {
        let (document, study) = study_of(self.tx, &kept.id)?;
        let names = People::load(self.tx, &self.profile)?;
        let (mine, part) = (own(self.tx, &kept.id)?, part(self.tx, &kept.id)?);
        let here = |m| study.adders.iter().any(|p| p.place.mailbox == m);
        let adding = all_adding(self.tx)?.into_iter().find(|a| here(a.mailbox));
        let stand = match (&mine, &part, &adding) {
            (Some(_), ..) => StudyStand::Mine,
            (_, Some(part), _) if part.left.is_some() => StudyStand::Left,
            (_, Some(_), _) => StudyStand::Joined,
            (.., Some(_)) => StudyStand::Adding,
            _ => StudyStand::Asked,
        };
        let asked = matches!(stand, StudyStand::Asked | StudyStand::Joined);
        let facts = self.own_facts()?;
        let fits = asked && fits(&study, &facts);
        let mut leaving = Vec::new();
        if fits {
            for row in rows(&study, &facts) {
                let field = study.fields.get(usize::from(row.field)).map(|f| f.name.shown());
                let field = field.unwrap_or_default();
                leaving.extend(
                    row.parts
                        .iter()
                        .map(|p| (field.clone(), p.element.shown(), p.json.shown())),
                );
            }
        }
        let counted = match &mine {
            Some(_) => {
                let all = people(self.tx, &kept.id)?;
                let left = all.iter().filter(|p| p.left).count();
                // How many take part is a cell as well.
                (all.len() >= usize::from(study.min_cell)).then(|| (all.len() - left, left))
            }
            None => None,
        };
        let refused = match asked {
            true => self.study_refused(kept, &study)?,
            false => None,
        };
        let not_counted = mine.as_ref().map(|m| m.refused.clone());
        let not_counted = not_counted.or_else(|| adding.map(|a| a.refused));
        Ok(StudyView {
            id: kept.id,
            name: study.name.shown(),
            researcher: names.name(&document.header.author),
            purpose: study.purpose.shown(),
            approval: study.approval.shown(),
            told: study
                .told
                .iter()
                .map(|t| (t.language.shown(), t.words.shown()))
                .collect(),
            criteria: study.criteria.iter().map(|c| c.words()).collect(),
            fields: study.fields.iter().map(|f| f.words()).collect(),
            sums: study.sums.iter().map(|s| s.words()).collect(),
            adders: study
                .adders
                .iter()
                .map(|p| (p.place.name.shown(), p.place.domain.to_string()))
                .collect(),
            trial: study.trial,
            dates: study.dates.word().to_owned(),
            until: study.until,
            min_cell: study.min_cell,
            payout: study.payout.as_ref().map(|p| p.words.shown()),
            stand,
            refused,
            fits,
            leaving,
            sent: part.as_ref().map(|p| (p.number, p.last)),
            left: part.as_ref().and_then(|p| p.left),
            voucher: part
                .as_ref()
                .filter(|p| p.mailbox.is_some())
                .map(|p| p.voucher.is_some()),
            people: counted,
            paid: mine.map_or(0, |m| m.paid.len()),
            not_counted: not_counted.unwrap_or_default(),
            unsent: part.and_then(|p| p.unsent).map(|u| u.code),
        })
    }

    /// Every study that is here, oldest first.
    pub(super) fn study_views(&self) -> Result<Vec<StudyView>> {
        let mut all = Vec::new();
        for kept in all_kept(self.tx)? {
            if kept.header.kind == DocumentKind::Study && study_of(self.tx, &kept.id).is_ok() {
                all.push(self.study_view(&kept)?);
            }
        }
        Ok(all)
    }
}

/// What a researcher may see of rows.
pub(super) fn rows_view(snapshot: &Snapshot, _profile: &Profile, id: &DocumentId) -> Result<StudyRowsView> {
    let (_, study) = study_of(snapshot, id)?;
    let shown = rows_of(snapshot, id)?;
    let given: Vec<Given> = shown.given;
    Ok(StudyRowsView {
        fields: study.fields.iter().map(|f| f.name.shown()).collect(),
        given,
        coarser: shown.coarser,
        withheld: shown.withheld,
    })
}
