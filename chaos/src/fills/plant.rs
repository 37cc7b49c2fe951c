//! Faults planted into a history that holds: a checker that does not find every one of them has
//! proved nothing by finding none.

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::SigningKey;

use super::checker::{Did, Found, What, judge};

/// The history of one entry, and how it stood at the end.
#[derive(Clone)]
struct Story {
    dids: Vec<Did>,
    id: EntryId,
    end: EntryStanding,
}

type Fault = (&'static str, fn(&mut Story) -> Option<()>, fn(&Found) -> bool);

/// Every kind of fault: its name, how it is planted, and what is to be found.
const FAULTS: &[Fault] = &[
    ("a confirmed fill is gone", lose, |f| {
        matches!(f, Found::Missing(..))
    }),
    ("more than there was", overdraw, |f| {
        matches!(f, Found::Overdraw(..))
    }),
    ("more than was free", overdraw, |f| {
        matches!(f, Found::NotAllowed(..))
    }),
    ("two at one place", fork, |f| {
        matches!(f, Found::TwoAtOnePlace(..))
    }),
    ("one reservation confirmed twice", twice, |f| {
        matches!(f, Found::Twice(..))
    }),
    ("a step changed afterwards", change, |f| {
        matches!(f, Found::Broken(..))
    }),
    ("an order that the clock denies", delay, |f| {
        matches!(f, Found::AgainstTheClock(..))
    }),
    ("an answer from before", stale, |f| {
        matches!(f, Found::WrongAccount(..))
    }),
    ("a look into the past", past, |f| {
        matches!(f, Found::WrongAccount(..))
    }),
    ("refused though there was enough", refuse, |f| {
        matches!(f, Found::RefusedForNothing(..))
    }),
    ("refused for a reservation whose time was over", outlast, |f| {
        matches!(f, Found::RefusedForNothing(..))
    }),
    ("a confirmation refused, and carried out", waver, |f| {
        matches!(f, Found::RefusedForNothing(..))
    }),
    ("let go of what could be confirmed", let_go, |f| {
        matches!(f, Found::LetGoForNothing(..))
    }),
    (
        "told that it is let go, then that it is confirmed",
        change_mind,
        |f| matches!(f, Found::NotAllowed(..)),
    ),
    ("forgotten at the end", forget, |f| {
        matches!(f, Found::LostAtTheEnd(..))
    }),
    ("set aside for good", strand, |f| matches!(f, Found::Stranded(..))),
];

/// Plants every kind in each of these entries' histories, one at a time: how many were planted,
/// and the names of those that were not found.
pub fn all(history: &[Did], ends: &[(EntryId, EntryStanding)], units: u32) -> (usize, Vec<&'static str>) {
    let (mut planted, mut missed) = (0, Vec::new());
    for (id, end) in ends {
        let story = Story {
            dids: history.iter().filter(|d| d.entry == *id).cloned().collect(),
            id: *id,
            end: *end,
        };
        for (name, plant, is_it) in FAULTS {
            let mut bad = story.clone();
            if plant(&mut bad).is_none() {
                continue;
            }
            planted += 1;
            if !judge(&bad.dids, &[(bad.id, bad.end)], units).iter().any(is_it) {
                missed.push(*name);
            }
        }
    }
    (planted, missed)
}

/// How many kinds there are.
pub const fn kinds() -> usize {
    FAULTS.len()
}

impl Story {
    fn step(&self, kind: StepKind) -> Option<Step> {
        let mut steps = self.dids.iter().filter_map(|d| d.step.clone());
        steps.find(|s| s.kind == kind)
    }

    fn last(&self) -> Option<Step> {
        let steps = self.dids.iter().filter_map(|d| d.step.clone());
        steps.max_by_key(|s| s.seq)
    }

    /// Puts a step behind all others, well linked, and somebody who was told of it.
    fn append(&mut self, mut step: Step) -> Option<()> {
        let last = self.last()?;
        (step.seq, step.previous, step.stamp) = (last.seq + 1, last.digest(), last.stamp);
        let now = self.dids.iter().map(|d| d.ended).max()? + 1;
        self.dids.push(Did {
            entry: self.id,
            what: What::Confirm,
            parts: step.parts,
            began: now,
            ended: now + 1,
            step: Some(step),
            standing: None,
            refused: None,
        });
        Some(())
    }

    fn asked(&mut self, what: What, parts: u64, began: u64) -> &mut Did {
        self.dids.push(Did {
            entry: self.id,
            what,
            parts,
            began,
            ended: began,
            step: None,
            standing: None,
            refused: None,
        });
        let at = self.dids.len() - 1;
        &mut self.dids[at]
    }
}

fn lose(story: &mut Story) -> Option<()> {
    // The last step leaves no gap: what is lost there is missed at the end.
    let seq = story
        .step(StepKind::Confirmed)
        .filter(|s| Some(s) != story.last().as_ref())?
        .seq;
    story
        .dids
        .retain(|d| d.step.as_ref().is_none_or(|s| s.seq != seq));
    Some(())
}

fn overdraw(story: &mut Story) -> Option<()> {
    let key = SigningKey::generate().public();
    let parts = RX_PARTS / 2;
    for kind in [StepKind::Reserved, StepKind::Confirmed, StepKind::Confirmed] {
        let until = u64::MAX;
        let step = story.step(StepKind::Reserved)?;
        story.append(Step {
            kind,
            key,
            parts,
            until,
            ..step
        })?;
        if kind == StepKind::Confirmed {
            story.end.confirmed += parts;
        }
    }
    Some(())
}

fn fork(story: &mut Story) -> Option<()> {
    let step = story.step(StepKind::Reserved)?;
    let mut other = story
        .dids
        .iter()
        .find(|d| d.step.as_ref() == Some(&step))?
        .clone();
    other.step.as_mut()?.key = SigningKey::generate().public();
    story.dids.push(other);
    Some(())
}

fn twice(story: &mut Story) -> Option<()> {
    let step = story.step(StepKind::Confirmed)?;
    story.append(step)
}

fn change(story: &mut Story) -> Option<()> {
    // As everybody was told it, so that only its successor's hash speaks against it.
    let step = story
        .step(StepKind::Reserved)
        .filter(|s| Some(s) != story.last().as_ref())?;
    for did in story.dids.iter_mut().filter(|d| d.step.as_ref() == Some(&step)) {
        did.step.as_mut()?.until += 1;
    }
    Some(())
}

fn delay(story: &mut Story) -> Option<()> {
    let first = story
        .dids
        .iter()
        .filter_map(|d| d.step.as_ref())
        .find(|s| s.seq == 1)?
        .clone();
    let now = story.dids.iter().map(|d| d.ended).max()? + 1;
    for did in story.dids.iter_mut().filter(|d| d.step.as_ref() == Some(&first)) {
        (did.began, did.ended) = (now, now + 1);
    }
    Some(())
}

fn stale(story: &mut Story) -> Option<()> {
    let first = story
        .dids
        .iter()
        .find(|d| d.step.as_ref().is_some_and(|s| s.seq == 1))?;
    let before = first.standing?;
    let last = story.last()?.seq;
    let did = story
        .dids
        .iter_mut()
        .find(|d| d.step.as_ref().is_some_and(|s| s.seq == last))?;
    did.standing = Some(before);
    Some(())
}

fn past(story: &mut Story) -> Option<()> {
    let first = story
        .dids
        .iter()
        .find(|d| d.step.as_ref().is_some_and(|s| s.seq == 1))?;
    let before = first.standing?;
    let now = story.dids.iter().map(|d| d.ended).max()? + 1;
    story.asked(What::Look, 0, now).standing = Some(before);
    Some(())
}

fn refuse(story: &mut Story) -> Option<()> {
    let began = story.dids.iter().map(|d| d.began).min()? - 1;
    story.asked(What::Reserve, 1, began).refused = Some(ErrorCode::RxNotEnough);
    Some(())
}

/// A reservation stands last and is never ended; long after its time somebody is refused for it.
fn outlast(story: &mut Story) -> Option<()> {
    let last = story.last()?;
    let parts = RX_PARTS
        .checked_sub(story.end.confirmed)
        .filter(|free| *free > 0)?;
    let step = Step {
        kind: StepKind::Reserved,
        key: SigningKey::generate().public(),
        parts,
        until: last.stamp + 60_000,
        ..last.clone()
    };
    story.append(step)?;
    let began = (last.stamp + 120_000) * 1_000_000;
    story.asked(What::Reserve, 1, began).refused = Some(ErrorCode::RxNotEnough);
    Some(())
}

/// What was confirmed was refused before, at another relay.
fn waver(story: &mut Story) -> Option<()> {
    let step = story.step(StepKind::Confirmed)?;
    let did = story.dids.iter().find(|d| d.step.as_ref() == Some(&step))?;
    let (parts, began) = (RX_PARTS, did.began);
    story.asked(What::Confirm, parts, began).refused = Some(ErrorCode::RxNotEnough);
    Some(())
}

/// A new key's parts are set aside and, asked to be confirmed, let go.
fn ended(story: &mut Story) -> Option<Step> {
    let parts = RX_PARTS
        .checked_sub(story.end.confirmed)
        .filter(|free| *free > 0)?;
    let step = Step {
        key: SigningKey::generate().public(),
        parts,
        until: u64::MAX,
        ..story.step(StepKind::Reserved)?
    };
    story.append(step.clone())?;
    let step = Step {
        kind: StepKind::Released,
        until: 0,
        ..step
    };
    story.append(step.clone())?;
    Some(step)
}

fn let_go(story: &mut Story) -> Option<()> {
    ended(story).map(|_| ())
}

fn change_mind(story: &mut Story) -> Option<()> {
    let step = ended(story)?;
    story.append(Step {
        kind: StepKind::Confirmed,
        ..step
    })
}

fn forget(story: &mut Story) -> Option<()> {
    let step = story.step(StepKind::Confirmed)?;
    story.end.confirmed -= step.parts;
    story.end.free += step.parts;
    Some(())
}

fn strand(story: &mut Story) -> Option<()> {
    let taken = story.end.confirmed.min(1 << 20);
    story.end.confirmed -= taken;
    Some(())
}
