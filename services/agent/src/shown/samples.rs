//! What a device streams, as it comes.

use telesphor_agent::views::Samples;

use crate::out::{Out, Row};

/// One line of a live stream: the last value and how old it is.
pub(crate) fn line(out: &Out, s: &Samples, patient: &str) -> String {
    let last = match s.values.last() {
        Some(Some(value)) => format!("{value} {}", s.unit),
        Some(None) => "gap".to_owned(),
        None => "no value".to_owned(),
    };
    let ends = s.start + s.period_ms * (s.values.len() as u64).saturating_sub(1);
    format!(
        "{}  {patient}  {} {last}  live, {:.1} s behind",
        out.short(ends),
        s.what,
        s.age_ms as f64 / 1000.0
    )
}

/// The same for programs, with every value.
pub(crate) fn row(s: &Samples) -> Row {
    Row::new()
        .both("state", "", "live", "")
        .both("device", "", s.device.to_string(), "")
        .both("patient", "", s.patient.map(|p| p.to_string()), "")
        .text("what", "", &s.what)
        .text("unit", "", &s.unit)
        .instant("start", "", Some(s.start), "")
        .both("period_ms", "", s.period_ms, "")
        .both(
            "values",
            "",
            s.values
                .iter()
                .copied()
                .map(serde_json::Value::from)
                .collect::<Vec<_>>(),
            "",
        )
        .both("age_ms", "", s.age_ms, "")
}
