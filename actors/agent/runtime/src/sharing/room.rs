//! Rooms: shared mailboxes of documents, one for each contact and each end (decision 6).
//!
//! The end is the lease of the room's access key and the owner's ceiling, so the relay ends it
//! with every agent switched off. A room is drawn when something is first shared until that
//! end, founded when a key package of the contact is here, and closed when nothing is left in it.

use serde::{Deserialize, Serialize};
use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::{Member, VerifiedPackage};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::coded;
use telesphor_wire::command::{Command, OwnerAct, SignedVoucher};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::sign::PublicKey;

use super::show::all_given;
use crate::core::records::{
    Entry, GroupSay, Held, Job, Known, MailboxState, PackageJob, Padding, TalkSay, Via, What,
};
use crate::core::{Ctx, names};
use crate::error::Result;
use crate::mailbox::open::NO_END;

coded! {
    /// Where a room of one's own stands.
    pub(crate) enum RoomState {
        /// Its group waits for a key package that nobody has asked for yet.
        1 => Drawn,
        /// A key package was asked for.
        2 => Asking,
        /// The group was founded; the rest is the mailbox's state.
        3 => Founded,
        /// Nothing is left in it, and it was closed.
        4 => Closed,
        /// An endpoint that its contact has ended sits in it: what it shows is moving out.
        5 => Left,
        /// Another endpoint of one's own opened it and sits in it. This one can end what it shows.
        6 => Sibling,
    }
}

/// A room of one's own.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Room {
    pub(crate) mailbox: MailboxId,
    pub(crate) to: IdentityId,
    /// When it ends; [`crate::mailbox::open::NO_END`]: on its owner's word.
    pub(crate) end: u64,
    pub(crate) state: RoomState,
    /// Opens it; goes back into the stock if it is closed before.
    pub(crate) voucher: Option<SignedVoucher>,
    /// When a key package may be asked for again, Unix milliseconds.
    pub(crate) retry_at: u64,
    /// The mandate that everything in it rests on, if one: it ends with it.
    pub(crate) under: Option<Digest>,
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"room/", &mailbox.0[..]].concat()
}

fn opened_by_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"room-by/", &mailbox.0[..]].concat()
}

/// Whether what a room shows is moving out of it.
pub(crate) fn is_left(records: &impl Records, mailbox: &MailboxId) -> Result<bool> {
    let room: Option<Room> = records.get_value(Table::Grants, &name(mailbox))?;
    Ok(room.is_some_and(|r| r.state == RoomState::Left))
}

/// Whether nothing is to be shown in a room of one's own any more.
pub(crate) fn is_over(records: &impl Records, mailbox: &MailboxId) -> Result<bool> {
    let room: Option<Room> = records.get_value(Table::Grants, &name(mailbox))?;
    Ok(room.is_some_and(|r| r.state == RoomState::Closed))
}

fn is_receipt(say: &GroupSay) -> bool {
    matches!(canonical::decode(&say.body), Ok(GroupMessage::Receipt(_)))
}

impl Ctx<'_, '_> {
    /// One's own room, if the mailbox is one.
    pub(crate) fn room(&self, mailbox: &MailboxId) -> Result<Option<Room>> {
        self.get(Table::Grants, &name(mailbox))
    }

    pub(crate) fn put_room(&mut self, room: &Room) -> Result<()> {
        self.put(Table::Grants, &name(&room.mailbox), room)
    }

    /// Every room of one's own that was not closed.
    pub(crate) fn open_rooms(&self) -> Result<Vec<Room>> {
        let rooms = self.tx.scan(Table::Grants)?.into_iter();
        let rooms = rooms.filter(|(name, _)| name.starts_with(b"room/"));
        Ok(rooms
            .filter_map(|(_, bytes)| canonical::decode::<Room>(&bytes).ok())
            .filter(|room| room.state != RoomState::Closed)
            .collect())
    }

    /// The room of a contact, an end and a mandate; drawn now if there is none that can still be
    /// entered.
    pub(crate) fn room_until(&mut self, to: &IdentityId, end: u64, under: Option<Digest>) -> Result<Room> {
        for room in self.open_rooms()? {
            let held: Option<Held> = self.get(Table::Mailboxes, &room.mailbox.0)?;
            let enterable = held.is_none_or(|h| h.state != MailboxState::Ended);
            let another = matches!(room.state, RoomState::Left | RoomState::Sibling);
            if room.to == *to && room.end == end && room.under == under && enterable && !another {
                return Ok(room);
            }
        }
        let (mailbox, voucher) = self.draw_mailbox()?;
        let room = Room {
            mailbox,
            to: *to,
            end,
            state: RoomState::Drawn,
            voucher: Some(voucher),
            retry_at: 0,
            under,
        };
        self.put_room(&room)?;
        Ok(room)
    }

    /// Queues a message for a room. It waits in the vault until the room's group is founded.
    /// Where this endpoint has no seat in it, its reader is told in the conversation.
    pub(crate) fn say_in_room(
        &mut self,
        mailbox: &MailboxId,
        body: &GroupMessage,
        after: Option<u64>,
    ) -> Result<u64> {
        if let Some(contact) = self.reader_apart(mailbox)? {
            return self.tell_reader(&contact, body, after);
        }
        let say = GroupSay {
            mailbox: *mailbox,
            body: Bytes(canonical::encode(body)),
            padding: Padding::Message,
        };
        self.enqueue(What::Room(say), Job::Nothing(true), after)
    }

    /// Says something to a contact, in the conversation with it. Somebody who is no contact is
    /// told nothing.
    pub(crate) fn say_to(&mut self, to: &IdentityId, message: &GroupMessage, padding: Padding) -> Result<()> {
        let known: Option<Known> = self.get(Table::Contacts, &to.0)?;
        if known.is_none_or(|k| k.removed) {
            return Ok(());
        }
        let say = TalkSay {
            contact: *to,
            body: Bytes(canonical::encode(message)),
            padding,
        };
        self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
        Ok(())
    }

    /// Queues a message about a room for the conversation with its reader.
    pub(crate) fn tell_reader(
        &mut self,
        contact: &IdentityId,
        body: &GroupMessage,
        after: Option<u64>,
    ) -> Result<u64> {
        let say = TalkSay {
            contact: *contact,
            body: Bytes(canonical::encode(body)),
            padding: Padding::Message,
        };
        self.enqueue(What::Talk(say), Job::Nothing(true), after)
    }

    /// The reader of a room of one's own in which this endpoint does not sit: another one opened
    /// it, or this one was recovered since.
    fn reader_apart(&self, mailbox: &MailboxId) -> Result<Option<IdentityId>> {
        let (Some(room), Some(held)) = (
            self.room(mailbox)?,
            self.get::<Held>(Table::Mailboxes, &mailbox.0)?,
        ) else {
            return Ok(None);
        };
        let apart = room.state == RoomState::Sibling || held.state == MailboxState::Ended;
        Ok(apart.then_some(room.to))
    }

    /// Another endpoint of one's own opened a room.
    pub(crate) fn sibling_room(
        &mut self,
        mailbox: MailboxId,
        to: IdentityId,
        by: Option<PublicKey>,
    ) -> Result<()> {
        if self.room(&mailbox)?.is_some() {
            return Ok(());
        }
        if let Some(by) = by {
            self.put(Table::Grants, &opened_by_name(&mailbox), &by)?;
        }
        self.put_room(&Room {
            mailbox,
            to,
            end: NO_END,
            state: RoomState::Sibling,
            voucher: None,
            retry_at: 0,
            under: None,
        })
    }

    /// Seals for a room, one's own or a contact's, once its mailbox is open. The first look at
    /// an own room that waits asks for the key package that founds it.
    pub(crate) fn seal_for_room(&mut self, say: &GroupSay) -> Result<Option<(Command, Via)>> {
        if let Some(held) = self.get::<Held>(Table::Mailboxes, &say.mailbox.0)? {
            return match (held.state, held.with) {
                (MailboxState::Open, _) => self.seal_for_group(say),
                (MailboxState::Opening, _) => Ok(None),
                // A receipt that the end has overtaken is said in the conversation instead.
                (MailboxState::Ended, Some(contact)) if is_receipt(say) && held.owner.is_none() => {
                    match self.conversation(&contact)? {
                        Some(mailbox) => self.seal_for_group(&GroupSay {
                            mailbox,
                            ..say.clone()
                        }),
                        None => Ok(None),
                    }
                }
                (MailboxState::Ended, _) => Ok(None),
            };
        }
        if let Some(mut room) = self.room(&say.mailbox)?
            && room.state == RoomState::Drawn
            && room.retry_at <= self.now
        {
            room.state = RoomState::Asking;
            self.put_room(&room)?;
            self.take_package(&PackageJob {
                contact: room.to,
                used: MailboxUse::Shared,
                into: None,
                room: Some(room.mailbox),
            })?;
        }
        Ok(None)
    }

    /// The relay refused a message for a contact's room because its end has come: a receipt
    /// still reaches the owner, through the conversation.
    pub(crate) fn said_too_late(&mut self, say: &GroupSay) -> Result<()> {
        let Some(held) = self.get::<Held>(Table::Mailboxes, &say.mailbox.0)? else {
            return Ok(());
        };
        if let (None, Some(contact), true) = (&held.owner, held.with, is_receipt(say)) {
            let say = TalkSay {
                contact,
                body: say.body.clone(),
                padding: say.padding,
            };
            self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
        }
        Ok(())
    }

    /// The key package that founds a room could not be had, or was worth nothing.
    pub(crate) fn room_without_package(&mut self, job: &PackageJob, wait_ms: u64) -> Result<()> {
        let Some(mailbox) = &job.room else { return Ok(()) };
        if let Some(mut room) = self.room(mailbox)?
            && room.state == RoomState::Asking
        {
            room.state = RoomState::Drawn;
            room.retry_at = self.now + wait_ms;
            self.put_room(&room)?;
        }
        Ok(())
    }

    /// A key package is here: the room's group is founded and its mailbox opened until its end.
    pub(crate) fn found_room(&mut self, job: &PackageJob, package: VerifiedPackage) -> Result<()> {
        let room = job.room.map(|mailbox| self.room(&mailbox)).transpose()?.flatten();
        // Closed meanwhile: then the package was taken for nothing.
        let Some(mut room) = room.filter(|r| r.state == RoomState::Asking) else {
            return Ok(());
        };
        let Some(voucher) = room.voucher.take() else {
            return Ok(());
        };
        room.state = RoomState::Founded;
        self.put_room(&room)?;
        self.found_group(job, package, (room.mailbox, voucher), room.end)?;
        Ok(())
    }

    /// Moves what a contact is shown out of rooms in which an endpoint sits that is not among
    /// `now`: whoever has its keys is served there no more.
    pub(crate) fn leave_rooms_with(&mut self, who: &IdentityId, now: &[Member]) -> Result<()> {
        for mut room in self.open_rooms()? {
            if room.to != *who || room.state != RoomState::Founded {
                continue;
            }
            let seats = self.seats(&room.mailbox)?;
            let mut theirs = seats.iter().filter(|seat| seat.member.identity == *who);
            if theirs.all(|seat| now.contains(&seat.member)) {
                continue;
            }
            self.move_out(&mut room)?;
        }
        Ok(())
    }

    /// Which other endpoint of one's own opened a room.
    pub(crate) fn room_opened_by(&self, mailbox: &MailboxId) -> Result<Option<PublicKey>> {
        self.get(Table::Grants, &opened_by_name(mailbox))
    }

    /// Moves what is shown out of rooms that an endpoint of one's own opened which has ended since:
    /// it sits there alone with the reader, and nobody else can put it out.
    pub(crate) fn leave_rooms_of_ended(&mut self) -> Result<()> {
        let live = self.endpoint_keys(&self.me())?;
        for mut room in self.open_rooms()? {
            let by = self.room_opened_by(&room.mailbox)?;
            if room.state == RoomState::Sibling && by.is_none_or(|by| !live.contains(&by)) {
                self.move_out(&mut room)?;
            }
        }
        Ok(())
    }

    /// The relay would not open a room: what it was to show goes into another one.
    pub(crate) fn room_not_opened(&mut self, mailbox: &MailboxId) -> Result<()> {
        match self.room(mailbox)? {
            Some(mut room) => self.move_out(&mut room),
            None => Ok(()),
        }
    }

    fn move_out(&mut self, room: &mut Room) -> Result<()> {
        room.state = RoomState::Left;
        self.put_room(room)?;
        for given in all_given(self.tx)? {
            if given.mailbox == room.mailbox && given.runs(self.now) {
                self.show_until(&room.to, &given.documents, given.until, &given.why, given.under)?;
            }
        }
        Ok(())
    }

    /// The grant that a room carries out and its Welcome shows; `None` once nothing is left in it.
    pub(crate) fn room_grant(&self, mailbox: &MailboxId) -> Result<Option<SignedGrant>> {
        let live = all_given(self.tx)?
            .into_iter()
            .find(|g| g.mailbox == *mailbox && g.revoked.is_none());
        Ok(live.map(|g| g.signed))
    }

    /// Ends a room at once, whatever anybody's clock says: no key of it reads, follows or
    /// deposits any more. Only the owner's right goes on.
    pub(crate) fn close_room(&mut self, mailbox: &MailboxId, after: Option<u64>) -> Result<()> {
        let open = self.room(mailbox)?.is_some_and(|r| r.state != RoomState::Closed);
        self.room_closed(mailbox)?;
        if open && self.get::<Held>(Table::Mailboxes, &mailbox.0)?.is_some() {
            let acts = [OwnerAct::SetCeiling(0), OwnerAct::Close(Extensions::none())];
            for act in acts {
                self.enqueue_act(*mailbox, act, Job::Nothing(true), after)?;
            }
        }
        Ok(())
    }

    /// Nothing is left in a room: nothing more goes into it.
    pub(crate) fn room_closed(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(mut room) = self.room(mailbox)? else {
            return Ok(());
        };
        if room.state == RoomState::Closed {
            return Ok(());
        }
        room.state = RoomState::Closed;
        if let Some(voucher) = room.voucher.take() {
            self.tx
                .push(Table::Mailboxes, names::VOUCHERS, &canonical::encode(&voucher))?;
        }
        self.put_room(&room)?;
        self.drop_unsealed(mailbox, None)
    }

    /// Takes out of the outbox what was to be said in a room and was never sealed: everything, or
    /// these documents.
    pub(crate) fn drop_unsealed(&mut self, mailbox: &MailboxId, only: Option<&[DocumentId]>) -> Result<()> {
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let Ok(entry) = canonical::decode::<Entry>(&bytes) else {
                continue;
            };
            let here = matches!(&entry.what, What::Room(say) if say.mailbox == *mailbox);
            let meant = match (only, entry.job) {
                (None, _) => true,
                (Some(only), Job::Document(job)) => only.contains(&job.document),
                (Some(_), _) => false,
            };
            if here && meant && entry.command.is_none() {
                self.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
                self.fx.done.push(seq);
            }
        }
        Ok(())
    }
}
