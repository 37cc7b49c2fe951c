//! A small reader of canonical MessagePack, to make every other form of the same value.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Nil,
    Bool,
    Int(u64),
    Bin(usize),
    Text(usize),
    Array(usize),
}

/// One head (and, for bin and text, its bytes): where it starts, where the head ends, where it ends.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub at: usize,
    pub body: usize,
    pub end: usize,
    pub kind: Kind,
}

/// All heads of a canonical value, in order. Panics on what canonical form does not have.
pub fn tokens(bytes: &[u8]) -> Vec<Token> {
    let number = |at: usize, n: usize| bytes[at..at + n].iter().fold(0u64, |v, &b| v << 8 | u64::from(b));
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (head, kind) = match bytes[at] {
            b @ 0..=0x7f => (1, Kind::Int(b.into())),
            b @ 0x90..=0x9f => (1, Kind::Array((b & 15).into())),
            b @ 0xa0..=0xbf => (1, Kind::Text((b & 31).into())),
            0xc0 => (1, Kind::Nil),
            0xc2 | 0xc3 => (1, Kind::Bool),
            b @ 0xc4..=0xc6 => (
                1 + (1 << (b - 0xc4)),
                Kind::Bin(number(at + 1, 1 << (b - 0xc4)) as usize),
            ),
            b @ 0xcc..=0xcf => (1 + (1 << (b - 0xcc)), Kind::Int(number(at + 1, 1 << (b - 0xcc)))),
            b @ 0xd9..=0xdb => (
                1 + (1 << (b - 0xd9)),
                Kind::Text(number(at + 1, 1 << (b - 0xd9)) as usize),
            ),
            b @ 0xdc..=0xdd => (
                1 + (2 << (b - 0xdc)),
                Kind::Array(number(at + 1, 2 << (b - 0xdc)) as usize),
            ),
            b => panic!("{b:02x} at {at} is in no canonical value"),
        };
        let body = at + head;
        let end = body
            + if let Kind::Bin(n) | Kind::Text(n) = kind {
                n
            } else {
                0
            };
        all.push(Token { at, body, end, kind });
        at = end;
    }
    all
}

/// The bytes with one head (and its body, if `with_body`) replaced.
pub fn replace(bytes: &[u8], token: &Token, with_body: bool, new: &[u8]) -> Vec<u8> {
    [
        &bytes[..token.at],
        new,
        &bytes[if with_body { token.end } else { token.body }..],
    ]
    .concat()
}

/// Every other way MessagePack has to write the same or nearly the same thing.
pub fn other_forms(bytes: &[u8], t: &Token) -> Vec<(&'static str, Vec<u8>)> {
    let body = &bytes[t.body..t.end];
    let n32 = |n: usize| (n as u32).to_be_bytes();
    let n16 = |n: usize| (n as u16).to_be_bytes();
    let mut forms: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut head = |name, new: Vec<u8>| forms.push((name, replace(bytes, t, false, &new)));
    match t.kind {
        Kind::Int(v) => {
            let v8 = v.to_be_bytes();
            let mut widths = vec![(0xcc, 1), (0xcd, 2), (0xce, 4), (0xcf, 8)];
            widths.retain(|&(m, n)| (n == 8 || v >> (8 * n) == 0) && m != bytes[t.at]);
            for (marker, n) in widths {
                // A shorter width than the present one would be the canonical one itself.
                if n + 1 > t.body - t.at {
                    head("over-long integer", [&[marker][..], &v8[8 - n..]].concat());
                }
            }
            if v >> 63 == 0 {
                head("signed 64-bit integer", [&[0xd3][..], &v8].concat());
            }
            if v < 128 {
                head("signed 8-bit integer", vec![0xd0, v as u8]);
            }
            head("float", [&[0xcb][..], &(v as f64).to_be_bytes()].concat());
            head("negative", vec![0xff]);
            head("bool for integer", vec![0xc3]);
        }
        Kind::Bin(n) => {
            if bytes[t.at] == 0xc4 {
                head("over-long bin 16", [&[0xc5][..], &n16(n)].concat());
            }
            if bytes[t.at] != 0xc6 {
                head("over-long bin 32", [&[0xc6][..], &n32(n)].concat());
            }
            head("text for bin", [&[0xdb][..], &n32(n)].concat());
            head("extension type for bin", [&[0xc9][..], &n32(n), &[1]].concat());
            let ints: Vec<u8> = body
                .iter()
                .flat_map(|&b| if b < 128 { vec![b] } else { vec![0xcc, b] })
                .collect();
            forms.push((
                "array of integers for bin",
                replace(bytes, t, true, &[&[0xdd][..], &n32(n), &ints].concat()),
            ));
        }
        Kind::Text(n) => {
            head("over-long text", [&[0xdb][..], &n32(n)].concat());
            head("bin for text", [&[0xc6][..], &n32(n)].concat());
        }
        Kind::Array(n) => {
            if n < 16 {
                head("over-long array 16", [&[0xdc][..], &n16(n)].concat());
            }
            head("over-long array 32", [&[0xdd][..], &n32(n)].concat());
            head("map for array", [&[0xdf][..], &n32(n / 2)].concat());
            head("one element more announced", [&[0xdd][..], &n32(n + 1)].concat());
            head(
                "four billion elements announced",
                vec![0xdd, 0xff, 0xff, 0xff, 0xff],
            );
            if n > 0 {
                head("one element less announced", [&[0xdd][..], &n32(n - 1)].concat());
            }
        }
        Kind::Bool => {
            head("integer for bool", vec![0x01]);
            head("nil for bool", vec![0xc0]);
        }
        Kind::Nil => {
            head("empty array for nil", vec![0x90]);
            head("false for nil", vec![0xc2]);
        }
    }
    forms
}

/// The index after the value that starts at `tokens[i]`.
pub fn after(tokens: &[Token], i: usize) -> usize {
    match tokens[i].kind {
        Kind::Array(n) => (0..n).fold(i + 1, |j, _| after(tokens, j)),
        _ => i + 1,
    }
}
