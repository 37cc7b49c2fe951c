//! Who can open what: every vault, every document, compared with the grants and the roster.

use std::collections::BTreeSet;

use super::cast::{Cast, STAFF};
use super::columns::Columns;
use super::grants::Grant;
use crate::page::Page;
use crate::stage::{Person, StageError};
use crate::stolen;
use serde_json::Value;

/// What should be so.
pub(super) struct Should<'a> {
    pub(super) columns: &'a Columns,
    /// What runs.
    pub(super) grants: &'a [Grant],
    /// Who is on duty.
    pub(super) on_duty: Vec<&'static str>,
    /// Who wrote which document: it stays the writer's, and its patient's.
    pub(super) wrote: Vec<(&'static str, String)>,
    /// Documents that only the team of this role was shown beside.
    pub(super) in_team: Vec<(&'static str, String)>,
}

impl Should<'_> {
    fn opens(&self, profile: &str, document: &Value) -> bool {
        let id = document["id"].as_str().unwrap_or_default();
        let role = STAFF.iter().find(|s| s.0 == profile).map_or("", |s| s.2);
        let on_duty = self.on_duty.contains(&profile);
        let said = |list: &[(&str, String)], who: &str| list.iter().any(|(w, d)| *w == who && d == id);
        match profile {
            "aino" => true,
            _ if said(&self.wrote, profile) => true,
            _ if self.in_team.iter().any(|(_, d)| d == id) => on_duty && said(&self.in_team, role),
            _ => on_duty && self.grants.iter().any(|g| g.role == role && g.lets(document)),
        }
    }
}

/// What one vault opens.
async fn opened(person: &Person, columns: &Columns) -> Result<BTreeSet<String>, StageError> {
    let agent = stolen::vault_of(person).await?;
    let mut open = BTreeSet::new();
    for id in columns
        .iter()
        .flat_map(|(_, d)| d)
        .filter_map(|d| d["id"].as_str())
    {
        // As a file: opening it so tells nobody, and what is not in the vault does not open.
        if agent.tel_file(id).await.is_ok() {
            open.insert(id.to_owned());
        }
    }
    agent.close().await;
    Ok(open)
}

/// One row as it is and as it should be.
struct Row {
    name: String,
    cells: Vec<String>,
    right: usize,
}

async fn rows(cast: &Cast, should: &Should<'_>) -> Result<Vec<Row>, StageError> {
    let mut rows = Vec::new();
    let everybody = std::iter::once(&cast.aino).chain(&cast.staff);
    for person in everybody.chain([&cast.hospital]) {
        let open = opened(person, should.columns).await?;
        let (mut cells, mut right) = (Vec::new(), 0);
        for (_, documents) in should.columns.iter() {
            let is = |d: &Value| d["id"].as_str().is_some_and(|id| open.contains(id));
            let all = documents.iter().all(|d| is(d) == should.opens(person.profile, d));
            right += usize::from(all);
            let n = documents.iter().filter(|d| is(d)).count();
            cells.push(match n {
                0 => ".".to_owned(),
                n if n == documents.len() => "x".to_owned(),
                n => format!("{n}/{}", documents.len()),
            });
        }
        rows.push(Row {
            name: person.name.clone(),
            cells,
            right,
        });
    }
    Ok(rows)
}

/// Whether all is as it should be.
pub(super) async fn holds(cast: &Cast, should: &Should<'_>) -> Result<bool, StageError> {
    let columns = should.columns.iter().count();
    Ok(rows(cast, should).await?.iter().all(|r| r.right == columns))
}

/// Prints it, and whether it equals the grants.
pub(super) async fn print(page: &mut Page, cast: &Cast, should: &Should<'_>) -> Result<(), StageError> {
    let names: Vec<&str> = should.columns.iter().map(|(name, _)| name).collect();
    let width = |i: usize| names[i].len().max(4) + 2;
    let line = |name: &str, cells: &[&str]| {
        let cells = cells
            .iter()
            .enumerate()
            .map(|(i, c)| format!("{c:<0$}", width(i)));
        format!("   {name:<18}{}", cells.collect::<String>().trim_end())
    };
    page.line(&line("", &names));
    let rows = rows(cast, should).await?;
    for row in &rows {
        let cells: Vec<&str> = row.cells.iter().map(String::as_str).collect();
        page.line(&line(&row.name, &cells));
    }
    let (right, cells) = (
        rows.iter().map(|r| r.right).sum::<usize>(),
        rows.len() * names.len(),
    );
    page.must(
        right == cells,
        "Matrix",
        &format!("{right} of {cells} cells equal grants and roster"),
        "everybody to open what role, scope and turn allow, no more and no fewer",
    );
    Ok(())
}
