//! A shared mailbox over there, where the test is the other domain and keeps its order.

use telesphor_clinical::message::GroupMessage;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::outbox::{News, Passing};
use telesphor_wire::forward::reply::Told as Answered;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::session::Page;
use telesphor_wire::text::SupportCode;

use super::Scene;
use crate::core::Core;
use crate::core::records::{Held, Job, Known, MailboxState, Padding};
use crate::link::session::Replied;
use crate::sync::answers::Outcome;
use crate::testing::{Paper, Told, cursor, first_sealed};

/// Two who share a mailbox; the one is asked about here, the other is at home there.
struct There {
    scene: Scene,
    friend: Core,
    mailbox: MailboxId,
}

impl There {
    fn new() -> Self {
        let mut paper = Paper::new();
        let (mut core, mut friend) = (paper.person("aino"), paper.person("doctor"));
        let told = paper.tell(&mut core, &mut friend, Told::Both);
        paper.converse(&mut friend, &told, false);
        let inbox = core.profile.inbox.unwrap();
        paper.show(&mut core, inbox).unwrap();
        let who = friend.profile.identity;
        let known: Known = core
            .write(|ctx| ctx.get(Table::Contacts, &who.0))
            .unwrap()
            .unwrap();
        let mailbox = known.conversations[0];
        paper.carry(&mut core);
        for core in [&mut core, &mut friend] {
            paper.show(core, mailbox).unwrap();
        }
        let mut scene = Scene::of(paper, core, who);
        let domain = scene.other.record.domain.clone();
        scene
            .core
            .write(|ctx| {
                let mut held = ctx.held(&mailbox)?;
                held.domain = domain;
                ctx.put_held(&held)
            })
            .unwrap();
        scene.hear();
        scene.carry();
        Self {
            scene,
            friend,
            mailbox,
        }
    }

    /// What lies in the outbox at home, opened over there.
    fn asked(&self) -> Vec<(Passing, Ask)> {
        let events = self.scene.paper.events(self.scene.out(), 0).events;
        let forward = events.iter().filter(|e| e.header.kind == EventKind::FORWARD);
        let passing = forward.map(|e| canonical::decode::<Passing>(e.payload.as_ref().unwrap()).unwrap());
        let (domain, key) = (&self.scene.other.record.domain, &self.scene.other.sealing);
        let open = |p: Passing| {
            let ask = Ask::open(&p.request, domain, key, self.scene.now()).unwrap();
            (p, ask)
        };
        passing.map(open).collect()
    }

    /// The newest follow, and behind which event it asks.
    fn follow(&self) -> (Passing, u64) {
        let mut follows = self.asked().into_iter().filter_map(|(p, ask)| match ask.wish {
            Wish::Follow(read) => Some((p, read.page.after)),
            _ => None,
        });
        follows.next_back().unwrap()
    }

    /// The newest command, and its request.
    fn command(&self) -> (Passing, Command) {
        let mut commands = self.asked().into_iter().filter_map(|(p, ask)| match ask.wish {
            Wish::Command(command) => Some((p, *command)),
            _ => None,
        });
        commands.next_back().unwrap()
    }

    fn deposit(&self) -> (Passing, Deposit) {
        match self.command() {
            (passing, Command::Deposit(deposit)) => (passing, deposit),
            (_, other) => panic!("{:?}", other.id()),
        }
    }

    fn answer(&mut self, passing: &Passing, answer: Answer) {
        let ask = self.asked().into_iter().find(|(p, _)| p == passing).unwrap().1;
        let told = Answered {
            answer,
            ext: Extensions::none(),
        };
        let reply = told.seal(&passing.request, &ask.reply).unwrap();
        self.scene.news(&News::Answered(reply));
    }

    /// Whatever has come behind what was asked for.
    fn page(&mut self) {
        let (follow, after) = self.follow();
        let found = self.scene.paper.events(self.mailbox, after);
        let page = Page {
            events: found.events,
            head: found.head,
        };
        self.answer(&follow, Answer::Page(Box::new(page)));
        self.scene.carry();
    }

    fn refuse(&mut self, passing: &Passing, code: ErrorCode) {
        self.answer(passing, Answer::Refused(Refusal::of(code)));
    }

    fn held(&self) -> Held {
        let snapshot = self.scene.core.read().unwrap();
        let held = snapshot.get_value(Table::Mailboxes, &self.mailbox.0);
        held.unwrap().unwrap()
    }

    fn pending(&self) -> bool {
        let snapshot = self.scene.core.read().unwrap();
        let look = |session: &telesphor_sealing::GroupSession| session.pending().is_some();
        let seen = self.scene.core.look_group(&snapshot, &self.mailbox, look);
        seen.unwrap().unwrap()
    }

    fn friend_says(&mut self) {
        say(&mut self.friend, self.mailbox);
        self.scene.paper.carry(&mut self.friend);
    }

    fn friend_commits(&mut self) {
        let mailbox = self.mailbox;
        self.friend.write(|ctx| ctx.renew_leaf(&mailbox)).unwrap();
        self.scene.paper.carry(&mut self.friend);
    }

    fn commit(&mut self) -> (Passing, Command) {
        let mailbox = self.mailbox;
        self.scene.core.write(|ctx| ctx.renew_leaf(&mailbox)).unwrap();
        self.scene.carry();
        self.command()
    }
}

fn say(core: &mut Core, mailbox: MailboxId) {
    let word = GroupMessage::Evidence(Bytes(vec![7; 99]));
    core.write(|ctx| ctx.say(mailbox, &word, Padding::Message, Job::Nothing(true)))
        .unwrap();
}

#[test]
fn a_follow_that_is_answered_before_home_has_confirmed_it_is_the_last_one() {
    for sealed_by_then in [false, true] {
        let mut there = There::new();
        let (first, _) = there.follow();
        there.scene.back(&first.request, ErrorCode::Expired);
        let (seq, command) = first_sealed(&mut there.scene.core);
        // It lies at home and was passed on, and its answer is read before home's receipt.
        let receipt = there.scene.paper.take_in(&command);
        let (second, _) = there.follow();
        assert_ne!(second, first);
        there.scene.back(&second.request, ErrorCode::Expired);
        if sealed_by_then {
            there.scene.core.seal_some(64).unwrap();
        }
        let replied = Replied {
            answer: Answer::Durable(Box::new(receipt)),
            support: SupportCode::random(),
        };
        let answers = vec![(seq, Ok(Outcome::Replied(replied)))];
        there.scene.core.answered(answers).unwrap();
        there.scene.carry();
        let (third, _) = there.follow();
        assert_ne!(third, second, "nothing is ever asked for again");
    }
}

#[test]
fn a_mailbox_over_there_is_read_once_for_ever_or_holds_everything_up() {
    let mut there = There::new();
    let (first, after) = there.follow();
    let read = cursor(&there.scene.core, there.mailbox).seq;
    assert_eq!(after, read);
    assert!(there.scene.core.index.is_sent(|_| false), "nobody waits for it");
    there.friend_says();
    there.page();
    assert_eq!(cursor(&there.scene.core, there.mailbox).seq, read + 1);
    let (second, after) = there.follow();
    assert_eq!((after, second.lane), (read + 1, first.lane));
    // It was held to its end, or home has given it up: asked for again, from the same place.
    there.scene.back(&second.request, ErrorCode::Expired);
    there.scene.carry();
    let (third, after) = there.follow();
    assert!(third != second && after == read + 1);
    say(&mut there.scene.core, there.mailbox);
    there.scene.carry();
    assert_ne!(
        there.command().0.lane,
        third.lane,
        "what is written waits for no follow"
    );
    // The right is over: nothing more is asked.
    there.refuse(&third, ErrorCode::LeaseOver);
    there.scene.carry();
    assert_eq!(there.held().state, MailboxState::Ended);
    assert_eq!(there.follow().0, third);
}

#[test]
fn what_was_written_in_an_epoch_that_is_over_is_lost_or_there_twice() {
    let mut there = There::new();
    say(&mut there.scene.core, there.mailbox);
    there.scene.carry();
    let (passing, before) = there.deposit();
    assert!(before.signature.is_some(), "it speaks for itself");
    there.friend_commits();
    there.refuse(&passing, ErrorCode::WrongEpoch);
    there.page();
    there.scene.carry();
    // Once more in the new epoch, and under which key one appears in that.
    let anew = there.asked().into_iter().filter(|(_, ask)| {
        matches!(&ask.wish, Wish::Command(command) if matches!(&**command, Command::Deposit(deposit)
            if deposit.epoch == before.epoch + 1 && deposit.command_id != before.command_id))
    });
    assert_eq!(anew.count(), 2);
}

#[test]
fn two_commits_race_from_two_hospitals_and_both_or_none_count() {
    let mut there = There::new();
    let epoch = there.held().epoch;
    let (ours, _) = there.commit();
    there.friend_commits();
    there.refuse(&ours, ErrorCode::EpochConflict);
    assert_eq!(
        there.held().epoch,
        epoch,
        "nothing counts before the order says so"
    );
    there.page();
    assert_eq!((there.held().epoch, there.pending()), (epoch + 1, false));
    // The next one is the first, and counts when it comes back.
    let (ours, command) = there.commit();
    let receipt = there.scene.paper.take_in(&command);
    there.answer(&ours, Answer::Durable(Box::new(receipt)));
    assert_eq!((there.held().epoch, there.pending()), (epoch + 1, true));
    there.page();
    assert_eq!((there.held().epoch, there.pending()), (epoch + 2, false));
    let mailbox = there.mailbox;
    there.scene.paper.show(&mut there.friend, mailbox).unwrap();
    assert_eq!(there.friend.index.followed[&mailbox].epoch, epoch + 2);
}
