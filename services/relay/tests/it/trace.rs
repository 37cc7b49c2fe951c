//! A support code's way, as an operator sees it.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use common::{Client, Personal, Relay};
use serde_json::Value;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::session::{Call, ClientFrame, RelayFrame, Right};
use telesphor_wire::text::SupportCode;

/// Sends a command under a code of its own and waits for its answer.
async fn traced(client: &mut Client, handle: u32, command: Command) -> (SupportCode, Answer) {
    let support = SupportCode::random();
    let call = Call {
        call: 4_000_000,
        handle,
        support,
        command,
    };
    client.send(&ClientFrame::Calls(vec![call])).await;
    match client.frame().await {
        Some(RelayFrame::Replies(mut replies)) => (support, replies.remove(0).answer),
        other => panic!("no answer but {other:?}"),
    }
}

/// What the command says, once `enough` holds: the relay notes things a moment after they were done.
fn trace(relay: &Relay, code: SupportCode, enough: impl Fn(&Value) -> bool) -> Value {
    loop {
        let output = relay.command(&["trace", &code.to_string(), "--json"]);
        if output.status.success() {
            let said: Value = serde_json::from_slice(&output.stdout).unwrap();
            if enough(&said) {
                return said;
            }
        } else {
            assert_eq!(output.status.code(), Some(5));
        }
        std::thread::yield_now();
    }
}

fn words(relay: &Relay, code: SupportCode) -> String {
    let output = relay.command(&["trace", &code.to_string()]);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_support_code_leads_nowhere() {
    let mut relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    let (code, answer) = traced(&mut client, 1, mailbox.deposit(b"traced")).await;
    assert!(matches!(answer, Answer::Durable(_)));
    let said = trace(&relay, code, |_| true);
    assert_eq!(said["outcome"], "durable");
    assert_eq!(said["sessions"], 0);
    let (accepted, durable) = (
        said["accepted"].as_str().unwrap(),
        said["answered"].as_str().unwrap(),
    );
    assert_eq!(
        words(&relay, code),
        format!("accepted {accepted}, durable {durable}, delivered to 0 sessions")
    );

    // Read twice on one connection, and once on another.
    let mut reader = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut reader, 1, Right::Owner).await, None);
    for _ in 0..2 {
        mailbox.read_all(&mut reader, 1).await;
    }
    trace(&relay, code, |said| said["sessions"] == 1);
    assert!(words(&relay, code).ends_with("delivered to 1 session"));
    let mut other = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut other, 1, Right::Owner).await, None);
    mailbox.read_all(&mut other, 1).await;
    let said = trace(&relay, code, |said| said["sessions"] == 2);
    assert_eq!(said["counting"], true);

    // What was counted outlives the process, killed or not; what comes later does not count.
    relay.kill();
    assert!(words(&relay, code).contains("delivered to at least 2 sessions"));
    relay.start(&[]);
    let mut late = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut late, 1, Right::Owner).await, None);
    mailbox.read_all(&mut late, 1).await;
    let said = trace(&relay, code, |_| true);
    assert_eq!(
        (said["sessions"].as_u64(), &said["counting"]),
        (Some(2), &Value::Bool(false))
    );
    assert_eq!(said["accepted"].as_str(), Some(accepted));
}

#[tokio::test]
async fn a_refusal_is_traced_without_its_reason() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    // Under a handle that proves nothing.
    let (code, answer) = traced(&mut client, 7, mailbox.deposit(b"refused")).await;
    assert!(matches!(answer, Answer::Refused(_)));
    let said = trace(&relay, code, |_| true);
    assert_eq!(
        (&said["outcome"], &said["code"]),
        (&"refused".into(), &"T-2001".into())
    );
    let text = words(&relay, code);
    assert!(
        text.contains(", refused 2") && text.contains("with T-2001: "),
        "{text}"
    );
    assert!(!text.contains("delivered"), "{text}");
}

#[tokio::test]
async fn a_trace_names_somebody() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    assert_eq!(mailbox.prove(&mut client, 2, Right::Owner).await, None);
    let (code, _) = traced(&mut client, 1, mailbox.deposit(b"traced")).await;
    mailbox.read_all(&mut client, 2).await;
    let said = trace(&relay, code, |_| true).to_string() + &words(&relay, code) + &relay.log();
    let id = mailbox.mailbox.to_string();
    assert!(!said.contains(&id) && !said.contains("127.0.0.1"), "{said}");
    for entry in std::fs::read_dir(relay.data.join("traces")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [&mailbox.mailbox.0[..], &mailbox.owner.public().0[..]] {
            assert!(!bytes.windows(8).any(|w| w == &secret[..8]));
        }
    }
}

#[test]
fn a_support_code_is_kept_for_ever() {
    let mut relay = Relay::new();
    let code: SupportCode = "7KQ-2M4".parse().unwrap();
    let bits = serde_json::to_value(code).unwrap().as_u64().unwrap() as u32;
    let now = (common::now() / 1000) as u32;
    let day = 24 * 3600;
    let record = |at: u32| -> Vec<u8> {
        let words = [bits, at, at, 0];
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    };
    let folder = relay.data.join("traces");
    std::fs::create_dir_all(&folder).unwrap();
    let old = folder.join(format!("{}.trace", now - 16 * day));
    std::fs::write(&old, record(now - 15 * day)).unwrap();
    // Too old to be shown, although its file is still there.
    assert_eq!(relay.command(&["trace", "7KQ-2M4"]).status.code(), Some(5));
    let young = folder.join(format!("{}.trace", now - 13 * day));
    std::fs::write(&young, record(now - 13 * day)).unwrap();
    assert_eq!(relay.json(&["trace", "7KQ-2M4"])["outcome"], "durable");
    relay.start(&[]);
    // The first request sweeps.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let mut client = Client::hello(&relay).await;
        Personal::open(&relay, &mut client).await;
        client
    });
    while old.exists() {
        std::thread::yield_now();
    }
    assert!(young.exists());
    drop(client);
}
