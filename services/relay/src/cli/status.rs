//! `status [--watch]`.

use std::time::Duration;

use crate::admin::words::{Request, Status as Seen};
use crate::clock;
use crate::fault::Fault;

use super::args::Status;
use super::context::Context;

/// Between two looks of `--watch`.
const LOOK: Duration = Duration::from_secs(2);

/// Carries it out. With `--watch` it ends when it is interrupted or the relay ends.
pub(crate) fn run(context: &Context<'_>, args: &Status) -> Result<(), Fault> {
    loop {
        let seen: Seen = context.ask(&Request::Status)?;
        if args.watch && context.out.redraws() {
            // Home and clear; only where a terminal is.
            context.out.data("\u{1b}[H\u{1b}[2J");
        }
        context.out.show(&seen, || text(&seen));
        if !args.watch {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

fn text(s: &Seen) -> String {
    let oldest = s
        .oldest_not_durable_ms
        .map_or_else(|| "none waits".to_owned(), |ms| format!("{ms} ms"));
    let fsync = s.last_fsync_us.map_or_else(
        || "none yet".to_owned(),
        |us| format!("{:.1} ms", us as f64 / 1000.0),
    );
    let room = if s.writes_stopped {
        "NEW EVENTS ARE REFUSED (T-5002)"
    } else {
        "enough"
    };
    let fenced = s.partitions.iter().filter(|p| p.fenced).count();
    let mut lines = vec![
        format!(
            "Relay        {} {}, {}, since {}",
            s.domain,
            s.version,
            s.standing,
            clock::show(s.started)
        ),
        format!("Reached at   {}; probes and metrics at {}", s.listen, s.metrics),
        format!(
            "Sessions     {}; {} connections have proved nothing yet",
            s.sessions, s.unproven
        ),
        format!("Mailboxes    {} awake", s.live_mailboxes),
        format!(
            "Accepted     {} commands since the start; {} under way; oldest not durable: {oldest}",
            s.accepted, s.calls_in_flight
        ),
        format!("Last fsync   {fsync}"),
        format!(
            "Disk         {} MiB free, {} MiB kept back: {room}",
            s.disk_free >> 20,
            s.disk_reserve >> 20
        ),
        format!(
            "Certificate  until {}",
            clock::show(u64::try_from(s.certificate_until).unwrap_or(0) * 1000)
        ),
        format!("Clock        {}", s.clock()),
        format!("Incarnation  {}", s.incarnation),
        format!(
            "Partitions   {}, of which {fenced} confirm nothing",
            s.partitions.len()
        ),
    ];
    for p in s.partitions.iter().filter(|p| p.fenced || p.waiting > 0) {
        let state = if p.fenced { "FENCED" } else { "working" };
        lines.push(format!(
            "  partition {:>4}  {state}  position {}  waiting {}",
            p.partition, p.position, p.waiting
        ));
    }
    lines.join("\n")
}
