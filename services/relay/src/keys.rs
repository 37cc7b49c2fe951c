//! The relay's own keys: one file each, mode 0600, one purpose each.
//!
//! A file holds one line of bech32m whose prefix names the purpose, so a damaged or misplaced
//! file is noticed before anything is signed with it.

use std::fs;
use std::path::{Path, PathBuf};

use telesphor_wire::hash::Secret;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text;
use zeroize::Zeroizing;

use crate::files;
use crate::layout::Layout;

/// Signs the domain record.
const DOMAIN: Purpose = Purpose {
    file: "domain.key",
    prefix: "tskdomain",
    what: "domain key",
};
/// Signs attestations: names this relay.
const ATTESTING: Purpose = Purpose {
    file: "attesting.key",
    prefix: "tskattest",
    what: "attesting key",
};
/// Signs permissions to open a mailbox.
const ADMISSION: Purpose = Purpose {
    file: "admission.key",
    prefix: "tskadmit",
    what: "admission key",
};
/// Opens what other domains seal to this one.
const SEALING: Purpose = Purpose {
    file: "sealing.key",
    prefix: "tskseal",
    what: "sealing key",
};
/// The sealing key before it, kept for what was sealed to it late.
const SEALING_BEFORE: Purpose = Purpose {
    file: "sealing-before.key",
    prefix: "tskseal",
    what: "previous sealing key",
};

struct Purpose {
    file: &'static str,
    prefix: &'static str,
    what: &'static str,
}

/// The keys of one relay.
pub struct Keys {
    /// Signs the domain record.
    pub domain: SigningKey,
    /// Signs attestations and names the relay in session proofs.
    pub attesting: SigningKey,
    /// Signs permissions to open a mailbox.
    pub admission: SigningKey,
    /// Opens what other domains seal to this one; lives 7 days.
    pub sealing: SealingKey,
}

/// A key file is missing, damaged or open to others.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The filesystem refused.
    #[error("{what} {path}: {error}")]
    File {
        /// Which key.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A letter of it is wrong, or it is another key.
    #[error("{what} {path} is damaged or is another key")]
    Damaged {
        /// Which key.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// Its mode lets others read it.
    #[error("{what} {path} may be read by others; its mode must be 0600")]
    Open {
        /// Which key.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
}

impl Keys {
    /// Fresh keys from the operating system's randomness.
    pub fn generate() -> Self {
        Self {
            domain: SigningKey::generate(),
            attesting: SigningKey::generate(),
            admission: SigningKey::generate(),
            sealing: SealingKey::generate(),
        }
    }

    /// The domain's keys with another relay's own.
    pub fn with_attesting(&self, attesting: SigningKey) -> Self {
        Self {
            domain: self.domain.clone(),
            attesting,
            admission: self.admission.clone(),
            sealing: SealingKey::from_seed(self.sealing.seed().clone()),
        }
    }

    /// Writes the key files; none may be there already.
    ///
    /// # Errors
    /// [`KeyFault::File`].
    pub fn write(&self, layout: &Layout) -> Result<Vec<PathBuf>, KeyFault> {
        files::private_dir(&layout.keys()).map_err(|error| KeyFault::File {
            what: "folder",
            path: layout.keys(),
            error,
        })?;
        [
            (DOMAIN, self.domain.seed()),
            (ATTESTING, self.attesting.seed()),
            (ADMISSION, self.admission.seed()),
            (SEALING, self.sealing.seed().clone()),
        ]
        .iter()
        .map(|(purpose, seed)| {
            let path = layout.keys().join(purpose.file);
            files::write_new(&path, line(purpose, seed).as_bytes())
                .map_err(|error| purpose.file(&path, error))?;
            Ok(path)
        })
        .collect()
    }

    /// Reads the key files.
    ///
    /// # Errors
    /// [`KeyFault`], for the first bad one.
    pub fn read(layout: &Layout) -> Result<Self, KeyFault> {
        Ok(Self {
            domain: SigningKey::from_seed(&DOMAIN.read(layout)?),
            attesting: SigningKey::from_seed(&ATTESTING.read(layout)?),
            admission: SigningKey::from_seed(&ADMISSION.read(layout)?),
            sealing: SealingKey::from_seed(SEALING.read(layout)?),
        })
    }

    /// Takes another sealing key; the one before stays, and the one before that is destroyed
    /// (crypto profile, part 3).
    ///
    /// # Errors
    /// [`KeyFault::File`]. Whatever step fails, the current key stays readable.
    pub fn renew_sealing(&mut self, layout: &Layout, next: SealingKey) -> Result<(), KeyFault> {
        let (current, before) = (
            layout.keys().join(SEALING.file),
            layout.keys().join(SEALING_BEFORE.file),
        );
        if before.exists() {
            files::destroy(&before).map_err(|e| SEALING_BEFORE.file(&before, e))?;
        }
        files::write_new(&before, line(&SEALING_BEFORE, self.sealing.seed()).as_bytes())
            .map_err(|e| SEALING_BEFORE.file(&before, e))?;
        files::replace(&current, line(&SEALING, next.seed()).as_bytes())
            .map_err(|e| SEALING.file(&current, e))?;
        self.sealing = next;
        Ok(())
    }

    /// The sealing key before the current one, if there was one.
    ///
    /// # Errors
    /// [`KeyFault`].
    pub fn sealing_before(layout: &Layout) -> Result<Option<SealingKey>, KeyFault> {
        if !layout.keys().join(SEALING_BEFORE.file).exists() {
            return Ok(None);
        }
        Ok(Some(SealingKey::from_seed(SEALING_BEFORE.read(layout)?)))
    }
}

impl Purpose {
    fn file(&self, path: &Path, error: std::io::Error) -> KeyFault {
        KeyFault::File {
            what: self.what,
            path: path.to_owned(),
            error,
        }
    }

    fn read(&self, layout: &Layout) -> Result<Secret, KeyFault> {
        let path = layout.keys().join(self.file);
        if files::readable_by_others(&path).map_err(|e| self.file(&path, e))? {
            return Err(KeyFault::Open {
                what: self.what,
                path,
            });
        }
        let line = Zeroizing::new(fs::read_to_string(&path).map_err(|e| self.file(&path, e))?);
        let seed = text::decode(self.prefix, self.what, &line)
            .ok()
            .map(Zeroizing::new)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        seed.map(Secret::new).ok_or(KeyFault::Damaged {
            what: self.what,
            path,
        })
    }
}

fn line(purpose: &Purpose, seed: &Secret) -> Zeroizing<String> {
    Zeroizing::new(text::encode(purpose.prefix, seed.expose()) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_or_misplaced_key_signs_something() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let mut keys = Keys::generate();
        keys.write(&layout).unwrap();
        assert!(keys.write(&layout).is_err(), "nothing is overwritten");
        let read = Keys::read(&layout).unwrap();
        assert_eq!(read.attesting.public(), keys.attesting.public());

        let before = keys.sealing.public();
        keys.renew_sealing(&layout, SealingKey::generate()).unwrap();
        keys.renew_sealing(&layout, SealingKey::generate()).unwrap();
        assert_ne!(keys.sealing.public(), before);
        assert_eq!(
            Keys::read(&layout).unwrap().sealing.public(),
            keys.sealing.public()
        );

        let (domain, admission) = (
            layout.keys().join("domain.key"),
            layout.keys().join("admission.key"),
        );
        let good = fs::read(&domain).unwrap();
        fs::copy(&admission, &domain).unwrap();
        assert!(
            matches!(Keys::read(&layout), Err(KeyFault::Damaged { .. })),
            "another key"
        );
        let mut bad = good.clone();
        bad[20] = if bad[20] == b'q' { b'p' } else { b'q' };
        fs::write(&domain, bad).unwrap();
        assert!(
            matches!(Keys::read(&layout), Err(KeyFault::Damaged { .. })),
            "one letter"
        );
    }
}
