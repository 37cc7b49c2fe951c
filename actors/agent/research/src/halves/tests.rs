//! Three parties on paper.

use super::*;

const SUM: &[u8] = b"study 1, sum 0";

fn name(n: usize) -> [u8; NAME] {
    let mut name = [0; NAME];
    name[..8].copy_from_slice(&(n as u64).to_be_bytes());
    name
}

/// Both parts of one number, or the first refusal.
fn part(shape: Shape, secret: &Secret, n: usize, halves: &Halves) -> Result<(Vec<u8>, Vec<u8>), HalvesError> {
    let name = name(n);
    let about = About {
        sum: SUM,
        name: &name,
        public: &halves.public,
    };
    let message = start(shape, secret, about, &halves.first)?;
    let (answer, second) = answer(shape, secret, about, &halves.second, &message)?;
    Ok((finish(shape, secret, about, &halves.first, &answer)?, second))
}

fn all(shape: Shape, numbers: &[Vec<u64>], epsilon_milli: u32) -> Vec<i128> {
    let secret = Secret::random();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (n, number) in numbers.iter().enumerate() {
        let halves = cut(shape, SUM, &name(n), number).unwrap();
        let parts = part(shape, &secret, n, &halves).unwrap();
        first.push(parts.0);
        second.push(parts.1);
    }
    let halves = [
        add(shape, &first, epsilon_milli).unwrap(),
        add(shape, &second, epsilon_milli).unwrap(),
    ];
    together(shape, [&halves[0], &halves[1]], numbers.len()).unwrap()
}

#[test]
fn a_count_a_sum_and_a_histogram_are_near_the_truth_and_not_it() {
    let yes: Vec<Vec<u64>> = (0..120).map(|n| vec![u64::from(n % 3 == 0)]).collect();
    // So little noise that chance cannot break the test: 20 times the spread.
    let count = all(Shape::Vector(1, 1), &yes, 20_000);
    assert!((count[0] - 40).abs() < 5, "{count:?}");
    let numbers: Vec<Vec<u64>> = (0..120).map(|n| vec![n % 16]).collect();
    let sum = all(Shape::Vector(1, 4), &numbers, 20_000);
    let truth: u64 = numbers.iter().map(|n| n[0]).sum();
    assert!((sum[0] - i128::from(truth)).abs() < 60, "{sum:?} {truth}");
    let buckets: Vec<Vec<u64>> = (0..120).map(|n| vec![n % 4]).collect();
    let histogram = all(Shape::Histogram(4), &buckets, 20_000);
    assert!(histogram.iter().all(|n| (n - 30).abs() < 5), "{histogram:?}");
    // With much noise no two sums of the same people are equal.
    let noisy: std::collections::BTreeSet<i128> =
        (0..6).map(|_| all(Shape::Vector(1, 1), &yes, 100)[0]).collect();
    assert!(noisy.len() > 1, "no noise was added: {noisy:?}");
}

#[test]
fn a_batch_of_99_or_an_empty_one_is_added_up() {
    for n in [0, 1, 99] {
        let parts = vec![vec![0; 16]; n];
        assert_eq!(
            add(Shape::Vector(1, 1), &parts, 1000),
            Err(HalvesError::TooFew(n))
        );
    }
}

#[test]
fn halves_that_were_changed_exchanged_or_made_for_another_sum_are_added() {
    let (shape, secret) = (Shape::Vector(1, 4), Secret::random());
    let halves = cut(shape, SUM, &name(1), &[9]).unwrap();
    assert!(part(shape, &secret, 1, &halves).is_ok());
    // Every byte of either half.
    for at in (0..halves.first.len()).step_by(7) {
        let mut changed = halves.clone();
        changed.first[at] ^= 1;
        assert_eq!(
            part(shape, &secret, 1, &changed),
            Err(HalvesError::Unsound),
            "byte {at}"
        );
    }
    for at in 0..halves.second.len() {
        let mut changed = halves.clone();
        changed.second[at] ^= 1;
        assert_eq!(
            part(shape, &secret, 1, &changed),
            Err(HalvesError::Unsound),
            "byte {at}"
        );
    }
    // Another's half, another's name, another sum, another secret on the other side.
    let other = cut(shape, SUM, &name(2), &[9]).unwrap();
    let mixed = Halves {
        second: other.second.clone(),
        ..halves.clone()
    };
    assert_eq!(part(shape, &secret, 1, &mixed), Err(HalvesError::Unsound));
    assert_eq!(part(shape, &secret, 2, &halves), Err(HalvesError::Unsound));
    let elsewhere = cut(shape, b"study 1, sum 1", &name(1), &[9]).unwrap();
    assert_eq!(part(shape, &secret, 1, &elsewhere), Err(HalvesError::Unsound));
    let about = About {
        sum: SUM,
        name: &name(1),
        public: &halves.public,
    };
    let message = start(shape, &secret, about, &halves.first).unwrap();
    let answered = answer(shape, &Secret::random(), about, &halves.second, &message);
    assert_eq!(answered, Err(HalvesError::Unsound));
    // A larger shape takes no halves of a smaller one.
    assert!(start(Shape::Vector(1, 5), &secret, about, &halves.first).is_err());
    assert!(start(shape, &secret, about, b"nothing").is_err());
    assert!(finish(shape, &secret, about, &halves.first, b"").is_err());
}

#[test]
fn a_number_outside_of_what_was_agreed_is_cut() {
    assert_eq!(
        cut(Shape::Vector(1, 4), SUM, &name(1), &[16]),
        Err(HalvesError::Number)
    );
    assert_eq!(
        cut(Shape::Vector(2, 4), SUM, &name(1), &[1]),
        Err(HalvesError::Number)
    );
    assert_eq!(
        cut(Shape::Histogram(3), SUM, &name(1), &[3]),
        Err(HalvesError::Number)
    );
    assert_eq!(
        cut(Shape::Vector(0, 4), SUM, &name(1), &[]),
        Err(HalvesError::Shape)
    );
    assert_eq!(
        cut(Shape::Vector(1, 0), SUM, &name(1), &[0]),
        Err(HalvesError::Shape)
    );
}

/// Either half is as long, and as random, whatever the number is.
#[test]
fn one_half_tells_the_number() {
    let shape = Shape::Vector(1, 8);
    let sizes = |number: u64| {
        let halves = cut(shape, SUM, &name(1), &[number]).unwrap();
        assert_eq!(halves.second.len(), 64, "two seeds and nothing else");
        (halves.public.len(), halves.first.len(), halves.second.len())
    };
    assert_eq!(sizes(0), sizes(255));
    let one = cut(shape, SUM, &name(1), &[7]).unwrap();
    let again = cut(shape, SUM, &name(1), &[7]).unwrap();
    assert_ne!(one.first, again.first);
    assert_ne!(one.second, again.second);
}
