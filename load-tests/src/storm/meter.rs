//! What a part of the change of shift took: time, processor time, bytes, appends.

use std::time::Instant;

use telesphor_chaos::relay::Relay;

use super::front::{Gauge, Passed};
use crate::error::{Result, odd};
use crate::measure::{cpu_us, threads_us};
use crate::report::Report;

/// What the threads of the roster service's program are called.
pub(super) const DESK: &str = "roster";

/// What a part took.
pub(super) struct Took {
    pub(super) seconds: f64,
    pub(super) relay_ms: f64,
    /// All of them, the roster service among them.
    pub(super) agents_ms: f64,
    pub(super) desk_ms: f64,
    /// Events that the relay made durable.
    pub(super) appends: u64,
    passed: Passed,
}

/// Notes where everything stood.
pub(super) struct Meter<'a> {
    relay: &'a Relay,
    gauge: &'a Gauge,
    began: Instant,
    /// Of the relay, all agents and the roster service, microseconds.
    cpu: [u64; 3],
    appends: u64,
    passed: Passed,
}

impl<'a> Meter<'a> {
    pub(super) fn begin(relay: &'a Relay, gauge: &'a Gauge) -> Result<Self> {
        Ok(Self {
            relay,
            gauge,
            cpu: cpu(relay)?,
            appends: appends(relay)?,
            passed: gauge.now(),
            began: Instant::now(),
        })
    }

    pub(super) fn end(&self) -> Result<Took> {
        let seconds = self.began.elapsed().as_secs_f64();
        let now = cpu(self.relay)?;
        let ms = |n: usize| now[n].saturating_sub(self.cpu[n]) as f64 / 1e3;
        Ok(Took {
            seconds,
            relay_ms: ms(0),
            agents_ms: ms(1),
            desk_ms: ms(2),
            appends: appends(self.relay)? - self.appends,
            passed: self.gauge.now().since(self.passed),
        })
    }
}

fn cpu(relay: &Relay) -> Result<[u64; 3]> {
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    Ok([cpu_us(pid)?, cpu_us(std::process::id())?, threads_us(DESK)?])
}

/// Commands that the relay answered as durable, by its own count.
fn appends(relay: &Relay) -> Result<u64> {
    const DURABLE: &str = "telesphor_relay_calls_total{answer=\"durable\"} ";
    let page = relay.get("/metrics")?;
    let line = page.lines().find_map(|l| l.strip_prefix(DURABLE));
    let count = line.and_then(|n| n.trim().parse::<f64>().ok());
    // It is counted from the first on.
    Ok(count.map_or(0, |n| n as u64))
}

pub(super) fn tell(what: &str, took: &Took, report: &mut Report) {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    report.note(&format!(
        "{what}: {:.1} s; processor time of the relay {:.0} ms, of the agents {:.0} ms, of that the roster service {:.0} ms; \
         {} appends, {:.1} MB up, {:.1} MB down",
        took.seconds,
        took.relay_ms,
        took.agents_ms,
        took.desk_ms,
        took.appends,
        mb(took.passed.up),
        mb(took.passed.down)
    ));
    let kept = (
        took.seconds,
        took.relay_ms,
        took.agents_ms,
        took.desk_ms,
        took.appends,
        took.passed.up,
        took.passed.down,
    );
    report.keep(&format!("storm, {what}: s, ms, ms, ms, appends, B, B"), kept);
}
