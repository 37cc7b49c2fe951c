//! `device`, `follow`.

use std::io::BufRead;
use std::time::Duration;
use telesphor_agent::views::Live;
use telesphor_agent::{Agent, Measured};

use super::names::Names;
use super::running::stop_after;
use super::session::Here;
use crate::args::{self, Device};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Form, Row};
use crate::shown;

/// Values of one batch: what comes within this time goes together.
const BATCH: Duration = Duration::from_millis(500);
/// Values that may wait between stdin and the vault.
const QUEUE: usize = 1024;

/// `device ...`.
pub(super) async fn device(here: &Here<'_>, act: &Device) -> Result<Exit> {
    match act {
        Device::Pair(args) => {
            let agent = here.open(true).await?;
            agent.pair(&args.device).await?;
            here.out
                .words("paired: the machine joins when it comes online. Then: telesphor device attach");
            settled(here, agent).await
        }
        Device::Attach(args) => {
            let agent = here.open(true).await?;
            agent.attach(&args.device, &args.to).await?;
            devices(here, &agent).await?;
            settled(here, agent).await
        }
        Device::Detach(args) => {
            let agent = here.open(true).await?;
            agent.detach(&args.device).await?;
            here.out
                .words("detached: what it measures from now on is nobody's");
            settled(here, agent).await
        }
        Device::Let(args) => {
            let agent = here.open(true).await?;
            let who = agent.contact(&args.who).await?;
            super::sharing::refuse_unverified(here, &who, args.unverified)?;
            agent.let_follow(&args.device, &args.who).await?;
            here.out.words(&format!(
                "{} can follow it from now on: telesphor follow",
                who.alias
            ));
            settled(here, agent).await
        }
        Device::List => {
            let (agent, stale) = here.open_fresh().await?;
            devices(here, &agent).await?;
            here.finish(agent, stale).await
        }
        Device::Stream(args) => stream(here, args).await,
        Device::Simulate(args) => simulate(here, args).await,
    }
}

/// Done when the relay has it, else what the waiting ended with.
async fn settled(here: &Here<'_>, agent: Agent) -> Result<Exit> {
    let settled = agent.settle(here.wait()).await;
    agent.close().await;
    settled.map(|()| Exit::Done).map_err(Fault::from)
}

async fn devices(here: &Here<'_>, agent: &Agent) -> Result<()> {
    let names = Names::load(agent).await?;
    let devices = agent.devices().await?;
    let rows: Vec<Row> = devices
        .iter()
        .map(|d| shown::device(here.out, d, |id| names.of(id)))
        .collect();
    here.out.list(&rows, "no machine: telesphor device pair WHO")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `device stream`: numbers from stdin, sent as they come.
async fn stream(here: &Here<'_>, args: &args::DeviceStream) -> Result<Exit> {
    let agent = here.open(true).await?;
    let period_ms = millis(args.every).max(1);
    let (to, mut lines) = tokio::sync::mpsc::channel::<Result<Option<f64>>>(QUEUE);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let value = line.map_err(Fault::from).and_then(|line| value(&line));
            let ends = value.is_err();
            if to.blocking_send(value).is_err() || ends {
                return;
            }
        }
    });
    let mut sent = 0;
    let stop = stop_after(None);
    tokio::pin!(stop);
    loop {
        let first = tokio::select! {
            () = &mut stop => break,
            first = lines.recv() => match first {
                Some(first) => first?,
                None => break,
            },
        };
        let start = here.now_ms();
        let mut values = vec![first];
        let until = tokio::time::Instant::now() + BATCH;
        while let Ok(Some(next)) = tokio::time::timeout_at(until, lines.recv()).await {
            values.push(next?);
        }
        sent += values.len();
        let measured = Measured {
            what: args.what.clone(),
            unit: args.unit.clone(),
            start,
            period_ms,
            values,
            simulated: false,
        };
        agent.stream(measured).await?;
        report(here, sent)?;
    }
    settled(here, agent).await
}

/// One line of stdin: a number, or nothing for a gap.
fn value(line: &str) -> Result<Option<f64>> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    match line.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(Fault::usage("stdin: one number a line, an empty line for a gap")),
    }
}

fn report(here: &Here<'_>, sent: usize) -> Result<()> {
    if here.out.form == Form::Json {
        here.out.one(&Row::new().both("sent", "SENT", sent as u64, ""))?;
    }
    Ok(())
}

/// `device simulate`: one value a second around a resting pulse, marked as made up.
async fn simulate(here: &Here<'_>, args: &args::DeviceSimulate) -> Result<Exit> {
    const PERIOD: Duration = Duration::from_secs(1);
    let agent = here.open(true).await?;
    here.out.words("made-up values, marked as such; Ctrl-C ends it");
    let stop = stop_after(args.duration);
    tokio::pin!(stop);
    let mut tick = tokio::time::interval(PERIOD);
    let mut sent: u32 = 0;
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = tick.tick() => {}
        }
        let phase = f64::from(sent) / 9.0;
        let measured = Measured {
            what: args.what.clone(),
            unit: "/min".to_owned(),
            start: here.now_ms(),
            period_ms: millis(PERIOD),
            values: vec![Some((72.0 + 6.0 * phase.sin()).round())],
            simulated: true,
        };
        agent.stream(measured).await?;
        sent += 1;
        report(here, sent as usize)?;
    }
    settled(here, agent).await
}

/// `follow`: one line for each batch; a line that says so when nothing comes.
pub(super) async fn follow(here: &Here<'_>, args: &args::Follow) -> Result<Exit> {
    if args.what != "vitals" {
        return Err(Fault::usage(format!(
            "nothing to follow is called {}; there is: vitals",
            args.what
        )));
    }
    let agent = here.open(true).await?;
    let names = Names::load(&agent).await?;
    let mut live = agent.follow(&args.who).await?;
    here.out.words("This is not an alarm system. Ctrl-C ends it.");
    let stop = stop_after(args.duration);
    tokio::pin!(stop);
    loop {
        let came = tokio::select! {
            () = &mut stop => break,
            came = live.recv() => came,
        };
        match came {
            Some(Live::Samples(samples)) if here.out.form == Form::Json => {
                here.out.one(&shown::samples::row(&samples))?;
            }
            Some(Live::Samples(samples)) => {
                let patient = samples
                    .patient
                    .as_ref()
                    .map_or_else(|| "unassigned".to_owned(), |id| names.of(id));
                here.out
                    .data(&shown::samples::line(here.out, &samples, &patient))?;
            }
            Some(Live::Stale { age_ms }) if here.out.form == Form::Json => {
                here.out.one(
                    &Row::new()
                        .text("state", "", "stale")
                        .both("age_ms", "", age_ms, ""),
                )?;
            }
            Some(Live::Stale { age_ms }) => {
                here.out
                    .data(&format!("STALE, nothing for {} s", age_ms / 1000))?;
            }
            Some(Live::Ended) => {
                here.out.data(if here.out.form == Form::Json {
                    r#"{"v":1,"state":"ended"}"#
                } else {
                    "ended: detached, or the right to look is over"
                })?;
                break;
            }
            None => break,
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::value;

    #[test]
    fn a_gap_is_a_gap_and_nonsense_is_no_value() {
        assert_eq!(value("").unwrap(), None);
        assert_eq!(value(" 72.5 ").unwrap(), Some(72.5));
        for bad in ["NaN", "inf", "7 2", "0x10", "72,5"] {
            assert!(value(bad).is_err(), "{bad}");
        }
    }
}
