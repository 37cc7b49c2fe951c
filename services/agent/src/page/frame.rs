//! What stands around every page: who is signed in, which patient is open, how old what is
//! shown is, and alarms.

use serde::Serialize;
use telesphor_agent::Agent;
use telesphor_agent::views::Seen;
use telesphor_clinical::text::shown;

use super::keeper::now_ms;
use super::people::People;
use super::room::Room;
use super::words::words;
use super::{limits, log};
use crate::fault::{Fault, Result};
use crate::out::{Form, Out};
use crate::shown::relay_words;

/// Which of the pages this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    Inbox,
    Record,
    Who,
    Log,
    Teams,
    Elsewhere,
}

/// An instant, for people and for programs.
#[derive(Clone, Serialize)]
pub(super) struct Moment {
    pub(super) words: String,
    pub(super) iso: String,
}

impl Moment {
    pub(super) fn at(out: &Out, ms: u64) -> Self {
        Self {
            words: out.short(ms),
            iso: crate::dates::instant(ms).to_string(),
        }
    }
}

/// The frame.
#[derive(Serialize)]
pub(super) struct Frame {
    /// The path of all pages.
    pub(super) room: String,
    pub(super) token: String,
    pub(super) title: String,
    pub(super) place: Place,
    pub(super) signed_in: String,
    pub(super) device: String,
    pub(super) own_record: String,
    pub(super) patient: Option<String>,
    pub(super) relay: String,
    /// As of when, if that is known.
    pub(super) as_of: Option<Moment>,
    /// Why it is not the newest.
    pub(super) stale: Option<String>,
    pub(super) alarms: Vec<String>,
    pub(super) teams: bool,
    /// What was just done.
    pub(super) notice: Option<String>,
    /// When it was made, Unix milliseconds: news are told from then on.
    pub(super) now: u64,
    /// Seconds until it is locked if nobody does anything, and a little more.
    pub(super) idle: u64,
}

/// What every page begins with.
pub(super) struct Scene<'a> {
    pub(super) agent: &'a Agent,
    pub(super) out: Out,
    pub(super) people: People,
    pub(super) stale: Option<Fault>,
    room: &'a Room,
}

impl<'a> Scene<'a> {
    /// Fetches what came meanwhile, for a moment, and looks who is who.
    pub(super) async fn set(room: &'a Room, agent: &'a Agent) -> Result<Self> {
        let stale = agent.settle(limits::FRESH).await.err().map(Fault::from);
        Ok(Self {
            agent,
            out: Out::new(Form::Plain),
            people: People::load(agent).await?,
            stale,
            room,
        })
    }

    /// Whether everything that the relay has for this device is here.
    pub(super) const fn is_complete(&self) -> bool {
        self.stale.is_none()
    }

    /// The frame of one page.
    pub(super) async fn frame(&self, place: Place, title: &str, patient: Option<String>) -> Result<Frame> {
        let status = self.agent.status().await?;
        let now = now_ms();
        let as_of = self.room.as_of(self.is_complete().then_some(now));
        let alarms = self.agent.log(limits::LOG).await?;
        let alarms = alarms
            .iter()
            .filter(|l| l.seen == Seen::Alarm && log::is_recent(l, now));
        Ok(Frame {
            room: self.room.door.room.clone(),
            token: self.room.door.token.to_string(),
            title: shown(title),
            place,
            signed_in: self
                .people
                .signed_in
                .clone()
                .unwrap_or_else(|| words().say("nobody-signed-in")),
            device: shown(&self.people.me.endpoint),
            own_record: self.people.me.id.to_string(),
            patient,
            relay: relay_words(&status),
            as_of: as_of.or(status.last_sync).map(|ms| Moment::at(&self.out, ms)),
            stale: self.stale.as_ref().map(|fault| fault.code.words().to_owned()),
            alarms: alarms.map(|l| log::line_words(&self.out, l, now)).collect(),
            teams: !self.people.teams.is_empty(),
            notice: self.room.notice(),
            now,
            idle: self.room.keeper.idle().as_secs() + 2,
        })
    }
}
