//! An encrypted backup of what may be restored: documents and their keys, contacts, grants,
//! settings, histories, trust, attestations, receipts. Never MLS state, cursors or the outbox.
//!
//! ```text
//! "telesphor backup" (16) | version: u16 BE | salt: 32 | record | record | ... | last record
//! record      = | length: u32 BE | seal(key, aad = index: u64 BE || kind: u8, bytes) |
//! key         = K("vault-backup", backup key, salt)
//! kind 0      bytes = [table, 0, name, value]             a named record      canonical MessagePack
//! kind 1      bytes = [table, position, list, value]      an entry of a list
//! kind 2      bytes = [number of records]                 the end; nothing may follow
//! ```
//! Index and end inside the seals: a record can neither be left out, doubled, moved nor cut off.
//! Document keys stand there under the backup key instead of the keyring; destroying the backup
//! key therefore erases the backup.

use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::KdfLabel;
use telesphor_wire::seal;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::keys::{all_listed, all_named, position_of};
use crate::limits;
use crate::records::Records;
use crate::records::raw::Raw;
use crate::snapshot::Snapshot;
use crate::table::Table;
use crate::tx::Tx;
use crate::vault::Vault;

const MAGIC: &[u8; 16] = b"telesphor backup";
const VERSION: u16 = 1;
const NAMED: u8 = 0;
const LISTED: u8 = 1;
const END: u8 = 2;
const MAX_RECORD: usize = limits::MAX_VALUE_BYTES + limits::MAX_NAME_BYTES + 1024;

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupSummary {
    /// Records and list entries.
    pub records: u64,
    /// Documents whose key is in it.
    pub documents: u64,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    table: u8,
    position: u64,
    name: Bytes,
    value: Bytes,
}

impl Drop for Kept {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.value.0.zeroize();
    }
}

/// Opens every record: `visit(table, position or None, (name, value))`.
pub(crate) fn walk(
    snapshot: &Snapshot,
    mut visit: impl FnMut(Table, Option<u64>, (&[u8], &[u8])) -> Result<(), VaultError>,
) -> Result<u64, VaultError> {
    let mut count = 0;
    for &table in Table::ALL {
        for (listed, (mut from, to)) in [(false, all_named(table)), (true, all_listed(table))] {
            loop {
                let page = snapshot.raw_range(&from, &to, 256, false)?;
                let Some((last, _)) = page.last() else { break };
                from = [last.as_slice(), &[0]].concat();
                for (physical, sealed) in &page {
                    let (name, value) = snapshot.keys().open(physical, sealed)?;
                    let position = if listed {
                        Some(position_of(physical)?)
                    } else {
                        None
                    };
                    visit(table, position, (&name, &value))?;
                    count += 1;
                }
            }
        }
    }
    Ok(count)
}

impl Vault {
    /// Writes a backup of this instant, sealed under `key`.
    ///
    /// # Errors
    /// [`VaultError::Locked`], [`VaultError::Damaged`], or what the writer reports.
    pub fn export_backup(&self, key: &Secret, to: &mut impl Write) -> Result<BackupSummary, VaultError> {
        let snapshot = self.read()?;
        let salt = Secret::random();
        let key = derive_key(KdfLabel::VaultBackup, key, salt.expose());
        to.write_all(MAGIC)?;
        to.write_all(&VERSION.to_be_bytes())?;
        to.write_all(salt.expose())?;
        let mut summary = BackupSummary::default();
        walk(&snapshot, |table, position, (name, value)| {
            if !table.in_backup() {
                return Ok(());
            }
            let value = if table == Table::DocumentKeys && position.is_none() {
                let document = DocumentId(name.try_into().map_err(|_| VaultError::Form)?);
                let key = snapshot
                    .document_key(&document)?
                    .ok_or(VaultError::NoDocumentKey)?;
                summary.documents += 1;
                key.expose().to_vec()
            } else {
                value.to_vec()
            };
            let kind = if position.is_some() { LISTED } else { NAMED };
            let kept = Kept {
                table: table.number(),
                position: position.unwrap_or(0),
                name: name.into(),
                value: value.into(),
            };
            let bytes = Zeroizing::new(canonical::encode(&kept));
            write_record(to, &key, summary.records, kind, &bytes)?;
            summary.records += 1;
            Ok(())
        })?;
        write_record(
            to,
            &key,
            summary.records,
            END,
            &canonical::encode(&(summary.records,)),
        )?;
        to.flush()?;
        Ok(summary)
    }

    /// Takes a backup in, in one transaction: all of it or nothing. Records of the same name are
    /// replaced; nothing else is removed.
    ///
    /// # Errors
    /// [`VaultError::BadBackup`] if it does not open, was changed or is cut short; else as [`Vault::write`].
    pub fn import_backup(&self, key: &Secret, from: &mut impl Read) -> Result<BackupSummary, VaultError> {
        let mut start = [0u8; 16 + 2 + 32];
        from.read_exact(&mut start).map_err(|_| VaultError::BadBackup)?;
        if start[..16] != MAGIC[..] || start[16..18] != VERSION.to_be_bytes() {
            return Err(VaultError::BadBackup);
        }
        let key = derive_key(KdfLabel::VaultBackup, key, &start[18..]);
        self.write(|tx| take_in(tx, &key, from))
    }
}

fn take_in(tx: &Tx<'_>, key: &Secret, from: &mut impl Read) -> Result<BackupSummary, VaultError> {
    let mut summary = BackupSummary::default();
    loop {
        let (kind, bytes) = read_record(from, key, summary.records)?;
        if kind == END {
            let (count,): (u64,) = canonical::decode(&bytes).map_err(|_| VaultError::BadBackup)?;
            let mut more = [0u8; 1];
            let at_end = from.read(&mut more)? == 0;
            return if count == summary.records && at_end {
                Ok(summary)
            } else {
                Err(VaultError::BadBackup)
            };
        }
        let kept: Kept = canonical::decode_bounded(&bytes, MAX_RECORD).map_err(|_| VaultError::BadBackup)?;
        summary.records += 1;
        match Table::from_number(kept.table) {
            // A table that a newer version keeps: nothing here could read it.
            None => {}
            // Never trusted from outside, whatever a backup claims.
            Some(table) if !table.in_backup() => return Err(VaultError::BadBackup),
            Some(Table::DocumentKeys) if kind == NAMED => {
                let bad = |_| VaultError::BadBackup;
                let document = DocumentId(kept.name.as_ref().try_into().map_err(bad)?);
                let key = Secret::new(kept.value.as_ref().try_into().map_err(bad)?);
                tx.put_document_key(&document, &key)?;
                summary.documents += 1;
            }
            Some(table) if kind == NAMED => tx.put(table, &kept.name, &kept.value)?,
            Some(table) => tx.put_at(table, &kept.name, kept.position, &kept.value)?,
        }
    }
}

fn aad(index: u64, kind: u8) -> [u8; 9] {
    let mut aad = [kind; 9];
    aad[..8].copy_from_slice(&index.to_be_bytes());
    aad
}

fn write_record(
    to: &mut impl Write,
    key: &Secret,
    index: u64,
    kind: u8,
    bytes: &[u8],
) -> Result<(), VaultError> {
    let sealed = seal::seal(key, &aad(index, kind), bytes);
    let len = u32::try_from(sealed.len()).map_err(|_| VaultError::TooLarge)?;
    to.write_all(&len.to_be_bytes())?;
    to.write_all(&sealed)?;
    Ok(())
}

fn read_record(
    from: &mut impl Read,
    key: &Secret,
    index: u64,
) -> Result<(u8, Zeroizing<Vec<u8>>), VaultError> {
    let mut len = [0u8; 4];
    from.read_exact(&mut len).map_err(|_| VaultError::BadBackup)?;
    let len = u32::from_be_bytes(len) as usize;
    if len > MAX_RECORD {
        return Err(VaultError::BadBackup);
    }
    let mut sealed = Vec::new();
    let read = from.take(len as u64).read_to_end(&mut sealed)?;
    if read < len {
        return Err(VaultError::BadBackup);
    }
    for kind in [NAMED, LISTED, END] {
        if let Ok(bytes) = seal::open(key, &aad(index, kind), &sealed) {
            return Ok((kind, Zeroizing::new(bytes)));
        }
    }
    Err(VaultError::BadBackup)
}
