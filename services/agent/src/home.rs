//! Where profiles live.
//!
//! ```text
//! $TELESPHOR_HOME, else $XDG_DATA_HOME/telesphor, else ~/.local/share/telesphor
//!   profiles/<name>/     one profile: its vault and what belongs to it
//! $XDG_RUNTIME_DIR/telesphor/, else run/ in the folder above
//!   <name>-<folder's number>.session     the outer half of a session
//! ```

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};

const DEFAULT: &str = "default";
const MAX_NAME: usize = 64;

/// Whoever is signed in at a shared device, for a prompt that opens nothing. It says no more than
/// the screen beside it.
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) place: String,
    /// Unix milliseconds.
    pub(crate) until: u64,
}

/// The folder of all profiles of this user.
pub(crate) struct Home {
    root: PathBuf,
    runtime: Option<PathBuf>,
}

impl Home {
    /// From the environment.
    pub(crate) fn find() -> Result<Self> {
        let set = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let root = set("TELESPHOR_HOME")
            .or_else(|| set("XDG_DATA_HOME").map(|d| d.join("telesphor")))
            .or_else(|| set("HOME").map(|h| h.join(".local/share/telesphor")))
            .ok_or_else(|| Fault::usage("set TELESPHOR_HOME: this user has no home folder"))?;
        Ok(Self {
            root,
            runtime: set("XDG_RUNTIME_DIR"),
        })
    }

    /// The profiles there are, by name.
    pub(crate) fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.root.join("profiles"))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| check(name).is_ok())
            .collect();
        names.sort();
        names
    }

    /// The profile that is meant: the one named, else the only one, else `default`.
    pub(crate) fn choose(&self, named: Option<&str>) -> Result<String> {
        if let Some(name) = named {
            check(name)?;
            return Ok(name.to_owned());
        }
        let profiles = self.profiles();
        match profiles.as_slice() {
            [only] => Ok(only.clone()),
            [] => Ok(DEFAULT.to_owned()),
            all if all.iter().any(|name| name == DEFAULT) => Ok(DEFAULT.to_owned()),
            all => Err(Fault::of(ErrorCode::Ambiguous)
                .with(format!("profiles here: {}", all.join(", ")))
                .then("telesphor --profile NAME ...")),
        }
    }

    /// The folder of a profile, whether it is there or not.
    pub(crate) fn folder(&self, profile: &str) -> PathBuf {
        self.root.join("profiles").join(profile)
    }

    /// The outer half of a session: in a folder that only this user sees and that ends with
    /// his log-in, where the system has one.
    pub(crate) fn session(&self, profile: &str) -> Result<PathBuf> {
        let folder = match &self.runtime {
            Some(runtime) => runtime.join("telesphor"),
            None => self.root.join("run"),
        };
        private_folder(&folder)?;
        // Two homes on one machine must not share a session file. A number that changes with
        // the compiler costs one unlocking.
        let mut hasher = DefaultHasher::new();
        self.folder(profile).hash(&mut hasher);
        Ok(folder.join(format!("{profile}-{:016x}.session", hasher.finish())))
    }
}

impl Home {
    fn who_file(&self, profile: &str) -> Result<PathBuf> {
        Ok(self.session(profile)?.with_extension("who"))
    }

    /// Notes who is signed in, beside the session.
    pub(crate) fn note_who(&self, profile: &str, who: &Who) -> Result<()> {
        let line = |text: &str| text.replace(['\n', '\r'], " ");
        let text = format!("{}\n{}\n{}\n", who.until, line(&who.name), line(&who.place));
        Ok(std::fs::write(self.who_file(profile)?, text)?)
    }

    /// Who was noted, if somebody was.
    pub(crate) fn who(&self, profile: &str) -> Result<Option<Who>> {
        let Ok(text) = std::fs::read_to_string(self.who_file(profile)?) else {
            return Ok(None);
        };
        let mut lines = text.lines();
        let until = lines.next().and_then(|until| until.parse().ok());
        Ok(match (until, lines.next(), lines.next()) {
            (Some(until), Some(name), Some(place)) => Some(Who {
                name: name.to_owned(),
                place: place.to_owned(),
                until,
            }),
            _ => None,
        })
    }

    /// Nobody is signed in.
    pub(crate) fn forget_who(&self, profile: &str) -> Result<()> {
        match std::fs::remove_file(self.who_file(profile)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Makes a folder that only its owner can enter.
pub(crate) fn private_folder(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    Ok(())
}

fn check(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if name.is_empty() || name.len() > MAX_NAME || name.starts_with('.') || !name.chars().all(good) {
        return Err(Fault::usage(
            "a profile's name has letters, digits, - _ and ., at most 64, and begins with none of . and -",
        )
        .then("telesphor --profile aino ..."));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_name_cannot_leave_its_folder() {
        for bad in ["../x", "a/b", "", ".", "..", ".hidden", "a b", "\u{202e}x"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("ward-4b_2.test").is_ok());
    }

    #[test]
    fn the_only_profile_is_meant_and_of_several_none_is_guessed() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home {
            root: dir.path().to_owned(),
            runtime: None,
        };
        assert_eq!(home.choose(None).unwrap(), "default");
        std::fs::create_dir_all(home.folder("aino")).unwrap();
        assert_eq!(home.choose(None).unwrap(), "aino");
        std::fs::create_dir_all(home.folder("gp")).unwrap();
        assert_eq!(home.choose(None).unwrap_err().code, ErrorCode::Ambiguous);
        assert_eq!(home.choose(Some("gp")).unwrap(), "gp");
        assert_ne!(home.session("aino").unwrap(), home.session("gp").unwrap());
    }
}
