//! `export`: all of mine, in a folder that proves itself.
//!
//! ```text
//! folder
//!   manifest.bin            canonical SignedExportManifest: every .tel and large file, with its document's id
//!   history.bin             the owner's key history, canonical
//!   documents/0001.tel ...  each document with its proofs
//!   originals/0001.json ... the bytes as they were taken in, for any other program
//!   files/0001/000-ct.dcm   large files of that document, which its signature covers
//!   index.html              what there is, for any browser
//!   SHA256SUMS              of all of it, for `sha256sum --check`
//! ```

use std::path::{Component, Path};
use std::time::Duration;

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::statement::PartHasher;
use telesphor_clinical::sums::{html, sha256, sha256_of};
use telesphor_identity::bundle::Bundle;
use telesphor_identity::export::{ExportManifest, SignedExportManifest};
use telesphor_identity::history::History;
use telesphor_identity::limits::MAX_BUNDLE_BYTES;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use crate::acts::standing::standing_of;
use crate::blobs::fetch::blocking;
use crate::core::Ctx;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::people;
use crate::views::{Exported, FileView, StandingView};

/// A folder that is being written.
struct Writing {
    written: Exported,
    sums: String,
    /// One document each, as on the page.
    rows: Vec<String>,
    named: Vec<(String, DocumentId)>,
    /// Large files that are still to come.
    large: Vec<Large>,
}

struct Large {
    /// Its document's place among the rows.
    row: usize,
    document: DocumentId,
    index: usize,
    /// Where it goes.
    name: String,
    /// How its author calls it.
    called: String,
}

impl Agent {
    /// Writes everything of the record into a new folder. Large files that are not on this machine
    /// are fetched; `wait` bounds the time in which nothing of one comes, and those that do not come
    /// are named in [`Exported::absent`]. `progress` hears how much of one has come.
    ///
    /// # Errors
    /// `LocalIo` if the folder exists already or cannot be written; `LocalDiskFull`.
    pub async fn export(
        &self,
        folder: &Path,
        wait: Duration,
        progress: impl Fn(u64, u64) + Send + Sync,
    ) -> Result<Exported> {
        let at = folder.to_owned();
        let mut writing = self
            .shared
            .work(move |core| core.write(|ctx| ctx.export_documents(&at)))
            .await?;
        let mut wait = wait;
        for large in std::mem::take(&mut writing.large) {
            let to = folder.join(&large.name);
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).map_err(io)?;
            }
            let what = large.document.to_string();
            match self.fetch(&what, large.index, &to, wait, &progress).await {
                Ok(()) => {
                    let sum = blocking(move || {
                        let mut file = std::fs::File::open(&to).map_err(io)?;
                        let bytes = file.metadata().map_err(io)?.len();
                        Ok((sha256_of(&mut file).map_err(io)?, bytes))
                    });
                    writing.has(large, sum.await?);
                }
                Err(fault) => match fault.error.code {
                    code @ (ErrorCode::LocalIo | ErrorCode::LocalDiskFull) => return Err(code.into()),
                    code => {
                        // Nobody waits as long again for each of the others.
                        if code == ErrorCode::Unreachable {
                            wait = Duration::ZERO;
                        }
                        writing.lacks(&large, code);
                        let _ = std::fs::remove_file(super::files::part(&to));
                        if let Some(parent) = to.parent() {
                            // Only if nothing else came into it.
                            let _ = std::fs::remove_dir(parent);
                        }
                    }
                },
            }
        }
        let at = folder.to_owned();
        self.shared
            .work(move |core| core.write(|ctx| ctx.seal_export(&at, writing)))
            .await
    }

    /// Whether a large file of an exported folder is the one that its document's author signed;
    /// `name` is as in the owner's list. Whether the document is genuine is another question.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if it is not there or no such name can be; faults of the disk.
    pub async fn exported_file(&self, folder: &Path, name: &str) -> Result<bool> {
        let (folder, name) = (folder.to_owned(), name.to_owned());
        blocking(move || same_file(&folder, &name)).await
    }
}

fn same_file(folder: &Path, name: &str) -> Result<bool> {
    let absent = || Error::of(ErrorCode::NotFound);
    let parts: Vec<&str> = Path::new(name)
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    let ["files", number, file] = parts[..] else {
        return Err(absent());
    };
    let index: usize = file.get(..3).and_then(|n| n.parse().ok()).ok_or_else(absent)?;
    let tel = std::fs::read(folder.join(format!("documents/{number}.tel"))).map_err(|_| absent())?;
    let bundle = Bundle::from_file(&tel).map_err(|e| Error::of(e.code()))?;
    let document = SignedDocument::from_bytes(&bundle.document).map_err(|e| Error::of(e.code()))?;
    let part = document.header.parts.get(index).ok_or_else(absent)?;
    let at = folder.join("files").join(number).join(file);
    let mut here = std::fs::File::open(at).map_err(|_| absent())?;
    if here.metadata().map_err(io)?.len() != part.size {
        return Ok(false);
    }
    let number = u32::try_from(index).map_err(|_| absent())?;
    let mut hasher = PartHasher::new(&document.seed, number, part.size);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match std::io::Read::read(&mut here, &mut piece).map_err(io)? {
            0 => return Ok(hasher.finish() == part.hash),
            n => hasher.update(piece.get(..n).unwrap_or_default()),
        }
    }
}

impl Agent {
    /// What an exported folder must hold, by its owner's signed word: name and document of every
    /// `.tel` and every large file. `history` is the owner's, as it lies beside the manifest.
    ///
    /// # Errors
    /// `InputRefused`; why the word is not the owner's.
    pub async fn exported(&self, manifest: Vec<u8>, history: Vec<u8>) -> Result<Vec<(String, DocumentId)>> {
        self.look(move |_, profile| {
            let refused = |_| Error::of(ErrorCode::InputRefused);
            let signed: SignedExportManifest =
                canonical::decode_bounded(&manifest, MAX_BUNDLE_BYTES).map_err(refused)?;
            let history = History::from_bytes(&history).map_err(|e| Error::of(e.code()))?;
            let history = history
                .verify(&people::domains(profile))
                .map_err(|e| Error::of(e.code()))?;
            let said = SignerSaid {
                identity: &signed.manifest.owner,
                head: &signed.manifest.head,
                endpoint: &signed.manifest.endpoint,
            };
            history
                .check_signed(
                    said,
                    Judged::now(signed.manifest.at),
                    &signed.manifest,
                    &signed.signature,
                )
                .map_err(|e| Error::of(e.code()))?;
            Ok(signed.manifest.documents)
        })
        .await
    }
}

impl Writing {
    /// A large file has come.
    fn has(&mut self, large: Large, (sum, bytes): (String, u64)) {
        self.written.files += 1;
        self.written.bytes += bytes;
        self.sums.push_str(&format!("{sum}  {}\n", large.name));
        if let Some(row) = self.rows.get_mut(large.row) {
            let way = html(&large.name);
            row.push_str(&format!("<br><a href=\"{way}\">{}</a>", html(&large.called)));
        }
        self.named.push((large.name, large.document));
    }

    /// It has not.
    fn lacks(&mut self, large: &Large, code: ErrorCode) {
        if let Some(row) = self.rows.get_mut(large.row) {
            let called = html(&large.called);
            row.push_str(&format!(
                "<br>not here: {called} ({code}: {})",
                html(code.words())
            ));
        }
        self.written.absent.push((large.called.clone(), code));
    }
}

impl Ctx<'_, '_> {
    fn export_documents(&mut self, folder: &Path) -> Result<Writing> {
        let (documents, originals) = (folder.join("documents"), folder.join("originals"));
        std::fs::create_dir(folder).map_err(io)?;
        std::fs::create_dir(&documents).map_err(io)?;
        std::fs::create_dir(&originals).map_err(io)?;
        let people = People::load(self.tx, &self.profile)?;
        let mut writing = Writing {
            written: Exported {
                folder: folder.to_owned(),
                documents: 0,
                files: 0,
                bytes: 0,
                taken_back: 0,
                absent: Vec::new(),
            },
            sums: String::new(),
            rows: Vec::new(),
            named: Vec::new(),
            large: Vec::new(),
        };
        for kept in all_kept(self.tx)? {
            // What its author took back is not carried further; that it was, is.
            let standing = standing_of(self.tx, &self.profile, &kept.id, &kept.header.author)?;
            if kept.way != Way::Own && matches!(standing, StandingView::Retracted(_)) {
                writing.written.taken_back += 1;
                continue;
            }
            let Ok(bytes) = self.document_bytes(&kept.id) else {
                continue;
            };
            let n = writing.named.len() + 1;
            let name = format!("documents/{n:04}.tel");
            let file = self.bundle(&kept, &bytes)?.to_file();
            write((folder, &name), &file, &mut writing)?;
            let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
            let ending = ending(kept.header.format.as_str());
            let original = format!("originals/{n:04}.{ending}");
            write((folder, &original), &document.body, &mut writing)?;
            for (index, part) in kept.header.parts.iter().enumerate() {
                let file = FileView {
                    index,
                    name: part.name.as_str().to_owned(),
                    media_type: String::new(),
                    size: part.size,
                    told: false,
                    here: false,
                };
                writing.large.push(Large {
                    row: writing.rows.len(),
                    document: kept.id,
                    index,
                    name: format!("files/{n:04}/{index:03}-{}", file.local_name()),
                    called: file.name,
                });
            }
            writing.rows.push(row(&kept, &people, &original, &name));
            writing.named.push((name, kept.id));
        }
        writing.written.documents = writing.named.len();
        Ok(writing)
    }

    fn seal_export(&mut self, folder: &Path, mut writing: Writing) -> Result<Exported> {
        let manifest = ExportManifest {
            version: telesphor_identity::limits::VERSION,
            owner: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            at: self.now,
            documents: std::mem::take(&mut writing.named),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&manifest);
        let signed = canonical::encode(&SignedExportManifest { manifest, signature });
        write((folder, "manifest.bin"), &signed, &mut writing)?;
        write((folder, "history.bin"), &self.my_history()?, &mut writing)?;
        let page = page(&self.profile.name, &writing.rows.join("\n"));
        write((folder, "index.html"), page.as_bytes(), &mut writing)?;
        let sums = writing.sums.clone();
        write((folder, "SHA256SUMS"), sums.as_bytes(), &mut writing)?;
        Ok(writing.written)
    }
}

/// Writes a file of the folder, and its sum behind the others.
fn write((folder, name): (&Path, &str), bytes: &[u8], writing: &mut Writing) -> Result<()> {
    std::fs::write(folder.join(name), bytes).map_err(io)?;
    writing.written.files += 1;
    writing.written.bytes += bytes.len() as u64;
    writing.sums.push_str(&format!("{}  {name}\n", sha256(bytes)));
    Ok(())
}

/// One document on the page.
fn row(kept: &Kept, people: &People, original: &str, tel: &str) -> String {
    let header = &kept.header;
    let at = header.effective.as_ref().unwrap_or(&header.recorded).to_string();
    format!(
        "<tr><td>{}<td>{}<td>{}<td><a href=\"{tel}\">proof</a><td><a href=\"{original}\">{}</a>",
        html(&at),
        html(header.kind.word()),
        html(&people.name(&header.author)),
        html(header.title.as_str()),
    )
}

fn page(owner: &str, rows: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Record of {0}</title>\n\
         <style>body{{font:1rem sans-serif;margin:2rem}}td{{padding:.2rem .8rem;vertical-align:top}}</style>\n\
         <h1>Record of {0}</h1>\n<p>Unchanged? <code>sha256sum --check SHA256SUMS</code>. \
         Genuine, and by whom? <code>telesphor verify . --offline</code>.\n\
         <table>\n<tr><th>When<th>What<th>Signed by<th><th>Document and its files\n{rows}\n</table>\n</html>\n",
        html(owner)
    )
}

fn io(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            ErrorCode::LocalDiskFull.into()
        }
        _ => ErrorCode::LocalIo.into(),
    }
}

fn ending(format: &str) -> &'static str {
    match format {
        "application/fhir+json" | "application/json" => "json",
        "text/markdown" => "md",
        "text/plain" => "txt",
        "application/pdf" => "pdf",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "application/dicom" => "dcm",
        _ => "bin",
    }
}
