//! By which version of the rules a cluster decides: the highest that every seat knows.
//!
//! All relays must make the same of a command, so a program with new rules may not go by them while another
//! relay still runs an older one. Each says with its votes what it knows; the version in force stands in the
//! genesis of an incarnation, and holds for what was ordered in it. Once all who vote know a higher one, the first
//! seat in order carries the order on in a new incarnation, by that version. It never falls (rule 21).

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};

use super::bus::Bus;
use super::driver::Driver;
use super::phase::{Gone, Lost};

/// Version 1 is in force where a genesis names none.
pub(crate) const FIRST: u16 = 1;

/// Extension of [`super::say::Genesis`] and [`super::say::Promised`]: the version in force, in the incarnation
/// that is opened or that was followed last. Never critical: whoever does not know it decides by version 1.
pub const RULES: u32 = 1;
/// Extension of [`super::say::Vote`]: the lowest and the highest version that the speaker knows. Never critical.
pub const KNOWS: u32 = 2;

/// What was heard longer ago than this says nothing any more: a relay that was given an older program is not
/// taken for one with a newer.
const LIFE: Duration = Duration::from_secs(5);

/// What a member says that it knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knows {
    highest: u16,
    heard: Instant,
}

impl Knows {
    /// What stands with a vote; version 1 where nothing does.
    pub(crate) fn said(ext: &Extensions) -> Self {
        let said = ext.get(KNOWS);
        let said = said.and_then(|e| canonical::decode_bounded::<(u16, u16)>(&e.body, 16).ok());
        Self {
            highest: said.map_or(FIRST, |(_, highest)| highest),
            heard: Instant::now(),
        }
    }
}

/// With the versions that this program knows.
pub(crate) fn knowing(ext: Extensions, known: &RangeInclusive<u16>) -> Extensions {
    ext.with(Extension {
        id: KNOWS,
        critical: false,
        body: Bytes(canonical::encode(&(*known.start(), *known.end()))),
    })
}

/// With the version in force.
pub(crate) fn stating(rules: u16) -> Extensions {
    Extensions::none().with(Extension {
        id: RULES,
        critical: false,
        body: Bytes(canonical::encode(&rules)),
    })
}

/// The version that is stated.
pub(crate) fn stated(ext: &Extensions) -> u16 {
    let stated = ext.get(RULES);
    let stated = stated.and_then(|e| canonical::decode_bounded::<u16>(&e.body, 8).ok());
    stated.unwrap_or(FIRST)
}

impl<B: Bus> Driver<B> {
    /// The version in force in the incarnation that is followed.
    pub(crate) fn rules(&self) -> u16 {
        self.seated.rules(self.standing.accepted.inc)
    }

    /// Whether this program can decide by a version.
    pub(crate) fn knows_rules(&self, version: u16) -> bool {
        self.context.rules.contains(&version)
    }

    /// The highest version that everybody who votes knows; nothing as long as one of them was not heard.
    pub(crate) fn known_to_all(&self) -> Option<u16> {
        let highest = |seat| match seat == &self.context.me {
            true => Some(*self.context.rules.end()),
            false => self
                .heard
                .get(seat)
                .and_then(|known| known.rules)
                .filter(|knows| knows.heard.elapsed() < LIFE)
                .map(|knows| knows.highest),
        };
        let members = self.standing.accepted.members.iter();
        members.map(highest).min().flatten()
    }

    /// Rule 21: whether all who vote know a higher version than the one in force.
    pub(crate) fn rules_rise(&self) -> bool {
        self.known_to_all().is_some_and(|all| all > self.rules())
    }

    /// Stops if what was promised, or is followed, goes by a version that this program does not know.
    pub(crate) async fn stop_at_unknown_rules(&mut self, version: u16) -> Result<bool, Gone> {
        let unknown = !self.knows_rules(version);
        if unknown {
            self.lose(Lost::Rules).await?;
        }
        Ok(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_says_of_its_rules_is_heard_otherwise() {
        let ext = knowing(Extensions::none(), &(2..=7));
        assert_eq!(Knows::said(&ext).highest, 7);
        assert_eq!(stated(&stating(5)), 5);
    }

    #[test]
    fn whoever_says_nothing_of_rules_or_nonsense_is_taken_for_newer() {
        let nonsense = |id| Extension {
            id,
            critical: false,
            body: Bytes(vec![0xc1]),
        };
        for ext in [Extensions::none(), Extensions::none().with(nonsense(KNOWS))] {
            assert_eq!(Knows::said(&ext).highest, FIRST);
        }
        for ext in [Extensions::none(), Extensions::none().with(nonsense(RULES))] {
            assert_eq!(stated(&ext), FIRST);
        }
    }
}
