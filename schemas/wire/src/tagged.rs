//! Enums on the wire: `[kind, body]`, a number and one canonical value.

/// Declares an enum whose wire form is the two-element array `[kind, body]`.
///
/// Kinds are numbers and are never used again for something else. An unknown kind is
/// malformed to this version; places that must survive newer peers (event
/// kinds, extensions) carry the number and raw bytes instead of such an enum.
/// `at most N` after a body that is a list refuses longer ones.
#[macro_export]
macro_rules! tagged {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $kind:literal => $variant:ident($body:ty) $(at most $max:expr)?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$vdoc])* $variant($body),)* }

        impl $name {
            /// The number that names this variant on the wire.
            pub const fn kind(&self) -> u16 {
                match self { $(Self::$variant(_) => $kind,)* }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeTuple;
                let mut t = s.serialize_tuple(2)?;
                t.serialize_element(&self.kind())?;
                match self { $(Self::$variant(body) => t.serialize_element(body)?,)* }
                t.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct V;
                impl<'de> serde::de::Visitor<'de> for V {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("[kind, body] of ", stringify!($name)))
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut a: A) -> Result<$name, A::Error> {
                        use serde::de::Error;
                        let short = |n| A::Error::invalid_length(n, &"two elements");
                        let kind: u16 = a.next_element()?.ok_or_else(|| short(0))?;
                        match kind {
                            $($kind => {
                                let body: $body = a.next_element()?.ok_or_else(|| short(1))?;
                                $(if body.len() > $max {
                                    return Err(A::Error::invalid_length(body.len(), &"a shorter list"));
                                })?
                                Ok($name::$variant(body))
                            })*
                            _ => Err(A::Error::custom("unknown kind")),
                        }
                    }
                }
                d.deserialize_tuple(2, V)
            }
        }
    };
}

/// Declares a field-less enum whose wire form is its number.
#[macro_export]
macro_rules! coded {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $code:literal => $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }
            /// The value with this number, if this version knows one.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_u16(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let code = <u16 as serde::Deserialize>::deserialize(d)?;
                Self::from_code(code).ok_or_else(|| serde::de::Error::custom("unknown code"))
            }
        }
    };
}
