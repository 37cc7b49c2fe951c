//! Other domains that are pinned here, by hand: a file for each, with its signed record.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use telesphor_wire::canonical;
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::key::SignedSealingKey;
use telesphor_wire::limits::MAX_PEERS;
use telesphor_wire::text::Domain;

use crate::fault::{Exit, Fault};
use crate::files;
use crate::layout::Layout;

/// A card larger than this is none, bytes.
const MAX_CARD_BYTES: u64 = 256 * 1024;

/// The pinned domains by name.
#[derive(Clone, Debug, Default)]
pub struct PinnedDomains(BTreeMap<Domain, SignedDomainRecord>);

/// What pinning has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// It was not known.
    New,
    /// A newer record of the same domain and key.
    Newer,
    /// Nothing: this record, or a later one, was here.
    Same,
    /// Another key stands for the name from now on.
    Replaced,
}

impl PinnedDomains {
    /// Reads those of a data directory.
    ///
    /// # Errors
    /// Exit 8 if one cannot be read, 4 if one is not genuine.
    pub fn read(layout: &Layout) -> Result<Self, Fault> {
        let folder = layout.peers();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Fault::file("folder", &folder, &e)),
        };
        let mut found = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(|e| Fault::file("folder", &folder, &e))?.path();
            if path.extension().is_some_and(|e| e == "card") {
                let card = card(&path)?;
                found.insert(card.record.domain.clone(), card);
            }
        }
        Ok(Self(found))
    }

    /// The record of a domain.
    pub fn get(&self, domain: &Domain) -> Option<&SignedDomainRecord> {
        self.0.get(domain)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Domain, &SignedDomainRecord)> {
        self.0.iter()
    }

    /// Pins a card; `replace` if another key may stand for the name from now on.
    ///
    /// # Errors
    /// Exit 9 if the name is pinned to another key, 8.
    pub fn pin(&self, layout: &Layout, card: &SignedDomainRecord, replace: bool) -> Result<Pinned, Fault> {
        let pinned = match self.get(&card.record.domain) {
            None if self.0.len() >= MAX_PEERS => {
                return Err(Fault::new(
                    Exit::Refused,
                    ErrorCode::TooMany,
                    format!("{MAX_PEERS} domains are pinned here; no more are taken"),
                ));
            }
            None => Pinned::New,
            Some(known) if known.record.key != card.record.key && !replace => {
                let words = "this name is pinned to another key. If the other hospital says, by another way, \
                             that its key has changed, pin it with --replace";
                return Err(Fault::new(Exit::Conflict, ErrorCode::AlreadyThere, words));
            }
            Some(known) if known.record.key != card.record.key => Pinned::Replaced,
            Some(known) if known.record.sequence >= card.record.sequence => return Ok(Pinned::Same),
            Some(_) => Pinned::Newer,
        };
        let folder = layout.peers();
        files::private_dir(&folder).map_err(|e| Fault::file("folder", &folder, &e))?;
        let path = path(layout, &card.record.domain);
        files::replace(&path, &canonical::encode(card)).map_err(|e| Fault::file("card", &path, &e))?;
        Ok(pinned)
    }

    /// Forgets a domain.
    ///
    /// # Errors
    /// Exit 5 if it is not pinned, 8.
    pub fn unpin(&self, layout: &Layout, domain: &Domain) -> Result<(), Fault> {
        if self.get(domain).is_none() {
            return Err(Fault::new(
                Exit::NotFound,
                ErrorCode::NotFound,
                "no domain of this name is pinned here; `domain peers` lists them",
            ));
        }
        // It may never have been heard.
        let _ = fs::remove_file(sealing_path(layout, domain));
        let path = path(layout, domain);
        fs::remove_file(&path).map_err(|e| Fault::file("card", &path, &e))
    }
}

fn path(layout: &Layout, domain: &Domain) -> PathBuf {
    layout.peers().join(format!("{domain}.card"))
}

fn sealing_path(layout: &Layout, domain: &Domain) -> PathBuf {
    layout.peers().join(format!("{domain}.sealing.statement"))
}

/// Writes down the newest sealing key that was heard of a pinned domain.
///
/// # Errors
/// As the filesystem says.
pub fn keep_sealing(layout: &Layout, signed: &SignedSealingKey) -> std::io::Result<()> {
    let path = sealing_path(layout, &signed.statement.domain);
    files::replace(&path, &canonical::encode(signed))
}

/// The sealing key that was written down. Whoever seals to it checks it.
pub fn sealing(layout: &Layout, domain: &Domain) -> Option<SignedSealingKey> {
    let bytes = fs::read(sealing_path(layout, domain)).ok()?;
    canonical::decode(&bytes).ok()
}

/// Reads another domain's card, and checks that it is one.
///
/// # Errors
/// Exit 8 if it cannot be read, 4 if it is none.
pub fn card(path: &Path) -> Result<SignedDomainRecord, Fault> {
    let none = || {
        let words = format!("{}: no card of a domain, or changed on its way", path.display());
        Fault::new(Exit::NotGenuine, ErrorCode::BadSignature, words)
    };
    let file = |e: std::io::Error| Fault::file("card", path, &e);
    if fs::metadata(path).map_err(file)?.len() > MAX_CARD_BYTES {
        return Err(none());
    }
    let bytes = fs::read(path).map_err(file)?;
    let signed: SignedDomainRecord = canonical::decode(&bytes).map_err(|_| none())?;
    signed.verify().map_err(|_| none())?;
    signed
        .record
        .ext
        .check(&[telesphor_wire::domain::REPLICAS])
        .map_err(|_| none())?;
    Ok(signed)
}
