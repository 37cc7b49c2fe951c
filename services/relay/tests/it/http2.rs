//! Single calls over HTTP/2, as a proxy-friendly client makes them.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::client::tls_config;
use common::{Client, Personal, Relay, Wire};
use h2::client::SendRequest;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::hash_bytes;
use telesphor_wire::ids::Nonce;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::session::{Page, PageRequest, Right, SessionClaim, SingleCall, SingleRequest, Welcome};
use telesphor_wire::text::SupportCode;

/// A connection that speaks HTTP/2.
struct Two {
    requests: SendRequest<bytes::Bytes>,
    binding: Nonce,
}

impl Two {
    async fn connect(relay: &Relay) -> Self {
        let mut config = tls_config(relay, false);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let wire = Wire::connect_with(relay.edge, config).await.unwrap();
        assert_eq!(wire.tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = h2::client::handshake(wire.tls).await.unwrap();
        tokio::spawn(connection);
        Self {
            requests,
            binding: wire.binding,
        }
    }

    /// One request on a stream of its own.
    async fn ask(&self, method: &str, path: &str, proof: Option<String>, body: &[u8]) -> (u16, Vec<u8>) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("https://hospital-a.example{path}"));
        if let Some(proof) = proof {
            request = request.header("telesphor-proof", proof);
        }
        let request = request.body(()).unwrap();
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (answer, mut stream) = requests.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream
                .send_data(bytes::Bytes::copy_from_slice(body), true)
                .unwrap();
        }
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        let (mut whole, mut body) = (Vec::new(), answer.into_body());
        while let Some(chunk) = body.data().await {
            let chunk = chunk.unwrap();
            body.flow_control().release_capacity(chunk.len()).unwrap();
            whole.extend_from_slice(&chunk);
        }
        (status, whole)
    }

    async fn welcome(&self) -> Welcome {
        canonical::decode(&self.ask("GET", "/v1/hello", None, b"").await.1).unwrap()
    }
}

/// A proof of an owner's right over a nonce and a body.
fn proof(mailbox: &Personal, welcome: &Welcome, binding: Nonce, agent: Nonce, body: &[u8]) -> String {
    let claim = SessionClaim {
        domain: welcome.domain.clone(),
        relay: welcome.relay,
        channel_binding: binding,
        relay_nonce: welcome.relay_nonce,
        agent_nonce: agent,
        mailbox: mailbox.mailbox,
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        body: Some(hash_bytes(HashLabel::Command, body)),
        ext: Extensions::none(),
    };
    STANDARD.encode(canonical::encode(&claim.prove(&mailbox.owner)))
}

fn fetch(mailbox: &Personal) -> SingleCall {
    SingleCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request: SingleRequest::Fetch(PageRequest {
            mailbox: mailbox.mailbox,
            after: 0,
            max_events: 100,
        }),
    }
}

#[tokio::test]
async fn a_proof_is_bound_to_less_over_http_2() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    mailbox.put(&mut client, 1, b"over the session").await;

    let two = Two::connect(&relay).await;
    let welcome = two.welcome().await;
    let call = fetch(&mailbox);
    let body = canonical::encode(&call);
    let good = |binding, body: &[u8]| Some(proof(&mailbox, &welcome, binding, call.agent_nonce, body));
    let (status, page) = two.ask("POST", "/v1/call", good(two.binding, &body), &body).await;
    assert_eq!(status, 200);
    let page: Page = canonical::decode(&page).unwrap();
    let found = |p: &Page| {
        p.events
            .iter()
            .any(|e| e.payload.as_ref().is_some_and(|p| &p[..] == b"over the session"))
    };
    assert!(found(&page));
    // Two streams of one connection at one time.
    let (one, other) = tokio::join!(
        two.ask("POST", "/v1/call", good(two.binding, &body), &body),
        two.ask("POST", "/v1/call", good(two.binding, &body), &body),
    );
    assert_eq!((one.0, other.0), (200, 200));

    for header in [
        None,
        good(client.binding, &body),
        good(two.binding, b"another body"),
    ] {
        let (status, refusal) = two.ask("POST", "/v1/call", header, &body).await;
        assert_eq!(status, 403);
        assert_eq!(
            canonical::decode::<Refusal>(&refusal).unwrap().code,
            ErrorCode::Refused
        );
    }
    let elsewhere = Two::connect(&relay).await;
    let (_, refusal) = elsewhere
        .ask("POST", "/v1/call", good(two.binding, &body), &body)
        .await;
    assert_eq!(
        canonical::decode::<Refusal>(&refusal).unwrap().code,
        ErrorCode::StaleNonce
    );
    elsewhere.welcome().await;
    let (_, refusal) = elsewhere
        .ask("POST", "/v1/call", good(two.binding, &body), &body)
        .await;
    assert_eq!(
        canonical::decode::<Refusal>(&refusal).unwrap().code,
        ErrorCode::Refused
    );
}

#[tokio::test]
async fn http_2_answers_without_a_type() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    let two = Two::connect(&relay).await;
    for (method, path, body, code) in [
        ("GET", "/", &b""[..], ErrorCode::NotAllowedHere),
        ("DELETE", "/v1/call", b"", ErrorCode::NotAllowedHere),
        ("POST", "/v1/call", b"garbage", ErrorCode::Malformed),
    ] {
        let (status, refusal) = two.ask(method, path, None, body).await;
        assert!(status >= 400);
        assert_eq!(
            canonical::decode::<Refusal>(&refusal).unwrap().code,
            code,
            "{method} {path}"
        );
    }
    // A command that carries no right of its own, by a caller who proved none.
    let call = SingleCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request: SingleRequest::Command(mailbox.deposit(b"x")),
    };
    let (status, answer) = two.ask("POST", "/v1/call", None, &canonical::encode(&call)).await;
    assert_eq!(status, 200);
    match canonical::decode::<Answer>(&answer).unwrap() {
        Answer::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::Refused),
        other => panic!("{other:?}"),
    }
}
