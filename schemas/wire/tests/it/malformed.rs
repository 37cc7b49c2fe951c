use crate::support::samples;

/// Every byte of every sample changed, cut or followed by another: never a panic, and what is
/// accepted is another value in its own canonical form.
#[test]
fn a_changed_byte_gives_the_same_value_a_second_form() {
    for s in samples::all() {
        let mut bytes = s.bytes.clone();
        for at in 0..bytes.len() {
            let was = bytes[at];
            let mut tries: Vec<u8> = (0..8).map(|bit| was ^ (1 << bit)).collect();
            tries.extend([0x00, 0x7f, 0x90, 0xc0, 0xc1, 0xc6, 0xd9, 0xdd, 0xdf, 0xff]);
            for new in tries.into_iter().filter(|&n| n != was) {
                bytes[at] = new;
                if let Ok(again) = (s.decode)(&bytes) {
                    assert_eq!(again, bytes, "{} byte {at}", s.name);
                }
            }
            bytes[at] = was;
        }
    }
}

#[test]
fn a_cut_or_lengthened_value_is_accepted() {
    for s in samples::all() {
        for end in 0..s.bytes.len() {
            assert!((s.decode)(&s.bytes[..end]).is_err(), "{} cut at {end}", s.name);
        }
        for extra in [0x00, 0xc0, 0x90, 0xff] {
            let longer = [&s.bytes[..], &[extra]].concat();
            assert!(
                (s.decode)(&longer).is_err(),
                "{} with {extra:02x} behind it",
                s.name
            );
        }
        let twice = [&s.bytes[..], &s.bytes[..]].concat();
        assert!((s.decode)(&twice).is_err(), "{} twice", s.name);
    }
}

#[test]
fn one_structure_is_taken_for_another_by_a_session() {
    let frames: Vec<_> = samples::all()
        .into_iter()
        .filter(|s| s.name.starts_with("client-"))
        .collect();
    for (s, other) in frames
        .iter()
        .zip(samples::all().iter().filter(|s| s.name.starts_with("relay-")))
    {
        // Hello and Welcome share the number 1 and nothing else.
        assert!(
            (s.decode)(&other.bytes).is_err() || s.bytes == other.bytes || s.name == "client-unfollow",
            "{} as {}",
            other.name,
            s.name
        );
    }
}
