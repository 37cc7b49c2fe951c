//! The reading behind [`super::json::scan`]: RFC 8259, nothing more lenient.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::json::{JsonFaultKind, Node, Value};
use crate::limits::{MAX_JSON_DEPTH, MAX_JSON_MEMBERS};

enum Step<'a> {
    Name(Cow<'a, str>),
    Index(usize),
}

/// Reads one text, once, from front to back.
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    path: Vec<Step<'a>>,
}

type Scanned<T> = Result<T, JsonFaultKind>;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            path: Vec::new(),
        }
    }

    /// Where reading stopped, bytes from the beginning.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// The one value of the text, with nothing but space around it.
    pub(super) fn whole(&mut self) -> Scanned<Value<'a>> {
        self.space();
        let value = self.value(0)?;
        self.space();
        if self.at == self.bytes.len() {
            Ok(value)
        } else {
            Err(JsonFaultKind::Trailing)
        }
    }

    /// The path, for an error: long names are cut, control characters escaped.
    pub(super) fn path_text(&self) -> String {
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

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
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
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.space();
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
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth)?;
            self.path.pop();
            members.push((name, value));
            self.space();
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
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            self.space();
            self.path.push(Step::Index(items.len()));
            let value = self.value(depth)?;
            self.path.pop();
            items.push(value);
            self.space();
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
