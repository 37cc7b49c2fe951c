//! The story, from the roster to the discharge.

use std::path::Path;
use std::time::Instant;

use super::cast::{Cast, STAFF, gather};
use super::columns::Columns;
use super::grants::wanted;
use super::roster::Turn;
use super::screens::Screens;
use super::steps::{Story, round};
use crate::page::Page;
use crate::stage::{StageError, text};
use serde_json::json;
use telesphor_chaos::relay::Relay;

const DOMAIN: &str = "hospital-a.example";
/// Who has a turn all through the stay.
const ALWAYS: [&str; 3] = ["dr-laine", "dr-niemi", "eeva"];

fn turns(more: &[Turn]) -> Vec<Turn> {
    let always = ALWAYS.into_iter().map(Turn::now);
    always.chain(more.iter().copied()).collect()
}

/// Tells it. Gives the number of lines that failed.
///
/// # Errors
/// Whatever kept the story from being told to its end.
pub async fn tell(folder: &Path, bundle: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut page = Page::new();
    page.line(
        "Telesphor: an admission. One relay, a hospital, a patient, six who work there. All of it runs now.",
    );
    let mut relay = Relay::init(&folder.join("relay"), DOMAIN)?;
    relay.start()?;
    page.line(&format!(
        "Relay: https://{}. Files: {}",
        relay.address(),
        folder.display()
    ));
    let cast = gather(&mut page, &relay, &folder.join("people"), bundle)?;
    let mut story = Story {
        screens: Screens::new(folder)?,
        columns: Columns::of(&cast.documents),
        grants: Vec::new(),
        on_duty: Vec::new(),
        wrote: Vec::new(),
        in_team: Vec::new(),
        phone: true,
        page: &mut page,
        cast: &cast,
    };
    admission(&mut story).await?;
    night(&mut story).await?;
    lost_badge(&mut story).await?;
    morning(&mut story).await?;
    discharge(&mut story).await?;

    let failed = page.failed();
    let took = begun.elapsed().as_secs_f64();
    page.line("");
    page.line(&match failed {
        0 => format!(
            "Everything held. {took:.1} s. What each screen showed: {}",
            folder.join("screens").display()
        ),
        n => format!(
            "FAILED: {n} lines did not hold. The evidence lies in {}",
            folder.display()
        ),
    });
    Ok(failed)
}

async fn admission(story: &mut Story<'_>) -> Result<(), StageError> {
    story
        .page
        .section("The hospital signs its roster; nothing is granted yet");
    story.edition(&turns(&[Turn::now("maria")]))?;
    let mut all = story.cast.at_work();
    all.push(&story.cast.aino);
    round(&all)?;
    round(&all)?;
    story.matrix().await?;

    story.page.section("Aino grants scopes to roles");
    let contacts = story.cast.aino.json(&["contacts"])?;
    let hospital = text(&contacts, "who", "contacts")?.to_owned();
    story.grants = wanted(&story.cast.documents);
    for grant in &story.grants {
        let preview = grant.give(story.cast, &hospital)?;
        let shown = preview.iter().find_map(|l| l.strip_prefix("Documents: "));
        let shown = shown.map_or(0, |n| n.trim_end_matches('.').parse().unwrap_or(0));
        let psychiatry = preview.iter().any(|l| l.contains("psychiatry ("));
        let title = grant.role.split('-').next_back().unwrap_or(grant.role);
        story.page.fact(
            title,
            &format!(
                "{}: {shown} documents, as the preview says; {} stay closed{}",
                grant.scopes.join(", "),
                story.cast.documents.len() - shown,
                if psychiatry { ", psychiatry among them" } else { "" }
            ),
        );
    }
    story.come_true().await?;
    let aino = text(
        &story.cast.aino.json(&["identity", "show"])?,
        "id",
        "identity show",
    )?
    .to_owned();
    let record = format!("patient/{aino}");
    for who in ["dr-laine", "dr-niemi", "maria", "eeva"] {
        let role = STAFF.iter().find(|s| s.0 == who).map_or("", |s| s.2);
        if story.grants.iter().any(|g| g.role == role) {
            let person = story.cast.one(who);
            story
                .screens
                .take(story.page, person, &record, "psychiatry NOT SHARED WITH YOU")?;
        }
    }
    story
        .screens
        .take(story.page, &story.cast.aino, "who", "Dr Laine")?;
    operation(story).await
}

/// A note that its writer keeps, whatever becomes of the team.
async fn operation(story: &mut Story<'_>) -> Result<(), StageError> {
    let Some(grant) = story.grants.iter().find(|g| g.role == "orthopaedic-surgeon") else {
        return Ok(());
    };
    let (role, scope) = (grant.role, grant.scopes[0]);
    story.page.section("Dr Laine operates, and writes it down");
    let surgeon = story.cast.one("dr-laine");
    let file = surgeon.home().join("operation.txt");
    std::fs::write(
        &file,
        "Arthroscopy of the left knee. No complication. Weight bearing as tolerated.\n",
    )?;
    let teams = surgeon.json(&["team", "list"])?;
    let team = text(&teams, "id", "team list")?;
    let file = file.to_string_lossy();
    let arguments = [
        "team",
        "write",
        team,
        &file,
        "--title",
        "Operation note",
        "--scope",
        scope,
    ];
    let written = surgeon.json(&arguments)?;
    let id = text(&written, "id", "team write")?.to_owned();
    story
        .columns
        .add("op note", json!({ "id": id, "scopes": [scope] }));
    story.wrote.push(("dr-laine", id.clone()));
    story.in_team.push((role, id));
    story.page.fact(
        "Note",
        "\"Operation note\", signed by Dr Laine; his own, and Aino's",
    );
    story.come_true().await?;
    Ok(())
}

async fn night(story: &mut Story<'_>) -> Result<(), StageError> {
    story
        .page
        .section("Change of shift: Aino's phone is off from here on");
    story.phone = false;
    story.edition(&turns(&[Turn::now("maria"), Turn::soon("pekka", 20)]))?;
    story.page.fact(
        "20:40",
        "Pekka's turn begins in 20 minutes: Maria's program lets him in",
    );
    story.come_true().await?;
    story.edition(&turns(&[Turn::over("maria"), Turn::now("pekka")]))?;
    story
        .page
        .fact("21:00", "Maria's turn is over: Pekka's program lets her out");
    story.come_true().await?;
    story.is_out("maria", "Maria's program")?;
    story
        .screens
        .take(story.page, story.cast.one("maria"), "", "Nothing came")?;
    story
        .screens
        .take(story.page, story.cast.one("pekka"), "teams", "I sit there")?;

    story.page.section("An agency nurse for one night");
    story.edition(&turns(&[
        Turn::over("maria"),
        Turn::now("pekka"),
        Turn::agency("kim", "dr-laine"),
    ]))?;
    story.page.fact(
        "22:00",
        "Kim comes from an agency, approved by Dr Laine: Pekka's program lets Kim in",
    );
    story.come_true().await?;
    Ok(())
}

async fn lost_badge(story: &mut Story<'_>) -> Result<(), StageError> {
    story.page.section("Pekka's badge is lost");
    story.edition(&turns(&[Turn::over("maria"), Turn::agency("kim", "dr-laine")]))?;
    story.page.fact(
        "02:10",
        "the desk takes Pekka off the roster: Kim's program puts the badge out",
    );
    let took = story.come_true().await?;
    story.page.fact(
        "Took",
        &format!("{took:.1} s from the signed edition until nothing opened any more"),
    );
    story.is_out("pekka", "The finder")?;
    story
        .screens
        .take(story.page, story.cast.one("pekka"), "", "Nothing came")
}

async fn morning(story: &mut Story<'_>) -> Result<(), StageError> {
    story
        .page
        .section("Morning: Kim's night is over, Maria is back, Aino's phone is on");
    story.phone = true;
    story.edition(&turns(&[Turn::now("maria"), Turn::over("kim")]))?;
    story.come_true().await?;
    story.is_out("kim", "Kim's program")?;
    let log = story.cast.aino.json(&["log"])?;
    let moves = log
        .iter()
        .filter(|l| matches!(l["what"].as_str(), Some("came-on-duty" | "went-off-duty")));
    let moves: Vec<&str> = moves.filter_map(|l| l["words"].as_str()).collect();
    for words in moves.iter().rev() {
        story.page.fact("Aino's log", words);
    }
    let told = |who: &str, did: &str| moves.iter().any(|m| m.starts_with(who) && m.contains(did));
    let whole = [
        ("Pekka Salo", "let in"),
        ("Pekka Salo", "let out"),
        ("Kim Aalto", "let in"),
        ("Kim Aalto", "let out"),
        ("Maria Heikkinen", "let out"),
    ];
    let missing: Vec<&str> = whole
        .iter()
        .filter(|(w, d)| !told(w, d))
        .map(|(w, _)| *w)
        .collect();
    story.page.must(
        missing.is_empty(),
        "Told",
        &match missing.is_empty() {
            true => "everybody who came and went while her phone was off".to_owned(),
            false => format!("nothing of {}", missing.join(", ")),
        },
        "every change of the night in the patient's log",
    );
    story
        .screens
        .take(story.page, &story.cast.aino, "log", "Kim Aalto let in")
}

async fn discharge(story: &mut Story<'_>) -> Result<(), StageError> {
    story.page.section("Discharge: Aino ends all of it");
    let cast: &Cast = story.cast;
    let contacts = cast.aino.json(&["contacts"])?;
    let everything = format!("@{}", text(&contacts, "who", "contacts")?);
    let ended = cast.aino.json(&["revoke", &everything])?;
    let number = |field: &str| ended.iter().find_map(|v| v[field].as_u64()).unwrap_or_default();
    story.page.fact(
        "Ended",
        &format!(
            "{} grants, {} documents; {} of them had been opened: those may be remembered or copied",
            number("ended"),
            number("documents"),
            number("opened")
        ),
    );
    story.grants.clear();
    story.in_team.iter_mut().for_each(|(role, _)| *role = "nobody");
    story.come_true().await?;
    for who in ["dr-laine", "dr-niemi", "maria", "eeva"] {
        story.no_door(who).await?;
    }
    story.screens.take(story.page, &cast.aino, "who", "What")?;
    Ok(())
}
