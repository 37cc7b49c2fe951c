//! The log: JSON lines on stderr. No line carries an id, a size, an address or a payload.

use std::fmt;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::clock;
use crate::config::Logs;

/// Whole seconds: exact times would let lines be matched with what somebody saw on the network.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        w.write_str(&clock::show(clock::now_ms()))
    }
}

/// Starts the log. A second call changes nothing.
pub fn start(logs: &Logs) {
    // Other crates may name addresses or sizes, so only our own speak.
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::OFF.into())
        .parse_lossy(format!("off,telesphor={}", logs.level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_timer(Seconds);
    let _ = match logs.format.as_str() {
        "text" => builder.compact().try_init(),
        _ => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
    };
}
