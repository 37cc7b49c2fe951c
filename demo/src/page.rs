//! What a person sees: sections, facts, and lines that say FAILED.

use std::io::Write;

/// The demo's output. Counts what failed.
pub struct Page {
    failed: u32,
    section: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

impl Page {
    /// An empty page.
    pub const fn new() -> Self {
        Self {
            failed: 0,
            section: 0,
        }
    }

    /// A line as it is.
    pub fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A closed pipe ends the reader's interest, not the demo.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// The next section's title.
    pub fn section(&mut self, title: &str) {
        self.section += 1;
        self.line("");
        self.line(&format!("{}  {title}", self.section));
    }

    /// A named fact.
    pub fn fact(&self, name: &str, words: &str) {
        self.line(&format!("   {name:<18}{words}"));
    }

    /// A named fact that must hold; otherwise it says what was expected and where to look.
    pub fn must(&mut self, holds: bool, name: &str, words: &str, expected: &str) -> bool {
        if holds {
            self.fact(name, words);
        } else {
            self.failed += 1;
            self.line(&format!("   {name:<18}FAILED: {words}"));
            self.line(&format!("   {:<18}expected: {expected}", ""));
        }
        holds
    }

    /// How many lines failed.
    pub const fn failed(&self) -> u32 {
        self.failed
    }
}

/// `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1.4 MiB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
