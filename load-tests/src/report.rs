//! What is printed: figures, ratios, and whether the targets are met.

use std::io::Write;

use serde_json::{Map, Value, json};

use crate::measure::Figures;

/// Everything that was measured in one run.
pub(crate) struct Report {
    figures: Map<String, Value>,
    missed: u32,
}

/// To standard output.
pub(crate) fn line(text: &str) {
    // A closed pipe ends the reader's interest, not the run.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// To standard error.
pub(crate) fn line_err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Report {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self {
            figures: Map::new(),
            missed: 0,
        }
    }

    /// Says on what machine the figures were had.
    pub(crate) fn machine(&mut self) {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|l| l.strip_prefix("model name"))
            .map_or("unknown", |l| l.trim_start_matches(['\t', ' ', ':']));
        let build = if cfg!(debug_assertions) {
            "development build"
        } else {
            "release build"
        };
        line(&format!(
            "{processors} processors ({model}), {build}; load and relay share them"
        ));
        self.figures.insert(
            "machine".into(),
            json!({ "processors": processors, "model": model, "build": build }),
        );
    }

    /// A new section.
    pub(crate) fn section(&self, title: &str) {
        line("");
        line(title);
    }

    /// The head of a table of [`Report::figures`].
    pub(crate) fn head(&self) {
        line(&format!(
            "  {:<34}{:>10}{:>9}{:>9}{:>10}{:>9}{:>8}{:>9}",
            "", "msg/s", "p50 us", "p99 us", "cpu us/m", "written", "disk", "RSS MiB"
        ));
    }

    /// One line of figures.
    pub(crate) fn figures(&mut self, name: &str, f: &Figures) {
        // Nought stands for what was not measured in this scenario.
        let disk = if f.disk_per_byte > 0.0 {
            format!("{:.2}x", f.disk_per_byte)
        } else {
            "-".to_owned()
        };
        line(&format!(
            "  {name:<34}{:>10.0}{:>9}{:>9}{:>10.1}{:>8.2}x{disk:>8}{:>9.1}",
            f.per_second,
            f.p50_us,
            f.p99_us,
            f.cpu_us,
            f.written_per_byte,
            f.resident as f64 / 1_048_576.0
        ));
        self.figures.insert(name.into(), json!(f));
    }

    /// One figure by itself.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str) {
        line(&format!("  {name:<58}{value:>10.2} {unit}"));
        self.figures
            .insert(name.into(), json!({ "value": value, "unit": unit }));
    }

    /// A note.
    pub(crate) fn note(&self, words: &str) {
        line(&format!("  {words}"));
    }

    /// Keeps a figure that stands in a line of its own making.
    pub(crate) fn keep(&mut self, name: &str, value: impl serde::Serialize) {
        self.figures.insert(name.into(), json!(value));
    }

    /// A ratio that must be at most `target` and stands in a line already: said again if missed.
    pub(crate) fn at_most_quietly(&mut self, name: &str, value: f64, target: f64) {
        if value > target {
            self.at_most(name, value, target, "x");
            return;
        }
        let kept = json!({ "value": value, "target": target, "sign": "<=", "met": true });
        self.figures.insert(name.into(), kept);
    }

    /// A ratio or figure that must be at least `target`.
    pub(crate) fn at_least(&mut self, name: &str, value: f64, target: f64, unit: &str) {
        self.target(name, value, target, unit, value >= target, ">=");
    }

    /// A ratio or figure that must be at most `target`.
    pub(crate) fn at_most(&mut self, name: &str, value: f64, target: f64, unit: &str) {
        self.target(name, value, target, unit, value <= target, "<=");
    }

    fn target(&mut self, name: &str, value: f64, target: f64, unit: &str, met: bool, sign: &str) {
        let verdict = if met { "met" } else { "MISSED" };
        line(&format!(
            "  {name:<58}{value:>10.2} {unit:<4} target {sign} {target} {unit}: {verdict}"
        ));
        self.missed += u32::from(!met);
        self.figures.insert(
            name.into(),
            json!({ "value": value, "target": target, "sign": sign, "met": met }),
        );
    }

    /// All figures.
    pub(crate) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.figures).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The last line; whether all targets are met.
    pub(crate) fn conclude(&self) -> bool {
        line("");
        match self.missed {
            0 => line("All targets met."),
            n => line(&format!("{n} targets missed.")),
        }
        self.missed == 0
    }
}
