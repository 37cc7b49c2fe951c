//! Bringing a team in line with the roster: who has no turn goes, who has one and asked comes.
//!
//! It looks at what the group is and what it should be, so it can be run at any time by anybody
//! who sits there and is on duty, or by the patient: the first commit wins, the others look again.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::roster::{Roster, SignedRoster};
use telesphor_clinical::team::{TeamAsk, TeamBasis, TeamWord};
use telesphor_sealing::limits::GUEST_BYTES;
use telesphor_sealing::package::open_package;
use telesphor_sealing::{
    GroupSession, PackageAddress, PackageRules, Seat, Standing as Group, VerifiedPackage,
};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::PublicKey;

use super::record::{Known, Standing, TeamLetter, Terms, View, letter_name};
use super::{CHANGE_LIFE_MS, EARLY_MS};
use crate::attest::proofs::all_attestations;
use crate::core::Ctx;
use crate::core::records::{Held, MailboxState};
use crate::error::Result;
use crate::group::change::Staging;
use crate::group::policy::Rules;
use crate::sync::events::is_local;

/// Newcomers of one commit: each package is some kilobytes, and a commit has a largest size.
const MAX_AT_ONCE: usize = 64;

/// A seat must fit into one message: the largest bucket without what is around it.
const SEAT_BYTES: usize = 1024 * 1024 - 16 * 1024;
/// How long requests are gathered before a change, milliseconds.
const GATHER_MS: u64 = 150;
/// How long they are gathered while somebody of the same shift has not asked yet: a change costs
/// every member as much for one newcomer as for twelve, and a shift comes together.
const GATHER_SHIFT_MS: u64 = 1_500;
/// How long each waits for the one before, milliseconds: longer than a change takes to come round.
const STEP_MS: u64 = 700;
/// How long after a new edition access is lengthened by it, if no change has done so before.
const LENGTHEN_MS: u64 = 10 * 60 * 1000;
/// With less of it left it is lengthened at once.
const LEASE_LEFT_MS: u64 = 3600 * 1000;
/// After so many of them everybody who is left tries.
const MAX_STEPS: u64 = 5;

/// Where an endpoint stands among those who may change a team.
struct Place {
    epoch: u64,
    /// How many may before it.
    before: u64,
    /// Somebody asked for a seat, and others of that shift have not yet.
    more_come: bool,
    /// Nobody asked for one, and whoever goes goes because a turn has ended.
    only_turns_end: bool,
}

fn has_turn(roster: &Roster, view: &View, terms: &Terms, who: &IdentityId, now: u64) -> bool {
    let turn = roster.on_duty(who, &terms.role, now, EARLY_MS, 0);
    turn && !view.all_barred().contains(who) && !view.barring.contains(who)
}

/// Whether somebody of a shift who sits nowhere yet has asked, and somebody else has not.
fn more_come(
    mut shift: impl Iterator<Item = IdentityId>,
    seated: &[IdentityId],
    asking: &[IdentityId],
) -> bool {
    let comes = asking.iter().any(|who| !seated.contains(who));
    comes && shift.any(|who| !seated.contains(&who) && !asking.contains(&who))
}

/// When access is lengthened because a new edition allows it, Unix milliseconds. A change costs
/// every member as much as one that lets a shift in, so there is time for that one to come; not
/// so long that nobody may be there any more to make it.
pub(super) fn lengthened_at(lease: u64, newest: &SignedRoster) -> u64 {
    let unhurried = newest.roster.issued.stamp().saturating_add(LENGTHEN_MS);
    unhurried.min(lease.saturating_sub(LEASE_LEFT_MS))
}

/// What a team should be, as its own members see it now.
struct Wanted {
    add: Vec<VerifiedPackage>,
    remove: Vec<u32>,
    /// Whose devices go although that person is on duty: they have ended.
    ended: Vec<IdentityId>,
    lease: u64,
}

/// How many of those who asked can come by one change, so that their seat fits into a message.
fn guests_that_fit(asked: usize, tree: usize, basis: impl Fn(usize) -> Result<usize>) -> Result<usize> {
    let mut guests = asked;
    while guests > 0 && basis(guests)? + tree + guests * GUEST_BYTES > SEAT_BYTES {
        guests /= 2;
    }
    Ok(guests)
}

impl Ctx<'_, '_> {
    /// Has one team brought in line soon, if this endpoint may. Everybody who may looks at the same
    /// moment, and all but one would change it in vain: so each waits for its turn, drawn anew
    /// for every epoch, and whoever finds that nothing is left to do does nothing. The first waits,
    /// too, for a moment: who comes on duty does not come alone.
    pub(crate) fn team_line(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(place) = self.place_in_line(mailbox)? else {
            return Ok(());
        };
        let gather = if place.more_come {
            GATHER_SHIFT_MS
        } else {
            GATHER_MS
        };
        let mut from = self.now + gather;
        if place.only_turns_end {
            // What they still have to say of the epoch before is heard first.
            from = from.max(self.papers_said_at(mailbox)?.unwrap_or(0));
        }
        let at = from + STEP_MS * place.before.min(MAX_STEPS);
        self.fx.lines.push((*mailbox, (place.epoch, at)));
        Ok(())
    }

    /// Where this endpoint stands in line; nothing if it does not sit there.
    fn place_in_line(&self, mailbox: &MailboxId) -> Result<Option<Place>> {
        let Some(Known { team, terms }) = self.team(mailbox)? else {
            return Ok(None);
        };
        let sits = matches!(team.standing, Standing::Own | Standing::Sitting);
        if !sits {
            return Ok(None);
        }
        let stands = self.look_group(mailbox, |session| (session.epoch(), session.members()))?;
        let Some((epoch, seats)) = stands else {
            return Ok(None);
        };
        let (view, roster) = (self.team_view(mailbox)?, self.roster(&terms.organisation)?);
        let may = |who: &IdentityId| {
            roster
                .as_ref()
                .is_some_and(|s| has_turn(&s.roster, &view, &terms, who, self.now))
        };
        // The patient's phone is the one that is off most of the time.
        let drawn = |who: &IdentityId, endpoint: &PublicKey| {
            let lot = hash(HashLabel::Original, &("team line", mailbox, epoch, endpoint));
            (*who == terms.patient, lot)
        };
        let own = drawn(&self.me(), &self.keys.endpoint.public());
        let (mut before, mut goes, mut barred, seats) = (0, false, false, seats?);
        for seat in &seats {
            let who = seat.member.identity;
            let able = who == terms.patient || may(&who);
            before += u64::from(able && drawn(&who, &seat.member.endpoint) < own);
            goes |= !able;
            barred |= view.is_barred(&who);
        }
        let asking = self.askers(mailbox)?;
        let seated: Vec<IdentityId> = seats.iter().map(|seat| seat.member.identity).collect();
        let shift = roster.iter().flat_map(|s| &s.roster.entries);
        let shift = shift.map(|entry| entry.person).filter(|who| may(who));
        Ok(Some(Place {
            epoch,
            before,
            // Whoever must go does not wait for those who come.
            more_come: !goes && more_come(shift, &seated, &asking),
            only_turns_end: goes && !barred && asking.is_empty(),
        }))
    }

    /// Brings one team in line now, if this endpoint may.
    pub(crate) fn line_now(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.line(mailbox, false)
    }

    /// The same, and fresh keys of this endpoint even if nobody comes or goes.
    pub(crate) fn renew_in_line(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.line(mailbox, true)
    }

    fn line(&mut self, mailbox: &MailboxId, renew: bool) -> Result<()> {
        let Some(Known { team, terms }) = self.team(mailbox)? else {
            return Ok(());
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        let open = held.as_ref().is_some_and(|h| h.state == MailboxState::Open);
        let sits = matches!(team.standing, Standing::Own | Standing::Sitting);
        let (Some(held), true, true) = (held, open, sits) else {
            return Ok(());
        };
        let free = |session: &GroupSession| {
            let free = session.standing() == Group::Member && session.pending().is_none();
            free.then(|| session.members())
        };
        let Some(Some(seats)) = self.look_group(mailbox, free)? else {
            return Ok(());
        };
        let seats = seats?;
        let Some(signed) = self.roster(&terms.organisation)? else {
            return Ok(());
        };
        let mut view = self.team_view(mailbox)?;
        let me = self.me();
        let may = me == terms.patient || self.has_turn(&view, &terms, &me)?;
        if !may || self.now >= signed.roster.until.stamp().min(terms.end) {
            return Ok(());
        }
        let mut wanted = self.wanted_of(&held, &terms, &view, &seats)?;
        let discharged = self.is_discharged(mailbox)? && me != terms.patient;
        if discharged {
            // The last change there is: nobody comes, and the relay serves nobody after it.
            wanted.add.clear();
            wanted.remove.clear();
            wanted.ended.clear();
            wanted.lease = wanted.lease.min(self.now);
        }
        let now = self.now;
        let in_line = |wanted: &Wanted| {
            let lasts = match discharged {
                true => held.lease <= now,
                false => held.lease >= wanted.lease || now < lengthened_at(held.lease, &signed),
            };
            wanted.add.is_empty() && wanted.remove.is_empty() && lasts
        };
        if in_line(&wanted) && !renew {
            return Ok(());
        }
        let wanted = self.that_fits(&held, &terms, &view, wanted)?;
        if in_line(&wanted) && !renew {
            return Ok(());
        }
        let mut change = Staging {
            why: signed.roster.id(),
            lease: Some(wanted.lease),
            life: CHANGE_LIFE_MS,
            remove: wanted.remove,
            ..Staging::default()
        };
        let said = view.newest().is_some_and(|n| n.roster.id() == change.why);
        // Every member must know that a device has ended before it judges that it goes.
        if !said || !wanted.add.is_empty() || !wanted.ended.is_empty() {
            let mut people: Vec<IdentityId> = wanted.add.iter().map(|p| p.member().identity).collect();
            people.extend(self.authors(&view)?);
            people.extend(&wanted.ended);
            let basis = TeamWord::Basis(Box::new(self.basis(&terms, &view, people)?));
            change.after = Some(self.say_in_team(*mailbox, &GroupMessage::Team(basis))?);
        }
        let to: Vec<(IdentityId, PublicKey)> = wanted
            .add
            .iter()
            .map(|p| (p.member().identity, p.member().endpoint))
            .collect();
        change.add = wanted.add;
        // Judged as the others will: after the basis has been said.
        view.learn((*signed).clone());
        let lease = Some(wanted.lease);
        let rules = Rules::of_team(self.team_rules(view, terms, self.now, lease)?);
        let staged = match self.commit_under(mailbox, change, &rules) {
            Ok(staged) => staged,
            Err(error) if is_local(error.code) => return Err(error),
            // Who asked in a way that leads nowhere may ask again; the others do not wait for it.
            Err(_) => {
                for (_, endpoint) in &to {
                    self.drop_ask(mailbox, endpoint)?;
                    self.drop_asked(mailbox, endpoint)?;
                }
                return Ok(());
            }
        };
        self.tx.delete(Table::Groups, &letter_name(mailbox))?;
        if let Some(letter) = staged {
            self.put(Table::Groups, &letter_name(mailbox), &TeamLetter { letter, to })?;
        }
        Ok(())
    }

    /// Whether somebody has a turn now, or soon enough to be let in.
    fn has_turn(&self, view: &View, terms: &Terms, who: &IdentityId) -> Result<bool> {
        let roster = self.roster(&terms.organisation)?;
        Ok(roster.is_some_and(|s| has_turn(&s.roster, view, terms, who, self.now)))
    }

    fn wanted_of(&mut self, held: &Held, terms: &Terms, view: &View, seats: &[Seat]) -> Result<Wanted> {
        let roster = self.roster(&terms.organisation)?;
        let until = roster.as_ref().map_or(0, |s| s.roster.until.stamp());
        let now = self.now;
        let may = |who: &IdentityId| {
            roster
                .as_ref()
                .is_some_and(|s| has_turn(&s.roster, view, terms, who, now))
        };
        let (me, here) = (self.me(), self.keys.endpoint.public());
        let (mut remove, mut ended) = (Vec::new(), Vec::new());
        for seat in seats {
            let who = seat.member.identity;
            if seat.member.endpoint == here {
                continue;
            }
            let over = self.endpoint_ended(&seat.member)?;
            if who == terms.patient {
                // Her own devices are hers to let in and out.
                if over && me == who {
                    remove.push(seat.index);
                }
                continue;
            }
            let gone = !may(&who);
            if over && !gone {
                ended.push(who);
            }
            if gone || over {
                remove.push(seat.index);
            }
        }
        let mut add = Vec::new();
        if me == terms.patient {
            add.extend(self.next_to_seat(&held.id, seats)?);
        }
        for ask in self.asks(&held.id)? {
            if add.len() == MAX_AT_ONCE {
                break;
            }
            let seat = seats.iter().find(|s| s.member.endpoint == ask.endpoint);
            let Some(package) = self.package_of(&ask, seat)? else {
                self.drop_ask(&held.id, &ask.endpoint)?;
                continue;
            };
            if !may(&ask.person) {
                continue;
            }
            if let Some(seat) = seat
                && !remove.contains(&seat.index)
            {
                remove.push(seat.index);
            }
            add.push(package);
        }
        Ok(Wanted {
            add,
            remove,
            ended,
            lease: terms.end.min(until),
        })
    }

    /// Leaves out newcomers whose seat would not fit into a message: with it goes the tree of the
    /// whole team, and what proves who everybody is. Said to whoever looks, before anything is
    /// done; whoever is left out comes in when somebody has gone.
    fn that_fits(&mut self, held: &Held, terms: &Terms, view: &View, mut wanted: Wanted) -> Result<Wanted> {
        if wanted.add.is_empty() {
            return Ok(wanted);
        }
        let look = |session: &GroupSession| (session.members(), session.tree_bytes());
        let Some((seats, tree)) = self.look_group(&held.id, look)? else {
            return Ok(wanted);
        };
        let mut people: Vec<IdentityId> = seats?.iter().map(|s| s.member.identity).collect();
        people.extend(self.authors(view)?);
        let basis = |guests: usize| {
            let coming = wanted.add.iter().take(guests).map(|p| p.member().identity);
            let everybody = people.iter().copied().chain(coming).collect();
            Ok(canonical::encode(&self.basis(terms, view, everybody)?).len())
        };
        let fit = guests_that_fit(wanted.add.len(), tree, basis)?;
        wanted.add.truncate(fit);
        match fit {
            0 => self.note_trouble(held, ErrorCode::TeamFull)?,
            _ => self.room_again(held)?,
        }
        Ok(wanted)
    }

    /// The package of a request that is still good for something.
    pub(crate) fn package_of(&self, ask: &TeamAsk, seat: Option<&Seat>) -> Result<Option<VerifiedPackage>> {
        let Some(history) = self.history(&ask.person)? else {
            return Ok(None);
        };
        if ask.endpoint == self.keys.endpoint.public() || (seat.is_some() && !ask.again) {
            return Ok(None);
        }
        let to = PackageAddress {
            mailbox: ask.mailbox,
            contact: ask.endpoint,
        };
        let rules = PackageRules {
            endpoints: &crate::people::members(&history),
            min_suite: self.min_suite(),
            now: self.now,
        };
        let package = open_package(&ask.package, &to, &ask.secret, &rules).ok();
        // By the same package somebody came in who sits there: it is used up.
        let used = |p: &VerifiedPackage| seat.is_some_and(|s| s.expires == Some(p.expires()));
        Ok(package.filter(|p| p.member().endpoint == ask.endpoint && !used(p)))
    }

    fn endpoint_ended(&self, member: &telesphor_sealing::Member) -> Result<bool> {
        let history = self.history(&member.identity)?;
        Ok(history.is_some_and(|h| {
            h.now()
                .endpoint(&member.endpoint)
                .is_some_and(|e| e.ended.is_some())
        }))
    }

    /// What a change rests on: the newest roster, and who the people are that it names.
    pub(crate) fn basis(&self, terms: &Terms, view: &View, mut people: Vec<IdentityId>) -> Result<TeamBasis> {
        let roster = self
            .roster(&terms.organisation)?
            .ok_or(crate::error::Error::of(ErrorCode::NotFound))?;
        people.push(terms.organisation);
        people.sort_unstable();
        people.dedup();
        let (mut proofs, attestations) = (Vec::new(), all_attestations(self.tx)?);
        for who in people {
            proofs.push(Bytes(self.proofs_among(&who, &attestations)?.to_bytes()));
        }
        Ok(TeamBasis {
            roster: (*roster).clone(),
            proofs,
            barred: view.all_barred(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::records::Padding;

    #[test]
    fn a_shift_changes_a_team_once_for_each_or_waits_for_somebody_who_is_there() {
        let who = |names: &[u8]| -> Vec<IdentityId> { names.iter().map(|n| IdentityId([*n; 32])).collect() };
        let waits = |shift: &[u8], seated: &[u8], asking: &[u8]| {
            more_come(who(shift).into_iter(), &who(seated), &who(asking))
        };
        assert!(waits(&[1, 2, 3, 4], &[1], &[2]), "3 and 4 are on their way");
        assert!(waits(&[1, 2, 3, 4], &[1], &[2, 3]));
        assert!(!waits(&[1, 2, 3, 4], &[1], &[2, 3, 4]), "the last has asked");
        assert!(!waits(&[1, 2], &[1], &[2]), "he comes alone");
        assert!(!waits(&[1, 2, 3], &[1], &[]), "nobody has come");
        assert!(
            !waits(&[1, 2, 3], &[1, 2], &[2]),
            "a seat that is asked for again"
        );
    }

    #[test]
    fn every_new_edition_changes_every_team_or_access_runs_out_while_nobody_is_there() {
        use telesphor_clinical::instant::{Clock, Instant};
        use telesphor_wire::ext::Extensions;
        use telesphor_wire::sign::{Signature, SigningKey};
        let hour = 3_600_000;
        let issued = 1_800_000_000_000;
        let at = |ms| Instant::now_of(ms, 0, Clock::Device);
        let signed = SignedRoster {
            roster: Roster {
                version: 1,
                organisation: IdentityId([9; 32]),
                head: telesphor_wire::hash::Digest([0; 32]),
                endpoint: SigningKey::generate().public(),
                edition: 2,
                issued: at(issued),
                until: at(issued + 48 * hour),
                entries: Vec::new(),
                ext: Extensions::none(),
            },
            signature: Signature([0; 64]),
        };
        let lengthened = |lease| lengthened_at(lease, &signed);
        assert_eq!(lengthened(issued + 24 * hour), issued + hour / 6, "no hurry");
        assert!(lengthened(issued + hour) <= issued, "it would run out soon");
        assert_eq!(lengthened(issued + hour + 60_000), issued + 60_000);
        assert!(lengthened(0) <= issued);
    }

    #[test]
    fn a_seat_is_promised_that_no_message_can_carry() {
        let small = |_| Ok(20_000);
        assert_eq!(guests_that_fit(12, 40_000, small).unwrap(), 12);
        assert_eq!(guests_that_fit(0, 40_000, small).unwrap(), 0);
        // With each newcomer go his proofs, so fewer fit than the tree alone would let in.
        let proofs = |guests: usize| Ok(600_000 + guests * 1_000);
        assert_eq!(guests_that_fit(64, 300_000, proofs).unwrap(), 16);
        assert_eq!(
            guests_that_fit(64, 1_100_000, small).unwrap(),
            0,
            "the team is full"
        );
        let largest = Padding::Handshake.bucket().sizes().last().copied();
        assert!(Some(SEAT_BYTES + 16 * 1024) <= largest);
    }
}
