//! Connections that say nothing.

use crate::common;

use common::{Client, Personal, Relay, Wire};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::{RelayFrame, Right};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_thousand_silent_connections_keep_a_patient_out() {
    let mut relay = Relay::new();
    relay.start(&[
        "edge.max_unproven=64",
        "edge.handshake_timeout=60",
        "edge.unproven_timeout=120",
    ]);
    let before = relay.memory();
    // Half of them do not even begin TLS, the others finish it and then say nothing.
    let mut silent_tcp = Vec::new();
    let mut silent_tls = Vec::new();
    for _ in 0..500 {
        silent_tcp.push(TcpStream::connect(relay.edge).await.unwrap());
        silent_tls.push(Wire::connect(&relay).await.unwrap());
    }
    assert!(
        relay.metric("telesphor_relay_connections_unproven") <= 64.0,
        "they are bounded"
    );
    assert!(relay.metric("telesphor_relay_connections_dropped_total{why=\"gave_way\"}") >= 400.0);

    let grown = relay.memory().saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "a thousand silent connections cost {grown} bytes"
    );

    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    // More of them than there are places: one that has proved its right does not give way.
    for _ in 0..70 {
        silent_tls.push(Wire::connect(&relay).await.unwrap());
    }
    mailbox.put(&mut client, 1, b"still served").await;

    // The first of the silent ones was told to go.
    let mut first = silent_tls.swap_remove(0);
    assert!(matches!(first.tls.read(&mut [0]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_connection_that_proves_nothing_stays_for_ever() {
    let mut relay = Relay::new();
    relay.start(&["edge.unproven_timeout=4", "edge.handshake_timeout=4"]);
    let mut silent_tcp = TcpStream::connect(relay.edge).await.unwrap();
    let mut silent_tls = Wire::connect(&relay).await.unwrap();
    let mut only_hello = Client::hello(&relay).await;
    assert!(matches!(silent_tcp.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(matches!(silent_tls.tls.read(&mut [0]).await, Ok(0) | Err(_)));
    assert!(only_hello.frame().await.is_none());
}

#[tokio::test]
async fn a_half_open_session_is_kept_for_ever() {
    let mut relay = Relay::new();
    relay.start(&["edge.ping_every=1", "edge.silence_timeout=2"]);
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    assert_eq!(relay.metric("telesphor_relay_sessions"), 1.0);
    // Not read from here on: pings go unanswered, as on a cable that was pulled.
    while relay.metric("telesphor_relay_sessions") != 0.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        relay.metric("telesphor_relay_connections_dropped_total{why=\"silent\"}"),
        1.0
    );
    drop(client);
}

#[tokio::test]
async fn whoever_comes_when_all_places_are_taken_is_left_without_an_answer() {
    let mut relay = Relay::new();
    relay.start(&["edge.max_connections=16", "edge.max_unproven=16"]);
    let mut first = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut first).await;
    let mut inside = Vec::new();
    for _ in 1..16 {
        let mut client = Client::hello(&relay).await;
        assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
        inside.push(client);
    }
    let mut late = Wire::connect(&relay).await.unwrap().socket().await;
    match late.frame().await {
        Some(RelayFrame::Goodbye(goodbye)) => assert_eq!(goodbye.refusal.code, ErrorCode::SessionLimit),
        other => panic!("no goodbye but {other:?}"),
    }
    assert!(late.frame().await.is_none());
    // Those who are in are served, and a place that is given back is given on.
    mailbox.put(&mut inside[0], 1, b"still served").await;
    drop(inside.pop());
    while relay.metric("telesphor_relay_sessions") != 15.0 {
        tokio::task::yield_now().await;
    }
    Client::hello(&relay).await;
}
