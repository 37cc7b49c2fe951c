//! Act 1: who is who. Everybody makes an identity with an admission of their own; the board
//! says who is a physician; acquaintances are made by invitation and compared words.

use std::path::Path;

use crate::page::Page;
use crate::planted::planted;
use crate::stage::{Person, StageError, text};
use serde_json::Value;
use telesphor_chaos::relay::Relay;

/// Everybody on the stage.
pub struct Cast {
    /// Says who is a physician.
    pub board: Person,
    /// The doctor.
    pub doctor: Person,
    /// The patient.
    pub aino: Person,
    /// The patient's heart monitor.
    pub monitor: Person,
    /// Was given nothing.
    pub mallory: Person,
    /// Documents taken from the record.
    pub documents: Vec<Value>,
    /// Scopes of it that the patient lets the doctor look at.
    pub shared: Vec<String>,
    /// Strings of the record that nobody but its readers may find.
    pub planted: Vec<String>,
}

/// How many strings the drill looks for.
const PLANTED: usize = 128;

/// Sets the stage.
///
/// # Errors
/// [`StageError`] if something cannot even be set up.
pub fn gather(page: &mut Page, relay: &Relay, folder: &Path, bundle: &Path) -> Result<Cast, StageError> {
    page.section("Who is who");
    let raw = std::fs::read(bundle)?;
    let program = std::fs::read(relay.program())?;
    let record: Value =
        serde_json::from_slice(&raw).map_err(|e| StageError::Record(bundle.to_owned(), e.to_string()))?;
    let board = join(relay, folder, "board", "Medical board", "organisation")?;
    let doctor = join(relay, folder, "dr-virtanen", "Dr Virtanen", "clinician")?;
    let aino = join(relay, folder, "aino", "Aino Korhonen", "patient")?;
    let monitor = join(relay, folder, "monitor", "Heart monitor", "device")?;
    let mallory = join(relay, folder, "mallory", "Mallory", "patient")?;

    page.fact(&board.name, &format!("{}   says who is a physician", id(&board)?));
    acquaint(&board, &doctor, "board")?;
    board.run(&[
        "attest",
        "give",
        "dr-virtanen",
        "licensed-physician",
        "--until",
        "2027-12-31",
    ])?;
    settle(&[&board, &doctor])?;

    let card = folder.join("board.card");
    let card = card.to_string_lossy();
    board.run(&["identity", "show", "--card", &card])?;
    for person in [&aino, &doctor] {
        person.run(&[
            "trust",
            "add",
            &card,
            "--for",
            "licensed-physician",
            "--call",
            "Medical board",
        ])?;
    }
    let words = acquaint(&aino, &doctor, "aino")?;
    settle(&[&aino, &doctor, &board])?;
    let seen = aino.json(&["contacts", "list"])?;
    let licensed = seen
        .iter()
        .any(|c| c["name"] == "Dr Virtanen" && c["attested"].to_string().contains("licensed-physician"));
    page.must(
        licensed,
        &doctor.name,
        &format!(
            "{}   licensed physician until 31 Dec 2027, by the board's signature",
            id(&doctor)?
        ),
        "the board's attestation has reached the patient",
    );

    let documents = aino.json(&["add", &bundle.to_string_lossy()])?;
    let documents: Vec<Value> = documents.into_iter().filter(|d| d["id"].is_string()).collect();
    let shared = crate::scopes::chosen(&documents);
    if shared.is_empty() {
        let why = "nothing in it could be shared with somebody; give a FHIR R4 bundle of a patient";
        return Err(StageError::Record(bundle.to_owned(), why.to_owned()));
    }
    page.fact(
        &aino.name,
        &format!(
            "{}   patient; {} documents taken from {}",
            id(&aino)?,
            documents.len(),
            file_name(bundle)
        ),
    );
    acquaint(&aino, &monitor, "aino")?;
    settle(&[&aino, &monitor])?;
    aino.run(&["device", "pair", "heart-monitor"])?;
    settle(&[&aino, &monitor])?;
    aino.run(&["device", "attach", "heart-monitor", "--to", "me"])?;
    settle(&[&aino, &monitor])?;
    page.fact(&monitor.name, &format!("{}   attached to Aino", id(&monitor)?));
    page.fact(&mallory.name, &format!("{}   was given nothing", id(&mallory)?));
    page.fact("Words compared", &words);
    Ok(Cast {
        board,
        doctor,
        aino,
        monitor,
        mallory,
        documents,
        shared,
        planted: planted(&record, &raw, &program, PLANTED),
    })
}

/// Somebody with an admission and an identity of their own, unlocked.
///
/// # Errors
/// If a command fails.
pub fn join(
    relay: &Relay,
    folder: &Path,
    profile: &'static str,
    name: &str,
    class: &str,
) -> Result<Person, StageError> {
    let person = Person::new(folder, profile, name)?;
    let admission = relay.json(&["admit", "new", "--class", class, "--uses", "1"])?;
    let link = admission["link"].as_str().unwrap_or_default();
    let kit = person.home().join("kit.txt");
    person.run(&[
        "identity",
        "new",
        name,
        "--admission",
        link,
        "--kit",
        &kit.to_string_lossy(),
    ])?;
    person.run(&["unlock", "--for", "1h"])?;
    Ok(person)
}

/// One invites, the other accepts, both compare the words. Gives the words.
///
/// # Errors
/// If a command fails, or the words differ.
pub fn acquaint(one: &Person, other: &Person, call: &str) -> Result<String, StageError> {
    let invited = one.json(&["invite", "--for", &other.name])?;
    let link = text(&invited, "link", "invite")?;
    let accepted = other.json(&["accept", link, "--call", call])?;
    settle(&[one, other])?;
    let theirs = words(&accepted);
    let contacts = one.json(&["contacts", "list"])?;
    let Some(contact) = contacts.iter().find(|c| c["name"] == other.name.as_str()) else {
        return Err(StageError::Answer {
            field: other.name.clone(),
            what: "contacts".to_owned(),
        });
    };
    let ours = words(std::slice::from_ref(contact));
    if ours != theirs || ours.is_empty() {
        return Err(StageError::Answer {
            field: "the same words on both sides".to_owned(),
            what: "contacts".to_owned(),
        });
    }
    let who = contact["who"].as_str().unwrap_or_default();
    one.run(&["contacts", "confirm", who])?;
    other.run(&["contacts", "confirm", call])?;
    Ok(ours)
}

fn words(contacts: &[Value]) -> String {
    let words = contacts.iter().find_map(|c| c["words"].as_array());
    words.map_or_else(String::new, |w| {
        w.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    })
}

/// Lets everybody send and receive until nothing is left. Twice round, because an answer may
/// call for another one.
///
/// # Errors
/// If somebody's `sync` fails.
pub fn settle(people: &[&Person]) -> Result<(), StageError> {
    for _ in 0..2 {
        for person in people {
            person.run(&["sync"])?;
        }
    }
    Ok(())
}

fn id(person: &Person) -> Result<String, StageError> {
    let me = person.json(&["identity", "show"])?;
    let id = text(&me, "id", "identity show")?;
    Ok(format!(
        "{}..{}",
        &id[..9.min(id.len())],
        &id[id.len().saturating_sub(4)..]
    ))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}
