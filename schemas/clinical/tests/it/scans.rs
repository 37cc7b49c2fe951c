//! What is signed of large files: the list of their pieces, and the hash of the whole.

use telesphor_clinical::dicom;
use telesphor_clinical::manifest::Manifest;
use telesphor_clinical::statement::{PartHasher, part_hash};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Secret;

use crate::support::scans::manifest;

#[test]
fn a_file_read_in_pieces_has_another_hash_than_the_same_file_at_once() {
    let seed = Secret::new([9; 32]);
    for len in [0, 1, 31, 32, 255, 256, 65_535, 65_536, 300_000] {
        let bytes: Vec<u8> = (0..len).map(|i: u32| (i * 7) as u8).collect();
        let mut hasher = PartHasher::new(&seed, 3, u64::from(len));
        bytes.chunks(1_000).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), part_hash(&seed, 3, &bytes), "{len}");
    }
}

#[test]
fn a_list_of_pieces_that_does_not_lead_to_its_root_is_taken() {
    let good = manifest();
    assert_eq!(Manifest::from_bytes(&good.to_bytes()).unwrap(), good);
    let mut other = good.clone();
    let mut list = other.files[0].chunks.to_vec();
    list[40] ^= 1;
    other.files[0].chunks = Bytes(list);
    assert!(Manifest::from_bytes(&other.to_bytes()).is_err());
    let mut shorter = good.clone();
    shorter.files[0].size -= 1 << 18;
    assert!(Manifest::from_bytes(&shorter.to_bytes()).is_err());
    let mut newer = good;
    newer.chunk *= 2;
    assert!(Manifest::from_bytes(&newer.to_bytes()).is_err());
}

/// Real files of several machines, where they are there.
#[test]
fn a_real_scan_does_not_say_what_it_is() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom/pydicom");
    for (file, modality) in [
        ("CT_small.dcm", "CT"),
        ("MR_small.dcm", "MR"),
        ("MR_small_implicit.dcm", "MR"),
        ("waveform_ecg.dcm", "ECG"),
    ] {
        let Ok(bytes) = std::fs::read(folder.join(file)) else {
            eprintln!("{file} is not here");
            continue;
        };
        assert!(dicom::is_dicom(&bytes), "{file}");
        let facts = dicom::facts(&bytes[..bytes.len().min(65_536)]);
        let said = |name: &str| facts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(said("modality"), Some(modality), "{file}: {facts:?}");
        assert!(
            said("study").is_some() && said("series").is_some(),
            "{file}: {facts:?}"
        );
    }
}
