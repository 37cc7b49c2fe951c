//! Finding the backup with nothing but the kit.

use std::collections::BTreeMap;

use telesphor_identity::kit::RecoveryKit;
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::sign::PublicKey;

use super::backup::BackupKeys;
use crate::error::{Error, Result};
use crate::link::{Credential, LinkError, Pin, Push, Session, domain};

/// Places looked at for each partition of the domain before giving up.
const TRIES_PER_PARTITION: u32 = 16;

/// What the kit leads to.
pub(crate) struct Found {
    pub(crate) home: SignedDomainRecord,
    pub(crate) backup: Vec<u8>,
}

/// Fetches the newest whole backup.
///
/// # Errors
/// [`ErrorCode::NotFound`] if there is none, [`ErrorCode::KitReplaced`] if the kit is an old one, else as for any connection.
pub(crate) async fn fetch(kit: &RecoveryKit) -> Result<Found> {
    let pin = Pin {
        domain: kit.home.domain.clone(),
        domain_key: kit.home.key,
        address: kit.home.address.clone(),
        tls_key: kit.home.tls_key,
    };
    let home = domain::fetch(&pin).await?;
    let relays: Vec<PublicKey> = home.record.relays.iter().map(|r| r.relay).collect();
    let (session, mut pushes) = Session::open(&pin, &relays).await?;
    let keys = BackupKeys::new(kit.backup_key(b""));
    let owner = keys.owner().key();
    let tries = u32::from(session.facts().partitions).saturating_mul(TRIES_PER_PARTITION);
    for n in 0..tries {
        let mailbox = keys.place(n);
        let standing = match session.prove(Credential::owner(mailbox, owner.clone())).await {
            Ok(standing) => standing,
            Err(LinkError::Refused(refusal)) if refusal.code == ErrorCode::Refused => continue,
            Err(error) => return Err(error.into()),
        };
        let head = standing.head.ok_or(Error::of(ErrorCode::Malformed))?;
        session.follow(standing.handle, 0, DEFAULT_CREDIT_BYTES).await?;
        let backup = collect(&session, &mut pushes, &keys, mailbox, head, standing.handle).await?;
        return Ok(Found { home, backup });
    }
    Err(ErrorCode::NotFound.into())
}

async fn collect(
    session: &Session,
    pushes: &mut tokio::sync::mpsc::Receiver<Push>,
    keys: &BackupKeys,
    mailbox: MailboxId,
    head: Cursor,
    handle: u32,
) -> Result<Vec<u8>> {
    // Only the newest generation that is whole counts; an older one is let go for it.
    let mut pieces: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let (mut generation, mut whole) = (None, None);
    loop {
        let events = match pushes.recv().await {
            Some(Push::Events(events)) => events,
            Some(Push::Ended(_, refusal)) => return Err(LinkError::Refused(refusal).into()),
            None => return Err(LinkError::lost().into()),
        };
        let mut last = 0;
        let mut bytes = 0;
        for event in &events.events {
            last = event.header.seq;
            bytes += event.header.size.saturating_add(256);
            let Some(piece) = event.payload.as_ref().and_then(|p| keys.open(&mailbox, p)) else {
                continue;
            };
            if piece.says_replaced() {
                return Err(ErrorCode::KitReplaced.into());
            }
            if generation != Some(piece.generation) {
                generation = Some(piece.generation);
                pieces.clear();
            }
            pieces.insert(piece.index, piece.bytes.0);
            if pieces.len() == piece.total as usize {
                whole = Some(pieces.values().flatten().copied().collect::<Vec<u8>>());
            }
        }
        if last >= head.seq {
            return whole.ok_or(ErrorCode::NotFound.into());
        }
        session.credit(handle, bytes).await?;
    }
}
