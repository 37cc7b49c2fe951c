//! The task that puts files at the relay and tells of them, one after another, until nothing is
//! wanted any more. It may be killed anywhere: what was done stands at the relay, and the rest is
//! still wanted.

use std::sync::Arc;
use std::time::Duration;

use telesphor_clinical::blob::BlobRef;
use telesphor_wire::blob::call::BlobAttach;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};
use tokio::sync::watch;

use super::keep::{keep, lies_there, take_out};
use super::record::{self, PartsState, Place, Want};
use super::shelf::Shelf;
use crate::core::records::{Held, Job, MailboxState, MemberVia, Padding, Via};
use crate::core::{Core, Shared};
use crate::error::{Error, Result};
use crate::link::blob::BlobLink;
use crate::link::{Credential, LinkError};
use telesphor_vault::{Records, Table};

/// Between two looks at what could not be done: its conversation was not open, or the relay
/// was not there. Twice as long each time that nothing was done, up to the second one; sooner
/// if anything came.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Runs until `stop` says so.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut changes = shared.changes();
    let mut patience = LOOK_AGAIN.0;
    while !*stop.borrow() {
        let round = tokio::select! {
            round = round(&shared) => round,
            _ = stop.changed() => break,
        };
        patience = match round.moved {
            true => LOOK_AGAIN.0,
            false => (patience * 2).min(LOOK_AGAIN.1),
        };
        let pause = async {
            match round.left {
                // Something could not be done now; what came meanwhile may have changed that.
                true => {
                    tokio::time::sleep(LOOK_AGAIN.0).await;
                    drop(tokio::time::timeout(patience, changes.changed()).await);
                }
                false => drop(changes.changed().await),
            }
        };
        tokio::select! {
            () = pause => {}
            _ = stop.changed() => break,
        }
    }
}

/// What a round has come to.
#[derive(Clone, Copy, Default)]
struct Round {
    /// Something is still to be done.
    left: bool,
    /// Something was done.
    moved: bool,
}

/// Does what can be done.
async fn round(shared: &Arc<Shared>) -> Round {
    let mut round = Round::default();
    let wanted = shared
        .work(|core| match core.index.parts {
            true => record::wanted(&core.read()?),
            false => Ok(Vec::new()),
        })
        .await
        .unwrap_or_default();
    let (mut link, mut news) = (None, false);
    for (seq, want) in &wanted {
        let seq = *seq;
        let failure = match carry_out(shared, &mut link, want).await {
            Ok(Done::Yes) => None,
            // Its sender has erased it, or the relay was brought back without it: whoever puts it
            // again tells of it again.
            Err(error) if error.code == ErrorCode::BlobAbsent => None,
            Ok(Done::NotYet) => {
                round.left = true;
                continue;
            }
            Err(error) => {
                // A line that broke; anything else is an answer that another asking may change.
                if error.code == ErrorCode::Unreachable {
                    link = None;
                }
                Some(error.code)
            }
        };
        let document = want.document;
        let noted = shared.work(move |core| match failure {
            None => {
                core.index.parts_failures.remove(&document);
                core.write(|ctx| ctx.want_no_more(seq))?;
                Ok(true)
            }
            Some(code) => Ok(core.index.parts_failures.insert(document, code) != Some(code)),
        });
        let noted = noted.await;
        match noted.is_ok() && failure.is_none() {
            true => round.moved = true,
            false => round.left = true,
        }
        news |= noted.unwrap_or(false);
    }
    // Heard by whoever waits. A round that came to nothing new rings nobody, itself least of all.
    if news {
        shared.ring();
    }
    if !round.left && !wanted.is_empty() {
        let more = shared.work(|core| {
            core.index.parts = !record::wanted(&core.read()?)?.is_empty();
            core.index.parts_have.clear();
            Ok(core.index.parts)
        });
        round.left = more.await.unwrap_or(true);
    }
    round
}

enum Done {
    Yes,
    /// What it waits for has not happened.
    NotYet,
}

/// What is known of one want when its turn comes.
pub(super) struct Facts {
    pub(super) refs: Vec<BlobRef>,
    pub(super) state: PartsState,
    pub(super) own: MailboxId,
    pub(super) by_owner: Credential,
    pub(super) shelf: Shelf,
}

async fn carry_out(shared: &Arc<Shared>, link: &mut Option<BlobLink>, want: &Want) -> Result<Done> {
    let document = want.document;
    if let Place::Gone(addresses) = &want.place {
        let (own, by_owner) = shared.work(|core| owner(core)).await?;
        let link = connected(shared, link).await?;
        for address in addresses {
            take_out(link, &by_owner, own, *address).await?;
        }
        return Ok(Done::Yes);
    }
    let Some(facts) = shared.work(move |core| facts(core, &document)).await? else {
        return Ok(Done::Yes);
    };
    if facts.refs.is_empty() {
        // Its files were not told of yet.
        return Ok(Done::NotYet);
    }
    let link = connected(shared, link).await?;
    let mut there = facts.state.kept;
    if there {
        for at in &facts.refs {
            there &= lies_there(link, &facts, at).await?;
        }
    }
    if !there {
        for at in &facts.refs {
            if !keep(shared, link, &facts, at).await? {
                return Ok(Done::NotYet);
            }
        }
        shared
            .change(move |core| core.write(|ctx| ctx.parts_are_kept(&document)))
            .await?;
    }
    let place = want.place.clone();
    let shown = shared.work(move |core| shown_in(core, &place)).await?;
    let (mailbox, by) = match shown {
        Shown::Nowhere => return Ok(Done::Yes),
        Shown::NotYet => return Ok(Done::NotYet),
        Shown::In(mailbox, by) => (mailbox, by),
    };
    for at in &facts.refs {
        let attach = BlobAttach {
            mailbox,
            address: at.address,
            source: facts.own,
            kept: false,
        };
        link.attach(&by, &facts.by_owner, attach).await?;
    }
    let place = want.place.clone();
    shared
        .change(move |core| core.write(|ctx| ctx.tell_parts(&document, &place, mailbox)))
        .await?;
    Ok(Done::Yes)
}

async fn connected<'a>(shared: &Arc<Shared>, link: &'a mut Option<BlobLink>) -> Result<&'a mut BlobLink> {
    match link {
        Some(link) => Ok(link),
        None => Ok(link.insert(connect(shared).await?)),
    }
}

async fn connect(shared: &Arc<Shared>) -> Result<BlobLink> {
    let (pins, relays) = shared
        .work(|core| Ok((core.profile.pins(), core.profile.relays())))
        .await?;
    let mut last = LinkError::lost();
    for pin in pins {
        match BlobLink::open(&pin, &relays).await {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// Opens a connection for files.
pub(crate) async fn link(shared: &Arc<Shared>) -> Result<BlobLink> {
    connect(shared).await
}

fn owner(core: &Core) -> Result<(MailboxId, Credential)> {
    let own = core.profile.own.ok_or(Error::fault("own mailbox"))?;
    let by_owner = core.credential(own, &Via::Owner(own))?;
    Ok((own, by_owner.ok_or(Error::of(ErrorCode::NotOwner))?))
}

fn facts(core: &mut Core, document: &DocumentId) -> Result<Option<Facts>> {
    let snapshot = core.read()?;
    // Erased meanwhile: then there is nothing to tell.
    if snapshot.body(document)?.is_none() {
        return Ok(None);
    }
    let (own, by_owner) = owner(core)?;
    Ok(Some(Facts {
        refs: record::refs(&snapshot, document)?.unwrap_or_default(),
        state: record::state(&snapshot, document)?,
        own,
        by_owner,
        shelf: core.shelf(),
    }))
}

enum Shown {
    In(MailboxId, Box<Credential>),
    NotYet,
    /// It is over, or nothing more is to be done.
    Nowhere,
}

fn shown_in(core: &mut Core, place: &Place) -> Result<Shown> {
    let mailbox = match place {
        Place::Own(_) | Place::Gone(_) => return Ok(Shown::Nowhere),
        Place::In(mailbox) => Some(*mailbox),
        Place::Contact(contact) => {
            let contact = *contact;
            core.write(|ctx| ctx.conversation(&contact))?
        }
    };
    let Some(mailbox) = mailbox else {
        return Ok(Shown::NotYet);
    };
    let held: Option<Held> = core.read()?.get_value(Table::Mailboxes, &mailbox.0)?;
    match held {
        Some(held) if held.state == MailboxState::Ended => Ok(Shown::Nowhere),
        Some(held) if held.state == MailboxState::Open => {
            Ok(credential(core, &held)?.map_or(Shown::NotYet, |by| Shown::In(mailbox, Box::new(by))))
        }
        _ => Ok(Shown::NotYet),
    }
}

/// The right by which files are shown and fetched in a mailbox: the owner's, or a member's.
pub(crate) fn credential(core: &Core, held: &Held) -> Result<Option<Credential>> {
    if held.owner.is_some() {
        return core.credential(held.id, &Via::Owner(held.id));
    }
    let member = MemberVia {
        mailbox: held.id,
        branch: held.branch,
        epoch: held.epoch,
    };
    core.credential(held.id, &Via::Member(member))
}

impl crate::core::Ctx<'_, '_> {
    /// One's own mailbox keeps the files of a document: the other endpoints are told.
    fn parts_are_kept(&mut self, document: &DocumentId) -> Result<()> {
        let mut state = record::state(self.tx, document)?;
        if state.kept {
            return Ok(());
        }
        state.kept = true;
        self.put_parts_state(document, &state)?;
        let (Some(own), true) = (self.profile.own, self.keys.siblings) else {
            return Ok(());
        };
        match self.parts_word(document)? {
            Some(word) => {
                self.say(own, &word, Padding::Handshake, Job::Nothing(true))?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Says where files lie, in the mailbox where they are shown now.
    fn tell_parts(&mut self, document: &DocumentId, place: &Place, mailbox: MailboxId) -> Result<()> {
        let Some(word) = self.parts_word(document)? else {
            return Ok(());
        };
        match place {
            Place::Contact(contact) => self.say_to(contact, &word, Padding::Handshake)?,
            Place::In(_) => _ = self.say_in_room(&mailbox, &word, None)?,
            Place::Own(_) | Place::Gone(_) => return Ok(()),
        }
        let mut state = record::state(self.tx, document)?;
        if !state.shown.contains(place) && state.shown.len() < record::MAX_SHOWN {
            state.shown.push(place.clone());
            self.put_parts_state(document, &state)?;
        }
        Ok(())
    }
}
