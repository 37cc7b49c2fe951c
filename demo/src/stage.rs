//! The stage: one relay process, and people who each have a home of their own and use the
//! command line as anybody would.

use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Something on the stage did not work at all (a promise that does not hold is a failed line instead).
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The relay's process.
    #[error(transparent)]
    Relay(#[from] telesphor_chaos::relay::RelayError),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A command ended badly.
    #[error("telesphor --profile {who} {what} ended with {code}: {said}")]
    Command {
        /// Whose.
        who: String,
        /// Which.
        what: String,
        /// Its exit code.
        code: i32,
        /// What it wrote to standard error.
        said: String,
    },
    /// An answer without what must be in it.
    #[error("no {field} in the answer to telesphor {what}")]
    Answer {
        /// Which field.
        field: String,
        /// To which command.
        what: String,
    },
    /// A record that is not FHIR.
    #[error("{0} is no record for this story: {1}")]
    Record(PathBuf, String),
}

/// Somebody with a profile.
pub struct Person {
    /// Profile name, as on the command line.
    pub profile: &'static str,
    /// As others see them.
    pub name: String,
    binary: PathBuf,
    home: PathBuf,
    passphrase: PathBuf,
}

impl Person {
    /// A home for somebody, with a passphrase file only they can read.
    ///
    /// # Errors
    /// If the folder cannot be made, or the binary is missing.
    pub fn new(folder: &Path, profile: &'static str, name: &str) -> Result<Self, StageError> {
        let home = folder.join(profile);
        std::fs::create_dir_all(&home)?;
        let passphrase = home.join("passphrase");
        std::fs::write(
            &passphrase,
            format!("a long passphrase of {profile}, 7 words or more\n"),
        )?;
        set_private(&passphrase)?;
        let binary = telesphor_chaos::relay::binary("TELESPHOR_BIN", "telesphor")?;
        Ok(Self {
            profile,
            name: name.to_owned(),
            binary,
            home,
            passphrase,
        })
    }

    /// The command line of this person, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env("TELESPHOR_HOME", &self.home)
            .env("TELESPHOR_PASSPHRASE_FILE", &self.passphrase)
            .args(["--profile", self.profile, "--no-input"])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// The file with this person's passphrase.
    pub fn passphrase_file(&self) -> &Path {
        &self.passphrase
    }

    /// The folder of the profile itself, as the command line lays it out.
    pub fn folder(&self) -> PathBuf {
        self.home.join("profiles").join(self.profile)
    }

    /// Where this person's files are.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Runs a command to its end, whatever it says.
    ///
    /// # Errors
    /// If it could not be run.
    pub fn attempt(&self, arguments: &[&str]) -> Result<Output, StageError> {
        Ok(self.command(arguments).output()?)
    }

    /// Runs a command that must succeed, and gives its standard output.
    ///
    /// # Errors
    /// [`StageError::Command`].
    pub fn run(&self, arguments: &[&str]) -> Result<String, StageError> {
        let output = self.attempt(arguments)?;
        if !output.status.success() {
            return Err(StageError::Command {
                who: self.profile.to_owned(),
                what: arguments.join(" "),
                code: output.status.code().unwrap_or(-1),
                said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same with `--json`, one object per line.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn json(&self, arguments: &[&str]) -> Result<Vec<Value>, StageError> {
        let mut all = vec!["--json"];
        all.extend_from_slice(arguments);
        let text = self.run(&all)?;
        text.lines()
            .filter(|l| !l.trim().is_empty())
            .map(|l| {
                serde_json::from_str(l).map_err(|_| StageError::Answer {
                    field: "JSON object per line".to_owned(),
                    what: arguments.join(" "),
                })
            })
            .collect()
    }

    /// Starts a command that goes on by itself; its lines are read from its output.
    ///
    /// # Errors
    /// If it could not be started.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child, StageError> {
        Ok(self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    }
}

/// A text field of an answer.
///
/// # Errors
/// [`StageError::Answer`] if it is not there.
pub fn text<'a>(answer: &'a [Value], field: &str, what: &str) -> Result<&'a str, StageError> {
    answer
        .iter()
        .find_map(|v| v[field].as_str())
        .ok_or_else(|| StageError::Answer {
            field: field.to_owned(),
            what: what.to_owned(),
        })
}

fn set_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
