//! Vouchers that whoever signed them does not recognise (RFC 9474, RSABSSA-SHA384-PSS-Randomized).

use blind_rsa_signatures::{
    BlindMessage, BlindSignature, BlindingResult, DefaultRng, KeyPairSha384PSSRandomized, MessageRandomizer,
    PublicKeySha384PSSRandomized, Secret, SecretKeySha384PSSRandomized, Signature,
};

/// Bits of a study's voucher key.
const BITS: usize = 2048;
/// Bytes of everything under such a key.
pub const SIGNATURE_BYTES: usize = BITS / 8;
/// A key is not larger, DER.
const MAX_KEY_BYTES: usize = 1024;

/// Why there is no voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoucherError {
    /// Not a key for vouchers.
    #[error("not a key for vouchers")]
    Key,
    /// Not signed by this key, or changed.
    #[error("not a voucher of this key")]
    Forged,
}

/// A key for vouchers: the private half and the public one, DER.
///
/// # Errors
/// [`VoucherError::Key`] if none can be made.
pub fn new_key() -> Result<(Vec<u8>, Vec<u8>), VoucherError> {
    let pair = KeyPairSha384PSSRandomized::generate(&mut DefaultRng, BITS).map_err(|_| VoucherError::Key)?;
    let private = pair.sk.to_der().map_err(|_| VoucherError::Key)?;
    let public = pair.pk.to_der().map_err(|_| VoucherError::Key)?;
    Ok((private, public))
}

fn public(key: &[u8]) -> Result<PublicKeySha384PSSRandomized, VoucherError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(VoucherError::Key);
    }
    let key = PublicKeySha384PSSRandomized::from_der(key).map_err(|_| VoucherError::Key)?;
    // A key of another size would make its vouchers another form than everybody's.
    let parts = key.components();
    let exponent: Vec<u8> = parts.e().into_iter().skip_while(|b| *b == 0).collect();
    let modulus: Vec<u8> = parts.n().into_iter().skip_while(|b| *b == 0).collect();
    let usual = modulus.len() == SIGNATURE_BYTES && exponent == [1, 0, 1];
    match usual {
        true => Ok(key),
        false => Err(VoucherError::Key),
    }
}

/// Whether a study's voucher key is one.
pub fn is_key(key: &[u8]) -> bool {
    public(key).is_ok()
}

/// A voucher that waits for its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Blinded {
    /// To be signed: it tells nothing of the voucher.
    pub message: Vec<u8>,
    /// Takes the blindness off again. Whoever has it recognises the voucher.
    pub secret: Vec<u8>,
    /// Goes with the voucher.
    pub noise: [u8; 32],
}

/// Blinds what a voucher says.
///
/// # Errors
/// [`VoucherError::Key`].
pub fn blind(key: &[u8], words: &[u8]) -> Result<Blinded, VoucherError> {
    let made = public(key)?
        .blind(&mut DefaultRng, words)
        .map_err(|_| VoucherError::Key)?;
    let noise = made.msg_randomizer.ok_or(VoucherError::Key)?;
    Ok(Blinded {
        message: made.blind_message.0,
        secret: made.secret.0,
        noise: noise.0,
    })
}

/// Signs without seeing.
///
/// # Errors
/// [`VoucherError::Key`]; [`VoucherError::Forged`] for what cannot be signed.
pub fn sign(private: &[u8], message: &[u8]) -> Result<Vec<u8>, VoucherError> {
    let key = SecretKeySha384PSSRandomized::from_der(private).map_err(|_| VoucherError::Key)?;
    let signed = key
        .blind_sign(BlindMessage(message.to_vec()))
        .map_err(|_| VoucherError::Forged)?;
    Ok(signed.0)
}

/// Takes the blindness off a signature, and checks it.
///
/// # Errors
/// [`VoucherError::Forged`], [`VoucherError::Key`].
pub fn unblind(key: &[u8], words: &[u8], blinded: &Blinded, signed: &[u8]) -> Result<Vec<u8>, VoucherError> {
    let result = BlindingResult {
        blind_message: BlindMessage(blinded.message.clone()),
        secret: Secret(blinded.secret.clone()),
        msg_randomizer: Some(MessageRandomizer(blinded.noise)),
    };
    let signature = public(key)?.finalize(&BlindSignature(signed.to_vec()), &result, words);
    Ok(signature.map_err(|_| VoucherError::Forged)?.0)
}

/// Whether a voucher is of this key.
///
/// # Errors
/// [`VoucherError::Forged`], [`VoucherError::Key`].
pub fn check(key: &[u8], words: &[u8], noise: &[u8; 32], signature: &[u8]) -> Result<(), VoucherError> {
    let noise = Some(MessageRandomizer(*noise));
    public(key)?
        .verify(&Signature(signature.to_vec()), noise, words)
        .map_err(|_| VoucherError::Forged)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_voucher_is_recognised_forged_or_used_for_another_study() {
        let (private, public) = new_key().unwrap();
        let words = b"study 1, serial 7";
        let blinded = blind(&public, words).unwrap();
        let signed = sign(&private, &blinded.message).unwrap();
        let voucher = unblind(&public, words, &blinded, &signed).unwrap();
        check(&public, words, &blinded.noise, &voucher).unwrap();
        // Nothing that the signer saw is in it, in any place.
        for seen in [&blinded.message, &signed] {
            assert_eq!(seen.len(), SIGNATURE_BYTES);
            assert!(!voucher.windows(16).any(|w| seen.windows(16).any(|s| s == w)));
        }
        // The same again is another: what is signed never shows what it will be.
        let again = blind(&public, words).unwrap();
        assert_ne!(again.message, blinded.message);
        // Equal in form, whatever was signed in which order.
        let other = unblind(&public, words, &again, &sign(&private, &again.message).unwrap()).unwrap();
        assert_eq!(other.len(), voucher.len());
        assert_eq!(
            check(&public, b"study 2, serial 7", &blinded.noise, &voucher),
            Err(VoucherError::Forged)
        );
        assert_eq!(
            check(&public, words, &[0; 32], &voucher),
            Err(VoucherError::Forged)
        );
        assert_eq!(
            check(&public, words, &blinded.noise, &[0; SIGNATURE_BYTES]),
            Err(VoucherError::Forged)
        );
        assert_eq!(
            check(&public, words, &blinded.noise, b""),
            Err(VoucherError::Forged)
        );
        // Another's signature does not take the blindness off.
        assert_eq!(
            unblind(&public, words, &again, &signed),
            Err(VoucherError::Forged)
        );
        let (_, another) = new_key().unwrap();
        assert_eq!(
            check(&another, words, &blinded.noise, &voucher),
            Err(VoucherError::Forged)
        );
        assert!(is_key(&public) && !is_key(b"no key") && !is_key(&[0; 4096]));
    }
}
