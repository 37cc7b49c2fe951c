//! A JSON scanner that keeps every token as it was written.
//!
//! Numbers are never re-written and strings never re-escaped: a value is a slice of the
//! original. Refused, with the place of the fault: a byte order mark, bytes after the end,
//! names that stand twice in one object (compared after unescaping), half surrogate pairs,
//! invalid UTF-8, and what exceeds the bounds of [`crate::limits`].

use std::borrow::Cow;
use std::fmt;

use super::scanner::Scanner;
use crate::limits::{MAX_JSON_DEPTH, MAX_JSON_MEMBERS};

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFaultKind {
    /// Begins with a byte order mark.
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Ends in the middle.
    #[error("ends in the middle")]
    Unfinished,
    /// Bytes follow the value.
    #[error("has something after its end")]
    Trailing,
    /// Not JSON.
    #[error("is not well-formed JSON")]
    Syntax,
    /// A name stands twice.
    #[error("has a name twice in one object")]
    DuplicateName,
    /// Half of a surrogate pair.
    #[error("has half of a surrogate pair")]
    LoneSurrogate,
    /// Nested too deeply.
    #[error("is nested more than {MAX_JSON_DEPTH} deep")]
    TooDeep,
    /// An object with too many members.
    #[error("has more than {MAX_JSON_MEMBERS} names in one object")]
    TooManyMembers,
    /// Larger than allowed.
    #[error("is too large")]
    TooLarge,
}

/// A fault and its place: path of names and indices, and byte offset. It holds no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JSON text {kind}, at {path} (byte {offset})")]
pub struct JsonFault {
    /// What.
    pub kind: JsonFaultKind,
    /// `$.entry[3].resource.code`.
    pub path: String,
    /// Bytes from the beginning.
    pub offset: usize,
}

/// A value: its bytes as written and its parts.
#[derive(Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// The token or the whole of the object or array, without surrounding space.
    pub raw: &'a str,
    /// Its parts.
    pub node: Node<'a>,
}

/// The parts of a value.
#[derive(Clone, PartialEq, Eq)]
pub enum Node<'a> {
    /// `null`, `true`, `false`.
    Word,
    /// A number; only its raw form counts.
    Number,
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, names unescaped, in the order written.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Length only: values are what patients wrote.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JSON of {} bytes", self.raw.len())
    }
}

impl<'a> Value<'a> {
    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match &self.node {
            Node::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The element at this index.
    pub fn at(&self, index: usize) -> Option<&Value<'a>> {
        self.items().get(index)
    }

    /// The elements; of anything but an array, none.
    pub fn items(&self) -> &[Value<'a>] {
        match &self.node {
            Node::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::String(s) => Some(s),
            _ => None,
        }
    }

    /// The text of the string member of this name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }
}

/// Scans a whole text.
///
/// # Errors
/// [`JsonFault`] with the place of the first fault.
pub fn scan(bytes: &[u8], max: usize) -> Result<Value<'_>, JsonFault> {
    let fault = |kind, offset| JsonFault {
        kind,
        path: "$".into(),
        offset,
    };
    if bytes.len() > max {
        return Err(fault(JsonFaultKind::TooLarge, max));
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf])
        || bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
    {
        return Err(fault(JsonFaultKind::ByteOrderMark, 0));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| fault(JsonFaultKind::NotUtf8, e.valid_up_to()))?;
    let mut scanner = Scanner::new(text);
    scanner.whole().map_err(|kind| JsonFault {
        kind,
        path: scanner.path_text(),
        offset: scanner.offset(),
    })
}
