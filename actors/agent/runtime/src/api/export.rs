//! `export`: all of mine, in a folder that proves itself.
//!
//! ```text
//! folder
//!   manifest.bin            canonical SignedExportManifest: every .tel file and its document id
//!   history.bin             the owner's key history, canonical
//!   documents/0001.tel ...  each document with its proofs
//!   originals/0001.json ... the bytes as they were taken in, for any other program
//! ```

use std::path::Path;

use telesphor_identity::export::{ExportManifest, SignedExportManifest};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use crate::acts::standing::standing_of;
use crate::core::Ctx;
use crate::documents::keep::{Way, all_kept};
use crate::error::{Error, Result};
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

impl Ctx<'_, '_> {
    fn export(&mut self, folder: &Path) -> Result<Exported> {
        let (documents, originals) = (folder.join("documents"), folder.join("originals"));
        std::fs::create_dir(folder).map_err(io)?;
        std::fs::create_dir(&documents).map_err(io)?;
        std::fs::create_dir(&originals).map_err(io)?;
        let mut named: Vec<(String, DocumentId)> = Vec::new();
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
            write(&folder.join(&name), &file, &mut written)?;
            let document = telesphor_clinical::document::SignedDocument::from_bytes(&bytes)
                .map_err(|e| Error::of(e.code()))?;
            let ending = ending(kept.header.format.as_str());
            write(
                &originals.join(format!("{n:04}.{ending}")),
                &document.body,
                &mut written,
            )?;
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
        write(&folder.join("manifest.bin"), &signed, &mut written)?;
        write(&folder.join("history.bin"), &self.my_history()?, &mut written)?;
        Ok(written)
    }
}

fn write(path: &Path, bytes: &[u8], written: &mut Exported) -> Result<()> {
    std::fs::write(path, bytes).map_err(io)?;
    written.files += 1;
    written.bytes += bytes.len() as u64;
    Ok(())
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
