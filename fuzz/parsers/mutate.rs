//! A short deterministic round of the same mutations every time, for ordinary tests.

/// Marsaglia's xorshift: enough to spread mutations, and the same on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Bytes that begin something in MessagePack, JSON or text.
const INTERESTING: &[u8] = &[
    0x00, 0x01, 0x7f, 0x80, 0x90, 0x91, 0x9f, 0xa0, 0xc0, 0xc1, 0xc2, 0xc4, 0xc6, 0xcb, 0xcf, 0xd3, 0xd9,
    0xdc, 0xdd, 0xdf, 0xff, b'"', b'{', b'[', b'\\', b',', b':', b'1',
];

/// Calls `parser` with each sample and `rounds` mutations of it.
pub fn round(corpus: &[Vec<u8>], rounds: usize, parser: impl Fn(&[u8])) {
    let mut draw = Draw(0x7e1e_5f02);
    for sample in corpus {
        parser(sample);
        for _ in 0..rounds {
            let mut bytes = sample.clone();
            for _ in 0..=draw.below(4) {
                let at = draw.below(bytes.len());
                match draw.below(6) {
                    0 if !bytes.is_empty() => bytes[at] ^= 1 << draw.below(8),
                    1 if !bytes.is_empty() => bytes[at] = INTERESTING[draw.below(INTERESTING.len())],
                    2 => bytes.truncate(at),
                    3 => bytes.insert(at, INTERESTING[draw.below(INTERESTING.len())]),
                    4 => {
                        let other = &corpus[draw.below(corpus.len())];
                        let from = draw.below(other.len());
                        bytes.splice(at.., other[from..].iter().copied());
                    }
                    _ => {
                        let end = (at + draw.below(64)).min(bytes.len());
                        let piece = bytes[at..end].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            parser(&bytes);
        }
    }
}
