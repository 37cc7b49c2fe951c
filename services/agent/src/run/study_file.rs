//! A study as a file.

use serde::Deserialize;
use telesphor_agent::{Agent, StudyDraft};
use telesphor_clinical::lab::order::Sex;
use telesphor_clinical::study::ask::{AgeIn, Criterion, Field, FieldKind, Parts, Pick, ValueIn};
use telesphor_clinical::study::task::{Buckets, Feature, Gradient, Measured, SumKind, SumTask};
use telesphor_clinical::study::{StudyDates, Told};
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::fault::{Fault, Result};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StudyFile {
    name: String,
    purpose: String,
    approval: String,
    until: String,
    min_cell: u16,
    #[serde(default = "month")]
    dates: String,
    payout: Option<String>,
    #[serde(default)]
    aggregators: Vec<String>,
    #[serde(default)]
    trial: bool,
    #[serde(default)]
    told: Vec<ToldLine>,
    #[serde(default)]
    criterion: Vec<CriterionLine>,
    #[serde(default)]
    field: Vec<FieldLine>,
    #[serde(default)]
    sum: Vec<SumLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldLine {
    language: String,
    words: String,
}

/// One condition: a resource with a code (and limits), an age, or a sex.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct CriterionLine {
    resource: Option<String>,
    system: Option<String>,
    code: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    age: Option<[u8; 2]>,
    sex: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FieldLine {
    name: String,
    resource: Option<String>,
    system: Option<String>,
    code: Option<String>,
    #[serde(default)]
    elements: Vec<String>,
    #[serde(default = "one")]
    newest: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SumLine {
    name: String,
    epsilon: f64,
    count: Option<CriterionLine>,
    sum: Option<MeasuredLine>,
    histogram: Option<BucketsLine>,
    gradient: Option<GradientLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasuredLine {
    resource: String,
    system: Option<String>,
    code: Option<String>,
    from: f64,
    step: f64,
    bits: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketsLine {
    resource: String,
    system: Option<String>,
    code: Option<String>,
    edges: Vec<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GradientLine {
    label: CriterionLine,
    feature: Vec<FeatureLine>,
    weights: Vec<f64>,
    bits: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureLine {
    resource: String,
    system: Option<String>,
    code: Option<String>,
    middle: f64,
    spread: f64,
}

fn month() -> String {
    StudyDates::Month.word().to_owned()
}

const fn one() -> u16 {
    1
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::of(ErrorCode::InputRefused).with(why.into())
}

fn text(words: &str) -> Result<Text> {
    Text::new(words).map_err(|e| refused(e.to_string()))
}

/// Thousandths, as people write numbers.
#[allow(clippy::cast_possible_truncation)] // checked
fn milli(number: f64) -> Result<i64> {
    let milli = (number * 1000.0).round();
    match milli.is_finite() && milli.abs() < 1e15 {
        true => Ok(milli as i64),
        false => Err(refused(format!("{number}: no such number"))),
    }
}

fn step(number: f64) -> Result<u32> {
    u32::try_from(milli(number)?).map_err(|_| refused(format!("{number}: not between 0 and 4 million")))
}

fn pick(resource: &str, system: Option<&String>, code: Option<&String>) -> Result<Pick> {
    Ok(Pick {
        resource: text(resource)?,
        system: system.map(|s| text(s)).transpose()?,
        code: code.map(|c| text(c)).transpose()?,
    })
}

impl CriterionLine {
    fn read(&self) -> Result<Criterion> {
        match (&self.resource, &self.age, &self.sex) {
            (Some(resource), None, None) => {
                let pick = pick(resource, self.system.as_ref(), self.code.as_ref())?;
                Ok(match (self.at_least, self.at_most) {
                    (None, None) => Criterion::Has(pick),
                    (least, most) => Criterion::Value(ValueIn {
                        pick,
                        at_least: least.map(milli).transpose()?,
                        at_most: most.map(milli).transpose()?,
                    }),
                })
            }
            (None, Some([from, to]), None) => Ok(Criterion::Age(AgeIn { from: *from, to: *to })),
            (None, None, Some(sex)) => match Sex::from_word(sex) {
                Some(sex) => Ok(Criterion::Sex(sex)),
                None => Err(refused(format!("{sex}: sex is `female` or `male`"))),
            },
            _ => Err(refused(
                "a criterion is a resource, an age or a sex, and one of them",
            )),
        }
    }
}

impl FieldLine {
    fn read(&self) -> Result<Field> {
        let kind = match self.resource.as_deref() {
            Some(resource) => FieldKind::Parts(Parts {
                pick: pick(resource, self.system.as_ref(), self.code.as_ref())?,
                elements: self.elements.iter().map(|e| text(e)).collect::<Result<_>>()?,
                newest: self.newest,
            }),
            None if self.name == "age" => FieldKind::AgeBand(true),
            None if self.name == "sex" => FieldKind::Sex(true),
            None => {
                return Err(refused(format!(
                    "{}: a field has a resource, or is called `age` or `sex`",
                    self.name
                )));
            }
        };
        Ok(Field {
            name: text(&self.name)?,
            kind,
        })
    }
}

impl SumLine {
    fn read(&self) -> Result<SumTask> {
        let kind = match (&self.count, &self.sum, &self.histogram, &self.gradient) {
            (Some(criterion), None, None, None) => SumKind::Count(criterion.read()?),
            (None, Some(m), None, None) => SumKind::Sum(Measured {
                pick: pick(&m.resource, m.system.as_ref(), m.code.as_ref())?,
                from: milli(m.from)?,
                step: step(m.step)?,
                bits: m.bits,
            }),
            (None, None, Some(b), None) => SumKind::Histogram(Buckets {
                pick: pick(&b.resource, b.system.as_ref(), b.code.as_ref())?,
                edges: b.edges.iter().map(|e| milli(*e)).collect::<Result<_>>()?,
            }),
            (None, None, None, Some(g)) => SumKind::Gradient(Gradient {
                features: g.feature.iter().map(FeatureLine::read).collect::<Result<_>>()?,
                label: g.label.read()?,
                weights: g.weights.iter().map(|w| milli(*w)).collect::<Result<_>>()?,
                bits: g.bits,
            }),
            _ => {
                return Err(refused(format!(
                    "{}: a sum is one of count, sum, histogram and gradient",
                    self.name
                )));
            }
        };
        Ok(SumTask {
            name: text(&self.name)?,
            kind,
            epsilon_milli: step(self.epsilon)?,
        })
    }
}

impl FeatureLine {
    fn read(&self) -> Result<Feature> {
        Ok(Feature {
            pick: pick(&self.resource, self.system.as_ref(), self.code.as_ref())?,
            middle: milli(self.middle)?,
            spread: step(self.spread)?,
        })
    }
}

impl StudyFile {
    pub(super) fn read(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|at| text.get(..at.start));
            let line = before.map(|t| t.matches('\n').count() + 1);
            refused(line.map_or_else(
                || e.message().to_owned(),
                |n| format!("line {n}: {}", e.message()),
            ))
        })
    }

    pub(super) async fn draft(&self, here: &Here<'_>, agent: &Agent) -> Result<StudyDraft> {
        let dates = StudyDates::from_word(&self.dates);
        let dates = dates.ok_or_else(|| refused("dates is one of day, month, year and none"))?;
        let mut adders = Vec::new();
        for who in &self.aggregators {
            adders.push(agent.contact(who).await?.id);
        }
        Ok(StudyDraft {
            name: self.name.clone(),
            purpose: self.purpose.clone(),
            approval: self.approval.clone(),
            told: self
                .told
                .iter()
                .map(|t| {
                    Ok(Told {
                        language: text(&t.language)?,
                        words: text(&t.words)?,
                    })
                })
                .collect::<Result<_>>()?,
            criteria: self
                .criterion
                .iter()
                .map(CriterionLine::read)
                .collect::<Result<_>>()?,
            fields: self.field.iter().map(FieldLine::read).collect::<Result<_>>()?,
            dates,
            until: here.until(&self.until)?,
            min_cell: self.min_cell,
            payout: self.payout.clone(),
            sums: self.sum.iter().map(SumLine::read).collect::<Result<_>>()?,
            adders,
            trial: self.trial,
        })
    }
}
