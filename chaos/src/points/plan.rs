//! Which points there are: counted in a run in which nothing breaks.

use std::collections::BTreeMap;
use std::path::Path;

use super::script::{Ground, Lines};
use super::{Fault, Kind, Point, Stream, tracer};
use crate::campaign::CampaignError;

/// Calls beyond those counted, since two runs never group their work quite alike.
const BEYOND: u32 = 2;

/// How many calls of each kind each stream makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan(pub BTreeMap<(Stream, Kind), u32>);

/// Streams and kinds whose calls may fail instead of killing: those on which promises hang.
pub const fn streams(stream: Stream, kind: Kind) -> &'static [Fault] {
    match (stream, kind) {
        (Stream::Start | Stream::Writer | Stream::Syncer, Kind::Sync) | (Stream::Writer, Kind::Write) => {
            &[Fault::Kill, Fault::InputOutput]
        }
        _ => &[Fault::Kill],
    }
}

impl Plan {
    /// Every point, in a fixed order.
    pub fn points(&self) -> Vec<Point> {
        let mut all = Vec::new();
        for ((stream, kind), calls) in &self.0 {
            for fault in streams(*stream, *kind) {
                all.extend((1..=calls + BEYOND).map(|nth| Point {
                    stream: *stream,
                    kind: *kind,
                    fault: *fault,
                    nth,
                }));
            }
        }
        all
    }

    /// As a text that [`Plan::read`] reads.
    pub fn write(&self) -> String {
        let line = |((stream, kind), calls): (&(Stream, Kind), &u32)| {
            format!("{} {} {calls}\n", stream.word(), kind.word())
        };
        self.0.iter().map(line).collect()
    }

    /// Reads what [`Plan::write`] wrote; lines that mean nothing count for nothing.
    pub fn read(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split(' ');
            let (stream, kind, calls) = (words.next()?, words.next()?, words.next()?);
            let stream = Stream::ALL.into_iter().find(|s| s.word() == stream)?;
            let kind = Kind::ALL.into_iter().find(|k| k.word() == kind)?;
            Some(((stream, kind), calls.parse().ok()?))
        };
        Self(text.lines().filter_map(line).collect())
    }
}

/// Counts the calls of the script, stream by stream.
///
/// # Errors
/// [`CampaignError`] if the script cannot be carried through.
pub async fn count(folder: &Path, binary: &Path) -> Result<Plan, CampaignError> {
    let mut plan = Plan::default();
    for stream in Stream::ALL {
        let folder = folder.join(format!("counting-{}", stream.word()));
        let mut ground = Ground::lay(&folder, binary).await?;
        let notes = folder.join("calls");
        ground.run(stream, None, &notes, &mut Lines::default()).await?;
        ground.end()?;
        let text = std::fs::read_to_string(&notes).unwrap_or_default();
        for (kind, calls) in tracer::counted(&text) {
            plan.0.insert((stream, kind), calls);
        }
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_goes_on_with_other_points() {
        let plan = Plan(BTreeMap::from([
            ((Stream::Start, Kind::Sync), 2),
            ((Stream::Traces, Kind::Write), 1),
        ]));
        assert_eq!(Plan::read(&plan.write()), plan);
        assert_eq!(plan.points().len(), 2 * (2 + 2) + (1 + 2));
        assert_eq!(plan.points()[0].to_string(), "start sync kill 1");
    }
}
