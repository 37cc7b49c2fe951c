//! The code on a tube or a form: ten random characters and one that checks them.
//!
//! ```text
//! 7K3M-9PX2-4QC   29 characters that nobody takes for another one; the last one checks:
//!                 c = 1*v1 + 2*v2 + ... + 10*v10 (mod 29)
//! ```
//! 29 is a prime and no two weights are equal, so one wrong character is always found, and so are
//! any two that are exchanged. Ten of them are 48 bits: they name nobody and say nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use telesphor_wire::hash::Secret;

/// No 0 and O, no 1, I and L, no U and V to be read as each other, no Z like a 2.
const ALPHABET: &[u8; 29] = b"23456789ABCDEFGHJKMNPQRSTVWXY";
/// Characters of a code, the checking one included.
pub const CODE_LENGTH: usize = 11;
const RANDOM: usize = CODE_LENGTH - 1;

/// A code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabCode([u8; CODE_LENGTH]);

/// What is wrong with what was read off a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabCodeFault {
    /// Too short or too long.
    #[error("a code has {CODE_LENGTH} characters, this has {0}")]
    Length(usize),
    /// A character that is in no code.
    #[error("character {0} is in no code")]
    Letter(usize),
    /// The characters do not fit each other.
    #[error("one character is wrong, or two are exchanged")]
    Check,
}

fn value(byte: u8) -> Option<u32> {
    let at = ALPHABET.iter().position(|c| *c == byte.to_ascii_uppercase())?;
    u32::try_from(at).ok()
}

fn check_of(characters: &[u8]) -> Option<u8> {
    let mut sum = 0;
    for (weight, byte) in (1u32..).zip(characters) {
        sum += weight * value(*byte)?;
    }
    ALPHABET.get(usize::try_from(sum % 29).ok()?).copied()
}

impl LabCode {
    /// A fresh one.
    pub fn random() -> Self {
        let mut code = [0; CODE_LENGTH];
        let mut filled = 0;
        while filled < RANDOM {
            for byte in Secret::random().expose() {
                // Equal chances for all 29: what is left over above a multiple of 29 is not used.
                if filled < RANDOM && *byte < 29 * 8 {
                    code[filled] = ALPHABET[usize::from(*byte % 29)];
                    filled += 1;
                }
            }
        }
        code[RANDOM] = check_of(&code[..RANDOM]).unwrap_or(ALPHABET[0]);
        Self(code)
    }

    /// The characters without hyphens, as a bar code holds them.
    pub fn plain(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for LabCode {
    type Err = LabCodeFault;

    /// Reads what somebody typed: small or capital letters, with hyphens and blanks or without.
    fn from_str(text: &str) -> Result<Self, LabCodeFault> {
        let mut code = [0; CODE_LENGTH];
        let mut count = 0;
        for c in text.chars().filter(|c| *c != '-' && !c.is_whitespace()) {
            let byte = u8::try_from(c).unwrap_or(b'?').to_ascii_uppercase();
            value(byte).ok_or(LabCodeFault::Letter(count + 1))?;
            if let Some(place) = code.get_mut(count) {
                *place = byte;
            }
            count += 1;
        }
        if count != CODE_LENGTH {
            return Err(LabCodeFault::Length(count));
        }
        match check_of(&code[..RANDOM]) == Some(code[RANDOM]) {
            true => Ok(Self(code)),
            false => Err(LabCodeFault::Check),
        }
    }
}

/// As people read it: `7K3M-9PX2-4QC`.
impl fmt::Display for LabCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.plain();
        for (at, c) in text.chars().enumerate() {
            if at == 4 || at == 8 {
                f.write_str("-")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for LabCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabCode(..)")
    }
}

impl Serialize for LabCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.plain())
    }
}

impl<'de> Deserialize<'de> for LabCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let code: Self = text.parse().map_err(de::Error::custom)?;
        // One form only: what is written is what was read.
        match code.plain() == text {
            true => Ok(code),
            false => Err(de::Error::custom("a code in another form")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_reads_as_another_order() {
        for _ in 0..20 {
            let code = LabCode::random();
            let good = code.plain().as_bytes();
            assert_eq!(code.to_string().parse(), Ok(code));
            assert_eq!(
                code.to_string().to_lowercase().replace('-', " ").parse(),
                Ok(code)
            );
            for at in 0..CODE_LENGTH {
                for other in ALPHABET.iter().filter(|c| **c != good[at]) {
                    let mut wrong = good.to_vec();
                    wrong[at] = *other;
                    let text = String::from_utf8(wrong).unwrap();
                    assert_eq!(text.parse::<LabCode>(), Err(LabCodeFault::Check));
                }
                for with in at + 1..CODE_LENGTH {
                    let mut swapped = good.to_vec();
                    swapped.swap(at, with);
                    let text = String::from_utf8(swapped).unwrap();
                    let read = text.parse::<LabCode>();
                    assert_eq!(read.is_ok(), good[at] == good[with], "{at} and {with}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_code_is_named_by_its_fault() {
        assert_eq!("7K3M".parse::<LabCode>(), Err(LabCodeFault::Length(4)));
        assert_eq!("7K3M-0PX2-4QC".parse::<LabCode>(), Err(LabCodeFault::Letter(5)));
        assert_eq!("7K3M-ÄPX2-4QC".parse::<LabCode>(), Err(LabCodeFault::Letter(5)));
        let long = "2".repeat(200);
        assert_eq!(long.parse::<LabCode>(), Err(LabCodeFault::Length(200)));
    }
}
