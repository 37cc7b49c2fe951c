//! `check` and `healthcheck`: what monitoring asks.

use serde::Serialize;

use crate::admin::words::{PartitionStatus, Request, Status};
use crate::clock;
use crate::config::Settings;
use crate::exchange::PeerStanding;
use crate::fault::{Exit, Fault};
use crate::process;
use crate::serve::{certificate_of, files_of};

use super::args::{Check, CheckFormat, Healthcheck};
use super::context::Context;

/// The codes of monitoring plug-ins, in order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    /// All is well.
    Ok = 0,
    /// Somebody should look in the daytime.
    Warning = 1,
    /// Somebody must look now.
    Critical = 2,
    /// It could not be found out.
    Unknown = 3,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Critical outweighs unknown: what is known to be bad is said first.
    const fn weight(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Unknown => 2,
            Self::Critical => 3,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    what: &'static str,
    level: Level,
    words: String,
}

#[derive(Serialize)]
struct Report {
    level: Level,
    findings: Vec<Finding>,
}

/// Carries it out; the exit code is the level.
pub(crate) fn check(context: &Context<'_>, args: &Check) -> Result<u8, Fault> {
    let findings = match context.settings(&[]) {
        Ok(settings) => look(context, &settings),
        Err(fault) => vec![Finding {
            what: "configuration",
            level: Level::Critical,
            words: fault.words.into_owned(),
        }],
    };
    let level = findings
        .iter()
        .map(|f| f.level)
        .max_by_key(|l| l.weight())
        .unwrap_or(Level::Unknown);
    let report = Report { level, findings };
    let format = if context.out.json {
        CheckFormat::Json
    } else {
        args.format
    };
    let out = crate::out::Out {
        json: format == CheckFormat::Json,
        ..context.out
    };
    out.show(&report, || match format {
        CheckFormat::Nagios => report.nagios(),
        CheckFormat::Prometheus => report.prometheus(),
        CheckFormat::Text | CheckFormat::Json => report.text(),
    });
    Ok(level as u8)
}

fn look(context: &Context<'_>, settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<_> = files_of(settings)
        .into_iter()
        .map(|f| Finding {
            what: "files",
            level: Level::Critical,
            words: f.to_string(),
        })
        .collect();
    if let Ok(certificate) = certificate_of(settings) {
        findings.push(certificate_left(settings, certificate.not_after));
    }
    findings.push(disk(settings));
    match context.ask::<Status>(&Request::Status) {
        Ok(status) => {
            findings.extend(running(&status));
            // A relay without an exchange says so, and nothing is wrong with that.
            if let Ok(peers) = context.ask::<Vec<PeerStanding>>(&Request::Domains) {
                findings.extend(peers.iter().map(hospital));
            }
        }
        Err(fault) => findings.push(Finding {
            what: "relay",
            level: Level::Critical,
            words: fault.words.into_owned(),
        }),
    }
    findings
}

/// Another hospital, as far as something is wanted of it.
fn hospital(peer: &PeerStanding) -> Finding {
    /// Silent for longer than a short cut, seconds.
    const SILENT: u64 = 900;
    let silent = peer.heard_s.is_none_or(|s| s >= SILENT);
    let (level, words) = match &peer.trouble {
        Some(why) => (Level::Warning, format!("{}: {why}", peer.domain)),
        None if silent && peer.waiting > 0 => {
            let words = format!(
                "{}: silent, and {} requests wait for it",
                peer.domain, peer.waiting
            );
            (Level::Warning, words)
        }
        None => (Level::Ok, format!("{}: {} wait", peer.domain, peer.waiting)),
    };
    Finding {
        what: "hospital",
        level,
        words,
    }
}

fn certificate_left(settings: &Settings, not_after: i64) -> Finding {
    let now = i64::try_from(clock::now_ms() / 1000).unwrap_or(i64::MAX);
    let days = (not_after - now).div_euclid(24 * 3600);
    let within = |limit: u64| days < i64::try_from(limit).unwrap_or(i64::MAX);
    let level = match () {
        () if within(settings.tls.critical_days) => Level::Critical,
        () if within(settings.tls.warn_days) => Level::Warning,
        () => Level::Ok,
    };
    let words = if days < 0 {
        "has ended".to_owned()
    } else {
        format!("ends in {days} days")
    };
    Finding {
        what: "certificate",
        level,
        words,
    }
}

fn disk(settings: &Settings) -> Finding {
    let reserve = settings.store.reserve_mib << 20;
    match process::room(&settings.data) {
        Ok(room) => {
            let level = match () {
                () if room.free < reserve => Level::Critical,
                () if room.free < reserve.saturating_mul(2) => Level::Warning,
                () => Level::Ok,
            };
            Finding {
                what: "disk",
                level,
                words: format!("{} MiB free, {} MiB kept back", room.free >> 20, reserve >> 20),
            }
        }
        Err(e) => Finding {
            what: "disk",
            level: Level::Unknown,
            words: e.to_string(),
        },
    }
}

fn running(s: &Status) -> Vec<Finding> {
    let fenced: Vec<_> = s
        .partitions
        .iter()
        .filter(|p| p.fenced)
        .map(|p| p.partition.to_string())
        .collect();
    let store = match (fenced.is_empty(), s.writes_stopped) {
        (false, _) => (
            Level::Critical,
            format!("partition {} confirms nothing", fenced.join(", ")),
        ),
        (true, true) => (
            Level::Critical,
            "new events are refused for want of room (T-5002)".into(),
        ),
        (true, false) => (Level::Ok, format!("{} partitions", s.partitions.len())),
    };
    let waits = s.oldest_not_durable_ms.unwrap_or(0);
    let durable = match waits {
        0..=2_000 => Level::Ok,
        2_001..=30_000 => Level::Warning,
        _ => Level::Critical,
    };
    let ready = if s.standing == "serving" {
        Level::Ok
    } else {
        Level::Critical
    };
    let clock = if s.clock_steps == 0 && s.clock_agrees() {
        Level::Ok
    } else {
        Level::Warning
    };
    let mut findings = vec![
        Finding {
            what: "readiness",
            level: ready,
            words: s.standing.clone(),
        },
        Finding {
            what: "store",
            level: store.0,
            words: store.1,
        },
        Finding {
            what: "durability",
            level: durable,
            words: format!("oldest not durable: {waits} ms"),
        },
        Finding {
            what: "clock",
            level: clock,
            words: s.clock(),
        },
    ];
    findings.extend(cluster(s));
    findings
}

/// The worst of what the relay is in its partitions; nothing for a relay alone.
fn cluster(s: &Status) -> Option<Finding> {
    let one = |p: &PartitionStatus| {
        let m = p.member.as_ref()?;
        let (level, words) = match &m.lost {
            Some(why) => (Level::Critical, format!("cannot go on: {why}")),
            None if !m.active || m.phase != "following" => {
                let why = m.fenced.as_ref().map_or(String::new(), |why| format!(": {why}"));
                (Level::Critical, format!("{}{why}", m.phase))
            }
            None if m.heard * 2 <= m.seats => {
                let words = format!("no majority: {} of {} relays", m.heard, m.seats);
                (Level::Critical, words)
            }
            None if m.heard < m.seats => (Level::Warning, format!("{} of {} relays", m.heard, m.seats)),
            None => return Some((Level::Ok, format!("{} relays in every partition", m.seats))),
        };
        Some((level, format!("partition {}: {words}", p.partition)))
    };
    let (level, words) = s
        .partitions
        .iter()
        .filter_map(one)
        .max_by_key(|(l, _)| l.weight())?;
    Some(Finding {
        what: "cluster",
        level,
        words,
    })
}

impl Report {
    fn text(&self) -> String {
        let lines: String = self
            .findings
            .iter()
            .map(|f| format!("{:<9} {:<12} {}\n", f.level.word(), f.what, f.words))
            .collect();
        format!("{}\n{lines}", self.level.word())
    }

    /// One line: what is wrong first, else that all is well.
    fn nagios(&self) -> String {
        let bad: Vec<_> = self
            .findings
            .iter()
            .filter(|f| f.level != Level::Ok)
            .map(|f| format!("{} {}", f.what, f.words.replace('|', "/")))
            .collect();
        let words = if bad.is_empty() {
            "all is well".to_owned()
        } else {
            bad.join("; ")
        };
        format!(
            "TELESPHOR {} - {words} | findings={}",
            self.level.word(),
            bad.len()
        )
    }

    fn prometheus(&self) -> String {
        let head = "# HELP telesphor_relay_check Level of each check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n# TYPE telesphor_relay_check gauge\n";
        let lines: String = self
            .findings
            .iter()
            .map(|f| format!("telesphor_relay_check{{what=\"{}\"}} {}\n", f.what, f.level as u8))
            .collect();
        format!("{head}{lines}")
    }
}

/// 0 if it lives (with `--ready`: takes requests), else 1. Says nothing else.
pub(crate) fn healthcheck(context: &Context<'_>, args: &Healthcheck) -> u8 {
    match context.ask::<Status>(&Request::Status) {
        Ok(status) if !args.ready || status.standing == "serving" => Exit::Done as u8,
        _ => 1,
    }
}
