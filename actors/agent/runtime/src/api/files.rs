//! Large files of documents: sealed, fetched, written out.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use telesphor_clinical::blob::BlobRef;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::manifest::{self, Manifest};
use telesphor_vault::{Records, Table};
use telesphor_wire::blob::tree::{chunk_len, chunks};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};

use super::agent::Agent;
use crate::blobs::fetch::{FileFault, Progress, blocking, fetch};
use crate::blobs::open::{Opening, Signed, read_some};
use crate::blobs::record::{refs, state, wanted};
use crate::blobs::seal::{FileToSeal, SealedFiles, seal_all};
use crate::blobs::shelf::{Shelf, io};
use crate::blobs::source::Source;
use crate::blobs::task::{self, credential};
use crate::core::Core;
use crate::core::records::Held;
use crate::documents::show::find;
use crate::error::{Error, Result};
use crate::exchange::file::FarFiles;
use crate::link::Credential;
use crate::views::FileView;

/// Before a line that broke, or a relay that had no place, is tried again.
const AGAIN: Duration = Duration::from_millis(300);

/// What is needed to fetch one file.
struct Wanted {
    at: BlobRef,
    signed: Signed,
    mailbox: MailboxId,
    /// The right by which it is fetched at home. `None`: the mailbox is at another domain.
    by: Option<Credential>,
    shelf: Shelf,
}

impl Agent {
    /// Seals files beside the vault, for one document ([`crate::Draft::files`]). Each is read
    /// once, in pieces. `progress` hears how many bytes were read, of how many.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`], [`ErrorCode::InputRefused`] for an empty file or one that changes
    /// while it is read, [`ErrorCode::LocalIo`], [`ErrorCode::LocalDiskFull`].
    pub async fn seal_files(
        &self,
        files: Vec<FileToSeal>,
        progress: impl Fn(u64, u64) + Send + Sync + 'static,
    ) -> Result<SealedFiles> {
        let shelf = self.shared.work(|core| Ok(core.shelf())).await?;
        blocking(move || seal_all(&shelf, &files, &progress)).await
    }

    /// The files of a document.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn files(&self, what: &str) -> Result<Vec<FileView>> {
        let what = what.to_owned();
        self.shared
            .work(move |core| {
                let snapshot = core.read()?;
                let kept = find(&snapshot, &what)?;
                let at = refs(&snapshot, &kept.id)?.unwrap_or_default();
                let shelf = core.shelf();
                let file = |(index, part): (usize, &telesphor_clinical::header::Part)| FileView {
                    index,
                    name: part.name.as_str().to_owned(),
                    media_type: part.media_type.as_str().to_owned(),
                    size: part.size,
                    told: at.get(index).is_some(),
                    here: at.get(index).is_some_and(|at| shelf.has(&at.address)),
                };
                Ok(kept.header.parts.iter().enumerate().map(file).collect())
            })
            .await
    }

    /// Fetches a file of a document, if it is not here, and writes it into a new file. A line that breaks is opened again, as long as something
    /// moves; `wait` bounds the time without. `progress` hears how many bytes have come, of how many.
    ///
    /// # Errors
    /// [`FileFault`]: [`ErrorCode::FileNotTold`], [`ErrorCode::FileChanged`] with the piece,
    /// [`ErrorCode::BlobAbsent`], [`ErrorCode::LeaseOver`]: nothing is left then. Where only the line
    /// is missing, what came stays as `NAME.part`, and the same call goes on behind it.
    pub async fn fetch(
        &self,
        what: &str,
        index: usize,
        to: &Path,
        wait: Duration,
        progress: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<(), FileFault> {
        let what = what.to_owned();
        let wanted = self
            .shared
            .work(move |core| wanted_file(core, &what, index))
            .await?;
        if to.exists() {
            return Err(Error::of(ErrorCode::AlreadyThere).into());
        }
        let (mut done, went_on) = self.come(&wanted, to, wait, &progress).await;
        if went_on
            && done
                .as_ref()
                .is_err_and(|f| f.error.code == ErrorCode::FileChanged)
        {
            // Somebody has written into what lay here from before: that is not its author's fault.
            std::fs::remove_file(part(to)).map_err(|e| io(&e))?;
            (done, _) = self.come(&wanted, to, wait, &progress).await;
        }
        // What was found good stays, and the same call goes on behind it, unless one may no more fetch it.
        if done.as_ref().is_err_and(|f| !may_come(f.error.code)) {
            let _ = std::fs::remove_file(part(to));
        }
        done
    }

    /// Until it is whole; and whether some of it lay here from before.
    async fn come(
        &self,
        wanted: &Wanted,
        to: &Path,
        wait: Duration,
        progress: Progress<'_>,
    ) -> (Result<(), FileFault>, bool) {
        let mut opening = match begin(wanted, to).await {
            Ok(opening) => Some(opening),
            Err(fault) => return (Err(fault), false),
        };
        let went_on = opening.as_ref().is_some_and(Opening::went_on);
        let came = match wanted.shelf.has(&wanted.at.address) {
            true => from_shelf(wanted, &mut opening).await,
            false => self.fetch_all(wanted, &mut opening, wait, progress).await,
        };
        let done = match (came, opening) {
            (Ok(()), Some(opening)) => end(opening, to).await,
            (Ok(()), None) => Err(Error::fault("fetch").into()),
            (Err(fault), _) => Err(fault),
        };
        (done, went_on)
    }

    /// Until it is here, or nothing has moved for so long.
    async fn fetch_all(
        &self,
        wanted: &Wanted,
        opening: &mut Option<Opening>,
        wait: Duration,
        progress: Progress<'_>,
    ) -> Result<(), FileFault> {
        let moved = Mutex::new((0, Instant::now()));
        let watched = |done: u64, all: u64| {
            let mut moved = moved.lock().unwrap_or_else(PoisonError::into_inner);
            if done > moved.0 {
                *moved = (done, Instant::now());
            }
            progress(done, all);
        };
        loop {
            let fetched = async {
                let mut source = match &wanted.by {
                    Some(by) => Source::Home(Box::new(task::link(&self.shared).await?), by),
                    None => Source::Elsewhere(FarFiles::new(self.shared.clone())),
                };
                fetch(&mut source, wanted.mailbox, &wanted.at, opening, &watched).await
            };
            let fault = match fetched.await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            let since = moved.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed();
            if !is_passing(fault.error.code) || since >= wait {
                return Err(fault);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Erases the files of a document that one keeps: their keys, their ciphertext on this machine,
    /// and at the relay as soon as it is asked. The document itself stays. Gives how many there were.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], or as the vault says.
    pub async fn erase_files(&self, what: &str) -> Result<(DocumentId, usize)> {
        let what = what.to_owned();
        self.shared
            .change(move |core| {
                let document = find(&core.read()?, &what)?.id;
                core.write(|ctx| Ok((document, ctx.erase_parts_everywhere(&document)?)))
            })
            .await
    }

    /// Waits until the relay keeps the files of a document and everybody who is to have them was
    /// told. `progress` hears how many bytes are there, of how many. Goes on as long as something
    /// moves; `wait` bounds the time without.
    ///
    /// # Errors
    /// The last failure, or [`ErrorCode::NotYetDurable`]: it goes on by itself.
    pub async fn wait_files(
        &self,
        document: DocumentId,
        wait: Duration,
        progress: impl Fn(u64, u64),
    ) -> Result<()> {
        self.wait_parts(Some(document), wait, progress).await
    }

    /// The same for everything that is to be done with files here, but for what no waiting changes.
    ///
    /// # Errors
    /// As [`Agent::wait_files`].
    pub async fn wait_all_files(&self, wait: Duration, progress: impl Fn(u64, u64)) -> Result<()> {
        self.wait_parts(None, wait, progress).await
    }

    async fn wait_parts(
        &self,
        only: Option<DocumentId>,
        wait: Duration,
        progress: impl Fn(u64, u64),
    ) -> Result<()> {
        let mut changes = self.shared.changes();
        let mut last = (OnTheWay::default(), Instant::now());
        loop {
            let now = self
                .shared
                .work(move |core| OnTheWay::look(core, only.as_ref()))
                .await?;
            if now.have != last.0.have || now.wanted != last.0.wanted {
                last = (now, Instant::now());
                progress(now.have.0, now.have.1);
            }
            let left = wait.saturating_sub(last.1.elapsed());
            // What no waiting changes is said at once.
            if now.wanted == now.given_up || left.is_zero() {
                return match (now.failure, now.wanted) {
                    (_, 0) => Ok(()),
                    (Some(code), _) => Err(code.into()),
                    (None, _) => Err(ErrorCode::NotYetDurable.into()),
                };
            }
            let _ = tokio::time::timeout(left, changes.changed()).await;
        }
    }
}

/// What is still to be done with files.
#[derive(Clone, Copy, Debug, Default)]
struct OnTheWay {
    wanted: usize,
    /// Of those, how many failed in a way that waiting does not change.
    given_up: usize,
    failure: Option<ErrorCode>,
    /// Bytes that have come to the relay, of how many.
    have: (u64, u64),
}

impl OnTheWay {
    fn look(core: &mut Core, only: Option<&DocumentId>) -> Result<Self> {
        let snapshot = core.read()?;
        let mut now = Self::default();
        for (_, want) in wanted(&snapshot)? {
            if only.is_some_and(|only| *only != want.document) {
                continue;
            }
            now.wanted += 1;
            let Some(code) = core.index.parts_failures.get(&want.document) else {
                continue;
            };
            use ErrorCode::{BlobBusy, BlobNotYetDurable, Draining, Unreachable};
            now.failure = Some(*code);
            now.given_up += usize::from(!matches!(
                code,
                Unreachable | BlobBusy | BlobNotYetDurable | Draining
            ));
        }
        let sum = |sum: (u64, u64), one: &(u64, u64)| (sum.0 + one.0, sum.1 + one.1);
        now.have = match only {
            None => core.index.parts_have.values().fold((0, 0), sum),
            Some(document) => refs(&snapshot, document)?
                .unwrap_or_default()
                .iter()
                .filter_map(|at| core.index.parts_have.get(&at.address))
                .fold((0, 0), sum),
        };
        Ok(now)
    }
}

fn wanted_file(core: &mut Core, what: &str, index: usize) -> Result<Wanted> {
    let snapshot = core.read()?;
    let kept = find(&snapshot, what)?;
    let part = kept
        .header
        .parts
        .get(index)
        .ok_or(Error::of(ErrorCode::NotFound))?;
    let bytes = snapshot.body(&kept.id)?;
    if kept.until.is_some_and(|until| until < (core.clock)()) || bytes.is_none() {
        return Err(ErrorCode::LeaseOver.into());
    }
    let at = refs(&snapshot, &kept.id)?.ok_or(Error::of(ErrorCode::FileNotTold))?;
    let at = at.get(index).cloned().ok_or(Error::fault("parts"))?;
    let state = state(&snapshot, &kept.id)?;
    let own = core.profile.own.ok_or(Error::fault("own mailbox"))?;
    let mailbox = match (state.kept, state.from) {
        (false, Some(from)) => from,
        _ => own,
    };
    let held: Option<Held> = snapshot.get_value(Table::Mailboxes, &mailbox.0)?;
    let held = held.ok_or(Error::of(ErrorCode::LeaseOver))?;
    let elsewhere = held.domain != *core.profile.domain();
    let by = credential(core, &held)?.ok_or(Error::of(ErrorCode::LeaseOver))?;
    let by = (!elsewhere).then_some(by);
    let document = SignedDocument::from_bytes(&bytes.map(|b| b.to_vec()).unwrap_or_default())
        .map_err(|e| Error::of(e.code()))?;
    let pieces = match kept.header.format.as_str() == manifest::FORMAT {
        true => Some(Manifest::from_bytes(&document.body).map_err(|e| Error::of(e.code()))?),
        false => None,
    };
    let signed = Signed {
        seed: document.seed.clone(),
        index: u32::try_from(index).map_err(|_| Error::of(ErrorCode::NotFound))?,
        part: part.clone(),
        pieces: pieces
            .map(|m| {
                m.files
                    .into_iter()
                    .nth(index)
                    .ok_or(Error::of(ErrorCode::FileChanged))
            })
            .transpose()?,
    };
    Ok(Wanted {
        at,
        signed,
        mailbox,
        by,
        shelf: core.shelf(),
    })
}

/// Another asking may find it otherwise, and nothing is wrong with what came.
const fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Unreachable
            | ErrorCode::NotDelivered
            | ErrorCode::BlobBusy
            | ErrorCode::BlobNotYetDurable
            | ErrorCode::Draining
    )
}

/// The same call may end otherwise later; what came of it is right.
const fn may_come(code: ErrorCode) -> bool {
    is_passing(code) || matches!(code, ErrorCode::BlobChanged | ErrorCode::BlobDamaged)
}

/// Its name until it is whole: whoever is killed leaves nothing that looks like it.
pub(super) fn part(to: &Path) -> PathBuf {
    let mut next = to.as_os_str().to_owned();
    next.push(".part");
    PathBuf::from(next)
}

async fn begin(wanted: &Wanted, to: &Path) -> Result<Opening, FileFault> {
    let (at, signed, next) = (wanted.at.clone(), wanted.signed.clone(), part(to));
    let begun = tokio::task::spawn_blocking(move || {
        let out = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&next)
            .map_err(|e| io(&e))?;
        Opening::begin(&at, &signed, out)
    });
    begun.await.map_err(|_| Error::fault("fetch"))?
}

async fn end(opening: Opening, to: &Path) -> Result<(), FileFault> {
    let (next, to) = (part(to), to.to_owned());
    let ended = tokio::task::spawn_blocking(move || {
        opening.finish()?;
        std::fs::rename(&next, &to).map_err(|e| io(&e).into())
    });
    ended.await.map_err(|_| Error::fault("fetch"))?
}

/// Opens what was sealed here.
async fn from_shelf(wanted: &Wanted, opening: &mut Option<Opening>) -> Result<(), FileFault> {
    let (shelf, at) = (wanted.shelf.clone(), wanted.at.clone());
    let mut out = opening.take().ok_or(Error::fault("fetch"))?;
    let opened = tokio::task::spawn_blocking(move || {
        let mut file = shelf.read(&at.address, out.next())?;
        let mut chunk = Vec::new();
        while out.next() < chunks(at.length) {
            read_some(&mut file, chunk_len(at.length, out.next()), &mut chunk)?;
            out.take(&mut chunk)?;
        }
        Ok::<_, FileFault>(out)
    });
    *opening = Some(opened.await.map_err(|_| Error::fault("fetch"))??);
    Ok(())
}
