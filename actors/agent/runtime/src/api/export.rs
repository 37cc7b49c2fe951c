//! `export`: all of mine, in a folder that proves itself.
//!
//! ```text
//! folder
//!   manifest.bin            canonical SignedExportManifest: every .tel file and its document id
//!   history.bin             the owner's key history, canonical
//!   documents/0001.tel ...  each document with its proofs
//!   originals/0001.json ... the bytes as they were taken in, for any other program
//!   index.html              what there is, for any browser
//!   SHA256SUMS              of all of it, for `sha256sum --check`
//! ```

use std::path::Path;

use telesphor_clinical::sums::{html, sha256};
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
use crate::core::Ctx;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::people;
use crate::views::{Exported, StandingView};

impl Agent {
    /// Writes everything of the record into a new folder.
    ///
    /// # Errors
    /// `LocalIo` if the folder exists already or cannot be written.
    pub async fn export(&self, folder: &Path) -> Result<Exported> {
        let folder = folder.to_owned();
        self.shared
            .work(move |core| core.write(|ctx| ctx.export(&folder)))
            .await
    }
}

impl Agent {
    /// What an exported folder must hold, by its owner's signed word: name and document of every
    /// file. `history` is the owner's, as it lies beside the manifest.
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

impl Ctx<'_, '_> {
    fn export(&mut self, folder: &Path) -> Result<Exported> {
        let (documents, originals) = (folder.join("documents"), folder.join("originals"));
        std::fs::create_dir(folder).map_err(io)?;
        std::fs::create_dir(&documents).map_err(io)?;
        std::fs::create_dir(&originals).map_err(io)?;
        let mut named: Vec<(String, DocumentId)> = Vec::new();
        let people = People::load(self.tx, &self.profile)?;
        let (mut sums, mut rows) = (String::new(), String::new());
        let mut written = Exported {
            folder: folder.to_owned(),
            documents: 0,
            files: 0,
            bytes: 0,
            taken_back: 0,
        };
        for kept in all_kept(self.tx)? {
            // What its author took back is not carried further; that it was, is.
            let standing = standing_of(self.tx, &self.profile, &kept.id, &kept.header.author)?;
            if kept.way != Way::Own && matches!(standing, StandingView::Retracted(_)) {
                written.taken_back += 1;
                continue;
            }
            let Ok(bytes) = self.document_bytes(&kept.id) else {
                continue;
            };
            let n = named.len() + 1;
            let name = format!("documents/{n:04}.tel");
            let file = self.bundle(&kept, &bytes)?.to_file();
            write((folder, &name), &file, &mut written, &mut sums)?;
            let document = telesphor_clinical::document::SignedDocument::from_bytes(&bytes)
                .map_err(|e| Error::of(e.code()))?;
            let ending = ending(kept.header.format.as_str());
            let original = format!("originals/{n:04}.{ending}");
            write((folder, &original), &document.body, &mut written, &mut sums)?;
            rows.push_str(&row(&kept, &people, &original, &name));
            named.push((name, kept.id));
        }
        written.documents = named.len();
        let manifest = ExportManifest {
            version: telesphor_identity::limits::VERSION,
            owner: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            at: self.now,
            documents: named,
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&manifest);
        let signed = canonical::encode(&SignedExportManifest { manifest, signature });
        write((folder, "manifest.bin"), &signed, &mut written, &mut sums)?;
        write(
            (folder, "history.bin"),
            &self.my_history()?,
            &mut written,
            &mut sums,
        )?;
        let page = page(&self.profile.name, &rows);
        write((folder, "index.html"), page.as_bytes(), &mut written, &mut sums)?;
        let sums_so_far = sums.clone();
        write(
            (folder, "SHA256SUMS"),
            sums_so_far.as_bytes(),
            &mut written,
            &mut sums,
        )?;
        Ok(written)
    }
}

/// Writes a file of the folder, and its sum behind the others.
fn write(
    (folder, name): (&Path, &str),
    bytes: &[u8],
    written: &mut Exported,
    sums: &mut String,
) -> Result<()> {
    std::fs::write(folder.join(name), bytes).map_err(io)?;
    written.files += 1;
    written.bytes += bytes.len() as u64;
    sums.push_str(&format!("{}  {name}\n", sha256(bytes)));
    Ok(())
}

/// One document on the page.
fn row(kept: &Kept, people: &People, original: &str, tel: &str) -> String {
    let header = &kept.header;
    let at = header.effective.as_ref().unwrap_or(&header.recorded).to_string();
    format!(
        "<tr><td>{}<td>{}<td>{}<td><a href=\"{original}\">{}</a><td><a href=\"{tel}\">proof</a>\n",
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
         <table>\n<tr><th>When<th>What<th>Signed by<th>Document<th>\n{rows}</table>\n</html>\n",
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
