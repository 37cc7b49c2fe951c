use telesphor_wire::padding::{Bucket, PaddingError, blob_size, pad, unpad};

const ALL: [Bucket; 6] = [
    Bucket::Message,
    Bucket::Uniform,
    Bucket::Receipt,
    Bucket::Handshake,
    Bucket::KeyPackage,
    Bucket::Forwarded,
];

#[test]
fn a_padded_length_tells_more_than_its_bucket() {
    for bucket in ALL {
        for &size in bucket.sizes() {
            for len in [size - 4, size / 2, size - 5] {
                let content = vec![0xa5; len];
                let padded = pad(bucket, &content).unwrap();
                assert!(bucket.sizes().contains(&padded.len()));
                assert_eq!(unpad(&padded).unwrap(), content);
            }
        }
        let max = *bucket.sizes().last().unwrap();
        assert_eq!(
            pad(bucket, &vec![0; max - 3]),
            Err(PaddingError::TooLarge { len: max + 1, max })
        );
    }
    assert_eq!(pad(Bucket::Message, b"").unwrap().len(), 512);
    assert_eq!(
        pad(Bucket::Uniform, &[1; 8189]).unwrap().len(),
        65_536,
        "nothing between"
    );
}

#[test]
fn padding_hides_a_second_content() {
    let padded = pad(Bucket::Message, b"content").unwrap();
    for at in 11..padded.len() {
        let mut changed = padded.clone();
        changed[at] = 1;
        assert_eq!(unpad(&changed), Err(PaddingError::Malformed));
    }
    for wrong in [&[][..], &[0, 0, 0], &[0, 0, 0, 1], &[0xff, 0xff, 0xff, 0xff, 0]] {
        assert_eq!(unpad(wrong), Err(PaddingError::Malformed));
    }
}

#[test]
fn a_blob_grows_by_more_than_an_eighth() {
    for len in (0..1 << 20).step_by(4097) {
        assert!(blob_size(len) >= len && blob_size(len).is_power_of_two());
    }
    for exponent in 20..50 {
        for len in [
            1u64 << exponent,
            (1 << exponent) + 1,
            (1 << exponent) + (1 << (exponent - 1)) + 3,
        ] {
            let size = blob_size(len);
            assert!(size >= len && (size - len) * 8 <= len, "{len} became {size}");
        }
    }
    assert_eq!(blob_size(u64::MAX), u64::MAX, "no overflow");
}
