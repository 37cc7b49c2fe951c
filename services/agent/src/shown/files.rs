//! Files of documents, in rows and words.

use telesphor_agent::views::FileView;
use telesphor_clinical::manifest::Manifest;

use crate::out::Row;

/// A length for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let (mut tenths, mut unit) = (count.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1024, unit + 1);
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// One file.
pub(crate) fn row(file: &FileView) -> Row {
    let stands = match (file.here, file.told) {
        (true, _) => "here",
        (false, true) => "at the relay",
        (false, false) => "not told yet, or erased",
    };
    Row::new()
        .both("number", "NO", file.index, &file.index.to_string())
        .both(
            "name",
            "FILE",
            file.name.clone(),
            &telesphor_clinical::text::shown(&file.name),
        )
        .both("size", "SIZE", file.size, &bytes(file.size))
        .both("media_type", "TYPE", file.media_type.clone(), &file.media_type)
        .both("where", "WHERE", stands, stands)
}

/// Several, in one line.
pub(crate) fn words(files: &[FileView], id: &str) -> String {
    let names: Vec<String> = files
        .iter()
        .take(3)
        .map(|f| format!("{} ({})", telesphor_clinical::text::shown(&f.name), bytes(f.size)))
        .collect();
    let more = files.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("with {}{more}: telesphor fetch {id}", names.join(", "))
}

/// A signed list of files.
pub(crate) fn manifest_words(body: &[u8]) -> Option<String> {
    let manifest = Manifest::from_bytes(body).ok()?;
    let mut text = format!(
        "A signed list of {} file{} and the hash of every 256 KiB of them.",
        manifest.files.len(),
        if manifest.files.len() == 1 { "" } else { "s" }
    );
    for (number, file) in manifest.files.iter().enumerate() {
        let facts: Vec<String> = file
            .facts
            .iter()
            .map(|fact| format!("{} {}", fact.name.shown(), fact.value.shown()))
            .collect();
        text.push_str(&format!("\n{number}: {}", bytes(file.size)));
        if !facts.is_empty() {
            text.push_str(&format!("; {}", facts.join(", ")));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_length_is_written_wrong() {
        for (count, words) in [
            (17, "17 bytes"),
            (1024, "1.0 KiB"),
            (39_206, "38.2 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 29, "2.5 GiB"),
        ] {
            assert_eq!(bytes(count), words);
        }
    }
}
