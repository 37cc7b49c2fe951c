//! Somebody is put out of a team, and gets everything afterwards: the relay's whole disk, his vault
//! as it was before, all his keys. Against a real relay, with the programs that people use.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use telesphor_agent::link::{Credential, Pin, Push, Session, domain};
use telesphor_agent::{Agent, Key};
use telesphor_chaos::campaign::admit;
use telesphor_chaos::relay::Relay;
use telesphor_chaos::ward::{Ward, passphrase};
use telesphor_demo::stolen;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Event, EventKind};
use telesphor_wire::sign::PublicKey;

const LONG: Duration = Duration::from_secs(300);

/// Said after he is out: so many documents, and the proofs of their time as more messages.
fn later() -> usize {
    let named = std::env::var("TELESPHOR_REVOKED_DOCUMENTS").ok();
    named.and_then(|n| n.parse().ok()).unwrap_or(150)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

async fn offline(folder: &Path) -> Agent {
    Agent::open_with(folder, Key::Passphrase(passphrase()), false)
        .await
        .unwrap()
}

async fn log(ward: &Ward) -> Vec<Event> {
    ward.patient
        .owner_door(ward.team)
        .await
        .unwrap()
        .all(0)
        .await
        .unwrap()
}

/// What the relay serves to a key; `None` if it does not even take the proof.
async fn served(pin: &Pin, relays: &[PublicKey], key: Credential) -> Option<Vec<u64>> {
    let (session, mut pushes) = Session::open(pin, relays).await.unwrap();
    let handle = session.prove(key).await.ok()?.handle;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        session.fetch(handle, after, 512).await.unwrap();
        match pushes.recv().await {
            Some(Push::Events(page)) if !page.events.is_empty() => {
                all.extend(page.events.iter().map(|e| e.header.seq));
                after = all.last().copied().unwrap();
            }
            _ => return Some(all),
        }
    }
}

/// Every event of the team, straight out of a copy of the relay's store.
async fn whole_disk(relay: &Relay, folder: &Path, team: MailboxId) -> Vec<(MailboxId, Event)> {
    let pin = Pin::of_link(&admit(relay).unwrap());
    let record = domain::fetch(&pin).await.unwrap();
    let relays: Vec<PublicKey> = record.record.relays.iter().map(|r| r.relay).collect();
    let (session, _pushes) = Session::open(&pin, &relays).await.unwrap();
    let facts = stolen::facts(&record.record, session.facts().partitions);
    let checkpoint = folder.join("checkpoint");
    relay.run(&["backup", &checkpoint.to_string_lossy()]).unwrap();
    stolen::events(&checkpoint.join("store"), &folder.join("opened"), facts, &[team]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_reads_on_with_the_relays_whole_disk_and_everything_he_ever_had() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::init(folder.path(), "hospital-a.example").unwrap();
    relay.start().unwrap();
    let mut ward = Ward::open(folder.path(), &relay, 2).await.unwrap();
    let team = ward.team;

    // His vault as it is while he is a member, and every key that it proves.
    let thief = ward.nurses.remove(0);
    let mut keys = thief.credentials().await.unwrap();
    thief.settle(LONG).await.unwrap();
    thief.close().await;
    let old = folder.path().join("his-old-vault");
    copy(&ward.profiles[0], &old);
    let before = ward.show(vec!["while he is a member".to_owned()]).await.unwrap();
    ward.patient.settle(LONG).await.unwrap();

    // He is out; he hears of it when his program runs again.
    ward.on_duty(&[1]).await.unwrap();
    let stays = ward.nurses[0].me().await.unwrap().id;
    ward.patient.wait_team(team, vec![stays], LONG).await.unwrap();
    let log = log(&ward).await;
    let commit = log.iter().rev().find(|e| e.header.kind == EventKind::COMMIT);
    let out_at = commit.unwrap().header.seq;
    let thief = Agent::open(&ward.profiles[0], &passphrase()).await.unwrap();
    let deadline = Instant::now() + LONG;
    while thief.read(&before[0].to_string()).await.is_ok()
        || thief.teams().await.unwrap()[0].members.len() > 1
    {
        assert!(Instant::now() < deadline, "he never hears that he is out");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // What is said from now on: another member reads it.
    let mut last = None;
    let texts: Vec<String> = (0..later()).map(|n| format!("after it {n}")).collect();
    for some in texts.chunks(500) {
        last = ward.show(some.to_vec()).await.unwrap().pop();
        ward.patient.settle(LONG).await.unwrap();
    }
    let last = last.unwrap().to_string();
    let deadline = Instant::now() + LONG;
    while ward.nurses[0].read(&last).await.is_err() {
        assert!(
            Instant::now() < deadline,
            "the member who stays does not read the last of them"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let disk = whole_disk(&relay, folder.path(), team).await;
    let after: Vec<_> = disk
        .iter()
        .filter(|(_, e)| e.header.seq > out_at)
        .cloned()
        .collect();
    let said = after
        .iter()
        .filter(|(_, e)| e.header.kind == EventKind::MESSAGE && e.payload.is_some());
    let said = said.count();
    assert!(said > later(), "{said} messages");

    // The old vault follows as far as it can: that opens what was said while he was a member.
    let copy = offline(&old).await;
    let events: Vec<Event> = disk.into_iter().map(|(_, e)| e).collect();
    let opened = copy.try_to_follow(team, events).await.unwrap();
    assert!(opened.len() >= 2, "the control: {opened:?}");
    assert!(
        opened.iter().all(|seq| *seq <= out_at),
        "{opened:?}, out at {out_at}"
    );
    // And with no care for the order.
    assert_eq!(copy.try_keys(after.clone()).await.unwrap(), 0);
    assert_eq!(thief.try_keys(after).await.unwrap(), 0);

    // Nor does the relay hand it to any key that he has or had, or take anything from him.
    keys.extend(thief.credentials().await.unwrap());
    let pin = Pin::of_link(&admit(&relay).unwrap());
    let record = domain::fetch(&pin).await.unwrap().record;
    let relays: Vec<PublicKey> = record.relays.iter().map(|r| r.relay).collect();
    let mut proved = 0;
    for key in keys.into_iter().filter(|k| k.mailbox == team) {
        if let Some(all) = served(&pin, &relays, key).await {
            proved += 1;
            assert!(all.iter().all(|seq| *seq <= out_at), "{all:?}, out at {out_at}");
        }
    }
    assert!(
        proved > 0,
        "the control: his old keys still prove what they read before"
    );
    assert!(thief.door(team).await.unwrap().deposit().await.is_err());

    // He asks for a seat again, past his program's own judgement: nobody gives him one.
    let before = ward.patient.team_stand(team).await.unwrap();
    thief.ask_anyway(team).await.unwrap();
    thief.settle(LONG).await.unwrap();
    for agent in [&ward.hospital, &ward.patient, &ward.nurses[0]] {
        agent.settle(LONG).await.unwrap();
    }
    let seated = ward
        .patient
        .wait_team(team, vec![stays], Duration::from_secs(1))
        .await;
    assert!(seated.is_ok() && ward.patient.team_stand(team).await.unwrap() == before);
    println!(
        "{said} messages after it, of which his keys open 0; {} before it",
        opened.len()
    );
    copy.close().await;
    thief.close().await;
    ward.close().await;
}
