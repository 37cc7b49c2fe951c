//! Random walks: a team that talks, commits, proposes, crashes and reads late, and must agree.

use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

/// A small generator with a seed, so that a failure can be walked again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

struct Walk {
    relay: Relay,
    devices: Vec<Device>,
    spare: Vec<Device>,
    dice: Dice,
    /// Each word that was ordered: how many still have to hear it.
    heard: Vec<(u64, usize)>,
    words: u64,
    trace: Vec<String>,
}

impl Walk {
    fn read_some(&mut self, who: usize) {
        let owner = self.relay.owner.public();
        for _ in 0..self.dice.roll(4) {
            let d = &mut self.devices[who];
            let Some(event) = self.relay.log.get(d.cursor) else {
                return;
            };
            if self.dice.roll(5) == 0 {
                // Killed before the write.
                drop(
                    d.session()
                        .receive(&d.rows, &d.keys, event.incoming(), &owner, &anyone)
                        .unwrap(),
                );
                continue;
            }
            let outcome = d.receive(event, &owner, &anyone);
            d.cursor += 1;
            match outcome {
                Received::Message(m) => {
                    let word = u64::from_be_bytes(m.content.as_slice().try_into().unwrap());
                    self.heard.iter_mut().find(|(w, _)| *w == word).unwrap().1 -= 1;
                }
                Received::Echo
                | Received::Proposed(_)
                | Received::Moved(_)
                | Received::Past
                | Received::Removed(_) => {}
                other => panic!(
                    "{who} at {}: {other:?}\n{:#?}",
                    self.devices[who].cursor - 1,
                    self.trace
                ),
            }
        }
    }

    fn act(&mut self) {
        let who = self.dice.roll(self.devices.len() as u64) as usize;
        let what = self.dice.roll(10);
        self.read_some(who);
        let standing = self.devices[who].session().standing();
        if standing == Standing::Removed {
            return;
        }
        match what {
            0..=4 if standing == Standing::Member => self.say(who),
            5..=7 => self.commit(who),
            8 => self.propose(who),
            _ => {}
        }
    }

    fn say(&mut self, who: usize) {
        self.words += 1;
        let word = self.words;
        let d = &mut self.devices[who];
        let step = d
            .session()
            .seal(&d.rows, &d.keys, &word.to_be_bytes(), Bucket::Message)
            .unwrap();
        if self.dice.roll(6) == 0 {
            return;
        }
        let event = d.write(step).1;
        if self.relay.deposit(&event) {
            let others = self.devices[who].session().members().unwrap().len() - 1;
            self.heard.push((word, others));
        }
    }

    fn commit(&mut self, who: usize) {
        let mut plan = update();
        let newcomer = if self.dice.roll(4) == 0 {
            self.spare.pop()
        } else {
            None
        };
        let mut newcomer = newcomer;
        if let Some(n) = &mut newcomer {
            plan.add.push(n.package(Suite::Classical));
        }
        let d = &mut self.devices[who];
        let step = match d.session().stage_commit(&d.rows, &d.keys, &plan, &anyone) {
            Ok(step) => step,
            // One is under way, or the author is to be removed by this very commit.
            Err(SessionError::CommitPending | SessionError::OwnRemovalWaits) => {
                self.spare.extend(newcomer);
                return;
            }
            Err(e) => panic!("{e:?}"),
        };
        if self.dice.roll(6) == 0 {
            self.spare.extend(newcomer);
            return;
        }
        let out = d.write(step).1;
        self.trace.push(format!(
            "{who} commits at {} (log {}), adds {}",
            out.commit.body.from_epoch,
            self.relay.log.len(),
            plan.add.len()
        ));
        if self.relay.commit(&out.commit) {
            self.trace.push("won".into());
            if let (Some(mut n), Some(letter)) = (newcomer, out.welcome) {
                n.cursor = self.relay.log.len();
                n.join(&letter);
                self.devices.push(n);
            }
        } else {
            self.spare.extend(newcomer);
        }
    }

    fn propose(&mut self, who: usize) {
        let d = &mut self.devices[who];
        let seats = d.session().members().unwrap();
        if seats.len() < 4 {
            return;
        }
        // Always the same one, or nobody would be left who may commit.
        let leaf = seats[seats.len() - 1].index;
        match d.session().propose_remove(&d.rows, &d.keys, leaf) {
            Ok(step) => {
                let event = d.write(step).1;
                let ok = self.relay.deposit(&event);
                self.trace.push(format!(
                    "{who} proposes removal of {leaf} at {} {ok}",
                    event.epoch
                ));
            }
            Err(e) => assert!(matches!(
                e,
                SessionError::CommitPending | SessionError::AlreadyProposed
            )),
        }
    }

    fn settle(&mut self) {
        for i in 0..self.devices.len() {
            while self.devices[i].cursor < self.relay.log.len() {
                self.read_some(i);
            }
        }
        let inside: Vec<&Device> = self
            .devices
            .iter()
            .filter(|d| d.session().standing() != Standing::Removed)
            .collect();
        for d in &inside {
            assert_eq!(d.session().epoch(), self.relay.epoch);
            assert_eq!(d.epoch_keys().access_public(), self.relay.access);
            assert_eq!(d.session().authenticator(), inside[0].session().authenticator());
            assert_eq!(d.session().members().unwrap().len(), inside.len());
        }
        assert!(
            self.heard.iter().all(|(_, missing)| *missing == 0),
            "each word is heard once by each"
        );
    }
}

#[test]
fn a_walk_after_which_two_members_disagree() {
    for seed in 1..=12 {
        let (relay, devices) = team(4, Suite::Classical);
        let spare = (20..40).map(|n| Device::new(n, MAILBOX)).collect();
        let dice = Dice(seed * 0x9E37_79B9);
        let mut walk = Walk {
            relay,
            devices,
            spare,
            dice,
            heard: Vec::new(),
            words: 0,
            trace: vec![format!("seed {seed}")],
        };
        for _ in 0..10 {
            for _ in 0..20 {
                walk.act();
            }
            walk.settle();
        }
        assert!(walk.relay.epoch > 10, "a walk that goes nowhere proves nothing");
        assert!(walk.heard.len() > 5);
    }
}
