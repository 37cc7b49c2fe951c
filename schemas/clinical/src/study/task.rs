//! Numbers of which only the sum is ever seen.
//!
//! A number leaves in two halves, each of which alone is random: one to each of the two who add
//! up. Both add noise; both refuse a batch of fewer than a hundred. How the halves are made and
//! checked is the research crate's job; here is what is added up.

use serde::{Deserialize, Serialize};

use super::ask::{Criterion, Pick};
use super::facts::Facts;
use crate::text::{Text, bounded};

/// Buckets of one histogram, and parts of one vector.
pub const MAX_LENGTH: usize = 64;
/// No batch of fewer is ever added up.
pub const LEAST_BATCH: usize = 100;
/// A number has at most so many bits.
const MAX_BITS: u8 = 24;
/// Privacy that is spent by one sum, thousandths of epsilon.
const EPSILON: std::ops::RangeInclusive<u32> = 10..=20_000;
const MAX_WORD: usize = 128;

/// A measured number as a whole one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The newest of these.
    pub pick: Pick,
    /// What counts as 0, thousandths.
    pub from: i64,
    /// One step, thousandths.
    pub step: u32,
    /// So many bits; what is larger counts as the largest.
    pub bits: u8,
}

/// How often numbers lie where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// The newest of these.
    pub pick: Pick,
    /// Where one bucket ends and the next begins, thousandths, rising.
    #[serde(deserialize_with = "bounded::<{ MAX_LENGTH }, _, _>")]
    pub edges: Vec<i64>,
}

/// A feature of a model: the newest of these, less the middle, by the spread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The newest of these.
    pub pick: Pick,
    /// Thousandths.
    pub middle: i64,
    /// Thousandths.
    pub spread: u32,
}

/// One step of training: which way each weight of a logistic model should move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gradient {
    /// What is known of somebody.
    #[serde(deserialize_with = "bounded::<{ MAX_LENGTH }, _, _>")]
    pub features: Vec<Feature>,
    /// What the model is to foretell.
    pub label: Criterion,
    /// The weights so far, thousandths: the constant one first.
    #[serde(deserialize_with = "bounded::<{ MAX_LENGTH }, _, _>")]
    pub weights: Vec<i64>,
    /// So many bits of each.
    pub bits: u8,
}

crate::open_tagged! {
    /// What is added up.
    pub enum SumKind {
        /// How many fit.
        1 => Count(Criterion),
        /// The sum of a number.
        2 => Sum(Measured),
        /// How many lie in each bucket.
        3 => Histogram(Buckets),
        /// A step of training.
        4 => Gradient(Gradient),
    }
}

/// One sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumTask {
    /// By which name it is listed.
    pub name: Text,
    /// What is added up.
    pub kind: SumKind,
    /// Privacy that it spends for each of the two who add up, thousandths of epsilon.
    pub epsilon_milli: u32,
}

/// The form in which numbers are cut in halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many numbers of so many bits.
    Vector(u16, u8),
    /// One of so many buckets.
    Histogram(u16),
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // clipped first
fn whole(x: f64, most: u64) -> u64 {
    x.clamp(0.0, most as f64).round() as u64
}

const fn most(bits: u8) -> u64 {
    (1 << bits) - 1
}

impl Gradient {
    /// Of one person, each between -1 and 1; nothing if the record does not say enough.
    #[allow(clippy::cast_precision_loss)] // small numbers that people wrote
    fn of(&self, facts: &Facts) -> Option<Vec<f64>> {
        let mut x = vec![1.0];
        for feature in &self.features {
            let milli = facts.number(&feature.pick)? * 1000.0 - feature.middle as f64;
            x.push((milli / f64::from(feature.spread)).clamp(-1.0, 1.0));
        }
        let sum: f64 = x
            .iter()
            .zip(&self.weights)
            .map(|(x, w)| x * *w as f64 / 1000.0)
            .sum();
        let foretold = 1.0 / (1.0 + (-sum).exp());
        let error = foretold - f64::from(u8::from(facts.fits(&self.label)));
        Some(x.into_iter().map(|x| (error * x).clamp(-1.0, 1.0)).collect())
    }

    /// The mean of `n` people's, from the sum of what was sent.
    #[allow(clippy::cast_precision_loss)] // sums of a few thousand people
    pub fn mean(&self, sums: &[i128], n: u64) -> Vec<f64> {
        let unit = most(self.bits) as f64;
        sums.iter()
            .map(|sum| *sum as f64 / n.max(1) as f64 / unit * 2.0 - 1.0)
            .collect()
    }
}

impl SumTask {
    /// What is wrong with it.
    pub fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() || self.name.as_str().len() > MAX_WORD {
            return Some("a sum without a name, or with a long one");
        }
        if !EPSILON.contains(&self.epsilon_milli) {
            return Some("epsilon lies between 0.01 and 20");
        }
        let bits = |bits: u8| (1..=MAX_BITS).contains(&bits);
        match &self.kind {
            SumKind::Count(criterion) => criterion.fault(),
            SumKind::Sum(measured) if bits(measured.bits) && measured.step > 0 => None,
            SumKind::Sum(_) => Some("a sum without a step, or of too many bits"),
            SumKind::Histogram(buckets) => {
                let rises = buckets.edges.windows(2).all(|w| w[0] < w[1]);
                match rises && !buckets.edges.is_empty() {
                    true => None,
                    false => Some("a histogram whose edges do not rise"),
                }
            }
            SumKind::Gradient(g) => {
                let fits = g.weights.len() == g.features.len() + 1 && g.features.len() < MAX_LENGTH;
                let spread = g.features.iter().all(|f| f.spread > 0);
                match fits && spread && bits(g.bits) && g.bits >= 4 {
                    true => g.label.fault(),
                    false => {
                        Some("a model needs one weight more than it has features, and a spread for each")
                    }
                }
            }
            SumKind::Foreign(_) => Some("a sum of a newer version"),
        }
    }

    /// In which form it is cut in halves.
    pub fn shape(&self) -> Option<Shape> {
        let short = |n: usize| u16::try_from(n).ok();
        Some(match &self.kind {
            SumKind::Count(_) => Shape::Vector(1, 1),
            SumKind::Sum(measured) => Shape::Vector(1, measured.bits),
            SumKind::Histogram(buckets) => Shape::Histogram(short(buckets.edges.len() + 1)?),
            SumKind::Gradient(g) => Shape::Vector(short(g.weights.len())?, g.bits),
            SumKind::Foreign(_) => return None,
        })
    }

    /// The numbers of one person: of a histogram the bucket. Nothing if the record does not say.
    #[allow(clippy::cast_precision_loss)] // limits are written by people
    pub fn measure(&self, facts: &Facts) -> Option<Vec<u64>> {
        Some(match &self.kind {
            SumKind::Count(criterion) => vec![u64::from(facts.fits(criterion))],
            SumKind::Sum(m) => {
                let milli = facts.number(&m.pick)? * 1000.0 - m.from as f64;
                vec![whole(milli / f64::from(m.step), most(m.bits))]
            }
            SumKind::Histogram(b) => {
                let milli = facts.number(&b.pick)? * 1000.0;
                vec![b.edges.iter().filter(|edge| milli >= **edge as f64).count() as u64]
            }
            SumKind::Gradient(g) => {
                let unit = most(g.bits);
                let all = g.of(facts)?;
                all.iter()
                    .map(|g| whole((g + 1.0) / 2.0 * unit as f64, unit))
                    .collect()
            }
            SumKind::Foreign(_) => return None,
        })
    }

    /// In words, for whoever is asked.
    pub fn words(&self) -> String {
        let what = match &self.kind {
            SumKind::Count(criterion) => format!("how many people fit: {}", criterion.words()),
            SumKind::Sum(m) => format!("the sum of the newest {}", m.pick.words()),
            SumKind::Histogram(b) => format!(
                "how many people's newest {} lies in each of {} ranges",
                b.pick.words(),
                b.edges.len() + 1
            ),
            SumKind::Gradient(g) => {
                let names: Vec<String> = g.features.iter().map(|f| f.pick.words()).collect();
                format!(
                    "one step of a model that foretells \"{}\" from {}",
                    g.label.words(),
                    names.join(", ")
                )
            }
            SumKind::Foreign(_) => "something that only a newer version knows".to_owned(),
        };
        format!("{}: {what}", self.name.shown())
    }
}
