//! TLS ends in this process: TLS 1.3 only, post-quantum key exchange, certificates that can be
//! replaced without dropping a connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version::TLS13};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use telesphor_wire::domain::tls_key;
use telesphor_wire::hash::Digest;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file cannot be read, or is not PEM.
    #[error("{what} {path}: {words}")]
    File {
        /// Certificate or key.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        words: String,
    },
    /// The two do not belong together, or the kind of key is not known.
    #[error("certificate {certificate} and key {key} do not fit together: {words}")]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        words: String,
    },
    /// The library refused the settings.
    #[error("TLS cannot be set up: {0}")]
    SetUp(String),
}

/// A certificate with what the rest of the relay must know of it.
#[derive(Clone)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    /// `H("tls-key", SubjectPublicKeyInfo)`: what agents pin.
    pub tls_key: Digest,
    /// When it ends, Unix seconds.
    pub not_after: i64,
}

impl Certificate {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// [`TlsFault`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsFault> {
        let file = |what, path: &Path, words: String| TlsFault::File {
            what,
            path: path.to_owned(),
            words,
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|e| file("certificate", certificate, e.to_string()))?;
        let end = chain
            .first()
            .ok_or_else(|| file("certificate", certificate, "holds no certificate".into()))?;
        let (tls_key, not_after) = facts(end)
            .ok_or_else(|| file("certificate", certificate, "is not an X.509 certificate".into()))?;
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|e| file("certificate key", key, e.to_string()))?;
        let certified =
            CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(|e| {
                TlsFault::Mismatch {
                    certificate: certificate.to_owned(),
                    key: key.to_owned(),
                    words: e.to_string(),
                }
            })?;
        Ok(Self {
            certified: Arc::new(certified),
            tls_key,
            not_after,
        })
    }
}

/// When the certificate in a PEM file ends, Unix seconds; nothing if there is none in it.
pub fn ends(certificate: &Path) -> Option<i64> {
    facts(&CertificateDer::from_pem_file(certificate).ok()?).map(|(_, until)| until)
}

/// The pinned key and the end of a certificate.
fn facts(der: &[u8]) -> Option<(Digest, i64)> {
    let (_, parsed) = x509_parser::parse_x509_certificate(der).ok()?;
    Some((
        tls_key(parsed.public_key().raw),
        parsed.validity().not_after.timestamp(),
    ))
}

/// The certificate in use; connections that are open keep the one they began with.
pub struct Certificates(RwLock<Certificate>);

impl Certificates {
    /// Begins with this one.
    pub fn new(certificate: Certificate) -> Arc<Self> {
        Arc::new(Self(RwLock::new(certificate)))
    }

    /// The one in use.
    pub fn current(&self) -> Certificate {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another one for the connections to come.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates(..)")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().certified)
    }
}

/// Says once for the process what TLS is made of where a library asks nobody: the way to NATS.
/// More than one is linked, and rustls refuses to guess.
pub fn install() {
    // Installed already: then it is this one.
    let _ = aws_lc_rs::default_provider().install_default();
}

/// aws-lc with X25519MLKEM768; classical X25519 only where the operator allows it.
fn provider(allow_classical: bool) -> CryptoProvider {
    let mut groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    if allow_classical {
        groups.push(aws_lc_rs::kx_group::X25519);
    }
    CryptoProvider {
        kx_groups: groups,
        ..aws_lc_rs::default_provider()
    }
}

/// The server's side of TLS.
///
/// # Errors
/// [`TlsFault::SetUp`].
pub fn server_config(
    certificates: Arc<Certificates>,
    allow_classical: bool,
) -> Result<ServerConfig, TlsFault> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider(allow_classical)))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| TlsFault::SetUp(e.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // Early data can be replayed; nothing here is worth that.
    config.max_early_data_size = 0;
    Ok(config)
}

/// A certificate of our own for these names, for tests and the first days.
///
/// # Errors
/// [`TlsFault::SetUp`].
pub fn self_made(names: Vec<String>, until: (i32, u8, u8)) -> Result<(String, String), TlsFault> {
    let set_up = |e: rcgen::Error| TlsFault::SetUp(e.to_string());
    let mut params = rcgen::CertificateParams::new(names).map_err(set_up)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Telesphor relay");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    let key = rcgen::KeyPair::generate().map_err(set_up)?;
    let certificate = params.self_signed(&key).map_err(set_up)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
