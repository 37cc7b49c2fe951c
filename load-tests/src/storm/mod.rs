//! The change of shift at seven in the morning: as many come as go, and each who comes wants the
//! chart of every patient.
//!
//! Everybody is a real agent of this one process with a vault on the disk; only the relay is
//! another process. So agents, relay and database share this machine's processors, where a ward
//! would have dozens. Who comes was off since before the teams were there: the program learns of
//! the roster, of the teams and of its seats only after the badge.

mod front;
mod handles;
mod meter;
mod ward;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use telesphor_agent::Agent;
use telesphor_chaos::relay::Relay;
use telesphor_wire::ids::DocumentId;
use tokio::runtime::{Handle, Runtime};

use crate::error::{Result, odd};
use crate::report::{Report, line_err};
use front::{Front, Gauge};
use meter::{DESK, Meter, Took, tell};
use ward::{Extent, House, PATIENCE, Person};

/// Between two looks for charts.
const LOOK: Duration = Duration::from_millis(20);

/// What a ward has.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Size {
    /// Wards whose shift changes
    #[arg(long, default_value_t = 1)]
    wards: usize,
    /// Patients of each ward
    #[arg(long, default_value_t = 5)]
    patients: usize,
    /// Staff of each shift
    #[arg(long, default_value_t = 4)]
    staff: usize,
    /// The patients' phones stay on
    #[arg(long)]
    phones: bool,
    /// Each ward has a roster service of its own, instead of all wards one together
    #[arg(long)]
    apart: bool,
    /// Seconds over which the wards are spread, one shift after another; 0: all at once
    #[arg(long, default_value_t = 0)]
    over: u64,
}

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, size: Size, report: &mut Report) -> Result<()> {
    handles::allow(size.wards * (size.patients + 2 * size.staff))?;
    let folder = folder.join("storm");
    let front = runtime.block_on(Front::bind())?;
    let mut relay = Relay::init_behind(&folder, "load.example", front.address()?)?;
    relay.start()?;
    let desk = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(DESK)
        // What a thread has used is forgotten when it ends.
        .thread_keep_alive(PATIENCE * 6)
        .enable_all()
        .build()?;
    let changed = runtime.block_on(async {
        let gauge = front.begin(relay.address());
        change(&relay, &folder, size, &gauge, desk.handle(), report).await
    });
    desk.shutdown_background();
    changed?;
    relay.kill()?;
    Ok(())
}

async fn change(
    relay: &Relay,
    folder: &Path,
    size: Size,
    gauge: &Gauge,
    desk: &Handle,
    report: &mut Report,
) -> Result<()> {
    let Size {
        wards,
        patients,
        staff,
        phones,
        apart,
        over,
    } = size;
    report.section(&format!(
        "07:00 in {wards} wards of {patients} patients, {staff} go and {staff} come in each, over {over} s; {}",
        if apart {
            "a roster service for each ward"
        } else {
            "one roster service"
        }
    ));
    let began = Instant::now();
    let extent = Extent {
        wards,
        patients,
        staff,
        apart,
    };
    let mut house = House::open(relay, folder, extent, desk).await?;
    report.figure("setting up", began.elapsed().as_secs_f64(), "s");
    for ward in &mut house.wards {
        for patient in ward.patients.iter_mut().filter(|_| !phones) {
            patient.person.off().await?;
        }
        for person in &ward.day {
            person.agent()?.settle(PATIENCE).await.map_err(odd)?;
        }
    }
    let (epochs, events) = (house.epochs(false).await?, house.events(false).await?);

    // The editions that bring those who come; they are not there to get them.
    let meter = Meter::begin(relay, gauge)?;
    line_err("  set up; those who come are announced");
    house.publish(true, true).await?;
    house.published().await?;
    tell("new editions", &meter.end()?, report);

    line_err("  announced; they come");
    let meter = Meter::begin(relay, gauge)?;
    let mut coming = Vec::new();
    for (n, ward) in house.wards.iter_mut().enumerate() {
        let charts: Vec<DocumentId> = ward.patients.iter().map(|p| p.chart).collect();
        let night = std::mem::take(&mut ward.night).into_iter();
        let turn = Duration::from_secs(over) * n as u32 / wards as u32;
        coming.extend(night.map(|person| badge_in(n, person, charts.clone(), turn)));
    }
    let mut times = vec![Times::default(); wards];
    for (n, person, read) in try_join_all(coming).await? {
        house.wards[n].night.push(person);
        times[n].firsts.extend(read.first());
        times[n].all.extend(read);
    }
    let to_chart = meter.end()?;
    tell("coming, to the last chart", &to_chart, report);
    latency(times, report);
    house.sit(true, true).await?;
    tell("coming, to the last seat", &meter.end()?, report);
    line_err("  all sit; what is said for the record");
    // Then what is said for the record, by and by; here at once.
    house.settle(true, true).await?;
    let all = meter.end()?;
    tell("coming, to the last word", &all, report);
    let (came, said) = (house.epochs(true).await?, house.events(true).await?);
    let packages = house.packages().await?;

    line_err("  all said; the others go");
    let meter = Meter::begin(relay, gauge)?;
    house.publish(false, true).await?;
    house.sit(false, true).await?;
    tell("going, to the last member's new epoch", &meter.end()?, report);
    let went = house.epochs(true).await?;
    let teams = (wards * patients) as f64;
    report.figure("changes of each team, coming", (came - epochs) as f64 / teams, "");
    report.figure("changes of each team, going", (went - came) as f64 / teams, "");
    report.figure("events of each team, coming", (said - events) as f64 / teams, "");
    report.figure("key packages made, of 4 KiB", packages as f64, "");
    report.figure(
        "key packages for each seat",
        packages as f64 / (teams * staff as f64),
        "",
    );
    shares(&to_chart, &all, size, report);
    Ok(())
}

/// What is whose of the processors' time.
fn shares(to_chart: &Took, all: &Took, size: Size, report: &mut Report) {
    let people = (size.wards * 2 * size.staff) as f64;
    let own = |took: &Took| (took.agents_ms - took.desk_ms) / people;
    report.figure(
        "processor time of one of the staff, to the last chart",
        own(to_chart),
        "ms",
    );
    report.figure("the same, with all that is said after", own(all), "ms");
    let wards = size.wards as f64;
    report.figure(
        "the roster service's for each ward, with all after",
        all.desk_ms / wards,
        "ms",
    );
    report.figure(
        "the relay's for each ward, with all after",
        all.relay_ms / wards,
        "ms",
    );
    report.figure(
        "appends for each ward, with all after",
        all.appends as f64 / wards,
        "",
    );
    report.figure(
        "processors busy, to the last chart",
        (to_chart.agents_ms + to_chart.relay_ms) / 10.0 / to_chart.seconds / processors(),
        "%",
    );
    report.figure(
        "of that for what a ward's own devices do",
        100.0 * (to_chart.agents_ms - to_chart.desk_ms) / (to_chart.agents_ms + to_chart.relay_ms),
        "%",
    );
}

/// When charts could be read in one ward, seconds from their readers' badges.
#[derive(Clone, Default)]
struct Times {
    firsts: Vec<f64>,
    all: Vec<f64>,
}

fn at(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).ceil() as usize]
}

/// Over everybody, and ward by ward.
fn latency(wards: Vec<Times>, report: &mut Report) {
    let p99s = |of: fn(&Times) -> &Vec<f64>| wards.iter().map(|t| at(of(t), 0.99)).collect::<Vec<_>>();
    if wards.len() > 1 {
        let (firsts, all) = (p99s(|t| &t.firsts), p99s(|t| &t.all));
        for (share, ward) in [
            (0.0, "quickest ward"),
            (0.5, "median ward"),
            (1.0, "slowest ward"),
        ] {
            report.figure(
                &format!("first of one's charts, p99, {ward}"),
                at(&firsts, share),
                "s",
            );
            report.figure(&format!("a chart, p99, {ward}"), at(&all, share), "s");
        }
    }
    let firsts: Vec<f64> = wards.iter().flat_map(|t| t.firsts.clone()).collect();
    let all: Vec<f64> = wards.iter().flat_map(|t| t.all.clone()).collect();
    report.figure("badge to the first of one's charts, p50", at(&firsts, 0.5), "s");
    report.at_most(
        "badge to the first of one's charts, p99",
        at(&firsts, 0.99),
        5.0,
        "s",
    );
    report.figure("badge to a chart, first", at(&all, 0.0), "s");
    report.figure("badge to a chart, p50", at(&all, 0.5), "s");
    report.figure("badge to a chart, p99", at(&all, 0.99), "s");
}

fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// Opens the vault when the ward has its turn, and waits until every chart can be read; when each could, seconds.
async fn badge_in(
    ward: usize,
    mut person: Person,
    charts: Vec<DocumentId>,
    turn: Duration,
) -> Result<(usize, Person, Vec<f64>)> {
    tokio::time::sleep(turn).await;
    let began = Instant::now();
    person.on().await?;
    let mut times = Vec::with_capacity(charts.len());
    let mut waiting: Vec<String> = charts.iter().map(ToString::to_string).collect();
    while !waiting.is_empty() {
        if began.elapsed() > PATIENCE {
            return Err(odd(format!(
                "{}: {} charts never came",
                person.name,
                waiting.len()
            )));
        }
        let mut left = Vec::new();
        for chart in waiting {
            if readable(person.agent()?, &chart).await {
                times.push(began.elapsed().as_secs_f64());
            } else {
                left.push(chart);
            }
        }
        waiting = left;
        person.agent()?.changed(Duration::from_millis(100)).await;
        // As often as somebody would look at a screen, and no oftener.
        tokio::time::sleep(LOOK).await;
    }
    Ok((ward, person, times))
}

/// Looks whether it is there before it is opened: an opening that fails is a transaction all the
/// same, and tells everybody that something has changed.
async fn readable(agent: &Agent, chart: &str) -> bool {
    agent.document(chart).await.is_ok() && agent.read(chart).await.is_ok()
}
