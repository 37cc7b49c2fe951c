//! Files that are signed whole: what they are, and what lists say of them.

use std::path::Path;
use telesphor_agent::Draft;
use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::fhir;
use telesphor_clinical::header::DocumentKind;
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};

/// A draft of a file. One FHIR resource says itself what it is about; its words can be corrected.
pub(super) fn draft(kind: DocumentKind, path: &Path, body: Vec<u8>) -> Result<Draft> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let format = checked_type(path, &extension.to_lowercase(), &body)?;
    let taken = match format {
        FHIR_JSON => fhir::take_in(&body).map(|i| i.taken).unwrap_or_default(),
        _ => Vec::new(),
    };
    let title = match taken.as_slice() {
        [one] => one.title.as_str().to_owned(),
        [] => title_of(&body, path),
        many => format!("Bundle of {} resources", many.len()),
    };
    let mut draft = Draft::new(kind, format, &title, body);
    for proposal in taken {
        for scope in proposal.scopes.iter() {
            draft.scopes.insert(scope.clone());
        }
        for scope in proposal.sensitivity.iter() {
            draft.sensitivity.insert(scope.clone());
        }
        if proposal.path == "$" {
            draft.effective = proposal.effective;
            draft.language = proposal.language.map(|l| l.as_str().to_owned());
        }
    }
    Ok(draft)
}

/// The media type of a body that is signed whole. FHIR is refused if it is not valid: nobody could
/// read what was signed.
pub(super) fn checked_type(file: &Path, extension: &str, bytes: &[u8]) -> Result<&'static str> {
    if !matches!(extension, "json" | "") || !looks_like_fhir(bytes) {
        return Ok(media_type(extension, bytes));
    }
    match fhir::check(bytes) {
        Ok(()) => Ok(FHIR_JSON),
        Err(error) => Err(Fault::of(ErrorCode::InputRefused).with(format!("{}: {error}", file.display()))),
    }
}

pub(super) fn looks_like_fhir(bytes: &[u8]) -> bool {
    const NEEDLE: &[u8] = b"\"resourceType\"";
    bytes.windows(NEEDLE.len()).any(|w| w == NEEDLE)
}

pub(super) fn media_type(extension: &str, bytes: &[u8]) -> &'static str {
    match extension {
        "txt" | "text" => "text/plain",
        "md" => "text/markdown",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "dcm" => "application/dicom",
        "xml" => "application/xml",
        "csv" => "text/csv",
        "hl7" => "x-application/hl7-v2+er7",
        _ if std::str::from_utf8(bytes).is_ok() => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The first line of a text, or the file's name.
fn title_of(body: &[u8], path: &Path) -> String {
    let first = std::str::from_utf8(body)
        .ok()
        .and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()))
        .map(|line| {
            line.trim_start_matches(['#', ' '])
                .chars()
                .take(80)
                .collect::<String>()
        });
    first.unwrap_or_else(|| {
        path.file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    })
}
