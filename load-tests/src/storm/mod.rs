//! The change of shift at seven in the morning: as many come as go, and each who comes wants the
//! chart of every patient.
//!
//! Everybody is a real agent of this one process with a vault on the disk; only the relay is
//! another process. So agents, relay and database share this machine's processors, where a ward
//! would have dozens. Who comes was off since before the teams were there: the program learns of
//! the roster, of the teams and of its seats only after the badge.

mod front;
mod ward;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use telesphor_agent::Agent;
use telesphor_chaos::relay::Relay;
use telesphor_wire::ids::DocumentId;
use tokio::runtime::Runtime;

use crate::error::{Result, odd};
use crate::measure::cpu_us;
use crate::report::Report;
use front::{Front, Gauge, Passed};
use ward::{House, PATIENCE, Person};

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
}

/// What a part of the change took.
struct Took {
    seconds: f64,
    relay_ms: f64,
    agents_ms: f64,
    passed: Passed,
}

struct Meter {
    relay: u32,
    gauge: Gauge,
    began: Instant,
    cpu: [u64; 2],
    passed: Passed,
}

impl Meter {
    fn begin(relay: u32, gauge: &Gauge) -> Result<Self> {
        Ok(Self {
            relay,
            gauge: gauge.clone(),
            cpu: [cpu_us(relay)?, cpu_us(std::process::id())?],
            passed: gauge.now(),
            began: Instant::now(),
        })
    }

    fn end(&self) -> Result<Took> {
        let ms = |before: u64, pid: u32| Ok::<_, crate::error::Error>((cpu_us(pid)? - before) as f64 / 1e3);
        Ok(Took {
            seconds: self.began.elapsed().as_secs_f64(),
            relay_ms: ms(self.cpu[0], self.relay)?,
            agents_ms: ms(self.cpu[1], std::process::id())?,
            passed: self.gauge.now().since(self.passed),
        })
    }
}

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, size: Size, report: &mut Report) -> Result<()> {
    let folder = folder.join("storm");
    let front = runtime.block_on(Front::bind())?;
    let mut relay = Relay::init_behind(&folder, "load.example", front.address()?)?;
    relay.start()?;
    runtime.block_on(async {
        let gauge = front.begin(relay.address());
        change(&relay, &folder, size, gauge, report).await
    })?;
    relay.kill()?;
    Ok(())
}

async fn change(relay: &Relay, folder: &Path, size: Size, gauge: Gauge, report: &mut Report) -> Result<()> {
    let Size {
        wards,
        patients,
        staff,
        phones,
    } = size;
    report.section(&format!(
        "07:00 in {wards} wards of {patients} patients: {staff} go and {staff} come in each"
    ));
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let began = Instant::now();
    let mut house = House::open(relay, folder, (wards, patients, staff)).await?;
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
    let meter = Meter::begin(pid, &gauge)?;
    house.publish(true, true).await?;
    house
        .wait_edition(house.wards.iter().flat_map(|w| &w.day))
        .await?;
    house.hospital.agent()?.settle(PATIENCE).await.map_err(odd)?;
    tell("new editions", &meter.end()?, report);

    let meter = Meter::begin(pid, &gauge)?;
    let mut coming = Vec::new();
    for (n, ward) in house.wards.iter_mut().enumerate() {
        let charts: Vec<DocumentId> = ward.patients.iter().map(|p| p.chart).collect();
        let night = std::mem::take(&mut ward.night).into_iter();
        coming.extend(night.map(|person| badge_in(n, person, charts.clone())));
    }
    let (mut times, mut firsts) = (Vec::new(), Vec::new());
    for (n, person, read) in try_join_all(coming).await? {
        house.wards[n].night.push(person);
        firsts.extend(read.first());
        times.extend(read);
    }
    tell("coming, to the last chart", &meter.end()?, report);
    let to_chart = meter.end()?;
    times.sort_unstable_by(f64::total_cmp);
    firsts.sort_unstable_by(f64::total_cmp);
    let at = |times: &[f64], share: f64| times[((times.len() - 1) as f64 * share).ceil() as usize];
    report.figure("badge to the first of one's charts, p50", at(&firsts, 0.5), "s");
    report.figure("badge to the first of one's charts, p99", at(&firsts, 0.99), "s");
    report.figure("badge to a chart, first", at(&times, 0.0), "s");
    report.figure("badge to a chart, p50", at(&times, 0.5), "s");
    report.at_most("badge to a chart, p99", at(&times, 0.99), 5.0, "s");
    house.sit(true, true).await?;
    tell("coming, to the last seat", &meter.end()?, report);
    // Then what is said for the record, by and by; here at once.
    house.settle(true, true).await?;
    tell("coming, to the last word", &meter.end()?, report);
    let all = meter.end()?;
    let (came, said) = (house.epochs(true).await?, house.events(true).await?);

    let meter = Meter::begin(pid, &gauge)?;
    house.publish(false, true).await?;
    house.sit(false, true).await?;
    tell("going, to the last member's new epoch", &meter.end()?, report);
    let went = house.epochs(true).await?;
    let teams = (wards * patients) as f64;
    report.figure("changes of each team, coming", (came - epochs) as f64 / teams, "");
    report.figure("changes of each team, going", (went - came) as f64 / teams, "");
    report.figure("events of each team, coming", (said - events) as f64 / teams, "");
    let agents = (wards * 2 * staff) as f64;
    report.figure(
        "processor time of one of the staff, to the last chart",
        to_chart.agents_ms / agents,
        "ms",
    );
    report.figure(
        "the same, with all that is said after",
        all.agents_ms / agents,
        "ms",
    );
    report.figure(
        "processors busy, to the last chart",
        (to_chart.agents_ms + to_chart.relay_ms) / 10.0 / to_chart.seconds / processors(),
        "%",
    );
    Ok(())
}

fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

fn tell(what: &str, took: &Took, report: &mut Report) {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    report.note(&format!(
        "{what}: {:.1} s, relay {:.0} ms and agents {:.0} ms of processor time, {:.1} MB up, {:.1} MB down",
        took.seconds,
        took.relay_ms,
        took.agents_ms,
        mb(took.passed.up),
        mb(took.passed.down)
    ));
    let kept = (
        took.seconds,
        took.relay_ms,
        took.agents_ms,
        took.passed.up,
        took.passed.down,
    );
    report.keep(&format!("storm, {what}: s, ms, ms, B, B"), kept);
}

/// Opens the vault and waits until every chart can be read; when each could, seconds.
async fn badge_in(
    ward: usize,
    mut person: Person,
    charts: Vec<DocumentId>,
) -> Result<(usize, Person, Vec<f64>)> {
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
