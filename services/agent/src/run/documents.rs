//! `add`, `list`, `send`, `sent`, `inbox`, `read`.

use std::path::Path;
use telesphor_agent::views::{DocumentView, EndView, Opened};
use telesphor_agent::{Agent, Draft};
use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::fhir;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_wire::error::ErrorCode;

use super::durable::until_durable;
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Form, Progress, Row};
use crate::shown::allergies::Allergies;
use crate::{short, shown};

pub(super) fn scopes(names: &[String]) -> Result<Scopes> {
    let mut scopes = Scopes::none();
    for name in names {
        let scope: Scope = name
            .parse()
            .map_err(|_| Fault::usage(format!("not a scope's name: {name}")))?;
        scopes.insert(scope);
    }
    Ok(scopes)
}

/// `add`.
pub(super) async fn add(here: &Here<'_>, args: &args::Add) -> Result<Exit> {
    add_for(here, args, None).await
}

/// The same into somebody else's record, by a mandate.
pub(super) async fn add_for(here: &Here<'_>, args: &args::Add, whom: Option<&str>) -> Result<Exit> {
    let chosen = scopes(&args.scope)?;
    let mut drafts = Vec::new();
    let mut left = Vec::new();
    let mut large = Vec::new();
    for file in &args.files {
        let beside = super::files::beside(file)?;
        if !beside.is_empty() && whom.is_none() {
            large.push((file, beside));
            continue;
        }
        let bytes = super::input::bytes(file)?;
        take(file, bytes, &chosen, &mut drafts, &mut left)?;
    }
    if drafts.is_empty() && large.is_empty() {
        return Err(Fault::of(ErrorCode::InputRefused).with("nothing in these files could be taken"));
    }
    let agent = here.open(true).await?;
    for (file, beside) in large {
        let mut draft = super::files::listed(here, &agent, DocumentKind::File, file, &beside).await?;
        draft.scopes = chosen.clone();
        drafts.push(draft);
    }
    let me = agent.me().await?.id;
    for draft in &mut drafts {
        draft.subject.get_or_insert(me);
    }
    let progress = Progress::start(here.out, "signing and keeping");
    let added = match whom {
        Some(whom) => agent.add_as(whom, drafts).await,
        None => agent.add(drafts).await,
    };
    drop(progress);
    let added = added?;
    let known = agent.documents().await?;
    here.out.list(&shown::documents(here.out, &added, &known), "")?;
    here.out.words(&summary(&added));
    for line in left {
        here.out.words(&line);
    }
    for document in &added {
        super::files::until_kept(here, &agent, document.id).await?;
    }
    here.let_go(agent).await;
    Ok(Exit::Done)
}

/// `61 documents: 4 allergies, 11 medication, ...`.
fn summary(added: &[DocumentView]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for scope in added.iter().flat_map(|d| &d.scopes) {
        *counts.entry(scope).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(scope, n)| format!("{n} {scope}")).collect();
    let colon = if parts.is_empty() { "" } else { ": " };
    format!("{} documents{colon}{}", added.len(), parts.join(", "))
}

/// One file as one or many documents: FHIR is taken apart into resources, anything else stays whole.
fn take(
    file: &Path,
    bytes: Vec<u8>,
    chosen: &Scopes,
    drafts: &mut Vec<Draft>,
    left: &mut Vec<String>,
) -> Result<()> {
    let extension = file
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_lowercase();
    let refused = |error: fhir::IntakeError| {
        Fault::of(ErrorCode::InputRefused).with(format!("{}: {error}", file.display()))
    };
    let intake = match extension.as_str() {
        "json" if super::written::looks_like_fhir(&bytes) => fhir::take_in(&bytes).map_err(refused)?,
        "ndjson" => fhir::take_in_lines(&bytes).map_err(refused)?,
        _ => {
            let title = file
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            let mut draft = Draft::new(
                DocumentKind::File,
                super::written::media_type(&extension, &bytes),
                &title,
                bytes,
            );
            draft.scopes = chosen.clone();
            drafts.push(draft);
            return Ok(());
        }
    };
    for proposal in intake.taken {
        let mut draft = Draft::new(proposal.kind, FHIR_JSON, proposal.title.as_str(), proposal.body);
        draft.scopes = if chosen.is_empty() {
            proposal.scopes
        } else {
            chosen.clone()
        };
        draft.sensitivity = proposal.sensitivity;
        draft.effective = proposal.effective;
        draft.language = proposal.language.map(|l| l.as_str().to_owned());
        drafts.push(draft);
    }
    for entry in intake.left {
        left.push(format!(
            "not taken: {} {}: {}",
            file.display(),
            entry.path,
            entry.why
        ));
    }
    Ok(())
}

/// `list`.
pub(super) async fn list(here: &Here<'_>, args: &args::List) -> Result<Exit> {
    let agent = here.open(false).await?;
    let known = agent.documents().await?;
    let wanted: Vec<DocumentView> = known
        .iter()
        .filter(|d| args.scope.as_ref().is_none_or(|s| d.scopes.contains(s)))
        .cloned()
        .collect();
    agent.close().await;
    here.out.list(
        &shown::documents(here.out, &wanted, &known),
        "nothing here: telesphor add FILE",
    )?;
    Ok(Exit::Done)
}

/// `inbox`.
pub(super) async fn inbox(here: &Here<'_>, args: &args::Inbox) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let about = match &args.about {
        Some(who) => Some(super::sharing::person(&agent, who).await?),
        None => None,
    };
    let from = match &args.from {
        Some(who) => Some(agent.contact(who).await?.id),
        None => None,
    };
    let known = agent.documents().await?;
    let wanted: Vec<DocumentView> = agent
        .inbox()
        .await?
        .into_iter()
        .filter(|d| !d.ended)
        .filter(|d| !args.unread || (!d.opened && !super::acts::is_taken_back(d)))
        .filter(|d| about.is_none() || d.subject == about)
        .filter(|d| from.is_none() || d.from == from)
        .collect();
    if let (Some(who), Some(id)) = (&args.about, about) {
        let of_patient = known.iter().filter(|d| d.subject == Some(id) && !d.ended);
        here.out
            .one(&Allergies::of(of_patient, stale.is_none() && !here.wait().is_zero()).row(who))?;
    }
    let nothing = if stale.is_some() {
        "nothing here; what came meanwhile is not loaded yet"
    } else {
        "nothing came"
    };
    here.out
        .list(&shown::documents(here.out, &wanted, &known), nothing)?;
    super::acts::summary(here, &wanted, &agent.sent().await?);
    here.finish(agent, stale).await
}

/// `read`: the text itself on stdout, what was checked on stderr.
pub(super) async fn read(here: &Here<'_>, args: &args::Read) -> Result<Exit> {
    read_for(here, args, None).await
}

async fn opened(agent: &Agent, id: &str, whom: Option<&str>) -> telesphor_agent::Result<Opened> {
    match whom {
        Some(whom) => agent.read_as(whom, id).await,
        None => agent.read(id).await,
    }
}

/// The same for somebody else, by a mandate.
pub(super) async fn read_for(here: &Here<'_>, args: &args::Read, whom: Option<&str>) -> Result<Exit> {
    for file in args.output.iter().chain(&args.tel) {
        super::identity::refuse_existing(file)?;
    }
    let agent = here.open(true).await?;
    let opened = match opened(&agent, &args.id, whom).await {
        // Somebody may have said the id of what is still on its way.
        Err(error) if error.code == ErrorCode::NotFound && !here.wait().is_zero() => {
            let _ = agent.settle(here.wait()).await;
            opened(&agent, &args.id, whom).await?
        }
        Err(error) if error.code == ErrorCode::Retracted => {
            let fault = super::acts::taken_back(here, &agent, &args.id).await?;
            agent.close().await;
            return Err(fault);
        }
        Err(error) if error.code == ErrorCode::LeaseOver => {
            let fault = match agent.ended(&args.id).await? {
                Some(end) => over(here, &end),
                None => Fault::from(error),
            };
            agent.close().await;
            return Err(fault);
        }
        other => other?,
    };
    if let Some(file) = &args.tel {
        super::identity::write_new(file, &agent.tel_file(&args.id).await?)?;
        here.out.words(&format!("written to {}", file.display()));
    }
    let exit = if opened.verdict.failed.is_some() {
        Exit::NotGenuine
    } else {
        Exit::Done
    };
    let id = opened.view.id.to_string();
    let letters = short::needed([id.as_str()]);
    let said = shown::acts::body_words(&opened);
    let text = said.as_deref().or(std::str::from_utf8(&opened.body).ok());
    if here.out.form == Form::Json {
        let row = shown::document(here.out, &opened.view, letters)
            .both("genuine", "", opened.verdict.failed.is_none(), "")
            .both("error", "", opened.verdict.failed.map(|c| c.to_string()), "")
            .both("checked", "", opened.verdict.lines.clone(), "");
        // What is not text can be had exactly with --output.
        let row = row.both("text", "", text, "");
        here.out.one(&shown::parts::of_verdict(row, &opened.verdict))?;
    } else {
        here.out.words(
            shown::document(here.out, &opened.view, letters)
                .to_lines()
                .trim_end(),
        );
        here.out
            .words(shown::verdict(&opened.verdict).to_lines().trim_end());
        if let Some(hand) = &opened.view.hand {
            here.out.words(&shown::ward::hand(here.out, &opened.view, hand));
        }
        super::acts::warn(here, &opened.view, letters);
    }
    let files = agent.files(&args.id).await.unwrap_or_default();
    if !files.is_empty() && here.out.form != Form::Json {
        here.out
            .words(&shown::files::words(&files, &short::cut(&id, letters)));
    }
    if let Some(file) = &args.output {
        super::identity::write_new(file, &opened.body)?;
        here.out.words(&format!("written to {}", file.display()));
    } else if here.out.form != Form::Json {
        match text {
            Some(text) if here.out.watched() || here.out.form == Form::Plain => {
                here.out.data(&telesphor_clinical::text::shown(text))?;
            }
            Some(text) if said.is_some() => here.out.data(text)?,
            None if here.out.watched() => here.out.words("not text: use --output FILE"),
            _ => here.out.bytes(&opened.body)?,
        }
    }
    here.let_go(agent).await;
    Ok(exit)
}

/// When and how access ended, in words.
fn over(here: &Here<'_>, end: &EndView) -> Fault {
    Fault::of(ErrorCode::LeaseOver)
        .with(shown::end_words(here.out, end))
        .then(format!("ask {} to share it again", end.alias))
}

/// `send`: done when durable.
pub(super) async fn send(here: &Here<'_>, args: &args::Send) -> Result<Exit> {
    let kind = DocumentKind::from_word(&args.kind).ok_or_else(|| {
        let words: Vec<&str> = DocumentKind::KNOWN.iter().map(|k| k.word()).collect();
        Fault::usage(format!(
            "no such kind: {}. There are: {}",
            args.kind,
            words.join(", ")
        ))
    })?;
    let scopes = scopes(&args.scope)?;
    let path = Path::new(&args.what);
    let from_file = args.what == "-" || path.is_file();
    let beside = super::files::beside(path)?;
    let body = if !beside.is_empty() {
        Some(Vec::new())
    } else if from_file {
        Some(super::input::bytes(path)?)
    } else {
        None
    };
    if body.is_none() && (args.urgent || args.ack_by.is_some()) {
        return Err(Fault::usage(
            "--urgent and --ack-by stand inside what is signed: a document that is here already goes as it is",
        ));
    }
    let agent = here.open(true).await?;
    let role = super::roles::addressed(&agent, args).await?;
    let name = role.as_ref().map_or(&args.who, |way| &way.to.organisation);
    let to = agent.contact(name).await?;
    super::sharing::refuse_unverified(here, &to, args.unverified)?;
    if let Some(way) = &role {
        super::roles::say_who(here, &agent, way).await?;
    }
    let ack_by = args.ack_by.map(|within| super::acts::by(here, within));
    if body.is_none() && !args.attach.is_empty() {
        return Err(Fault::usage(
            "--attach goes with something that is written now: a document that is here already goes as it is",
        ));
    }
    let sent = match body {
        Some(body) => {
            let mut draft = super::files::draft(here, &agent, kind, path, beside, body, &args.attach).await?;
            if let Some(title) = &args.title {
                draft.title.clone_from(title);
            }
            draft.subject = match (&args.about, &role) {
                (Some(who), _) => Some(super::sharing::person(&agent, who).await?),
                (None, None) => Some(to.id),
                // A role is nobody that anything could be about.
                (None, Some(_)) => None,
            };
            if !scopes.is_empty() {
                draft.scopes = scopes;
            }
            draft.urgent = args.urgent;
            draft.acknowledge_by = ack_by;
            match role {
                Some(way) => agent.send_to_role(way, draft).await,
                None => agent.send(&args.who, draft).await,
            }
            .map_err(super::files::not_given)?
        }
        None => {
            let document = agent.document(&args.what).await?;
            match role {
                Some(way) => {
                    let given = agent.give_to_role(way.to, document.id).await;
                    given.map_err(super::files::not_given)?
                }
                None => {
                    let given = agent.give(&args.who, vec![document.id]).await;
                    let mut sent = given.map_err(super::files::not_given)?;
                    sent.pop().ok_or_else(|| Fault::of(ErrorCode::AgentFault))?
                }
            }
        }
    };
    if let Some(ms) = ack_by {
        here.out
            .words(&format!("to be accepted by {}", here.out.exactly(ms)));
    }
    super::files::until_there(here, &agent, &sent).await?;
    until_durable(here, agent, sent).await
}

/// `sent`.
pub(super) async fn sent(here: &Here<'_>, args: &args::Sent) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let wanted = match &args.id {
        Some(id) => Some(agent.document(id).await?.id),
        None => None,
    };
    let known = agent.documents().await?;
    let ids: Vec<String> = known.iter().map(|d| d.id.to_string()).collect();
    let letters = short::needed(ids.iter().map(String::as_str));
    let rows: Vec<Row> = agent
        .sent()
        .await?
        .iter()
        .filter(|s| wanted.is_none_or(|id| s.document == id))
        .map(|s| shown::sent(here.out, s, letters))
        .collect();
    if wanted.is_some() && rows.is_empty() {
        return Err(Fault::of(ErrorCode::NotFound).with("this document was not sent to anybody"));
    }
    here.out.list(&rows, "nothing was sent")?;
    here.finish(agent, stale).await
}

/// `export`.
pub(super) async fn export(here: &Here<'_>, args: &args::Export) -> Result<Exit> {
    super::identity::refuse_existing(&args.folder)?;
    let agent = here.open(false).await?;
    let progress = Progress::start(here.out, "writing");
    let exported = agent.export(&args.folder, here.wait(), progress.counter()).await;
    drop(progress);
    let exported = exported?;
    here.out.one(&shown::exported(&exported))?;
    if exported.taken_back > 0 {
        here.out.words(&format!(
            "not in it: {} that their authors have taken back",
            exported.taken_back
        ));
    }
    for (name, code) in &exported.absent {
        here.out
            .words(&format!("not in it: {name} ({code}: {})", code.words()));
    }
    here.out
        .words("readable by anybody who gets the folder: keep it like the paper it replaces");
    agent.close().await;
    // Whoever gave a file an end, or took it back, is obeyed; what did not come may still come.
    let later = |code: &ErrorCode| matches!(code, ErrorCode::Unreachable | ErrorCode::FileNotTold);
    Ok(match exported.absent.iter().any(|(_, code)| later(code)) {
        true => Exit::NotYet,
        false => Exit::Done,
    })
}
