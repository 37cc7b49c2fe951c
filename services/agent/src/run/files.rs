//! Large files: sent beside a document or kept in one's record, fetched, erased.

use std::io::Read;
use std::path::{Path, PathBuf};

use telesphor_agent::views::{FileView, SentView};
use telesphor_agent::{Agent, Draft, FileToSeal};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::limits::MAX_PARTS;
use telesphor_clinical::{dicom, manifest};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::shown::files::bytes;

/// A file above this travels in chunks beside its document, which then is a list of their hashes.
const LARGE: u64 = 768 * 1024;

/// The files that travel beside a document of their own: those of a folder, a scan of any size,
/// and whatever is too large to stand in a document. Empty for anything else.
pub(super) fn beside(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_dir() {
        return all_in(path);
    }
    let scan = || dicom::is_dicom(&head(path));
    match path.metadata().is_ok_and(|m| m.is_file()) && (is_large(path) || scan()) {
        true => Ok(vec![path.to_owned()]),
        false => Ok(Vec::new()),
    }
}

fn is_large(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.len() > LARGE)
}

fn all_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    match files.len() {
        0 => Err(Fault::of(ErrorCode::InputRefused).with("there is no file in this folder")),
        n if n > MAX_PARTS => Err(Fault::of(ErrorCode::TooMany).with(format!(
            "{n} files are in this folder; one document has at most {MAX_PARTS}: send it in parts"
        ))),
        _ => Ok(files),
    }
}

/// The beginning of a file; nothing if it cannot be read, which is found when it is sealed.
fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(dicom::HEAD_BYTES).read_to_end(&mut head);
    }
    head
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "file".into())
}

fn to_seal(path: &Path) -> FileToSeal {
    let head = head(path);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let media_type = match dicom::is_dicom(&head) {
        true => "application/dicom",
        // What does not say by its name what it is, is bytes.
        false => super::written::media_type(&extension.to_lowercase(), &[0xff]),
    };
    FileToSeal {
        path: path.to_owned(),
        name: name_of(path),
        media_type: media_type.to_owned(),
        facts: dicom::facts(&head),
    }
}

/// A document that is a signed list of these files, sealed.
pub(super) async fn listed(
    here: &Here<'_>,
    agent: &Agent,
    kind: DocumentKind,
    path: &Path,
    files: &[PathBuf],
) -> Result<Draft> {
    let sealed = sealed(here, agent, files).await?;
    let mut draft = Draft::new(kind, manifest::FORMAT, &name_of(path), sealed.manifest());
    draft.files = Some(sealed);
    Ok(draft)
}

async fn sealed(here: &Here<'_>, agent: &Agent, files: &[PathBuf]) -> Result<telesphor_agent::SealedFiles> {
    let progress = Progress::start(here.out, "sealing");
    let files = files.iter().map(|path| to_seal(path)).collect();
    let sealed = agent.seal_files(files, progress.counter()).await;
    drop(progress);
    Ok(sealed?)
}

/// What is to be sent, with the files that go with it sealed.
pub(super) async fn draft(
    here: &Here<'_>,
    agent: &Agent,
    kind: DocumentKind,
    path: &Path,
    beside: Vec<PathBuf>,
    body: Vec<u8>,
    attached: &[PathBuf],
) -> Result<Draft> {
    if !beside.is_empty() {
        return listed(here, agent, kind, path, &[&beside, attached].concat()).await;
    }
    let mut draft = super::written::draft(kind, path, body)?;
    if !attached.is_empty() {
        draft.files = Some(sealed(here, agent, attached).await?);
    }
    Ok(draft)
}

/// Why something was not given. What cannot go to another hospital for good is its files.
pub(super) fn not_given(error: telesphor_agent::Error) -> Fault {
    let fault = Fault::from(error);
    match fault.code {
        ErrorCode::NotForwardable => fault
            .with("files are not given for good to another hospital; what is shown there is fetched from here, its files too")
            .then("telesphor share WHAT --with WHO --until WHEN --why TEXT"),
        _ => fault,
    }
}

/// Waits until the relay keeps the files of what is sent, as long as anything moves.
pub(super) async fn until_there(here: &Here<'_>, agent: &Agent, sent: &SentView) -> Result<()> {
    until_kept(here, agent, sent.document).await
}

/// The same of a document of one's own.
pub(super) async fn until_kept(here: &Here<'_>, agent: &Agent, document: DocumentId) -> Result<()> {
    if agent.files(&document.to_string()).await?.is_empty() {
        return Ok(());
    }
    let progress = Progress::start(here.out, "the relay is taking the files");
    let there = agent.wait_files(document, here.wait(), progress.counter()).await;
    drop(progress);
    there.map_err(|error| Fault::from(error).then("telesphor sync: the files go on from where they stopped"))
}

/// Waits for whatever files are on their way, as long as anything moves.
pub(super) async fn all_there(here: &Here<'_>, agent: &Agent) -> Result<()> {
    let progress = Progress::start(here.out, "files are on their way");
    let there = agent.wait_all_files(here.wait(), progress.counter()).await;
    drop(progress);
    there.map_err(|error| Fault::from(error).with("some files are still on their way"))
}

/// `fetch`.
pub(super) async fn fetch(here: &Here<'_>, args: &args::Fetch) -> Result<Exit> {
    let agent = here.open(true).await?;
    let files = agent.files(&args.id).await?;
    if args.list {
        let rows: Vec<Row> = files.iter().map(crate::shown::files::row).collect();
        here.out.list(&rows, "this document has no files")?;
        here.let_go(agent).await;
        return Ok(Exit::Done);
    }
    let meant = |file: &&FileView| {
        let number = file.index.to_string();
        args.only
            .as_ref()
            .is_none_or(|only| *only == file.name || *only == number)
    };
    let files: Vec<&FileView> = files.iter().filter(meant).collect();
    if files.is_empty() {
        return Err(Fault::of(ErrorCode::NotFound).with("this document has no such file"));
    }
    std::fs::create_dir_all(&args.into)?;
    let mut rows = Vec::new();
    for file in files {
        let to = args.into.join(file.local_name());
        let progress = Progress::start(here.out, &format!("fetching {}", file.name));
        let fetched = agent
            .fetch(&args.id, file.index, &to, here.wait(), progress.counter())
            .await;
        drop(progress);
        fetched.map_err(|fault| {
            let words = fault
                .piece
                .map(|n| format!("{}, at piece {n} of 256 KiB", file.name));
            let told = Fault::from(fault.error);
            match (words, told.code) {
                (Some(words), _) => told.with(words),
                (None, ErrorCode::NotDelivered) => told
                    .with("the other hospital does not answer now")
                    .then(format!("telesphor fetch {}", args.id)),
                (None, _) => told,
            }
        })?;
        let (place, size) = (to.display().to_string(), file.size);
        let row =
            Row::new()
                .both("file", "FILE", place.clone(), &place)
                .both("size", "SIZE", size, &bytes(size));
        rows.push(row);
    }
    here.out.list(&rows, "")?;
    here.let_go(agent).await;
    Ok(Exit::Done)
}

/// `erase`.
pub(super) async fn erase(here: &Here<'_>, args: &args::Erase) -> Result<Exit> {
    let agent = here.open(true).await?;
    let (document, count) = agent.erase_files(&args.id).await?;
    if count == 0 {
        return Err(Fault::of(ErrorCode::NotFound).with("no files of this document are kept by you"));
    }
    let gone = agent.wait_files(document, here.wait(), |_, _| {}).await;
    let row = Row::new()
        .both(
            "document",
            "Document",
            document.to_string(),
            &document.to_string(),
        )
        .both("files", "Files erased", count, &count.to_string())
        .both(
            "relay",
            "At the relay",
            gone.is_ok(),
            if gone.is_ok() {
                "out of your mailbox"
            } else {
                "asked; not yet"
            },
        );
    here.out.one(&row)?;
    here.out.words(
        "Their keys are destroyed. Whoever was given them for good keeps a copy; the document itself stays.",
    );
    here.let_go(agent).await;
    match gone {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync")),
    }
}
