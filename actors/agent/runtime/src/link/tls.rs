//! TLS 1.3 to a pinned key, with the hybrid key exchange and nothing weaker.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use telesphor_wire::domain::tls_key;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::LinkError;
use super::pin::Pin;

/// RFC 9266, section 4.2.
const CHANNEL_BINDING_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// Takes exactly one server key, whatever name and dates its certificate carries; the
/// handshake signature is still checked, so presenting a copied certificate is not enough.
#[derive(Debug)]
struct PinnedKey {
    tls_key: Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let spki = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if tls_key(spki.as_ref()) == self.tls_key {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Never reached: only TLS 1.3 is offered.
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The client configuration for one pinned key.
///
/// # Errors
/// [`LinkError::Form`] if the cryptographic library offers no TLS 1.3, which it always does.
fn config(pin: &Pin) -> Result<ClientConfig, LinkError> {
    let mut provider = aws_lc_rs::default_provider();
    // A recorded session must stay closed to a later quantum computer: no classical group.
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let provider = Arc::new(provider);
    let verifier = PinnedKey {
        tls_key: pin.tls_key,
        provider: provider.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| LinkError::Form)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each connection stands alone: a resumed one would tie two circles together.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Opens a connection to the pinned relay and gives its channel binding (RFC 9266).
///
/// # Errors
/// [`LinkError::Lost`] if nobody answers, [`LinkError::WrongRelay`] if somebody else does.
pub async fn connect(pin: &Pin) -> Result<(TlsStream<TcpStream>, Nonce), LinkError> {
    let config = config(pin)?;
    let name = ServerName::try_from(pin.host().to_owned()).map_err(|_| LinkError::WrongRelay)?;
    let tcp = TcpStream::connect(&pin.address)
        .await
        .map_err(|_| LinkError::lost())?;
    tcp.set_nodelay(true).map_err(|_| LinkError::lost())?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|e| blame(&e))?;
    let (_, connection) = stream.get_ref();
    let mut binding = [0u8; 32];
    connection
        .export_keying_material(&mut binding, CHANNEL_BINDING_LABEL, None)
        .map_err(|_| LinkError::Form)?;
    Ok((stream, Nonce(binding)))
}

/// A broken line is tried again; a wrong key never is.
fn blame(error: &std::io::Error) -> LinkError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(_) | Error::PeerIncompatible(_) | Error::PeerMisbehaved(_)) => {
            LinkError::WrongRelay
        }
        _ => LinkError::lost(),
    }
}
