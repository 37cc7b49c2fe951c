//! Frames over TLS, as a well-behaved agent would send them, or not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Nonce;
use telesphor_wire::session::{Call, ClientFrame, Hello, RelayFrame, Welcome};
use telesphor_wire::text::SupportCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::Relay;

const PATIENCE: Duration = Duration::from_secs(30);

/// Takes the one certificate it was given, byte for byte.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match end.as_ref() == self.0.as_ref() {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("another certificate".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A client's TLS settings; `groups` narrows what it offers.
pub fn tls_config(relay: &Relay, classical: bool) -> ClientConfig {
    let certificate = CertificateDer::from_pem_file(relay.data.join("tls/certificate.pem")).unwrap();
    let mut provider = aws_lc_rs::default_provider();
    if classical {
        provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(certificate)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// A TLS connection.
pub struct Wire {
    /// The stream.
    pub tls: TlsStream<TcpStream>,
    /// Exporter value of this connection.
    pub binding: Nonce,
}

/// An HTTP answer.
pub struct Answered {
    /// Status.
    pub status: u16,
    /// Head, small letters.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects.
    pub async fn connect(relay: &Relay) -> std::io::Result<Self> {
        Self::connect_with(relay.edge, tls_config(relay, false)).await
    }

    /// Connects with other settings.
    pub async fn connect_with(edge: SocketAddr, config: ClientConfig) -> std::io::Result<Self> {
        let tcp = TcpStream::connect(edge).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("hospital-a.example").unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let binding = tls
            .get_ref()
            .1
            .export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", None)
            .unwrap();
        Ok(Self {
            tls,
            binding: Nonce(binding),
        })
    }

    /// One HTTP request on this connection.
    pub async fn http(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answered {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: hospital-a.example\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.tls.write_all(head.as_bytes()).await.unwrap();
        // A relay that has answered already may have stopped reading.
        let _ = self.tls.write_all(body).await;
        let _ = self.tls.flush().await;
        tokio::time::timeout(PATIENCE, self.answered()).await.unwrap()
    }

    async fn answered(&mut self) -> Answered {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            let n = self.tls.read_buf(&mut bytes).await.unwrap();
            assert!(n > 0, "the connection ended before an answer");
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length: usize = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "))
            .map_or(0, |l| l.trim().parse().unwrap());
        while bytes.len() < end + length {
            let n = self.tls.read_buf(&mut bytes).await.unwrap();
            assert!(n > 0, "the connection ended within an answer");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answered {
            status,
            head,
            body: bytes[end..end + length].to_vec(),
        }
    }

    /// Begins a WebSocket session without saying anything.
    pub async fn socket(self) -> Client {
        let (socket, _) = tokio_tungstenite::client_async("wss://hospital-a.example/v1/session", self.tls)
            .await
            .unwrap();
        Client {
            socket,
            binding: self.binding,
            agent_nonce: Nonce::random(),
            welcome: None,
            next_call: 1,
        }
    }
}

/// A WebSocket session.
pub struct Client {
    /// The socket.
    pub socket: WebSocketStream<TlsStream<TcpStream>>,
    /// Exporter value of its connection.
    pub binding: Nonce,
    /// Its own nonce.
    pub agent_nonce: Nonce,
    /// What the relay said first.
    pub welcome: Option<Welcome>,
    next_call: u32,
}

impl Client {
    /// Connects and says hello.
    pub async fn hello(relay: &Relay) -> Self {
        let mut client = Wire::connect(relay).await.unwrap().socket().await;
        client.send(&client.hello_frame()).await;
        match client.frame().await {
            Some(RelayFrame::Welcome(welcome)) => client.welcome = Some(welcome),
            other => panic!("no welcome but {other:?}"),
        }
        client
    }

    /// Its Hello.
    pub fn hello_frame(&self) -> ClientFrame {
        ClientFrame::Hello(Hello {
            versions: vec![1],
            features: vec![],
            agent_nonce: self.agent_nonce,
            ext: Extensions::none(),
        })
    }

    /// The Welcome.
    pub fn welcome(&self) -> &Welcome {
        self.welcome.as_ref().unwrap()
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &ClientFrame) {
        self.send_bytes(canonical::encode(frame)).await;
    }

    /// Sends whatever bytes; a relay that has hung up is no failure of the sender.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.socket.send(Message::binary(bytes)).await;
    }

    /// The next frame; none when the session has ended.
    pub async fn frame(&mut self) -> Option<RelayFrame> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("no frame in time")?;
            match message.ok()? {
                Message::Binary(bytes) => {
                    return Some(canonical::decode(&bytes).expect("a relay's frame is canonical"));
                }
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// One command under a handle (0 = it carries its own signature).
    pub async fn call(&mut self, handle: u32, command: Command) -> Answer {
        let call = self.begin(handle, vec![command]).await;
        loop {
            match self.frame().await.expect("the session ended before the answer") {
                RelayFrame::Replies(replies) => {
                    if let Some(reply) = replies.into_iter().find(|r| r.call == call) {
                        return reply.answer;
                    }
                }
                RelayFrame::Goodbye(goodbye) => {
                    panic!("goodbye instead of an answer: {:?}", goodbye.refusal.code)
                }
                _ => {}
            }
        }
    }

    /// Sends commands in one frame; gives the number of the first.
    pub async fn begin(&mut self, handle: u32, commands: Vec<Command>) -> u32 {
        let first = self.next_call;
        let calls: Vec<_> = (first..)
            .zip(commands)
            .map(|(call, command)| Call {
                call,
                handle,
                support: SupportCode::random(),
                command,
            })
            .collect();
        self.next_call += calls.len() as u32;
        self.send(&ClientFrame::Calls(calls)).await;
        first
    }
}
