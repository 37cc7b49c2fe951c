//! Padding buckets: what a size on the wire may tell.
//!
//! Padding happens *inside* the encryption. Layout: `u32 length (big endian) || content ||
//! zeros`, the whole as long as a bucket. MLS messages are padded by the MLS layer instead
//! (its `padding_size` is set to the bucket), so here only other sealed content is.

use crate::limits;

/// A class of content, with the sizes it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Ordinary inline content and sealed deposits: 512 B to 64 KiB by powers of two.
    Message,
    /// Prescription, laboratory, referral, consent: 8 KiB or 64 KiB, nothing between.
    Uniform,
    /// Opening receipts: 1 KiB.
    Receipt,
    /// Commits, proposals, Welcomes: 4 KiB to 1 MiB by powers of two.
    Handshake,
    /// Key packages: 4 KiB.
    KeyPackage,
    /// Forwarded requests and replies: a fixed frame and the size of the message in it.
    Forwarded,
}

const KIB: usize = 1024;
const FRAME: usize = limits::FORWARD_FRAME_BYTES;

impl Bucket {
    /// The sizes of this class, rising, bytes.
    pub const fn sizes(self) -> &'static [usize] {
        match self {
            Self::Message => &[512, KIB, 2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB],
            Self::Uniform => &[8 * KIB, 64 * KIB],
            Self::Receipt => &[KIB],
            Self::Handshake => &[
                4 * KIB,
                8 * KIB,
                16 * KIB,
                32 * KIB,
                64 * KIB,
                128 * KIB,
                256 * KIB,
                512 * KIB,
                1024 * KIB,
            ],
            Self::KeyPackage => &[4 * KIB],
            Self::Forwarded => &[
                FRAME + 512,
                FRAME + KIB,
                FRAME + 2 * KIB,
                FRAME + 4 * KIB,
                FRAME + 8 * KIB,
                FRAME + 16 * KIB,
                FRAME + 32 * KIB,
                FRAME + 64 * KIB,
                FRAME + 128 * KIB,
                FRAME + 256 * KIB,
                FRAME + 512 * KIB,
                FRAME + 1024 * KIB,
            ],
        }
    }

    /// The smallest size that holds `len` bytes, or none: then it must travel as a blob.
    pub fn size_for(self, len: usize) -> Option<usize> {
        self.sizes().iter().copied().find(|&s| s >= len)
    }
}

/// A blob's padded length: up to 1 MiB the next power of two, above it the next multiple of
/// `2^(floor(log2 len) - 3)`, so at most 12.5 % more.
pub fn blob_size(len: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    if len <= MIB {
        return len.max(512).next_power_of_two();
    }
    let step = 1u64 << (len.ilog2() - 3);
    len.div_ceil(step).saturating_mul(step)
}

/// The content does not fit, or padded bytes are not of the layout above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaddingError {
    /// Larger than the largest bucket; send it as a blob.
    #[error("{len} bytes do not fit the largest bucket of {max}; send it as a blob")]
    TooLarge {
        /// Content length with its prefix, bytes.
        len: usize,
        /// Largest bucket, bytes.
        max: usize,
    },
    /// Length prefix or zeros are wrong: not made by an honest peer.
    #[error("padding is not well-formed")]
    Malformed,
}

/// Pads to the smallest bucket that fits.
///
/// # Errors
/// [`PaddingError::TooLarge`].
pub fn pad(bucket: Bucket, content: &[u8]) -> Result<Vec<u8>, PaddingError> {
    let need = content.len() + 4;
    let max = bucket.sizes().last().copied().unwrap_or(0);
    let size = bucket
        .size_for(need)
        .ok_or(PaddingError::TooLarge { len: need, max })?;
    let len = u32::try_from(content.len()).map_err(|_| PaddingError::TooLarge { len: need, max })?;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(content);
    out.resize(size, 0);
    Ok(out)
}

/// The content of a padded value.
///
/// # Errors
/// [`PaddingError::Malformed`] if the prefix points outside or a padding byte is not zero.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let (prefix, rest) = padded.split_first_chunk::<4>().ok_or(PaddingError::Malformed)?;
    let len = u32::from_be_bytes(*prefix) as usize;
    let (content, zeros) = rest.split_at_checked(len).ok_or(PaddingError::Malformed)?;
    if zeros.iter().any(|&b| b != 0) {
        return Err(PaddingError::Malformed);
    }
    Ok(content)
}
