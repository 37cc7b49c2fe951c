//! A JSON scanner that keeps every token as it was written.
//!
//! Numbers are never re-written and strings never re-escaped: a value is a slice of the
//! original. Refused, with the place of the fault: a byte order mark, bytes after the end,
//! names that stand twice in one object (compared after unescaping), half surrogate pairs,
//! invalid UTF-8, and what exceeds the bounds of [`crate::limits`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

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
    let mut scanner = Scanner {
        text,
        bytes,
        at: 0,
        path: Vec::new(),
    };
    let whole = scanner.space().and_then(|()| scanner.value(0)).and_then(|value| {
        scanner.space()?;
        if scanner.at == bytes.len() {
            Ok(value)
        } else {
            Err(JsonFaultKind::Trailing)
        }
    });
    whole.map_err(|kind| JsonFault {
        kind,
        path: scanner.path_text(),
        offset: scanner.at,
    })
}

enum Step<'a> {
    Name(Cow<'a, str>),
    Index(usize),
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    path: Vec<Step<'a>>,
}

type Scanned<T> = Result<T, JsonFaultKind>;

impl<'a> Scanner<'a> {
    /// The path, for an error: long names are cut, control characters escaped.
    fn path_text(&self) -> String {
        let mut out = String::from("$");
        for step in &self.path {
            match step {
                Step::Name(name) => {
                    let cut: String = name.chars().take(40).collect();
                    out.push('.');
                    out.push_str(&crate::text::shown(&cut));
                }
                Step::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        out
    }

    fn peek(&self) -> Scanned<u8> {
        self.bytes.get(self.at).copied().ok_or(JsonFaultKind::Unfinished)
    }

    fn space(&mut self) -> Scanned<()> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Scanned<()> {
        if self.peek()? != byte {
            return Err(JsonFaultKind::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Scanned<Value<'a>> {
        let start = self.at;
        let node = match self.peek()? {
            b'{' => self.object(depth + 1)?,
            b'[' => self.array(depth + 1)?,
            b'"' => Node::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        Ok(Value {
            raw: &self.text[start..self.at],
            node,
        })
    }

    fn object(&mut self, depth: usize) -> Scanned<Node<'a>> {
        if depth > MAX_JSON_DEPTH {
            return Err(JsonFaultKind::TooDeep);
        }
        self.at += 1;
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        self.space()?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.space()?;
            if self.peek()? != b'"' {
                return Err(JsonFaultKind::Syntax);
            }
            let name = self.string()?;
            self.path.push(Step::Name(name.clone()));
            if !names.insert(name.clone()) {
                return Err(JsonFaultKind::DuplicateName);
            }
            if members.len() == MAX_JSON_MEMBERS {
                return Err(JsonFaultKind::TooManyMembers);
            }
            self.space()?;
            self.expect(b':')?;
            self.space()?;
            let value = self.value(depth)?;
            self.path.pop();
            members.push((name, value));
            self.space()?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                _ => return Err(JsonFaultKind::Syntax),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Scanned<Node<'a>> {
        if depth > MAX_JSON_DEPTH {
            return Err(JsonFaultKind::TooDeep);
        }
        self.at += 1;
        let mut items = Vec::new();
        self.space()?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            self.space()?;
            self.path.push(Step::Index(items.len()));
            let value = self.value(depth)?;
            self.path.pop();
            items.push(value);
            self.space()?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Node::Array(items));
                }
                _ => return Err(JsonFaultKind::Syntax),
            }
        }
    }

    /// RFC 8259, section 6.
    fn number(&mut self) -> Scanned<Node<'a>> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Node::Number)
    }

    fn digits(&mut self) -> Scanned<()> {
        if !self.peek()?.is_ascii_digit() {
            return Err(JsonFaultKind::Syntax);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self) -> Scanned<Node<'a>> {
        for word in ["true", "false", "null"] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(Node::Word);
            }
        }
        Err(JsonFaultKind::Syntax)
    }

    fn string(&mut self) -> Scanned<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(raw));
                }
                b'\\' => break,
                0..=0x1f => return Err(JsonFaultKind::Syntax),
                _ => self.at += 1,
            }
        }
        let mut out = String::from(&self.text[start..self.at]);
        loop {
            let run = self.at;
            while !matches!(self.peek()?, b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            out.push_str(&self.text[run..self.at]);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                b'\\' => out.push(self.escape()?),
                _ => return Err(JsonFaultKind::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Scanned<char> {
        self.at += 1;
        let kind = self.peek()?;
        self.at += 1;
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex4()?;
                let code = match high {
                    0xd800..=0xdbff => {
                        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                            return Err(JsonFaultKind::LoneSurrogate);
                        }
                        self.at += 2;
                        match self.hex4()? {
                            low @ 0xdc00..=0xdfff => 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                            _ => return Err(JsonFaultKind::LoneSurrogate),
                        }
                    }
                    code => code,
                };
                char::from_u32(code).ok_or(JsonFaultKind::LoneSurrogate)?
            }
            _ => return Err(JsonFaultKind::Syntax),
        })
    }

    fn hex4(&mut self) -> Scanned<u32> {
        let digits = self
            .bytes
            .get(self.at..self.at + 4)
            .ok_or(JsonFaultKind::Unfinished)?;
        let mut code = 0;
        for d in digits {
            code = code * 16 + char::from(*d).to_digit(16).ok_or(JsonFaultKind::Syntax)?;
        }
        self.at += 4;
        Ok(code)
    }
}
