//! Random stories: a few mailboxes and whatever anybody may try on them, in any order, with
//! retries, races, strangers and leaps of time.

use proptest::prelude::*;
use telesphor_rules::facts::{Facts, Token, token_hash};
use telesphor_rules::state::Mailbox;
use telesphor_wire::batch::Submission;
use telesphor_wire::command::*;
use telesphor_wire::mailbox::{MailboxKind, Overflow, Policy, next_key};
use telesphor_wire::sign::SigningKey;

use super::commands::{Home, enrol, sign_as, signed_by};
use super::{DAY, NOW, key, voucher};

/// One thing that somebody tries; the numbers are read against the state at that time.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    pub what: u8,
    pub home: u8,
    pub a: u16,
    pub b: u16,
    /// 0..=200 honest, above: spoiled in some way.
    pub spoil: u8,
    pub wait: u32,
}

pub fn tries(max: usize) -> impl Strategy<Value = Vec<Try>> {
    let one = (
        any::<u8>(),
        0u8..4,
        any::<u16>(),
        any::<u16>(),
        any::<u8>(),
        0u32..4000,
    )
        .prop_map(|(what, home, a, b, spoil, wait)| Try {
            what,
            home,
            a,
            b,
            spoil,
            wait,
        });
    prop::collection::vec(one, 1..max)
}

/// The mailboxes of every story: two personal, one of them small and dropping the oldest, and
/// two shared ones.
pub fn homes() -> Vec<Home> {
    let mut vitals = Home::personal(1);
    vitals.policy = Policy {
        max_bytes: 40_000,
        max_events: 12,
        overflow: Overflow::DropOldest,
        keep_ms: Some(DAY / 2),
        ..Policy::standard()
    };
    let mut narrow = Home::shared(3);
    narrow.policy.max_events = 9;
    vec![Home::personal(0), vitals, Home::shared(2), narrow]
}

pub const TOKEN: u64 = 900;

/// Registers the token that stories enrol with.
pub fn token() -> (telesphor_wire::hash::Digest, Token) {
    (
        token_hash(&voucher(TOKEN)),
        Token {
            class: 1,
            uses: 3,
            until: NOW + 3 * DAY,
        },
    )
}

/// What is submitted, given how things stand.
pub fn submission(facts: &impl Facts, homes: &[Home], number: usize, t: Try, now: u64) -> Submission {
    let home = &homes[usize::from(t.home) % homes.len()];
    let id = if t.spoil > 235 {
        u64::from(t.a % 8)
    } else {
        10_000 + number as u64
    };
    let Some(mailbox) = facts.mailbox(&home.id) else {
        return home.open(id);
    };
    let mut s = attempt(home, &mailbox, t, id);
    let not_after = match t.spoil {
        201 => now.saturating_sub(1),
        202 => now + 8 * DAY,
        _ => now + DAY,
    };
    respell(home, &mailbox, &mut s, not_after);
    if t.spoil == 203 {
        s.word = None;
    }
    s
}

fn attempt(home: &Home, mailbox: &Mailbox, t: Try, id: u64) -> Submission {
    let head = &mailbox.head;
    let payload = vec![t.b as u8; usize::from(t.a % 5000)];
    let (branch, epoch) = match t.spoil {
        204..=208 => (head.branch, head.epoch.saturating_sub(1)),
        209..=210 => (head.branch.saturating_sub(1), head.epoch),
        _ => (head.branch, head.epoch),
    };
    let counter = if t.spoil == 211 {
        head.counter
    } else {
        head.counter + 1
    };
    let says = |act| home.owner_says(branch, counter, id, act);
    match (t.what % 18, home.kind) {
        (0..=5, MailboxKind::Personal) if t.spoil == 212 => {
            signed_by(&key("stranger", 1), home.deposit(0, id, &payload))
        }
        (0..=1, MailboxKind::Personal) => {
            let contact = u64::from(t.b % 9);
            signed_by(&home.contact(contact), home.deposit(contact, id, &payload))
        }
        (2..=5, MailboxKind::Personal) => home.deposit(u64::from(t.b % 9), id, &payload),
        (0..=4, MailboxKind::Shared) => home.message(branch, epoch, id, &payload),
        (5..=7, MailboxKind::Shared) => {
            let mls = id.to_be_bytes();
            let mut body = home.commit_body(branch, epoch, id, t.b.is_multiple_of(5), &mls);
            body.lease = NOW + u64::from(t.a % 100) * DAY;
            let second = (t.b.is_multiple_of(3)).then(|| owner_of(home, mailbox));
            home.commit_of(body, &mls, second.as_ref())
        }
        (8, MailboxKind::Shared) => {
            let base = head.epoch.saturating_sub(u64::from(t.b % 3));
            let key = home.access(head.branch, base);
            says(OwnerAct::Rewind(Box::new(home.rewind_act(
                head.branch,
                base,
                &key,
            ))))
        }
        (9, MailboxKind::Shared) => says(OwnerAct::SetCeiling(NOW + u64::from(t.a % 200) * DAY)),
        (6, _) => says(home.publish(u64::from(t.b % 9), (t.a % 5) as u8, t.a.is_multiple_of(2))),
        (7 | 8, _) => home.take(u64::from(t.b % 9), id),
        (9, _) => enrol(TOKEN, 0..u64::from(t.b % 70), id),
        (10 | 11, _) => says(OwnerAct::Acknowledge(head.floor + u64::from(t.a % 4))),
        (12 | 13, _) => {
            let from = 1 + u64::from(t.a) % head.seq.max(1);
            says(OwnerAct::Erase(EraseRange {
                from,
                to: from + u64::from(t.b % 4),
            }))
        }
        (14, _) => says(OwnerAct::SetPolicy(Policy {
            hold: t.a.is_multiple_of(4),
            max_events: 5 + u64::from(t.b % 20),
            no_erase_before: if t.a % 16 == 3 { NOW + 5 * DAY } else { 0 },
            ..home.policy.clone()
        })),
        (15, _) => rotate(home, mailbox, counter, id),
        (16, _) => says(OwnerAct::SetDepositKeys(if t.a.is_multiple_of(2) {
            home.contacts()
        } else {
            DepositKeys::default()
        })),
        (17, _) if t.a.is_multiple_of(32) => says(OwnerAct::Close(telesphor_wire::ext::Extensions::none())),
        _ => home.deposit(0, id, &payload),
    }
}

/// The owner keys of a home: the first, the next, and the first again.
fn owner_of(home: &Home, mailbox: &Mailbox) -> SigningKey {
    if mailbox.profile.owner == home.owner.public() {
        home.owner.clone()
    } else {
        home.next.clone()
    }
}

fn rotate(home: &Home, mailbox: &Mailbox, counter: u64, id: u64) -> Submission {
    let (new, after) = if mailbox.profile.owner == home.owner.public() {
        (&home.next, &home.owner)
    } else {
        (&home.owner, &home.next)
    };
    let act = OwnerAct::RotateOwner(RotateOwner {
        reveal: new.public(),
        next: next_key(&after.public()),
    });
    sign_as(new, home.owner_command(mailbox.head.branch, counter, id, act))
}

/// Signs again after the time of a command was set.
fn respell(home: &Home, mailbox: &Mailbox, s: &mut Submission, until: u64) {
    match &mut s.command {
        Command::Deposit(d) => {
            d.not_after = until;
            let public = d.signature.map(|(public, _)| public);
            if let Some(contact) = (0..9)
                .map(|n| home.contact(n))
                .find(|k| Some(k.public()) == public)
            {
                d.signature = Some((contact.public(), contact.sign(&d.statement())));
            }
        }
        Command::Commit(c) => {
            c.body.not_after = until;
            c.access_signature = home.access(c.body.branch, c.body.from_epoch).sign(&c.body);
            if c.second.is_some() {
                let owner = owner_of(home, mailbox);
                c.second = Some((owner.public(), owner.sign(&c.body)));
            }
        }
        Command::Owner(o) => {
            o.command.not_after = until;
            let signer = match &o.command.act {
                OwnerAct::RotateOwner(r) if r.reveal == home.next.public() => home.next.clone(),
                OwnerAct::RotateOwner(_) => home.owner.clone(),
                _ => owner_of(home, mailbox),
            };
            o.signature = signer.sign(&o.command);
        }
        Command::Take(t) => {
            t.request.not_after = until;
            if let Some(contact) = (0..9)
                .map(|n| home.contact(n))
                .find(|k| k.public() == t.request.contact)
            {
                t.signature = contact.sign(&t.request);
            }
        }
        Command::Enrol(e) => e.not_after = until,
        Command::Ledger(l) => l.not_after = until,
        // The domain's operators speak in no story.
        Command::Admit(_) => {}
    }
}
