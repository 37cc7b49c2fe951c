//! Bringing file, environment and flags together.

use std::path::PathBuf;

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde_json::Value;

use super::model::Settings;

/// Prefix of the environment's variables: `TELESPHOR_RELAY__EDGE__LISTEN=...`.
const PREFIX: &str = "TELESPHOR_RELAY";

/// Where settings come from, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; none is read without one.
    pub file: Option<PathBuf>,
    /// Whether the environment counts.
    pub environment: bool,
    /// Flags: path and value.
    pub flags: Vec<(String, String)>,
}

/// A fault in the settings, named by its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{path}: {words}")]
pub struct ConfigFault {
    /// `edge.listen`, or the file where the path is not known.
    pub path: String,
    /// What is wrong with it.
    pub words: String,
}

impl ConfigFault {
    /// A fault at a path.
    pub fn at(path: impl Into<String>, words: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            words: words.into(),
        }
    }
}

/// Reads the settings.
///
/// # Errors
/// The first fault found: a file that cannot be read, an unknown path, a value of the wrong kind.
pub fn load(sources: &Sources) -> Result<Settings, ConfigFault> {
    let mut builder = Config::builder();
    let origin = sources
        .file
        .as_ref()
        .map_or_else(|| "settings".to_owned(), |f| f.display().to_string());
    if let Some(file) = &sources.file {
        builder = builder.add_source(File::from(file.as_path()).format(FileFormat::Toml));
    }
    if sources.environment {
        builder = builder.add_source(
            Environment::with_prefix(PREFIX)
                .prefix_separator("__")
                .separator("__")
                .try_parsing(true),
        );
    }
    for (path, value) in &sources.flags {
        builder = builder
            .set_override(path, value.as_str())
            .map_err(|_| ConfigFault::at(path, "not a path of a setting"))?;
    }
    let built = builder.build().map_err(|e| named(e, &origin))?;
    let tree: Value = built.clone().try_deserialize().map_err(|e| named(e, &origin))?;
    known(&tree, &template(), "")?;
    built.try_deserialize().map_err(|e| named(e, &origin))
}

/// Every path there is, as a tree: also those that have no value unless one is given.
fn template() -> Value {
    let mut all = Settings::default();
    let file = || Some(PathBuf::new());
    all.cluster.ca = file();
    all.cluster.certificate = file();
    all.cluster.key = file();
    all.exchange.ca = file();
    all.exchange.certificate = file();
    all.exchange.key = file();
    serde_json::to_value(all).unwrap_or_default()
}

/// Refuses a path that no setting has.
fn known(tree: &Value, template: &Value, path: &str) -> Result<(), ConfigFault> {
    let (Value::Object(tree), Value::Object(template)) = (tree, template) else {
        return Ok(());
    };
    for (name, value) in tree {
        let here = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match template.get(name) {
            Some(expected) => known(value, expected, &here)?,
            None => {
                let names: Vec<_> = template.keys().map(String::as_str).collect();
                return Err(ConfigFault::at(
                    here,
                    format!("there is no such setting; here are: {}", names.join(", ")),
                ));
            }
        }
    }
    Ok(())
}

/// Turns the library's error into a path and words.
fn named(error: ConfigError, origin: &str) -> ConfigFault {
    match error {
        ConfigError::Type {
            unexpected,
            expected,
            key,
            ..
        } => ConfigFault::at(
            key.unwrap_or_else(|| origin.to_owned()),
            format!("is {unexpected}, must be {expected}"),
        ),
        ConfigError::At { error, key, .. } => {
            let inner = named(*error, origin);
            match key {
                Some(key) if inner.path == origin => ConfigFault::at(key, inner.words),
                Some(key) if !inner.path.starts_with(&key) => {
                    ConfigFault::at(format!("{key}.{}", inner.path), inner.words)
                }
                _ => inner,
            }
        }
        ConfigError::NotFound(path) => ConfigFault::at(path, "is missing"),
        ConfigError::FileParse { cause, .. } => ConfigFault::at(origin, cause.to_string()),
        ConfigError::Message(words) => ConfigFault::at(origin, words),
        other => ConfigFault::at(origin, other.to_string()),
    }
}
