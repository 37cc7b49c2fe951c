//! Requests for another domain, where the test is home and the other domain.

use std::sync::atomic::Ordering;

use telesphor_clinical::message::GroupMessage;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Answer;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::domain::{DomainRecord, SignedDomainRecord};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::facts::{ExchangeFacts, PeerFacts};
use telesphor_wire::forward::key::SealingKeyStatement;
use telesphor_wire::forward::outbox::{News, Passing, Undelivered};
use telesphor_wire::forward::reply::Told as Answered;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

use crate::core::records::{Job, Known, Padding, TalkSay, What};
use crate::core::{Core, names};
use crate::mailbox::leave::Letterbox;
use crate::testing::{Paper, Told};

const HOUR: u64 = 3_600_000;

mod followed;

/// The other domain: its key, and what it opens requests with.
pub(crate) struct Other {
    key: SigningKey,
    pub(crate) record: DomainRecord,
    pub(crate) sealing: SealingKey,
}

impl Other {
    fn facts(&self, now: u64) -> ExchangeFacts {
        let statement = SealingKeyStatement {
            domain: self.record.domain.clone(),
            key: self.sealing.public(),
            from: now - HOUR,
            until: now + HOUR,
            ext: Extensions::none(),
        };
        ExchangeFacts {
            deposit: self.key.public(),
            peers: vec![PeerFacts {
                record: SignedDomainRecord {
                    record: self.record.clone(),
                    signature: self.key.sign(&self.record),
                },
                sealing: Some(statement.sign(&self.key)),
            }],
            ext: Extensions::none(),
        }
    }

    fn open(&self, request: &Forwarded, now: u64) -> Deposit {
        let ask = Ask::open(request, &self.record.domain, &self.sealing, now).unwrap();
        match ask.wish {
            Wish::Command(command) => match *command {
                Command::Deposit(deposit) => deposit,
                other => panic!("{:?}", other.id()),
            },
            Wish::Read(read) | Wish::Follow(read) => panic!("{read:?}"),
            Wish::File(read) => panic!("{read:?}"),
        }
    }
}

/// Somebody who knows one person at another domain, and has something to say.
pub(crate) struct Scene {
    pub(crate) paper: Paper,
    pub(crate) core: Core,
    pub(crate) other: Other,
    pub(crate) who: IdentityId,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let mut paper = Paper::new();
        let (mut core, mut friend) = (paper.person("aino"), paper.person("doctor"));
        paper.tell(&mut core, &mut friend, Told::Both);
        let who = friend.profile.identity;
        Self::of(paper, core, who)
    }

    /// Somebody whose acquaintance moves to another domain.
    fn of(paper: Paper, mut core: Core, who: IdentityId) -> Self {
        let key = SigningKey::generate();
        let record = DomainRecord {
            domain: "hospital-b.example".parse().unwrap(),
            key: key.public(),
            ..core.profile.record().clone()
        };
        let elsewhere = record.domain.clone();
        core.write(|ctx| {
            let mut known: Known = ctx.get(Table::Contacts, &who.0)?.unwrap();
            known.contact.record.addresses[0].domain = elsewhere;
            ctx.put(Table::Contacts, &who.0, &known)
        })
        .unwrap();
        let sealing = SealingKey::generate();
        let other = Other { key, record, sealing };
        let mut scene = Self {
            paper,
            core,
            other,
            who,
        };
        scene.carry();
        scene
    }

    /// Until nothing more comes of it: a mailbox is opened before something goes into it.
    pub(crate) fn carry(&mut self) -> usize {
        (0..3).map(|_| self.paper.carry(&mut self.core)).sum()
    }

    pub(crate) fn now(&self) -> u64 {
        self.paper.clock.load(Ordering::SeqCst)
    }

    /// Home says what it knows.
    pub(crate) fn hear(&mut self) {
        let facts = self.other.facts(self.now());
        self.core.take_exchange(Some(facts)).unwrap();
    }

    fn say(&mut self) -> u64 {
        let who = self.who;
        self.core
            .write(|ctx| {
                let say = TalkSay {
                    contact: who,
                    body: Bytes(canonical::encode(&GroupMessage::Evidence(Bytes(vec![7; 99])))),
                    padding: Padding::Message,
                };
                ctx.enqueue(What::Talk(say), Job::Nothing(true), None)
            })
            .unwrap()
    }

    fn out(&self) -> MailboxId {
        let snapshot = self.core.read().unwrap();
        let out: super::record::Out = snapshot
            .get_value(Table::Settings, super::record::OUT)
            .unwrap()
            .unwrap();
        out.mailbox
    }

    /// The last request that lies in the outbox at home, and how many there are.
    pub(crate) fn passing(&self) -> (Passing, usize) {
        let events = self.paper.events(self.out(), 0).events;
        let forward = events.iter().filter(|e| e.header.kind == EventKind::FORWARD);
        let all: Vec<&Bytes> = forward.filter_map(|e| e.payload.as_ref()).collect();
        (canonical::decode(all.last().unwrap()).unwrap(), all.len())
    }

    pub(crate) fn news(&mut self, news: &News) {
        let out = self.out();
        self.paper
            .order(out, (EventKind::FORWARDED, 0), &canonical::encode(news));
        self.paper.show(&mut self.core, out).unwrap();
    }

    pub(crate) fn back(&mut self, request: &Forwarded, code: ErrorCode) {
        let news = News::Undelivered(Undelivered {
            to: request.digest(),
            code,
            at: self.now(),
            ext: Extensions::none(),
        });
        self.news(&news);
    }

    fn waits(&self, seq: u64) -> bool {
        let snapshot = self.core.read().unwrap();
        snapshot.at(Table::Outbox, names::OUTBOX, seq).unwrap().is_some()
    }
}

#[test]
fn a_request_sealed_to_an_old_key_is_lost_or_carried_out_twice() {
    let mut scene = Scene::new();
    scene.hear();
    let seq = scene.say();
    scene.carry();
    let (first, _) = scene.passing();
    let wished = scene.other.open(&first.request, scene.now());
    // Their key was replaced while this lay on its way.
    scene.other.sealing = SealingKey::generate();
    scene.back(&first.request, ErrorCode::NotSealedForThem);
    assert_eq!(scene.carry(), 0, "nothing goes before home was asked");
    assert!(scene.core.exchange_due());
    scene.hear();
    scene.carry();
    let (second, count) = scene.passing();
    assert_eq!((count, second.lane), (2, first.lane));
    let again = scene.other.open(&second.request, scene.now());
    assert_eq!(again, wished, "the other side knows it by its id");
    // The answer to the first seal counts no more, that to the second does.
    scene.back(&first.request, ErrorCode::NotDelivered);
    assert!(scene.waits(seq));
    let ask = Ask::open(
        &second.request,
        &scene.other.record.domain,
        &scene.other.sealing,
        scene.now(),
    );
    let receipt = scene.paper.take_in(&Command::Deposit(again));
    let told = Answered {
        answer: Answer::Durable(Box::new(receipt)),
        ext: Extensions::none(),
    };
    let reply = told.seal(&second.request, &ask.unwrap().reply).unwrap();
    scene.news(&News::Answered(reply));
    assert!(!scene.waits(seq), "done");
}

#[test]
fn what_was_handed_over_before_the_program_was_killed_is_handed_over_again() {
    let mut scene = Scene::new();
    scene.hear();
    let seq = scene.say();
    scene.carry();
    let (passing, _) = scene.passing();
    let Scene {
        paper,
        core,
        other,
        who,
    } = scene;
    let mut core = Core::load(core.vault).unwrap();
    core.index.connected = true;
    let clock = paper.clock.clone();
    core.clock = std::sync::Arc::new(move || clock.load(Ordering::SeqCst));
    let mut scene = Scene {
        paper,
        core,
        other,
        who,
    };
    scene.core.seal_some(64).unwrap();
    assert!(scene.core.take_ready(64).unwrap().is_empty());
    assert!(scene.waits(seq));
    // Home was restored from a backup: the same bytes go again, and are one request there.
    scene.core.write(|ctx| ctx.hand_over_again()).unwrap();
    scene.carry();
    assert_eq!(scene.passing(), (passing.clone(), 1));
    scene.back(&passing.request, ErrorCode::NotDelivered);
    assert!(!scene.waits(seq), "it came back, and is tried no more");
}

#[test]
fn somebody_waits_for_ever_for_a_hospital_that_home_does_not_know() {
    let mut scene = Scene::new();
    let seq = scene.say();
    scene.core.seal_some(64).unwrap();
    assert!(
        scene.waits(seq) && scene.core.exchange_due(),
        "home is asked first"
    );
    let mut facts = scene.other.facts(scene.now());
    facts.peers.clear();
    scene.core.take_exchange(Some(facts)).unwrap();
    scene.core.seal_some(64).unwrap();
    assert!(!scene.waits(seq));
    let seq = scene.say();
    scene.core.take_exchange(None).unwrap();
    scene.core.seal_some(64).unwrap();
    assert!(!scene.waits(seq), "home has no road at all");
}

#[test]
fn what_stands_behind_something_that_waited_and_was_given_up_waits_for_the_next_event() {
    let mut scene = Scene::new();
    let (first, second) = (scene.say(), scene.say());
    scene.core.seal_some(64).unwrap();
    assert!(scene.waits(first) && scene.waits(second));
    scene.core.take_exchange(None).unwrap();
    // Nothing is sent, so no answer comes that would start the next round.
    while scene.core.seal_some(64).unwrap().more {}
    assert!(!scene.waits(first) && !scene.waits(second));
}

#[test]
fn what_needs_a_mailbox_that_both_read_is_begun_with_somebody_elsewhere() {
    let mut scene = Scene::new();
    let who = scene.who;
    let refused = scene.core.write(|ctx| ctx.must_be_at_home(&who)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotForwardable);
    let say = TalkSay {
        contact: who,
        body: Bytes(canonical::encode(&GroupMessage::Heads(
            telesphor_clinical::message::Heads::default(),
        ))),
        padding: Padding::Message,
    };
    let said = scene
        .core
        .write(|ctx| ctx.enqueue(What::Talk(say), Job::Nothing(true), None));
    assert_eq!(said.unwrap_err().code, ErrorCode::NotForwardable);
}

#[test]
fn an_organisation_that_knows_somebody_elsewhere_can_make_no_role_and_publish_no_roster() {
    let mut scene = Scene::new();
    let (who, until) = (scene.who, scene.now() + HOUR);
    scene
        .core
        .write(|ctx| ctx.new_role("on-call", "On call"))
        .unwrap();
    scene
        .core
        .write(|ctx| ctx.publish_roster("ward", until, &[]))
        .unwrap();
    // Who gets to know it afterwards is not told what could not go either.
    scene.core.write(|ctx| ctx.greet_as_organisation(&who)).unwrap();
    // A turn of theirs is refused where it is planned: nobody could reach them in it.
    let called = scene
        .core
        .write(|ctx| Ok(ctx.all_known()?[0].alias.clone()))
        .unwrap();
    let turn = crate::team::roster::Turn {
        person: called,
        role: "on-call".into(),
        from: scene.now(),
        until,
        source: telesphor_clinical::roster::RosterSource::Shift,
        approved_by: None,
    };
    let planned = scene
        .core
        .write(|ctx| ctx.publish_roster("ward", until, std::slice::from_ref(&turn)));
    assert_eq!(planned.unwrap_err().code, ErrorCode::NotForwardable);
}

#[test]
fn what_is_left_at_a_desk_elsewhere_is_lost_names_its_sender_or_is_too_large_to_go() {
    let mut scene = Scene::new();
    scene.hear();
    let (desk, seed) = (MailboxId::random(), Secret::random());
    let domain = scene.other.record.domain.clone();
    let leave = |scene: &mut Scene, payload: Vec<u8>| {
        let at = Letterbox {
            domain: domain.clone(),
            mailbox: desk,
            seed: seed.clone(),
        };
        scene
            .core
            .write(|ctx| ctx.leave_at(at, payload, Job::Nothing(true), None))
    };
    let seq = leave(&mut scene, vec![7; 8192]).unwrap();
    scene.carry();
    let (passing, _) = scene.passing();
    let deposit = scene.other.open(&passing.request, scene.now());
    assert_eq!(
        (deposit.mailbox, deposit.payload.len(), deposit.kind),
        (desk, 8192, EventKind::MESSAGE)
    );
    // By the desk's own key, which everybody has who deposits there.
    let (key, signature) = deposit.signature.unwrap();
    assert_eq!(key, SigningKey::from_seed(&seed).public());
    assert!(key.verify(&deposit.statement(), &signature).is_ok());
    assert!(scene.waits(seq), "until the other hospital has it");
    let large = leave(&mut scene, vec![7; super::LARGEST_ELSEWHERE + 1]);
    assert_eq!(large.unwrap_err().code, ErrorCode::TooLarge);
}

#[test]
fn what_could_not_be_brought_to_a_desk_elsewhere_is_gone_or_goes_as_something_else() {
    let mut scene = Scene::new();
    scene.hear();
    let (desk, seed) = (MailboxId::random(), Secret::random());
    let domain = scene.other.record.domain.clone();
    let at = || Letterbox {
        domain: domain.clone(),
        mailbox: desk,
        seed: seed.clone(),
    };
    let job = Job::Lab(crate::lab::LabJob {
        order: telesphor_wire::hash::Digest([9; 32]),
        from_lab: true,
    });
    let seq = scene
        .core
        .write(|ctx| ctx.leave_at(at(), vec![7; 8192], job.clone(), None))
        .unwrap();
    scene.carry();
    let (passing, _) = scene.passing();
    scene.back(&passing.request, ErrorCode::NotDelivered);
    assert!(!scene.waits(seq), "nothing more is tried by itself");
    let again = |scene: &mut Scene| {
        scene.core.write(|ctx| {
            ctx.leave_again(job.clone(), |_, mailbox| {
                assert_eq!(*mailbox, desk);
                Ok(Some(at()))
            })
        })
    };
    assert_eq!(again(&mut scene).unwrap(), 1);
    scene.carry();
    let (passing, count) = scene.passing();
    let deposit = scene.other.open(&passing.request, scene.now());
    assert_eq!(
        (count, deposit.mailbox, deposit.payload.0),
        (2, desk, vec![7; 8192])
    );
    assert_eq!(again(&mut scene).unwrap(), 0, "it is on its way");
}
