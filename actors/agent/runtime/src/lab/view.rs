//! Orders as they are shown.

use telesphor_clinical::lab::order::About;
use telesphor_clinical::lab::values::critical;
use telesphor_vault::{Records, Snapshot};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;

use super::order::test_words;
use super::record::{Case, Ordered, all_cases, all_orders, all_refused};
use crate::core::Profile;
use crate::documents::show::{People, find};
use crate::error::{Error, Result};
use crate::views::{LabOrderView, LabOrders};

fn about_words(about: &About) -> String {
    let mut words = Vec::new();
    words.extend(
        about
            .age
            .map(|band| format!("{} to {} years", band.from, band.from.saturating_add(9))),
    );
    words.extend(about.sex.map(|sex| sex.word().to_owned()));
    words.extend(
        about
            .fasting
            .map(|f| if f { "fasting" } else { "not fasting" }.to_owned()),
    );
    words.extend(
        about
            .previous
            .as_ref()
            .map(|value| format!("last time {}", value.shown())),
    );
    words.join(", ")
}

fn made(records: &impl Records, people: &People, ordered: &Ordered) -> Result<LabOrderView> {
    // Of the newest result alone: what it replaces does not count any more.
    let mut called = None;
    if let Some(result) = ordered.results.last()
        && let Some(body) = records.body(result)?
        && let Ok(document) = telesphor_clinical::document::SignedDocument::from_bytes(&body)
    {
        let tests = critical(&document.body);
        called = (!tests.is_empty()).then_some((tests, ordered.changed));
    }
    Ok(LabOrderView {
        tube: ordered.tube.to_string(),
        form: ordered.form.to_string(),
        plain: (ordered.tube.plain().to_owned(), ordered.form.plain().to_owned()),
        tests: test_words(&ordered.tests),
        patient: Some(people.name(&ordered.patient)),
        other: ordered.desk.name.shown(),
        cost_centre: None,
        about: String::new(),
        urgent: ordered.urgent,
        at: ordered.at,
        state: ordered.state,
        changed: ordered.changed,
        why: ordered.why.as_ref().map(|w| w.shown()),
        mapping: Some(ordered.mapping),
        results: ordered.results.clone(),
        released: ordered.released.clone(),
        critical: called,
        letter: false,
        call: None,
        acknowledged: ordered.acknowledged,
        refused: ordered.refused.clone(),
        unsent: ordered.unsent.map(|u| u.code),
    })
}

fn came(people: &People, case: &Case) -> LabOrderView {
    let order = &case.order.order;
    let pass = &order.pass.pass;
    let by = |at: u64| at + u64::from(pass.critical_minutes) * 60_000;
    LabOrderView {
        tube: order.tube.to_string(),
        form: order.form.to_string(),
        plain: (order.tube.plain().to_owned(), order.form.plain().to_owned()),
        tests: test_words(&order.tests),
        patient: None,
        other: people.name(&pass.organisation),
        cost_centre: Some(pass.cost_centre.shown()),
        about: about_words(&order.about),
        urgent: order.urgent,
        at: case.came,
        state: case.state,
        changed: case.changed,
        why: case.why.as_ref().map(|w| w.shown()),
        mapping: None,
        results: case.results.clone(),
        released: Vec::new(),
        critical: case
            .critical
            .as_ref()
            .map(|c| (c.tests.iter().map(|t| t.shown()).collect(), c.at)),
        letter: case.critical.as_ref().is_some_and(|c| c.letter),
        call: case
            .critical
            .as_ref()
            .map(|c| (pass.switchboard.shown(), by(c.at))),
        acknowledged: case.acknowledged,
        refused: Vec::new(),
        unsent: case.unsent.map(|u| u.code),
    }
}

/// Every order, oldest first.
pub(super) fn all(snapshot: &Snapshot, profile: &Profile) -> Result<LabOrders> {
    let people = People::load(snapshot, profile)?;
    let mut view = LabOrders {
        made: Vec::new(),
        came: all_cases(snapshot)?
            .iter()
            .map(|case| came(&people, case))
            .collect(),
        refused: all_refused(snapshot)?,
    };
    for ordered in all_orders(snapshot)? {
        view.made.push(made(snapshot, &people, &ordered)?);
    }
    Ok(view)
}

/// One order, at either end.
pub(super) fn one(snapshot: &Snapshot, profile: &Profile, order: &Digest) -> Result<LabOrderView> {
    let people = People::load(snapshot, profile)?;
    if let Some(ordered) = all_orders(snapshot)?.iter().find(|o| o.order == *order) {
        return made(snapshot, &people, ordered);
    }
    let cases = all_cases(snapshot)?;
    let case = cases.iter().find(|c| c.order.order.order == *order);
    Ok(came(&people, case.ok_or(Error::of(ErrorCode::LabNoOrder))?))
}

/// The order that somebody means, at the orderer's: by one of its codes, by its mapping or by a
/// result of it.
pub(super) fn meant(snapshot: &Snapshot, what: &str) -> Result<Digest> {
    let orders = all_orders(snapshot)?;
    let fits = |found: Option<&Ordered>| found.map(|o| o.order).ok_or(Error::of(ErrorCode::LabNoOrder));
    if let Ok(code) = what.parse() {
        return fits(orders.iter().find(|o| o.tube == code || o.form == code));
    }
    let kept = match find(snapshot, what) {
        Ok(kept) => kept,
        // Nobody types a document's id by hand: it was meant as a code.
        Err(_) => return Err(ErrorCode::LabCodeWrong.into()),
    };
    fits(
        orders
            .iter()
            .find(|o| o.mapping == kept.id || o.results.contains(&kept.id)),
    )
}
