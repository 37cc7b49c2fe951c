//! Large files of documents: sealed, fetched, written out.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::manifest::{self, Manifest};
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};

use super::agent::Agent;
use crate::blobs::fetch::{FileFault, Progress, blocking, fetch};
use crate::blobs::open::{Came, Signed, Until, open_into};
use crate::blobs::record::{refs, state, wanted};
use crate::blobs::seal::{FileToSeal, SealedFiles, seal_all};
use crate::blobs::shelf::{Shelf, io};
use crate::blobs::task::{self, credential};
use crate::core::Core;
use crate::core::records::Held;
use crate::documents::show::find;
use crate::error::{Error, Result};
use crate::link::Credential;
use crate::views::FileView;

/// Before a line that broke, or a relay that had no place, is tried again.
const AGAIN: Duration = Duration::from_millis(300);

/// What is needed to fetch one file.
struct Wanted {
    at: telesphor_clinical::blob::BlobRef,
    signed: Signed,
    mailbox: MailboxId,
    by: Credential,
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

    /// Fetches a file of a document, if it is not here, and writes it into a new file. What has
    /// come stays when it is interrupted. A line that breaks is opened again, as long as something
    /// moves; `wait` bounds the time without. `progress` hears how many bytes have come, of how many.
    ///
    /// # Errors
    /// [`FileFault`]: [`ErrorCode::FileNotTold`], [`ErrorCode::FileChanged`] with the piece,
    /// [`ErrorCode::BlobAbsent`], [`ErrorCode::LeaseOver`]. No file is left then.
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
        let wanted = Arc::new(wanted);
        let came = Arc::new(Came::default());
        let coming = async {
            let _until = Until(came.clone());
            if wanted.shelf.has(&wanted.at.address) {
                came.so_far(u64::MAX);
                return Ok(());
            }
            self.fetch_all(&wanted, &came, wait, &progress).await
        };
        let (opened, told, to) = (wanted.clone(), came.clone(), to.to_owned());
        let mut opening = tokio::task::spawn_blocking(move || write_out(&opened, &told, &to));
        let written = tokio::select! {
            fetched = coming => {
                let written = opening.await;
                fetched?;
                written
            }
            // Something is wrong with what came, or it was quicker than the last word of the line.
            written = &mut opening => written,
        };
        written.map_err(|_| Error::fault("fetch"))?
    }

    /// Until it is here, or nothing has moved for so long.
    async fn fetch_all(
        &self,
        wanted: &Wanted,
        came: &Arc<Came>,
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
                let mut link = task::link(&self.shared).await?;
                let (by, shelf) = (&wanted.by, &wanted.shelf);
                fetch(&mut link, by, shelf, wanted.mailbox, &wanted.at, came, &watched).await
            };
            let fault = match fetched.await {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            let again = matches!(
                fault.error.code,
                ErrorCode::Unreachable | ErrorCode::BlobBusy | ErrorCode::BlobNotYetDurable
            );
            let since = moved.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed();
            if !again || since >= wait {
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
    let by = credential(core, &held)?.ok_or(Error::of(ErrorCode::LeaseOver))?;
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

fn write_out(wanted: &Wanted, came: &Came, to: &Path) -> Result<(), FileFault> {
    // Under another name until it is whole: whoever is killed leaves nothing that looks like it.
    let mut next = to.as_os_str().to_owned();
    next.push(".part");
    let next = PathBuf::from(next);
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next);
    let mut out = made.map_err(|e| io(&e))?;
    let done = open_into(&wanted.shelf, came, &wanted.at, &wanted.signed, &mut out)
        .and_then(|()| out.sync_all().map_err(|e| io(&e).into()))
        .and_then(|()| std::fs::rename(&next, to).map_err(|e| io(&e).into()));
    match done.is_ok() {
        // What came is not needed any more; what was sealed here stays.
        true => wanted.shelf.let_go(&wanted.at.address),
        // What was written is right, but not the whole.
        false => _ = std::fs::remove_file(&next),
    }
    done
}
