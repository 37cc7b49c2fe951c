//! A mailbox of one hospital that is followed from another, by hand: what is held, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::Path;

use telesphor_chaos::exchange::{Asker, At, Hospital, How, Line, Outcome, at};
use telesphor_chaos::tenant::Tenant;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::SigningKey;

/// Longer than any test, seconds.
const NEVER: u64 = 100_000;

struct Scene {
    a: Hospital,
    b: Hospital,
    line: Line,
    there: Tenant,
    all: Vec<At>,
    /// Follows.
    reader: Asker,
    /// Writes.
    writer: Asker,
    key: SealingPublic,
}

impl Scene {
    async fn new(folder: &Path) -> Self {
        let mut a = Hospital::new(&folder.join("a"), "hospital-a.example", NEVER).unwrap();
        let mut b = Hospital::new(&folder.join("b"), "hospital-b.example", NEVER).unwrap();
        a.start(&[]).unwrap();
        let line = Line::to(a.leafs()).unwrap();
        b.start(&[line.front()]).unwrap();
        a.pin(&b).unwrap();
        b.pin(&a).unwrap();
        let (there, all) = at(&b.relay, 2).await.unwrap();
        let reader = Asker::enrol(&a.relay).await.unwrap();
        let writer = Asker::enrol(&a.relay).await.unwrap();
        let key = reader.sealing(&all[0].domain).await.unwrap();
        Self {
            a,
            b,
            line,
            there,
            all,
            reader,
            writer,
            key,
        }
    }

    /// Follows the first mailbox as its owner does.
    async fn follow(&mut self, after: u64) {
        let (place, owner) = (self.all[0].clone(), self.all[0].mailbox.owner.clone());
        let asked = self.reader.follow(&place, &self.key, &owner, How::after(after));
        asked.await.unwrap();
    }

    async fn write(&mut self, words: &[u8]) {
        let place = self.all[0].clone();
        self.writer.send(&place, &self.key, words.to_vec()).await.unwrap();
        assert!(matches!(self.writer.news().await.unwrap().1, Outcome::Durable(_)));
    }

    async fn comes(&mut self) -> Vec<Vec<u8>> {
        let Outcome::Page(page) = self.reader.news().await.unwrap().1 else {
            panic!("no page")
        };
        let payloads = page.events.into_iter().filter_map(|e| e.payload);
        payloads.map(|payload| payload.0).collect()
    }

    fn held(&self) {
        self.a.until(&self.b, |peer| peer["followed"] == 1).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_to_a_mailbox_elsewhere_is_told_late_twice_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path()).await;
    scene.follow(1).await;
    scene.held();
    let peer = scene.a.peer(&scene.b).unwrap();
    assert_eq!(
        (&peer["waiting"], &peer["oldest"]),
        (&0.into(), &serde_json::Value::Null),
        "nothing is wrong: {peer}"
    );
    // Long before whoever passes it on would ask again.
    let begun = std::time::Instant::now();
    scene.write(b"one").await;
    assert_eq!(scene.comes().await, [b"one".to_vec()]);
    assert!(begun.elapsed().as_secs() < 30, "it was asked for, not told");
    // What was there already is told at once, and no follow is left behind.
    scene.write(b"two").await;
    scene.follow(2).await;
    assert_eq!(scene.comes().await, [b"two".to_vec()]);
    scene.a.until(&scene.b, |peer| peer["followed"] == 0).unwrap();
    let _ = scene.there.relays();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follow_is_lost_with_the_relay_that_held_it_or_with_the_one_that_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path()).await;
    scene.follow(1).await;
    scene.held();
    // The one that holds it: it says that it has begun anew.
    scene.b.relay.kill().unwrap();
    scene.b.relay.start().unwrap();
    scene.write(b"one").await;
    assert_eq!(scene.comes().await, [b"one".to_vec()]);
    // The one that asked: what it finds in the outbox it asks again.
    scene.follow(2).await;
    scene.held();
    scene.a.relay.kill().unwrap();
    scene.a.relay.start().unwrap();
    scene.reader.begin().await.unwrap();
    scene.writer.begin().await.unwrap();
    scene.held();
    scene.write(b"two").await;
    assert_eq!(scene.comes().await, [b"two".to_vec()]);
    // The line: what was said while it was cut is asked for once more.
    scene.follow(3).await;
    scene.held();
    scene.line.cut();
    let place = scene.all[0].clone();
    scene
        .writer
        .send(&place, &scene.key, b"three".to_vec())
        .await
        .unwrap();
    scene.line.join();
    assert_eq!(scene.comes().await, [b"three".to_vec()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_follows_without_the_right_for_somebody_else_or_beyond_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path()).await;
    let (owner, mallory) = (scene.all[0].mailbox.owner.clone(), SigningKey::generate());
    let (first, second) = (scene.all[0].clone(), scene.all[1].clone());
    // A good one, whose proof is shown again with another key for the answer.
    let proof = scene
        .reader
        .follow(&first, &scene.key, &owner, How::after(0))
        .await
        .unwrap();
    assert_eq!(scene.comes().await.len(), 1, "its opening");
    let other: telesphor_wire::text::Domain = "hospital-c.example".parse().unwrap();
    let repeated = How {
        repeated: Some(proof),
        ..How::after(0)
    };
    let elsewhere = How {
        domain: Some(other),
        ..How::after(0)
    };
    for (place, by, how) in [
        (&first, &mallory, How::after(0)),
        (&second, &owner, How::after(0)),
        (&first, &owner, repeated),
        (&first, &owner, elsewhere),
    ] {
        scene.reader.follow(place, &scene.key, by, how).await.unwrap();
        let told = scene.reader.news().await.unwrap().1;
        assert_eq!(told, Outcome::Refused(ErrorCode::Refused));
    }
    // Its time is over, or it asks for more time than a request may have.
    for (until, code) in [(1, ErrorCode::Expired), (u64::MAX, ErrorCode::TooFarAhead)] {
        let how = How {
            until: Some(until),
            ..How::after(1)
        };
        scene
            .reader
            .follow(&first, &scene.key, &owner, how)
            .await
            .unwrap();
        let told = scene.reader.news().await.unwrap().1;
        assert_eq!(told, Outcome::Undelivered(code));
    }
    // At its end it is answered with nothing.
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let how = How {
        until: Some(u64::try_from(now.as_millis()).unwrap() + 4_000),
        ..How::after(1)
    };
    scene
        .reader
        .follow(&first, &scene.key, &owner, how)
        .await
        .unwrap();
    assert!(scene.comes().await.is_empty());
}
