//! What somebody could do on a letter's way, word by word: real keys and vaults, no network.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::Ordering;

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::role::{RoleAnswer, RoleReceipt, RoleWord, SignedRoleKey, answer_of};
use telesphor_clinical::roster::RosterSource;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::record::{all_desk, heard_of, letter_of};
use super::seal::{open_copy, seal_value};
use super::verbs::{RoleAddress, RoleSend};
use crate::Turn;
use crate::core::Core;
use crate::documents::write::Draft;
use crate::testing::{Paper, Told, words};

const TEXT: &str = "Potassium 7.1, on the telephone to nobody";

/// A hospital, its people and somebody who writes, who all know it; and who has said what so far.
struct House {
    hospital: Core,
    staff: Vec<Core>,
    gp: Core,
    /// Each word of the hospital about its roster to the GP.
    rosters: usize,
    paper: Paper,
}

impl House {
    fn open(names: &[&str]) -> Self {
        let mut paper = Paper::new();
        let mut hospital = paper.person("hospital");
        let mut staff = Vec::new();
        for name in names {
            let mut one = paper.person(name);
            paper.tell(&mut hospital, &mut one, Told::Both);
            staff.push(one);
        }
        let mut gp = paper.person("gp");
        paper.tell(&mut hospital, &mut gp, Told::Both);
        hospital.write(|ctx| ctx.new_role("oncall", "On call")).unwrap();
        Self {
            hospital,
            staff,
            gp,
            rosters: 0,
            paper,
        }
    }

    /// The same, where the GP's home is another hospital.
    fn apart(names: &[&str]) -> Self {
        let mut house = Self::open(names);
        for (core, domain) in [
            (&mut house.hospital, "practice.example"),
            (&mut house.gp, "hospital-b.example"),
        ] {
            core.write(|ctx| {
                for mut known in ctx.all_known()? {
                    let who = known.contact.record.identity;
                    if known.alias == "gp" || known.alias == "hospital" {
                        known.contact.record.addresses[0].domain = domain.parse().unwrap();
                        ctx.put(Table::Contacts, &who.0, &known)?;
                    }
                }
                Ok(())
            })
            .unwrap();
        }
        house
    }

    fn publish(&mut self, on_duty: &[&str]) {
        let now = (self.hospital.clock)();
        let turns: Vec<Turn> = on_duty
            .iter()
            .map(|name| Turn {
                person: (*name).into(),
                role: "oncall".into(),
                from: now - 1_000,
                until: now + 3_600_000,
                source: RosterSource::Shift,
                approved_by: None,
            })
            .collect();
        self.hospital
            .write(|ctx| ctx.publish_roster("clinic", now + 7_200_000, &turns))
            .unwrap();
        self.settle();
    }

    /// Carries every word about rosters and roles to whom it is for, until nobody says more.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            let from_hospital = words(&mut self.hospital);
            let hospital = self.hospital.profile.identity;
            for (to, word) in from_hospital {
                moved = true;
                let mut people = self.staff.iter_mut().chain([&mut self.gp]);
                let one = people.find(|c| c.profile.identity == to).unwrap();
                let roster = matches!(word, GroupMessage::Team(_)) && one.profile.name == "gp";
                self.rosters += usize::from(roster);
                hear(one, &hospital, word);
            }
            for one in self.staff.iter_mut().chain([&mut self.gp]) {
                let me = one.profile.identity;
                one.write(|ctx| ctx.tend_roles()).unwrap();
                for (_, word) in words(one) {
                    moved = true;
                    hear(&mut self.hospital, &me, word);
                }
            }
            self.hospital.write(|ctx| ctx.tend_roles()).unwrap();
            if !moved {
                return;
            }
        }
    }

    /// The role's identity.
    fn role(&self) -> IdentityId {
        let cards = super::record::all_cards(&self.gp.read().unwrap()).unwrap();
        cards[0].card.identity
    }

    fn send(&mut self) -> DocumentId {
        let to = RoleSend {
            to: RoleAddress {
                organisation: "hospital".into(),
                role: "oncall".into(),
            },
            then: Vec::new(),
        };
        let draft = Draft::new(DocumentKind::Note, "text/plain", "x", TEXT.as_bytes().to_vec());
        self.gp.write(|ctx| Ok(ctx.send_to_role(&to, draft)?.0)).unwrap()
    }
}

#[test]
fn a_letter_from_another_hospital_is_sealed_for_nobody_or_brings_it_every_roster() {
    let mut house = House::apart(&["laine", "virta"]);
    house.publish(&["laine"]);
    house.publish(&["virta"]);
    assert_eq!(house.rosters, 0, "nobody over there needs it before he writes");
    let id = house.send();
    house.settle();
    assert_eq!(house.rosters, 1);
    let holds = |core: &Core| letter_of(&core.read().unwrap(), &id).unwrap().is_some();
    assert!(!holds(&house.staff[0]) && holds(&house.staff[1]));
    // Nobody has taken it: whoever comes next gets a copy from those who have it.
    house.publish(&["laine"]);
    assert!(holds(&house.staff[0]));
    house.staff[0]
        .write(|ctx| {
            let came = letter_of(ctx.tx, &id)?.unwrap();
            ctx.tell(&came.from, id, ReceiptKind::Accepted)
        })
        .unwrap();
    house.settle();
    let view = house.gp.read().unwrap();
    let written = super::record::letter_to(&view, &id, &house.role())
        .unwrap()
        .unwrap()
        .0;
    let heard = heard_of(&view, &written.letter).unwrap();
    let laine = house.staff[0].profile.identity;
    let taken = |h: &super::record::Heard| h.who == laine && h.kind == ReceiptKind::Accepted.code();
    assert!(heard.iter().any(taken), "{heard:?}");
}

#[test]
fn a_letter_that_waits_brings_the_roster_by_the_minute() {
    let mut house = House::apart(&["laine"]);
    house.publish(&[]);
    let id = house.send();
    house.settle();
    assert_eq!(house.rosters, 1);
    let minute = |house: &mut House| {
        house.paper.clock.fetch_add(60_000, Ordering::SeqCst);
        house.settle();
    };
    for _ in 0..10 {
        minute(&mut house);
    }
    assert_eq!(house.rosters, 1, "it is asked, and has not changed");
    house.publish(&["laine"]);
    minute(&mut house);
    assert_eq!(house.rosters, 2);
    let came = letter_of(&house.staff[0].read().unwrap(), &id).unwrap();
    assert!(came.is_some(), "it goes as soon as somebody is there");
}

#[test]
fn a_hospital_that_is_away_is_asked_again_by_the_minute() {
    let mut house = House::apart(&["laine"]);
    house.publish(&["laine"]);
    house.send();
    let asks = |core: &mut Core| {
        let all = core.write(|ctx| {
            ctx.tx
                .range(Table::Outbox, crate::core::names::OUTBOX, 0, usize::MAX)
                .map_err(Into::into)
        });
        all.unwrap().len()
    };
    let before = asks(&mut house.gp);
    for _ in 0..60 {
        house.paper.clock.fetch_add(60_000, Ordering::SeqCst);
        house.gp.write(|ctx| ctx.tend_roles()).unwrap();
    }
    assert_eq!(asks(&mut house.gp), before);
    // It was heard, and nobody answered.
    words(&mut house.gp);
    house.paper.clock.fetch_add(60_000, Ordering::SeqCst);
    house.gp.write(|ctx| ctx.tend_roles()).unwrap();
    assert_eq!(words(&mut house.gp).len(), 1);
}

fn hear(core: &mut Core, from: &IdentityId, message: GroupMessage) {
    let _ = core.write(|ctx| match message {
        GroupMessage::Role(word) => ctx.role_word(from, word, ctx.now),
        GroupMessage::Team(word) => ctx.team_word(from, word),
        _ => Ok(()),
    });
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn the_desk_can_open_what_it_carries() {
    let mut house = House::open(&["laine", "virta"]);
    house.publish(&["laine"]);
    let id = house.send();
    house.settle();
    let came = letter_of(&house.staff[0].read().unwrap(), &id).unwrap().unwrap();
    assert!(house.staff[0].read().unwrap().body(&id).unwrap().is_some());
    assert!(letter_of(&house.staff[1].read().unwrap(), &id).unwrap().is_none());

    // All that the desk ever held of it, word for word.
    let snapshot = house.hospital.read().unwrap();
    let desk = all_desk(&snapshot).unwrap().remove(0);
    assert_eq!(desk.given.len(), 1);
    for (_, bytes) in snapshot.scan(Table::Receipts).unwrap() {
        for secret in [TEXT.as_bytes(), &id.0[..], &came.key.expose()[..]] {
            assert!(!has(&bytes, secret), "the desk holds what it must not know");
        }
    }
    // With every private key that it has.
    let organisation = house.hospital.profile.identity;
    let keys = house.hospital.write(|ctx| ctx.intake_keys()).unwrap();
    let own = house
        .hospital
        .write(|ctx| ctx.own_role_keys(&organisation))
        .unwrap();
    assert!(own.is_empty());
    let letter = &desk.letter;
    for copy in &letter.copies {
        let reader = (&copy.person, &copy.endpoint);
        let keys = keys.iter().map(|k| k.key.clone());
        assert!(open_copy((&organisation, &letter.letter), reader, keys, &letter.copies).is_none());
    }
}

#[test]
fn a_key_that_its_person_did_not_sign_or_who_is_on_no_roster_gets_a_copy() {
    let mut house = House::open(&["laine", "mallory"]);
    house.publish(&["laine", "mallory"]);
    // Both have given keys; from here on only one of them is on the roster.
    house.publish(&["laine"]);
    house.send();
    let asked = words(&mut house.gp);
    let me = house.gp.profile.identity;
    for (_, word) in asked {
        hear(&mut house.hospital, &me, word);
    }
    let all: Vec<SignedRoleKey> = house.hospital.write(|ctx| ctx.readers_keys()).unwrap();
    assert_eq!(all.len(), 2);
    let laine = house.staff[0].profile.identity;
    let mallory = all.iter().find(|k| k.key.person != laine).unwrap().clone();
    let mut forged = mallory.clone();
    // The hospital says that this is Dr Laine's key, and signs it in its own name.
    forged.key.person = laine;
    forged.signature = house.hospital.keys.endpoint.sign(&forged.key);
    let answer = words(&mut house.hospital);
    let hospital = house.hospital.profile.identity;
    for (to, message) in answer {
        let GroupMessage::Role(RoleWord::Keys(mut keys)) = message else {
            continue;
        };
        assert_eq!(to, me);
        assert_eq!(keys.keys.len(), 1, "an honest desk gives those on duty");
        keys.keys.extend([mallory.clone(), forged.clone()]);
        hear(&mut house.gp, &hospital, GroupMessage::Role(RoleWord::Keys(keys)));
    }
    let said = words(&mut house.gp);
    let letter = said.into_iter().find_map(|(_, message)| match message {
        GroupMessage::Role(RoleWord::Letter(letter)) => Some(letter),
        _ => None,
    });
    let letter = letter.expect("it is sealed for the one who may read it");
    let readers: Vec<IdentityId> = letter.copies.iter().map(|c| c.person).collect();
    assert_eq!(readers, [laine]);
}

#[test]
fn an_answer_in_somebody_elses_name_counts() {
    let mut house = House::open(&["laine", "mallory"]);
    house.publish(&["laine", "mallory"]);
    let id = house.send();
    house.settle();
    let laine = house.staff[0].profile.identity;
    let hospital = house.hospital.profile.identity;
    // A reader who has the letter's key, with the desk's help, accepts it in another's name.
    let mallory = &mut house.staff[1];
    let came = letter_of(&mallory.read().unwrap(), &id).unwrap().unwrap();
    mallory
        .write(|ctx| ctx.tell(&came.from, id, ReceiptKind::Accepted))
        .unwrap();
    let said = words(mallory).pop().unwrap().1;
    let GroupMessage::Role(RoleWord::Answer(honest)) = said else {
        panic!("no answer")
    };
    let of = answer_of(&came.letter, &honest.person);
    let mut receipt: RoleReceipt = super::seal::open_value(&came.key, &of, &honest.sealed).unwrap();
    receipt.receipt.receipt.place = laine;
    receipt.receipt.signature = mallory.keys.endpoint.sign(&receipt.receipt.receipt);
    let forged = RoleAnswer {
        person: laine,
        sealed: seal_value(&came.key, &answer_of(&came.letter, &laine), &receipt),
        ..honest.clone()
    };
    let refused = house
        .gp
        .write(|ctx| ctx.role_word(&hospital, RoleWord::Answer(forged), ctx.now));
    assert!(refused.is_err());
    // The desk alone has no key for one.
    let blind = RoleAnswer {
        sealed: Bytes(vec![7; 200]),
        ..honest.clone()
    };
    let refused = house
        .gp
        .write(|ctx| ctx.role_word(&hospital, RoleWord::Answer(blind), ctx.now));
    assert_eq!(refused.unwrap_err().code, ErrorCode::CannotOpen);
    let accepted = |gp: &Core| {
        let heard = heard_of(&gp.read().unwrap(), &came.letter).unwrap();
        heard
            .iter()
            .filter(|h| h.kind == ReceiptKind::Accepted.code())
            .count()
    };
    assert_eq!(accepted(&house.gp), 0);
    hear(
        &mut house.gp,
        &hospital,
        GroupMessage::Role(RoleWord::Answer(honest)),
    );
    assert_eq!(accepted(&house.gp), 1);
}
