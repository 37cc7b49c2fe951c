//! Where a passphrase comes from: a file that is named, or the person at the terminal. Never
//! an argument, which every process of this machine could read.

use console::Term;
use std::io::IsTerminal;
use std::path::Path;
use telesphor_wire::error::ErrorCode;
use zeroize::Zeroizing;

use crate::fault::{Fault, Result};

const MAX_FILE: u64 = 4096;

/// Ways to ask.
pub(crate) struct Asking<'a> {
    pub(crate) file: Option<&'a Path>,
    pub(crate) no_input: bool,
}

impl Asking<'_> {
    /// Whether somebody can answer.
    pub(crate) fn can_ask(&self) -> bool {
        !self.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The passphrase of a profile that is there.
    pub(crate) fn passphrase(&self, profile: &str) -> Result<Zeroizing<String>> {
        if let Some(file) = self.file {
            return from_file(file);
        }
        if !self.can_ask() {
            return Err(Fault::of(ErrorCode::VaultLocked).then("telesphor unlock, or --passphrase-file FILE"));
        }
        secret(&format!("Passphrase of {profile}: "))
    }

    /// The passphrase of the identity key: from the file named, or asked for even where the
    /// profile is unlocked. Where nobody can answer it is the profile's.
    pub(crate) fn identity_passphrase(&self, named: Option<&Path>) -> Result<Zeroizing<String>> {
        if let Some(file) = named {
            return from_file(file);
        }
        if self.can_ask() {
            return secret("Passphrase of the identity key: ");
        }
        match self.file {
            Some(file) => from_file(file),
            None => Err(Fault::of(ErrorCode::WrongIdentityPassphrase)
                .with("none was given")
                .then("--identity-passphrase-file FILE")),
        }
    }

    /// A passphrase for a new profile, said twice.
    pub(crate) fn new_passphrase(&self) -> Result<Zeroizing<String>> {
        let passphrase = match self.file {
            Some(file) => from_file(file)?,
            None if self.can_ask() => {
                let first = secret("New passphrase: ")?;
                let second = secret("Once more: ")?;
                if *first != *second {
                    return Err(Fault::usage("the two passphrases differ; nothing was made"));
                }
                first
            }
            None => {
                return Err(Fault::usage("a new profile needs a passphrase")
                    .then("--passphrase-file FILE, or TELESPHOR_PASSPHRASE_FILE"));
            }
        };
        if passphrase.is_empty() {
            return Err(Fault::usage("the passphrase is empty; nothing was made"));
        }
        Ok(passphrase)
    }

    /// A question with one line as its answer.
    pub(crate) fn line(&self, question: &str) -> Result<String> {
        if !self.can_ask() {
            return Err(Fault::usage(format!(
                "this asks \"{question}\", and nobody can answer here"
            )));
        }
        let term = Term::stderr();
        term.write_str(&format!("{question} "))?;
        Ok(term.read_line()?.trim().to_owned())
    }

    /// Yes or no; no if nobody can answer.
    pub(crate) fn yes(&self, question: &str) -> Result<bool> {
        if !self.can_ask() {
            return Ok(false);
        }
        let answer = self.line(&format!("{question} [no]"))?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }
}

fn secret(question: &str) -> Result<Zeroizing<String>> {
    let term = Term::stderr();
    term.write_str(question)?;
    Ok(Zeroizing::new(term.read_secure_line()?))
}

/// The first line of a file, without its end of line.
pub(crate) fn from_file(file: &Path) -> Result<Zeroizing<String>> {
    use std::io::Read;
    let open = std::fs::File::open(file)
        .map_err(|e| Fault::of(ErrorCode::LocalIo).with(format!("passphrase file: {e}")))?;
    let mut bytes = Zeroizing::new(Vec::new());
    open.take(MAX_FILE).read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Fault::usage("the passphrase file is not text"))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}
