//! NATS as `ops/nats` sets it up for hospitals, with the real server: who is let in, who may do
//! what, and a cluster of real relays over it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bus;
mod client;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bus::{Bus, make};
use client::Client;
use serde_json::Value;
use telesphor_chaos::campaign::admit;
use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::exchange::{Asker, Outcome, at};
use telesphor_chaos::relay::Relay;
use telesphor_chaos::tenant::Tenant;

/// Comes to the first server as whoever the certificate in the folder says.
fn come(bus: &Bus, relay: &Relay, as_whom: &Path) -> Result<Client, String> {
    let own = (as_whom.join("certificate.pem"), as_whom.join("key.pem"));
    let ca = relay.data().join("nats/ca.pem");
    Client::connect(bus.ports[0].clients, &ca, Some((&own.0, &own.1)))
}

#[test]
fn a_relay_speaks_or_listens_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bus, relays) = Bus::founded(folder.path(), "hospital-a", 3, &[]);
    bus.start();
    let shown = relays[0].json(&["cluster", "show"]).unwrap();
    let member = |at: usize| shown["relays"][at]["member"].as_str().unwrap().to_owned();
    let (a, b, c) = (member(0), member(1), member(2));
    let mut clients = relays
        .iter()
        .map(|r| come(&bus, r, &r.data().join("nats")).unwrap());
    let [mut relay_a, mut relay_b, mut relay_c] = std::array::from_fn(|_| clients.next().unwrap());
    let name = shown["name"].as_str().unwrap();
    let tel = |rest: String| format!("tel.{name}.{rest}");

    for own in [
        format!("say.p0.{a}"),
        format!("ask.{b}"),
        format!("blob.{b}"),
        "log.p0.1.x".to_owned(),
    ] {
        assert!(relay_a.publishes(&tel(own.clone())), "{own}");
    }
    for own in [
        format!("ask.{a}"),
        format!("blob.{a}"),
        format!("in.{a}.>"),
        "say.p3.*".to_owned(),
    ] {
        assert!(relay_a.hears(&tel(own.clone())), "{own}");
    }
    for other in [format!("say.p0.{b}"), format!("in.{b}.x"), format!("in.{c}.x.1")] {
        assert!(!relay_a.publishes(&tel(other.clone())), "{other}");
    }
    for other in [
        format!("ask.{b}"),
        format!("blob.{b}"),
        format!("in.{b}.>"),
        "ask.*".into(),
        "blob.*".into(),
        "in.>".into(),
        "log.>".into(),
    ] {
        assert!(!relay_a.hears(&tel(other.clone())), "{other}");
    }
    for everything in [
        ">",
        "tel.>",
        "$SYS.>",
        "$JS.>",
        "_INBOX.>",
        "tel.hospital-b.say.*.*",
    ] {
        assert!(!relay_a.hears(everything), "{everything}");
    }
    // What was ordered is not deleted, changed, restored or moved by anybody.
    for act in [
        "MSG.DELETE",
        "UPDATE",
        "RESTORE",
        "SNAPSHOT",
        "PEER.REMOVE",
        "LEADER.STEPDOWN",
    ] {
        assert!(!relay_a.publishes(&format!("$JS.API.STREAM.{act}.x")), "{act}");
    }
    assert!(!relay_a.publishes("$SYS.REQ.SERVER.PING"));

    // A question reaches the relay it is for; that one may answer once, and no other at all.
    assert!(relay_b.hears(&tel(format!("ask.{b}"))) && relay_c.hears(&tel(format!("in.{c}.>"))));
    let inbox = tel(format!("in.{c}.question"));
    relay_c
        .say(&format!("PUB {} {inbox} 2\r\nhi", tel(format!("ask.{b}"))))
        .unwrap();
    let begun = Instant::now();
    while !relay_b.say("UNSUB 777").unwrap().contains(&inbox) {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the question does not come"
        );
    }
    assert!(!relay_a.publishes(&inbox), "another one answers");
    assert!(relay_b.publishes(&inbox));
    assert!(!relay_b.publishes(&inbox), "a second answer");
}

#[test]
fn a_stranger_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bus, relays) = Bus::founded(folder.path(), "hospital-a", 1, &[]);
    // Another hospital's relays, by its own authorities; and relays of another cluster, by ours.
    let (_, strangers) = Bus::founded(&folder.path().join("b"), "hospital-b", 1, &[]);
    let third = folder.path().join("c");
    std::fs::create_dir(&third).unwrap();
    std::os::unix::fs::symlink(folder.path().join("ca"), third.join("ca")).unwrap();
    let (_, unknown) = Bus::founded(&third, "hospital-a", 1, &[]);
    bus.start();
    let own = |relay: &Relay| relay.data().join("nats");
    assert!(come(&bus, &relays[0], &own(&relays[0])).is_ok());
    assert!(come(&bus, &relays[0], &bus.folder.join("operator")).is_ok());

    let ca = own(&relays[0]).join("ca.pem");
    let nobody = Client::connect(bus.ports[0].clients, &ca, None);
    assert!(nobody.is_err(), "without a certificate");
    assert!(
        come(&bus, &relays[0], &own(&strangers[0])).is_err(),
        "by another authority"
    );
    let said = come(&bus, &relays[0], &own(&unknown[0])).err().unwrap();
    assert!(said.contains("Authorization Violation"), "in no list: {said}");
    let tls = bus.folder.join("nats-1/tls");
    let (server, key) = (tls.join("server.pem"), tls.join("server.key"));
    let as_server = Client::connect(bus.ports[0].clients, &ca, Some((&server, &key)));
    assert!(as_server.is_err(), "a server as a client");

    // And no relay joins the servers.
    let (certificate, key) = (
        own(&relays[0]).join("certificate.pem"),
        own(&relays[0]).join("key.pem"),
    );
    let as_route = Client::connect(bus.ports[0].routes, &ca, Some((&certificate, &key)));
    assert!(as_route.is_err(), "a relay as a server");
    let begun = Instant::now();
    while !bus.logs().contains("TLS route handshake error") {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", bus.logs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_cannot_work_over_what_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bus, mut relays) = Bus::founded(folder.path(), "hospital-a", 3, &[]);
    bus.start();
    for relay in &mut relays {
        let check: Value = relay.json(&["config", "check"]).unwrap();
        assert_eq!(
            check["faults"].as_array().map(Vec::len).unwrap_or_default(),
            0,
            "{check}"
        );
        relay.start().unwrap();
    }
    until_following(&relays);
    // Durable on a majority, or it would not be opened.
    let mut tenant = Tenant::enrol(&admit(&relays[0]).unwrap(), 1).await.unwrap();
    let (session, _pushes) = tenant.session().await.unwrap();
    tenant.open(&session).await.unwrap();

    let wanted = catalogue();
    let begun = Instant::now();
    loop {
        let page = relays[1].get("/metrics").unwrap();
        let shown: BTreeSet<String> = page
            .lines()
            .filter_map(|l| l.strip_prefix("# TYPE "))
            .map(|l| l.split(' ').next().unwrap().to_owned())
            .collect();
        let all_heard = page
            .lines()
            .filter(|l| l.starts_with("telesphor_relay_partition_heard{") && l.ends_with(" 3"))
            .count();
        if shown == wanted && all_heard == 4 && page.contains("telesphor_relay_bus_connected 1") {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{shown:?}\n{wanted:?}\n{page}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused: Vec<_> = bus
        .logs()
        .lines()
        .filter(|l| l.contains("Violation"))
        .map(str::to_owned)
        .collect();
    assert!(refused.is_empty(), "a relay does what it may not: {refused:#?}");
}

/// All metrics of `docs/metrics.md`.
/// All metrics but those of a cluster in which not every relay keeps every mailbox.
fn catalogue() -> BTreeSet<String> {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"))
        .unwrap()
        .lines()
        .filter(|l| !l.contains(" | placed "))
        .filter_map(|l| l.strip_prefix("| `"))
        .filter_map(|l| l.split(['`', '{']).next())
        .map(str::to_owned)
        .collect()
}

fn until_following(relays: &[Relay]) {
    let begun = Instant::now();
    for relay in relays {
        while !relay
            .json(&["cluster", "status"])
            .is_ok_and(|s| Cluster::follows(&s))
        {
            assert!(
                begun.elapsed() < Duration::from_secs(90),
                "{}",
                relay.run(&["cluster", "status"]).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Two hospitals as an engineer joins them; their NATS servers run and have found each other.
struct Joined {
    buses: [Bus; 2],
    relays: [Vec<Relay>; 2],
}

fn joined(folder: &Path, servers: usize) -> Joined {
    let [a, b] = ["a", "b"].map(|name| folder.join(name));
    for (name, at) in [("hospital-a", &a), ("hospital-b", &b)] {
        std::fs::create_dir(at).unwrap();
        make(&[
            "authorities",
            "--name",
            name,
            "--into",
            at.join("ca").to_str().unwrap(),
        ]);
    }
    let leaf = telesphor_chaos::relay::free_port().unwrap().to_string();
    let peer = |name: &str, at: &Path| format!("{name}={}", at.join("ca/exchange-ca.pem").display());
    let (peer_a, peer_b) = (peer("hospital-a.example", &a), peer("hospital-b.example", &b));
    let (mut bus_a, relays_a) = Bus::founded(
        &a,
        "hospital-a",
        servers,
        &[
            "--exchange",
            "hospital-a.example",
            "--peer",
            &peer_b,
            "--leaf",
            &leaf,
        ],
    );
    let at = format!("hospital-a.example={leaf}");
    let (mut bus_b, relays_b) = Bus::founded(
        &b,
        "hospital-b",
        servers,
        &[
            "--exchange",
            "hospital-b.example",
            "--peer",
            &peer_a,
            "--peer-at",
            &at,
        ],
    );
    // All servers are at one address here: one of those who accept listens there.
    for number in 2..=servers {
        let exchange = bus_a.folder.join(format!("nats-{number}/exchange.conf"));
        std::fs::write(exchange, "").unwrap();
    }
    bus_a.start();
    bus_b.start();
    let begun = Instant::now();
    loop {
        let seen = probe(&bus_a, "/leafz");
        if seen["leafnodes"] == servers {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{seen}\n{}\n{}",
            bus_a.logs(),
            bus_b.logs()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Joined {
        buses: [bus_a, bus_b],
        relays: [relays_a, relays_b],
    }
}

#[test]
fn two_hospitals_are_joined_by_more_than_the_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let joined = joined(folder.path(), 1);
    let leafs = probe(&joined.buses[0], "/leafz?subs=1");
    assert_eq!(leafs["leafs"][0]["account"], "EXCHANGE", "{leafs}");
    let crossing = leafs["leafs"][0]["subscriptions_list"].to_string();
    assert!(
        !crossing.contains("tel.telesphor") && !crossing.contains("$JS"),
        "{crossing}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hospitals_cannot_exchange_over_what_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    let mut joined = joined(folder.path(), 3);
    let cards = [0, 1].map(|at| {
        let card = folder.path().join(format!("{at}.card")).display().to_string();
        joined.relays[at][0]
            .run(&["domain", "show", "--into", &card])
            .unwrap();
        card
    });
    for (at, relays) in joined.relays.iter_mut().enumerate() {
        for relay in relays.iter_mut() {
            relay.run(&["domain", "pin", &cards[1 - at]]).unwrap();
            relay.start().unwrap();
        }
        until_following(relays);
    }
    let [here, there] = &joined.relays;
    let (tenant, all) = at(&there[0], 1).await.unwrap();
    let mut asker = Asker::enrol(&here[0]).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();
    for number in 0..5u8 {
        asker.send(&all[0], &key, vec![number; 40]).await.unwrap();
    }
    for number in 0..5 {
        match asker.news().await.unwrap().1 {
            // By a majority of the other hospital's relays, in order.
            Outcome::Durable(receipt) => {
                receipt.verify(&tenant.relays(), tenant.quorum()).unwrap();
                assert_eq!(receipt.leaf.seq, number + 2);
            }
            other => panic!("{other:?}"),
        }
    }
    for bus in &joined.buses {
        let logs = bus.logs();
        let refused: Vec<_> = logs.lines().filter(|l| l.contains("Violation")).collect();
        assert!(refused.is_empty(), "a relay does what it may not: {refused:#?}");
    }
}

#[test]
fn what_a_pod_of_kubernetes_reads_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bus, _) = Bus::founded(folder.path(), "hospital-a", 1, &[]);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let component = "k8s/components/exchange/here.conf";
    for (number, hospital) in [None, Some("hospital-a"), Some("hospital-b")]
        .into_iter()
        .enumerate()
    {
        // As the projected volume lays them side by side.
        let pod = folder.path().join(format!("pod-{number}"));
        let (made, tls) = (bus.folder.join("nats-1"), pod.join("tls"));
        std::fs::create_dir_all(&tls).unwrap();
        let here = if hospital.is_some() {
            component
        } else {
            "ops/nats/here.kubernetes.conf"
        };
        std::fs::copy(repository.join(here), pod.join("here.conf")).unwrap();
        std::fs::copy(repository.join("ops/nats/nats.conf"), pod.join("nats.conf")).unwrap();
        std::fs::copy(made.join("relays.conf"), pod.join("relays.conf")).unwrap();
        for (from, to) in [
            ("relays-ca.pem", "relays-ca.pem"),
            ("servers-ca.pem", "servers-ca.pem"),
            ("server.pem", "nats-0.pem"),
            ("server.key", "nats-0.key"),
        ] {
            std::fs::copy(made.join("tls").join(from), tls.join(to)).unwrap();
        }
        if let Some(hospital) = hospital {
            let path = format!("k8s/overlays/two-hospitals/{hospital}/exchange.conf");
            let text = std::fs::read_to_string(repository.join(path)).unwrap();
            // Its certificates are another Secret's; any will do for being read.
            let text = text
                .replace("/etc/exchange/exchange", "tls/nats-0")
                .replace("/etc/exchange/peers-ca", "tls/relays-ca");
            std::fs::write(pod.join("exchange.conf"), text).unwrap();
        }
        let output = std::process::Command::new(telesphor_chaos::nats::binary().unwrap())
            .args(["-t", "-c", "nats.conf"])
            .current_dir(&pod)
            .env("POD_NAME", "nats-0")
            .env("POD_NAMESPACE", "hospital-a")
            .env("HERE_CERTIFICATE", "tls/nats-0.pem")
            .env("HERE_KEY", "tls/nats-0.key")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{hospital:?}: {said}");
    }
}

/// What a server says of itself.
fn probe(bus: &Bus, path: &str) -> Value {
    let mut stream = TcpStream::connect(bus.ports[0].probes).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}
