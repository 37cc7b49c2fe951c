//! Who is on duty by a roster, and what a roster may not be.

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::MAX_ROSTER;
use telesphor_clinical::roster::{Roster, RosterEntry, RosterSource, SignedRoster};
use telesphor_clinical::text::Text;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

const MARIA: IdentityId = IdentityId([1; 32]);

fn at(ms: u64) -> Instant {
    Instant::now_of(ms, 0, Clock::Device)
}

fn entry(from: u64, until: u64) -> RosterEntry {
    RosterEntry {
        person: MARIA,
        name: Text::from("Maria"),
        role: Text::from("nurse"),
        place: Text::from("ward-4b"),
        from: at(from),
        until: at(until),
        source: RosterSource::Shift,
        approved_by: None,
    }
}

fn roster(entries: Vec<RosterEntry>) -> Roster {
    Roster {
        version: 1,
        organisation: IdentityId([9; 32]),
        head: Digest([2; 32]),
        endpoint: SigningKey::from_seed(&Secret::new([3; 32])).public(),
        edition: 1,
        issued: at(1),
        until: at(100_000),
        entries,
        ext: Extensions::none(),
    }
}

#[test]
fn a_turn_lasts_a_millisecond_more_or_less_or_counts_in_another_role() {
    let roster = roster(vec![entry(1_000, 2_000), entry(5_000, 6_000)]);
    let on = |at, early, late| roster.on_duty(&MARIA, "nurse", at, early, late);
    for (at, duty) in [
        (999, false),
        (1_000, true),
        (1_999, true),
        (2_000, false),
        (5_500, true),
    ] {
        assert_eq!(on(at, 0, 0), duty, "{at}");
    }
    assert!(on(900, 100, 0) && !on(899, 100, 0));
    assert!(on(2_099, 0, 100) && !on(2_100, 0, 100));
    assert!(!roster.on_duty(&MARIA, "surgeon", 1_500, 0, 0));
    assert!(!roster.on_duty(&IdentityId([2; 32]), "nurse", 1_500, 0, 0));
    // Nothing that a sender can write runs over.
    let _ = on(u64::MAX, u64::MAX, u64::MAX);
}

#[test]
fn a_roster_that_contradicts_itself_or_is_of_a_later_kind_is_gone_by() {
    assert!(roster(vec![entry(1, 2)]).is_sound());
    assert!(!roster(vec![entry(2, 2)]).is_sound());
    let mut later = roster(Vec::new());
    later.version = 2;
    assert!(!later.is_sound());
    let mut critical = roster(Vec::new());
    critical.ext = Extensions::none().with(Extension {
        id: 77,
        critical: true,
        body: Vec::new().into(),
    });
    assert!(!critical.is_sound());
}

#[test]
fn a_roster_without_end_is_read() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    for (count, read) in [(MAX_ROSTER, true), (MAX_ROSTER + 1, false)] {
        let roster = roster(vec![entry(1, 2); count]);
        let signature = key.sign(&roster);
        let bytes = canonical::encode(&SignedRoster { roster, signature });
        assert_eq!(canonical::decode::<SignedRoster>(&bytes).is_ok(), read);
    }
}
