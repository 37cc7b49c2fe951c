//! What adding, removing and following cost beside bare openmls: processor time of both in one
//! run, interleaved, with the same suite, the same tree and both states serialised.

use std::collections::BTreeMap;

use openmls::prelude::Ciphersuite;
use telesphor_sealing::Suite;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::sign::SigningKey;

use super::bare::Bare;
use super::grow::{self, Keep, Tree};
use super::ours::{Ordered, Ours, Place};
use crate::error::{Result, odd};
use crate::measure::Meter;
use crate::report::Report;

/// Sizes that are measured.
const SIZES: [usize; 3] = [10, 100, 1_000];
/// At most so much of bare openmls' processor time.
const TARGET: f64 = 1.3;

/// Processor time of each operation, nanoseconds, by name.
#[derive(Default)]
struct Times(BTreeMap<&'static str, Vec<u64>>);

impl Times {
    fn take<T>(&mut self, what: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let meter = Meter::begin()?;
        let done = work()?;
        self.0.entry(what).or_default().push(meter.end()?);
        Ok(done)
    }

    fn median_us(&mut self, what: &str) -> f64 {
        let Some(all) = self.0.get_mut(what) else {
            return 0.0;
        };
        all.sort_unstable();
        all[all.len() / 2] as f64 / 1000.0
    }
}

/// Bytes of what goes over the wire, and of what is stored.
#[derive(Default)]
struct Bytes {
    add: usize,
    remove: usize,
    welcome: usize,
    stored: usize,
}

pub(crate) fn place(suite: Suite) -> Result<Place> {
    Ok(Place {
        mailbox: MailboxId(*Secret::random().expose()),
        domain: "load.example".parse().map_err(odd)?,
        suite,
        owner: SigningKey::generate().public(),
    })
}

const fn mls(suite: Suite) -> Ciphersuite {
    match suite {
        Suite::Classical => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
        Suite::HybridLight => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
        Suite::Hybrid => Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519,
    }
}

pub(crate) const fn named(suite: Suite) -> &'static str {
    match suite {
        Suite::Classical => "classical",
        _ => "hybrid",
    }
}

/// One member is let in and put out again, `rounds` times; with the state held in memory, or read
/// from its rows before each step.
fn measure(
    (suite, n, tree): (Suite, usize, Tree),
    rounds: usize,
    reload: bool,
) -> Result<(Times, Times, Bytes)> {
    let place = place(suite)?;
    let [mut a, mut b] = <[Ours; 2]>::try_from(grow::ours(&place, n, tree, Keep::Two)?)
        .map_err(|_| odd("two members are kept"))?;
    let [mut c, mut d] = grow::bare(mls(suite), n, tree)?;
    let (mut ours, mut bare, mut bytes) = (Times::default(), Times::default(), Bytes::default());
    for _ in 0..rounds {
        let (mut new, other) = (Ours::new(&place), Bare::new(mls(suite))?);
        let (package, theirs) = (new.package()?, other.package()?);
        let (commit, _) = bare.take("add", || {
            if reload {
                c.reload()?;
            }
            c.commit(vec![theirs], &[])
        })?;
        bare.take("add", || c.merge_own())?;
        bare.take("follow", || {
            if reload {
                d.reload()?;
            }
            d.follow(&commit)
        })?;
        let staged = ours.take("add", || {
            if reload {
                a.reload()?;
            }
            a.stage(vec![package], Vec::new())
        })?;
        let ordered = Ordered::of(&staged);
        bytes.add = ordered.len();
        bytes.welcome = staged.welcome.as_ref().map_or(0, |w| w.welcome.len());
        ours.take("add", || a.follow_ordered(&ordered).map(|_| ()))?;
        ours.take("follow", || {
            if reload {
                b.reload()?;
            }
            b.follow_ordered(&ordered).map(|_| ())
        })?;

        let (seat, their_seat) = (a.seat_of(&new)?, c.seat_of(&other)?);
        let (commit, _) = bare.take("remove", || {
            if reload {
                c.reload()?;
            }
            c.commit(Vec::new(), &[their_seat])
        })?;
        bare.take("remove", || c.merge_own())?;
        bare.take("follow", || {
            if reload {
                d.reload()?;
            }
            d.follow(&commit)
        })?;
        let staged = ours.take("remove", || {
            if reload {
                a.reload()?;
            }
            a.stage(Vec::new(), vec![seat])
        })?;
        let ordered = Ordered::of(&staged);
        bytes.remove = ordered.len();
        ours.take("remove", || a.follow_ordered(&ordered).map(|_| ()))?;
        ours.take("follow", || {
            if reload {
                b.reload()?;
            }
            b.follow_ordered(&ordered).map(|_| ())
        })?;
        bytes.stored = a.stored();
    }
    // Making and merging one's own are one operation: the halves are added up in pairs.
    for times in [&mut ours, &mut bare] {
        for what in ["add", "remove"] {
            let halves = times.0.remove(what).unwrap_or_default();
            let whole = halves.chunks(2).map(|pair| pair.iter().sum()).collect();
            times.0.insert(what, whole);
        }
    }
    Ok((ours, bare, bytes))
}

const fn rounds(n: usize) -> usize {
    match n {
        0..=50 => 60,
        51..=500 => 20,
        _ => 5,
    }
}

/// The scenario.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    for suite in [Suite::Hybrid, Suite::Classical] {
        report.section(&format!(
            "Care teams, {} suite: processor time beside bare openmls (microseconds, medians)",
            named(suite)
        ));
        report.note(&format!(
            "{:<16}{:>9}{:>9}{:>7}{:>10}{:>9}{:>7}{:>9}{:>9}{:>7}  {:>9}{:>9}{:>9}",
            "",
            "add",
            "bare",
            "",
            "remove",
            "bare",
            "",
            "follow",
            "bare",
            "",
            "commit B",
            "Welcome",
            "stored"
        ));
        for n in SIZES {
            for tree in [Tree::Warm, Tree::Cold] {
                line((suite, n, tree), report)?;
            }
        }
    }
    Ok(())
}

fn line((suite, n, tree): (Suite, usize, Tree), report: &mut Report) -> Result<()> {
    let name = format!("{n} {}", tree.name());
    let (mut ours, mut bare, bytes) = match measure((suite, n, tree), rounds(n), false) {
        Ok(measured) => measured,
        Err(error) => {
            report.note(&format!("{name:<16}refused: {error}"));
            return Ok(());
        }
    };
    let mut text = format!("{name:<16}");
    let mut ratios = Vec::new();
    for what in ["add", "remove", "follow"] {
        let (o, b) = (ours.median_us(what), bare.median_us(what));
        let ratio = o / b;
        text += &format!("{o:>9.0}{b:>9.0}{ratio:>6.2}x");
        report.keep(&format!("{} {name} {what}", named(suite)), (o, b));
        ratios.push((what, ratio));
    }
    text += &format!("  {:>9}{:>9}{:>9}", bytes.add, bytes.welcome, bytes.stored);
    report.note(&text);
    if bytes.add > MAX_PAYLOAD_BYTES {
        return Err(odd("a commit that the relay would refuse"));
    }
    for (what, ratio) in ratios {
        report.at_most_quietly(&format!("{} {name}, {what} / bare", named(suite)), ratio, TARGET);
    }
    Ok(())
}

/// The same with the group read from its rows before each step, as the product does.
pub(crate) fn run_reloading(report: &mut Report) -> Result<()> {
    report.section("The same, warm, with the group read from its rows before each step");
    for suite in [Suite::Hybrid, Suite::Classical] {
        for n in SIZES {
            let (mut ours, mut bare, _) = measure((suite, n, Tree::Warm), rounds(n), true)?;
            let mut text = format!("{:<10}{n:>6}", named(suite));
            for what in ["add", "remove", "follow"] {
                let (o, b) = (ours.median_us(what), bare.median_us(what));
                text += &format!("   {what} {o:.0} / {b:.0} = {:.2}x", o / b);
                report.keep(&format!("{} {n} {what}, read anew", named(suite)), (o, b));
            }
            report.note(&text);
        }
    }
    Ok(())
}
