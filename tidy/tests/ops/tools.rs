//! Where things are, and what is done where a tool is not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file of it.
pub(crate) fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All documents of a YAML file.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_norway::Deserializer::from_str(text)
        .map(|d| Value::deserialize(d).unwrap())
        .filter(|v| !v.is_null())
        .collect()
}

/// What `scripts/ops-tools` fetched. `make test` fetches it; without it, and without being told
/// that it must be there, the test says so and passes.
pub(crate) fn fetched(name: &str) -> Option<PathBuf> {
    let me = std::env::current_exe().unwrap();
    let found = me
        .ancestors()
        .map(|folder| folder.join("ops-tools-1").join(name))
        .find(|p| p.exists());
    if found.is_none() {
        missing(&format!("{name}: run scripts/ops-tools"));
    }
    found
}

/// Passes over a check, aloud; or fails, where everything must be there.
pub(crate) fn missing(what: &str) {
    assert!(
        std::env::var_os("TELESPHOR_OPS_TOOLS").is_none(),
        "not to be had here: {what}"
    );
    eprintln!("not checked, not to be had here: {what}");
}

/// Runs a tool; its output if it is content, both outputs as a failure if not.
pub(crate) fn content(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}
