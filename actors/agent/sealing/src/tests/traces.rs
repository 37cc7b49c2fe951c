//! What is left for others to see: sizes and headers on the wire, secrets in the store.

use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

#[test]
fn sizes_that_tell_how_much_was_said() {
    let (_, mut a, _, _) = three();
    let sizes: Vec<usize> = [0, 1, 100, 400]
        .map(|n| a.seal(&vec![1; n]).payload.len())
        .to_vec();
    assert!(sizes.windows(2).all(|w| w[0] == w[1]), "{sizes:?}");
    let framing = sizes[0] - 512;
    for (len, bucket) in [(1000, 2048), (4000, 4096), (30_000, 32_768), (65_000, 65_536)] {
        assert_eq!(
            a.seal(&vec![1; len]).payload.len(),
            bucket + framing + usize::from(bucket >= 16_384) * 2
        );
    }
    let step = a
        .session()
        .seal(&a.rows, &a.keys, &[1; 10], Bucket::Uniform)
        .unwrap();
    assert_eq!(a.write(step).1.payload.len(), 8192 + framing);
    let refused = a
        .session()
        .seal(&a.rows, &a.keys, &vec![1; 65_500], Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::TooLarge);
}

#[test]
fn commits_whose_size_tells_the_shape_of_the_team() {
    for suite in [Suite::Classical, Suite::Hybrid] {
        let (mut relay, mut devices) = team(7, suite);
        let mut d = Device::new(50, MAILBOX);
        let package = d.package(suite);
        for plan in [update(), add(vec![package]), remove(2)] {
            let out = devices[0].stage(&plan);
            let framing = 70..100;
            let size = out.commit.mls.len();
            let bucket = Bucket::Handshake
                .sizes()
                .iter()
                .find(|b| framing.contains(&size.saturating_sub(**b)));
            assert!(bucket.is_some(), "{suite:?}: {size} lies in no bucket");
            assert_eq!(
                out.commit.body.attribution.len(),
                telesphor_wire::limits::ATTRIBUTION_BYTES
            );
            assert!(relay.commit(&out.commit));
            devices[0].read(&relay);
        }
    }
}

/// The header of a private message, read as the relay could: version, wire format, group id, epoch,
/// content type, authenticated data.
#[test]
fn anything_in_clear_that_a_relay_does_not_know_anyway() {
    let (_, mut a, _, _) = three();
    let payload = a.seal(b"x").payload.0;
    let mut expected = vec![0, 1, 0, 2, 32];
    expected.extend_from_slice(&MAILBOX.0);
    expected.extend_from_slice(&1u64.to_be_bytes());
    expected.extend_from_slice(&[1, 0]);
    assert_eq!(payload[..expected.len()], expected);
}

#[test]
fn secrets_of_past_epochs_that_pile_up_in_the_store() {
    let (mut relay, mut a, mut b, mut c) = three();
    let mut counts = Vec::new();
    for _ in 0..4 {
        for who in 0..3 {
            let d = [&mut a, &mut b, &mut c].into_iter().nth(who).unwrap();
            let out = d.stage(&update());
            assert!(relay.commit(&out.commit));
            for d in [&mut a, &mut b, &mut c] {
                d.read(&relay);
            }
        }
        talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
        counts.push(b.rows.keys().filter(|k| k[0] == b'm').count());
    }
    assert!(counts.windows(2).all(|w| w[0] == w[1]), "{counts:?}");
}
