//! Pages of records as an honest and as a lying relay gives them.
#![allow(clippy::unwrap_used)]

use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::records::{DeliveryRecord, Range, RecordsPage, SealedRecord, key_of};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::session::Right;
use telesphor_wire::sign::SigningKey;

use super::show;
use crate::core::Core;
use crate::testing::Paper;
use crate::views::{Missing, Seen};

fn record(mailbox: MailboxId, n: u64) -> DeliveryRecord {
    DeliveryRecord {
        mailbox,
        right: Right::Read,
        branch: 0,
        epoch: 0,
        key: SigningKey::generate().public(),
        session: Nonce::random(),
        ranges: vec![Range { from: n, to: n }],
        payloads: 1,
        first: n,
        last: n,
        ext: Extensions::none(),
    }
}

fn page(records: Vec<SealedRecord>, first: u64, newest: u64, torn: u64) -> RecordsPage {
    RecordsPage {
        records,
        first,
        newest,
        kept: true,
        torn,
        ext: Extensions::none(),
    }
}

/// What a mailbox's line of the check says is missing.
fn missing(core: &Core) -> Vec<Missing> {
    let all = show::check(core).unwrap().missing;
    all.into_iter()
        .filter(|m| !matches!(m, Missing::NotRead(_)))
        .collect()
}

fn seal(record: &DeliveryRecord, key: &SealingKey, number: u64) -> SealedRecord {
    record.seal(&key.public(), number).unwrap()
}

#[test]
fn a_gap_in_the_records_is_called_complete() {
    let mut core = Paper::new().person("aino");
    let inbox = core.profile.inbox.unwrap();
    let key = core.keys.records_key(&inbox).unwrap();
    let records: Vec<_> = (1..=9).map(|n| record(inbox, n)).collect();
    let sealed = |n: u64| seal(&records[usize::try_from(n).unwrap() - 1], &key, n);
    assert_eq!(
        core.records_came(inbox, &page(vec![sealed(1), sealed(2)], 1, 2, 0))
            .unwrap(),
        None
    );
    assert_eq!(missing(&core), []);
    // Two gave way while nobody looked.
    core.records_came(inbox, &page(vec![sealed(5)], 5, 5, 0)).unwrap();
    assert_eq!(missing(&core), [Missing::LetGo("your inbox", 2)]);
    // What stands out of turn is not taken, and asking goes on only where there is progress.
    let wrong = page(vec![sealed(8), sealed(9)], 5, 9, 0);
    assert_eq!(core.records_came(inbox, &wrong).unwrap(), None);
    // One that was sealed to somebody else is counted, and the rest is read.
    let junk = seal(&records[5], &SealingKey::generate(), 6);
    let more = core
        .records_came(inbox, &page(vec![junk, sealed(7)], 5, 9, 0))
        .unwrap();
    assert_eq!(more, Some(7), "there is more");
    assert_eq!(
        missing(&core),
        [
            Missing::LetGo("your inbox", 2),
            Missing::Unreadable("your inbox", 1)
        ]
    );
    assert_eq!(show::lines(&core, &core.profile.identity).unwrap().len(), 4);
}

#[test]
fn numbers_given_twice_after_a_power_cut_hide_a_fetch_or_double_one() {
    let mut core = Paper::new().person("aino");
    let inbox = core.profile.inbox.unwrap();
    let key = core.keys.records_key(&inbox).unwrap();
    let (one, lost, other) = (record(inbox, 1), record(inbox, 2), record(inbox, 3));
    let first = page(vec![seal(&one, &key, 1), seal(&lost, &key, 2)], 1, 2, 0);
    core.records_came(inbox, &first).unwrap();
    // The second number was lost at the relay and given again.
    let again = page(vec![], 1, 2, 77);
    assert_eq!(
        core.records_came(inbox, &again).unwrap(),
        Some(0),
        "all is read once more"
    );
    let whole = page(vec![seal(&one, &key, 1), seal(&other, &key, 2)], 1, 2, 77);
    assert_eq!(core.records_came(inbox, &whole).unwrap(), None);
    assert_eq!(
        show::lines(&core, &core.profile.identity).unwrap().len(),
        3,
        "what was read before stays"
    );
    assert_eq!(missing(&core), [Missing::Torn(77)]);
    let before = core.index.outbox.len();
    let unkept = RecordsPage {
        kept: false,
        ..page(vec![], 1, 2, 77)
    };
    core.records_came(inbox, &unkept).unwrap();
    core.records_came(inbox, &unkept).unwrap();
    assert_eq!(
        core.index.outbox.len(),
        before + 1,
        "the relay is given the key, once"
    );
    assert!(missing(&core).contains(&Missing::NotKept("your inbox")));
}

#[test]
fn a_key_is_an_alarm_although_this_device_was_not_there_to_hear_of_it() {
    let mut core = Paper::new().person("aino");
    let own = core.profile.own.unwrap();
    let key = core.keys.records_key(&own).unwrap();
    let mut later = record(own, 2);
    later.epoch = 40;
    let records = [record(own, 1), later];
    let sealed = records.iter().zip(1..).map(|(r, n)| seal(r, &key, n)).collect();
    core.records_came(own, &page(sealed, 1, 2, 0)).unwrap();
    let seen: Vec<_> = show::lines(&core, &core.profile.identity)
        .unwrap()
        .iter()
        .map(|l| l.seen)
        .collect();
    assert_eq!(seen, [Seen::Alarm, Seen::Upkeep]);
}

#[test]
fn two_mailboxes_have_one_key_or_an_invitation_has_one() {
    let core = Paper::new().person("aino");
    let (inbox, own) = (core.profile.inbox.unwrap(), core.profile.own.unwrap());
    let keys = [&inbox, &own].map(|id| core.keys.records_key(id).unwrap().public());
    assert_ne!(keys[0], keys[1]);
    let policy = telesphor_wire::mailbox::Policy::standard();
    let mut core = core;
    core.write(|ctx| {
        let with = ctx.recorded(
            policy.clone(),
            telesphor_clinical::self_entry::MailboxUse::Inbox,
            &inbox,
        );
        assert_eq!(key_of(&with).unwrap(), Some(keys[0].clone()));
        let without = ctx.recorded(
            policy.clone(),
            telesphor_clinical::self_entry::MailboxUse::OneTime,
            &inbox,
        );
        assert_eq!(without, policy);
        Ok(())
    })
    .unwrap();
}
