//! A client of NATS that does what no relay does. The protocol is text, a line for each word.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection that was accepted.
pub(crate) struct Client(BufReader<Stream>);

/// TLS with this certificate, or with none.
fn tls(ca: &Path, own: Option<(&Path, &Path)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificate).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    }
}

impl Client {
    /// Comes to a server as whoever the certificate says, or with none.
    pub(crate) fn connect(at: SocketAddr, ca: &Path, own: Option<(&Path, &Path)>) -> Result<Self, String> {
        let words = |e: std::io::Error| e.to_string();
        let mut plain = TcpStream::connect(at).map_err(words)?;
        plain
            .set_read_timeout(Some(Duration::from_secs(10)))
            .map_err(words)?;
        // The server speaks first, in the clear: byte by byte, nothing of TLS must be taken with it.
        let mut byte = [0];
        while byte != *b"\n" {
            plain.read_exact(&mut byte).map_err(words)?;
        }
        let name = at.ip().to_string().try_into().unwrap();
        let connection = ClientConnection::new(Arc::new(tls(ca, own)), name).map_err(|e| e.to_string())?;
        let mut client = Self(BufReader::new(StreamOwned::new(connection, plain)));
        match client.say("CONNECT {\"verbose\":false,\"tls_required\":true,\"lang\":\"test\",\"version\":\"1\",\"headers\":true}")? {
            said if said.is_empty() => Ok(client),
            said => Err(said),
        }
    }

    /// Says a line and gives what the server has to object, and whatever else came.
    pub(crate) fn say(&mut self, line: &str) -> Result<String, String> {
        let stream = self.0.get_mut();
        let sent = stream
            .write_all(format!("{line}\r\nPING\r\n").as_bytes())
            .and_then(|()| stream.flush());
        sent.map_err(|e| e.to_string())?;
        let mut said = String::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return Err(format!("the server hung up: {said}")),
                Err(e) => return Err(format!("{e}: {said}")),
                Ok(_) if line == "PONG\r\n" => return Ok(said),
                Ok(_) if line.starts_with("INFO") || line == "PING\r\n" => {}
                Ok(_) => said.push_str(&line),
            }
        }
    }

    /// Whether it may publish there.
    pub(crate) fn publishes(&mut self, subject: &str) -> bool {
        !self
            .say(&format!("PUB {subject} 2\r\nhi"))
            .unwrap()
            .contains("Permissions Violation")
    }

    /// Whether it may listen there.
    pub(crate) fn hears(&mut self, subject: &str) -> bool {
        !self
            .say(&format!("SUB {subject} 9"))
            .unwrap()
            .contains("Permissions Violation")
    }
}
