//! JSON Web Signatures with Ed25519 (RFC 7515, RFC 8037), for exports that others' programs check.
//!
//! A key of its own: nothing that is signed inside this product is a JWS, and no JWS counts here
//! as anything that is signed inside. What is signed begins with the base64url form of a JSON
//! object, so it is never taken for `"telesphor/1 sign"` either.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, VerifyingKey};

use crate::hash::Secret;

/// Not a JWS in compact form, or not signed by this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed token, or not signed by this key")]
pub struct BadJws;

/// Base64url without padding (RFC 7515, section 2).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding.
///
/// # Errors
/// [`BadJws`].
pub fn from_base64url(text: &str) -> Result<Vec<u8>, BadJws> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| BadJws)
}

/// A private key for exports.
#[derive(Clone)]
pub struct JwsKey(ed25519_dalek::SigningKey);

impl std::fmt::Debug for JwsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwsKey(..)")
    }
}

impl JwsKey {
    /// The key of a seed.
    pub fn from_seed(seed: &Secret) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    /// The public half.
    pub fn public(&self) -> JwsPublic {
        JwsPublic(self.0.verifying_key().to_bytes())
    }

    /// A signed token in compact form. Header and payload are JSON objects.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!(
            "{}.{}",
            base64url(header.as_bytes()),
            base64url(payload.as_bytes())
        );
        let signature = self.0.sign(input.as_bytes()).to_bytes();
        format!("{input}.{}", base64url(&signature))
    }
}

/// A public key for exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwsPublic(pub [u8; 32]);

impl JwsPublic {
    /// As a JSON Web Key, its members in the order of RFC 7638.
    pub fn jwk(&self) -> String {
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(&self.0))
    }

    /// The key in a JWK's `x`.
    ///
    /// # Errors
    /// [`BadJws`].
    pub fn from_x(x: &str) -> Result<Self, BadJws> {
        let bytes = from_base64url(x)?;
        Ok(Self(bytes.try_into().map_err(|_| BadJws)?))
    }

    /// Checks a token, strictly, and gives its payload.
    ///
    /// # Errors
    /// [`BadJws`].
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, BadJws> {
        let (input, signature) = token.rsplit_once('.').ok_or(BadJws)?;
        let (_, payload) = input.split_once('.').ok_or(BadJws)?;
        let signature: [u8; 64] = from_base64url(signature)?.try_into().map_err(|_| BadJws)?;
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| BadJws)?;
        key.verify_strict(
            input.as_bytes(),
            &ed25519_dalek::Signature::from_bytes(&signature),
        )
        .map_err(|_| BadJws)?;
        from_base64url(payload)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.4.
    #[test]
    fn a_token_differs_from_what_other_programs_make() {
        let seed = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = JwsKey::from_seed(&Secret::new(seed.try_into().unwrap()));
        let token = key.sign(r#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing");
        assert_eq!(
            token,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        assert_eq!(
            key.public().jwk(),
            r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
        );
        assert_eq!(
            key.public().verify(&token).unwrap(),
            b"Example of Ed25519 signing"
        );
        let other = token.replace("RXhh", "RXhi");
        assert_eq!(key.public().verify(&other), Err(BadJws));
        assert_eq!(key.public().verify("a.b"), Err(BadJws));
    }
}
