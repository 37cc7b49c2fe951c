//! A device of somebody's has ended: it leaves every team in which it sits, although its person is
//! on duty there and may be no contact of those who must put it out.
//!
//! The roster service knows its people; it passes the history on to everybody who sits where that
//! person was brought a seat, and to the patients. Any of them on duty puts the device out: what
//! says that it has ended is said in the team before, so that all judge alike.

use telesphor_clinical::message::GroupMessage;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ids::IdentityId;

use super::record::Standing;
use super::serve::padding_for;
use crate::core::Ctx;
use crate::core::records::{Job, Known, TalkSay, What};
use crate::error::Result;

impl Ctx<'_, '_> {
    /// A contact has told that a device of his has ended.
    pub(crate) fn device_ended(&mut self, who: &IdentityId) -> Result<()> {
        let mut told: Vec<IdentityId> = Vec::new();
        for served in self.all_served()? {
            let seated = self.seated(&served.place.mailbox)?;
            if seated.contains(who) {
                told.extend(seated.iter().filter(|other| *other != who));
                told.push(served.owner);
            }
        }
        told.sort_unstable();
        told.dedup();
        let body = GroupMessage::Credentials(Bytes(self.proofs_about(who)?.to_bytes()));
        let body = Bytes(canonical::encode(&body));
        for contact in told {
            let known: Option<Known> = self.get(Table::Contacts, &contact.0)?;
            if known.is_none_or(|k| k.removed) {
                continue;
            }
            let say = TalkSay {
                contact,
                body: body.clone(),
                padding: padding_for(&body),
            };
            self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
        }
        self.leave_behind(who)
    }

    /// Has those teams brought in line in which a device of somebody's sits that has ended.
    pub(crate) fn leave_behind(&mut self, who: &IdentityId) -> Result<()> {
        let Some(history) = self.history(who)? else {
            return Ok(());
        };
        let live = crate::people::members(&history);
        for known in self.teams()? {
            let mailbox = known.team.mailbox;
            if !matches!(known.team.standing, Standing::Own | Standing::Sitting) {
                continue;
            }
            let seats = self.seats(&mailbox)?;
            let mut theirs = seats.iter().filter(|s| s.member.identity == *who);
            if theirs.any(|seat| !live.contains(&seat.member)) {
                self.team_line(&mailbox)?;
            }
        }
        Ok(())
    }
}
