//! A sum by two who trust each other with nothing.
//!
//! ```text
//! patient     cut    -> public, half for the first, half for the second
//! first       start  -> message ------------------------> second: answer -> answer, part
//! first       finish <- answer                            (parts are never sent)
//! each        add parts, add noise -> half of the sum ---> researcher: together
//! ```
//! Whoever holds one side of it holds random numbers. The first cannot make the second add what
//! makes no number of the shape, nor the other way round; the noise of either is enough.

use prio::codec::{Decode, Encode, ParameterizedDecode};
use prio::dp::distributions::PureDpDiscreteLaplace;
use prio::dp::{DifferentialPrivacyStrategy, PureDpBudget, Rational};
use prio::field::{Field128, FieldElementWithInteger};
use prio::flp::{Type, TypeWithNoise};
use prio::topology::ping_pong::{PingPongMessage, PingPongState, PingPongTopology};
use prio::vdaf::prio3::{
    Prio3, Prio3Histogram, Prio3InputShare, Prio3PublicShare, Prio3SumVec, optimal_chunk_length,
};
use prio::vdaf::xof::XofTurboShake128;
use prio::vdaf::{
    Aggregatable, AggregateShare, Aggregator, AggregatorWithNoise, Client, Collector, OutputShare,
};
use telesphor_wire::hash::Secret;

/// No sum of fewer numbers leaves a party.
pub const LEAST_BATCH: usize = 100;
/// Bytes of a number's name.
pub const NAME: usize = 16;

/// The form of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many numbers of so many bits each.
    Vector(u16, u8),
    /// One of so many buckets.
    Histogram(u16),
}

/// Which of the two who add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Begins to check.
    First,
    /// Answers.
    Second,
}

/// Why something is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HalvesError {
    /// No such shape can be added up.
    #[error("no such form of numbers")]
    Shape,
    /// The number is not of the shape.
    #[error("a number outside of what was agreed")]
    Number,
    /// Halves that do not belong together, or make no number of the shape.
    #[error("halves that make no number")]
    Unsound,
    /// Fewer than [`LEAST_BATCH`].
    #[error("{0} numbers; a sum needs at least {LEAST_BATCH}")]
    TooFew(usize),
}

/// A number in two halves.
#[derive(Clone, PartialEq, Eq)]
pub struct Halves {
    /// Both get it.
    pub public: Vec<u8>,
    /// For the first.
    pub first: Vec<u8>,
    /// For the second.
    pub second: Vec<u8>,
}

impl std::fmt::Debug for Halves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Halves(..)")
    }
}

/// What a half is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Which sum: halves of one are good for no other.
    pub sum: &'a [u8],
    /// Which number.
    pub name: &'a [u8; NAME],
    /// What both halves have in common.
    pub public: &'a [u8],
}

fn unsound<E>(_: E) -> HalvesError {
    HalvesError::Unsound
}

/// Everything is the same for both kinds; only how a number is written differs.
macro_rules! with {
    ($shape:expr, |$vdaf:ident| $body:expr) => {
        match $shape {
            Shape::Vector(length, bits) => {
                if length == 0 || bits == 0 || bits > 32 {
                    return Err(HalvesError::Shape);
                }
                let chunk = optimal_chunk_length(usize::from(length) * usize::from(bits));
                let most = (1u128 << bits) - 1;
                let $vdaf = Prio3SumVec::new_sum_vec(2, most, usize::from(length), chunk)
                    .map_err(|_| HalvesError::Shape)?;
                $body
            }
            Shape::Histogram(length) => {
                let chunk = optimal_chunk_length(usize::from(length));
                let $vdaf = Prio3Histogram::new_histogram(2, usize::from(length), chunk)
                    .map_err(|_| HalvesError::Shape)?;
                $body
            }
        }
    };
}

/// Cuts a number into halves. Of a histogram it is the bucket.
///
/// # Errors
/// [`HalvesError::Shape`], [`HalvesError::Number`].
pub fn cut(shape: Shape, sum: &[u8], name: &[u8; NAME], number: &[u64]) -> Result<Halves, HalvesError> {
    fn write<V: Client<NAME>>(
        vdaf: &V,
        sum: &[u8],
        name: &[u8; NAME],
        number: &V::Measurement,
    ) -> Result<Halves, HalvesError> {
        let (public, halves) = vdaf.shard(sum, number, name).map_err(|_| HalvesError::Number)?;
        let [first, second] = halves.as_slice() else {
            return Err(HalvesError::Shape);
        };
        Ok(Halves {
            public: public.get_encoded().map_err(unsound)?,
            first: first.get_encoded().map_err(unsound)?,
            second: second.get_encoded().map_err(unsound)?,
        })
    }
    match (shape, number) {
        (Shape::Vector(length, _), all) if all.len() == usize::from(length) => {
            let wide: Vec<u128> = all.iter().map(|n| u128::from(*n)).collect();
            let vector = vector(shape)?;
            write(&vector, sum, name, &wide)
        }
        (Shape::Histogram(length), [bucket]) => {
            // The library writes into the bucket unseen, and would panic.
            let bucket = usize::try_from(*bucket).map_err(|_| HalvesError::Number)?;
            if bucket >= usize::from(length) {
                return Err(HalvesError::Number);
            }
            let chunk = optimal_chunk_length(usize::from(length));
            let histogram = Prio3Histogram::new_histogram(2, usize::from(length), chunk);
            write(&histogram.map_err(|_| HalvesError::Shape)?, sum, name, &bucket)
        }
        _ => Err(HalvesError::Number),
    }
}

fn vector(shape: Shape) -> Result<Prio3SumVec, HalvesError> {
    let Shape::Vector(length, bits) = shape else {
        return Err(HalvesError::Shape);
    };
    if length == 0 || bits == 0 || bits > 32 {
        return Err(HalvesError::Shape);
    }
    let chunk = optimal_chunk_length(usize::from(length) * usize::from(bits));
    Prio3SumVec::new_sum_vec(2, (1u128 << bits) - 1, usize::from(length), chunk)
        .map_err(|_| HalvesError::Shape)
}

type Half = Prio3InputShare<Field128, 32>;

/// The library's instance for one shape.
type Of<T> = Prio3<T, XofTurboShake128, 32>;

fn read<T: Type<Field = Field128>>(
    vdaf: &Of<T>,
    side: Side,
    about: About<'_>,
    half: &[u8],
) -> Result<(Prio3PublicShare<32>, Half), HalvesError> {
    let public = Prio3PublicShare::get_decoded_with_param(vdaf, about.public).map_err(unsound)?;
    let place = match side {
        Side::First => 0,
        Side::Second => 1,
    };
    let half = Half::get_decoded_with_param(&(vdaf, place), half).map_err(unsound)?;
    Ok((public, half))
}

fn started<T: Type<Field = Field128>>(
    vdaf: &Of<T>,
    secret: &Secret,
    about: About<'_>,
    half: &[u8],
) -> Result<Vec<u8>, HalvesError> {
    let (public, half) = read(vdaf, Side::First, about, half)?;
    let started = vdaf.leader_initialized(secret.expose(), about.sum, &(), about.name, &public, &half);
    started.map_err(unsound)?.message.get_encoded().map_err(unsound)
}

fn answered<T: Type<Field = Field128>>(
    vdaf: &Of<T>,
    secret: &Secret,
    about: About<'_>,
    half: &[u8],
    message: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), HalvesError> {
    let (public, half) = read(vdaf, Side::Second, about, half)?;
    let message = PingPongMessage::get_decoded(message).map_err(unsound)?;
    let next = vdaf.helper_initialized(
        secret.expose(),
        about.sum,
        &(),
        about.name,
        &public,
        &half,
        &message,
    );
    match next
        .map_err(unsound)?
        .evaluate(about.sum, vdaf)
        .map_err(unsound)?
    {
        PingPongState::FinishedWithOutbound {
            output_share,
            message,
        } => Ok((
            message.get_encoded().map_err(unsound)?,
            output_share.get_encoded().map_err(unsound)?,
        )),
        _ => Err(HalvesError::Unsound),
    }
}

fn finished<T: Type<Field = Field128>>(
    vdaf: &Of<T>,
    secret: &Secret,
    about: About<'_>,
    half: &[u8],
    answer: &[u8],
) -> Result<Vec<u8>, HalvesError> {
    let (public, half) = read(vdaf, Side::First, about, half)?;
    let answer = PingPongMessage::get_decoded(answer).map_err(unsound)?;
    // What was worked out at the start is worked out again: nothing has to be kept meanwhile.
    let started = vdaf.leader_initialized(secret.expose(), about.sum, &(), about.name, &public, &half);
    let state = started.map_err(unsound)?.verifier_state;
    let next = vdaf
        .leader_continued(about.sum, &(), state, &answer)
        .map_err(unsound)?;
    match next.evaluate(about.sum, vdaf).map_err(unsound)? {
        PingPongState::Finished { output_share } => output_share.get_encoded().map_err(unsound),
        _ => Err(HalvesError::Unsound),
    }
}

/// The first of the two begins to check a half.
///
/// # Errors
/// [`HalvesError::Unsound`], [`HalvesError::Shape`].
pub fn start(shape: Shape, secret: &Secret, about: About<'_>, half: &[u8]) -> Result<Vec<u8>, HalvesError> {
    with!(shape, |vdaf| started(&vdaf, secret, about, half))
}

/// The second answers, and has its part of the number if the halves make one.
///
/// # Errors
/// As [`start`].
pub fn answer(
    shape: Shape,
    secret: &Secret,
    about: About<'_>,
    half: &[u8],
    message: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), HalvesError> {
    with!(shape, |vdaf| answered(&vdaf, secret, about, half, message))
}

/// The first has its part as well.
///
/// # Errors
/// As [`start`].
pub fn finish(
    shape: Shape,
    secret: &Secret,
    about: About<'_>,
    half: &[u8],
    answer: &[u8],
) -> Result<Vec<u8>, HalvesError> {
    with!(shape, |vdaf| finished(&vdaf, secret, about, half, answer))
}

fn summed<T>(vdaf: &Of<T>, parts: &[Vec<u8>], epsilon_milli: u32) -> Result<Vec<u8>, HalvesError>
where
    T: TypeWithNoise<PureDpDiscreteLaplace> + Type<Field = Field128>,
{
    let mut sum = vdaf.aggregate_init(&());
    for part in parts {
        let part = OutputShare::get_decoded_with_param(&(vdaf, &()), part).map_err(unsound)?;
        sum.accumulate(&part).map_err(unsound)?;
    }
    let epsilon =
        Rational::from_unsigned(u128::from(epsilon_milli), 1000u128).map_err(|_| HalvesError::Shape)?;
    let budget = PureDpBudget::new(epsilon).map_err(|_| HalvesError::Shape)?;
    let noise = PureDpDiscreteLaplace::from_budget(budget);
    vdaf.add_noise_to_agg_share(&noise, &(), &mut sum, parts.len())
        .map_err(|_| HalvesError::Shape)?;
    sum.get_encoded().map_err(unsound)
}

/// One side's half of the sum, with noise. Both sides add the whole of it, so that either's is
/// enough if the other adds none.
///
/// # Errors
/// [`HalvesError::TooFew`]; as [`start`].
pub fn add(shape: Shape, parts: &[Vec<u8>], epsilon_milli: u32) -> Result<Vec<u8>, HalvesError> {
    if parts.len() < LEAST_BATCH {
        return Err(HalvesError::TooFew(parts.len()));
    }
    with!(shape, |vdaf| summed(&vdaf, parts, epsilon_milli))
}

fn opened<T>(vdaf: &Of<T>, halves: [&[u8]; 2], count: usize) -> Result<Vec<i128>, HalvesError>
where
    T: Type<Field = Field128, AggregateResult = Vec<u128>>,
{
    let read = |half: &[u8]| AggregateShare::get_decoded_with_param(&(vdaf, &()), half);
    let [one, other] = halves.map(read);
    let all = [one.map_err(unsound)?, other.map_err(unsound)?];
    let sums = vdaf.unshard(&(), all, count).map_err(unsound)?;
    // Noise can make a sum negative: then it lies at the far end of the field.
    let modulus = Field128::modulus();
    let signed = |n: u128| match n > modulus / 2 {
        true => i128::try_from(modulus - n).map(|n| -n),
        false => i128::try_from(n),
    };
    sums.into_iter().map(|n| signed(n).map_err(unsound)).collect()
}

/// The sum, from both halves of it.
///
/// # Errors
/// As [`start`].
pub fn together(shape: Shape, halves: [&[u8]; 2], count: usize) -> Result<Vec<i128>, HalvesError> {
    with!(shape, |vdaf| opened(&vdaf, halves, count))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
