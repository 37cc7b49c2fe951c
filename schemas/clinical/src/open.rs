//! Enums that outlive their version: an unknown number is kept, never misread.
//!
//! Inside the seal two clients of different age must understand each other for years. A
//! field-less enum keeps a number it does not know as `Other`; an enum with bodies is
//! `[kind, bin]` on the wire, so that an unknown kind is kept byte for byte and passed on.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;

/// Something of a kind that this version does not know: kept and passed on, never acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// Its number.
    pub kind: u16,
    /// Its body, as it came.
    pub body: Bytes,
}

/// Declares a field-less enum that keeps unknown numbers.
#[macro_export]
macro_rules! open_coded {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $code:literal => $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name {
            $($(#[$vdoc])* #[doc = concat!("`", $word, "`")] $variant,)*
            /// A number of a newer version.
            Other(u16),
        }

        impl $name {
            /// Every value this version knows, in the order of the codes.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* Self::Other(code) => code }
            }
            /// The value with this number.
            pub const fn from_code(code: u16) -> Self {
                match code { $($code => Self::$variant,)* other => Self::Other(other) }
            }
            /// The word for it on command lines and in lists.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::Other(_) => "made-by-a-newer-version" }
            }
            /// The value with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_u16(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                <u16 as serde::Deserialize>::deserialize(d).map(Self::from_code)
            }
        }
    };
}

/// Declares an enum with bodies that keeps unknown kinds as [`Foreign`]: `[kind, bin]`.
#[macro_export]
macro_rules! open_tagged {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $kind:literal => $variant:ident($body:ty),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$vdoc])* $variant($body),)*
            /// A kind of a newer version, kept as it came.
            Foreign($crate::open::Foreign),
        }

        impl $name {
            /// The number that names this variant on the wire.
            pub const fn kind(&self) -> u16 {
                match self { $(Self::$variant(_) => $kind,)* Self::Foreign(f) => f.kind }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let foreign = match self {
                    $(Self::$variant(body) => $crate::open::Foreign {
                        kind: $kind,
                        body: telesphor_wire::canonical::encode(body).into(),
                    },)*
                    Self::Foreign(f) => f.clone(),
                };
                serde::Serialize::serialize(&foreign, s)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let foreign = <$crate::open::Foreign as serde::Deserialize>::deserialize(d)?;
                match foreign.kind {
                    $($kind => telesphor_wire::canonical::decode::<$body>(&foreign.body)
                        .map(Self::$variant)
                        .map_err(serde::de::Error::custom),)*
                    _ => Ok(Self::Foreign(foreign)),
                }
            }
        }
    };
}
