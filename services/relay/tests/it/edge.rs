//! What the edge takes and refuses, over real TLS.

use crate::common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::client::tls_config;
use common::{Client, Personal, Relay, Wire};
use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::hash_bytes;
use telesphor_wire::ids::Nonce;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::limits::MAX_FRAME_BYTES;
use telesphor_wire::session::{
    ClientFrame, Page, PageRequest, Prove, RelayFrame, Right, SessionClaim, SingleCall, SingleRequest,
    Welcome,
};
use telesphor_wire::text::SupportCode;

#[tokio::test]
async fn a_recorded_connection_is_read_by_a_later_quantum_computer() {
    let relay = Relay::serving();
    let wire = Wire::connect(&relay).await.unwrap();
    let connection = wire.tls.get_ref().1;
    assert_eq!(
        connection.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    assert_eq!(
        connection.negotiated_key_exchange_group().map(|g| g.name()),
        Some(rustls::NamedGroup::X25519MLKEM768)
    );
    assert!(
        Wire::connect_with(relay.edge, tls_config(&relay, true))
            .await
            .is_err(),
        "classical alone is refused"
    );
}

#[tokio::test]
async fn an_agent_cannot_tell_the_relay_from_another() {
    let relay = Relay::serving();
    let mut wire = Wire::connect(&relay).await.unwrap();
    let answer = wire.http("GET", "/v1/domain", "", b"").await;
    assert_eq!(answer.status, 200);
    let signed: SignedDomainRecord = canonical::decode(&answer.body).unwrap();
    let record = signed.verify().unwrap();
    assert_eq!(record.domain.as_str(), "hospital-a.example");
    assert_eq!(
        record.key.to_string(),
        relay.made["fingerprint"].as_str().unwrap(),
        "the fingerprint that init printed"
    );
    let hello = wire.http("GET", "/v1/hello", "", b"").await;
    let welcome: Welcome = canonical::decode(&hello.body).unwrap();
    assert_eq!(welcome.relay, record.relays[0].relay);
    let again: Welcome = canonical::decode(&wire.http("GET", "/v1/hello", "", b"").await.body).unwrap();
    assert_ne!(welcome.relay_nonce, again.relay_nonce, "a nonce is used once");
}

#[tokio::test]
async fn a_request_without_a_typed_answer() {
    let relay = Relay::serving();
    let mut wire = Wire::connect(&relay).await.unwrap();
    for (method, path, body, code) in [
        ("GET", "/", &b""[..], ErrorCode::NotAllowedHere),
        ("POST", "/v1/hello", b"", ErrorCode::NotAllowedHere),
        ("GET", "/v1/session", b"", ErrorCode::NotAllowedHere),
        ("POST", "/v1/call", b"garbage", ErrorCode::Malformed),
    ] {
        let answer = wire.http(method, path, "", body).await;
        let refusal: Refusal = canonical::decode(&answer.body).unwrap();
        assert_eq!(refusal.code, code, "{method} {path}");
        assert!(answer.status >= 400);
        assert!(
            answer
                .head
                .contains(&format!("telesphor-error: {}", code.to_string().to_lowercase())),
            "{}",
            answer.head
        );
    }
    let answer = wire
        .http("POST", "/v1/call", "Telesphor-Proof: !!\r\n", b"")
        .await;
    assert_eq!(
        canonical::decode::<Refusal>(&answer.body).unwrap().code,
        ErrorCode::Malformed
    );
    let mut wire = Wire::connect(&relay).await.unwrap();
    let answer = wire
        .http("POST", "/v1/call", "", &vec![0u8; MAX_FRAME_BYTES + 1])
        .await;
    assert_eq!(
        canonical::decode::<Refusal>(&answer.body).unwrap().code,
        ErrorCode::TooLarge
    );
}

/// What the relay says to bytes that are no frame.
async fn goodbye_to(relay: &Relay, bytes: Vec<u8>) -> ErrorCode {
    let mut client = Client::hello(relay).await;
    client.send_bytes(bytes).await;
    let code = match client.frame().await {
        Some(RelayFrame::Goodbye(goodbye)) => goodbye.refusal.code,
        other => panic!("no goodbye but {other:?}"),
    };
    assert!(client.frame().await.is_none(), "goodbye is the last frame");
    code
}

#[tokio::test]
async fn a_changed_byte_of_a_frame_is_taken_for_something_else() {
    let relay = Relay::serving();
    let probe = Client::hello(&relay).await;
    let frame = canonical::encode(&ClientFrame::Unfollow(7));
    for position in 0..frame.len() {
        for flip in [0x01u8, 0x80, 0xff] {
            let mut changed = frame.clone();
            changed[position] ^= flip;
            // Whatever still is the canonical form of some frame is that frame.
            if canonical::decode::<ClientFrame>(&changed).is_ok() {
                continue;
            }
            let code = goodbye_to(&relay, changed).await;
            assert!(
                matches!(code, ErrorCode::Malformed | ErrorCode::NotCanonical),
                "position {position}: {code}"
            );
        }
        let code = goodbye_to(&relay, frame[..position].to_vec()).await;
        assert_eq!(code, ErrorCode::Malformed, "cut off at {position}");
    }
    // 7 in two bytes instead of one: the same value, another form.
    assert_eq!(
        goodbye_to(&relay, vec![0x92, 0x06, 0xcc, 0x07]).await,
        ErrorCode::NotCanonical
    );
    drop(probe);
}

#[tokio::test]
async fn an_oversized_frame_fills_the_memory() {
    let relay = Relay::serving();
    assert_eq!(
        goodbye_to(&relay, vec![0u8; MAX_FRAME_BYTES + 1]).await,
        ErrorCode::TooLarge
    );
}

#[tokio::test]
async fn a_proof_made_on_another_connection_is_taken() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Owner).await, None);

    // A man in the middle ends TLS twice: nonces can be passed on, the exporter cannot.
    let mut other = Client::hello(&relay).await;
    other.binding = Nonce::random();
    let refused = mailbox.prove(&mut other, 1, Right::Owner).await.unwrap();
    assert_eq!(refused.code, ErrorCode::Refused);

    // Byte for byte the proof of the first connection.
    let stolen = mailbox.proof(&client, Right::Owner);
    let mut thief = Client::hello(&relay).await;
    thief
        .send(&ClientFrame::Prove(Prove {
            handle: 1,
            proof: stolen,
        }))
        .await;
    match thief.frame().await {
        Some(RelayFrame::Proved(proved)) => assert_eq!(proved.refused.unwrap().code, ErrorCode::Refused),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_without_websockets_is_shut_out_or_reads_without_a_right() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    mailbox.put(&mut client, 1, b"over the session").await;

    let mut wire = Wire::connect(&relay).await.unwrap();
    let welcome: Welcome = canonical::decode(&wire.http("GET", "/v1/hello", "", b"").await.body).unwrap();
    let call = SingleCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request: SingleRequest::Fetch(PageRequest {
            mailbox: mailbox.mailbox,
            after: 0,
            max_events: 100,
        }),
    };
    let body = canonical::encode(&call);
    let header = |binding: Nonce, body: &[u8]| {
        let claim = SessionClaim {
            domain: welcome.domain.clone(),
            relay: welcome.relay,
            channel_binding: binding,
            relay_nonce: welcome.relay_nonce,
            agent_nonce: call.agent_nonce,
            mailbox: mailbox.mailbox,
            right: Right::Owner,
            branch: 0,
            epoch: 0,
            body: Some(hash_bytes(HashLabel::Command, body)),
            ext: Extensions::none(),
        };
        let proof = claim.prove(&mailbox.owner);
        format!(
            "Telesphor-Proof: {}\r\n",
            STANDARD.encode(canonical::encode(&proof))
        )
    };
    let answer = wire
        .http("POST", "/v1/call", &header(wire.binding, &body), &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    let page: Page = canonical::decode(&answer.body).unwrap();
    assert!(
        page.events
            .iter()
            .any(|e| e.payload.as_ref().is_some_and(|p| &p[..] == b"over the session"))
    );

    // No proof, another connection's, and one for another body.
    for header in [
        String::new(),
        header(client.binding, &body),
        header(wire.binding, b"another body"),
    ] {
        let answer = wire.http("POST", "/v1/call", &header, &body).await;
        assert_eq!(answer.status, 403);
        assert_eq!(
            canonical::decode::<Refusal>(&answer.body).unwrap().code,
            ErrorCode::Refused
        );
    }
    // A nonce of another connection.
    let mut other = Wire::connect(&relay).await.unwrap();
    let answer = other
        .http("POST", "/v1/call", &header(other.binding, &body), &body)
        .await;
    assert_eq!(
        canonical::decode::<Refusal>(&answer.body).unwrap().code,
        ErrorCode::StaleNonce
    );
}

#[tokio::test]
async fn a_message_is_lost_or_changed_on_its_way() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    assert_eq!(mailbox.prove(&mut client, 2, Right::Owner).await, None);
    for n in 0..3u8 {
        mailbox.put(&mut client, 1, &[n; 1024]).await;
    }
    let read = mailbox.read_all(&mut client, 2).await;
    let payloads: Vec<_> = read
        .iter()
        .filter_map(|e| e.payload.as_ref())
        .filter(|p| p.len() == 1024)
        .collect();
    assert_eq!(payloads.len(), 3);
    assert!(payloads.iter().zip(0u8..).all(|(p, n)| p.iter().all(|b| *b == n)));
}
