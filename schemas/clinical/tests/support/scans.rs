//! A frozen manifest, and the word that tells where its files lie.

use serde_json::{Value, json};
use telesphor_clinical::blob::{BlobRef, PartsWord};
use telesphor_clinical::manifest::{Fact, Manifest, ManifestFile, hash_all};
use telesphor_clinical::statement::part_hash;
use telesphor_clinical::text::Text;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::DocumentId;

use super::hex_of;

/// Of one file of two pieces.
pub fn manifest() -> Manifest {
    let bytes = vec![7; 300_000];
    let hashes = hash_all(bytes.chunks(70_001)).unwrap();
    let fact = Fact {
        name: Text::from("modality"),
        value: Text::from("CT"),
    };
    Manifest::of(vec![ManifestFile::of(&hashes, vec![fact])])
}

/// Where it lies.
pub fn parts_word() -> PartsWord {
    PartsWord {
        document: DocumentId([1; 32]),
        at: vec![BlobRef {
            address: Digest([2; 32]),
            length: 327_680,
            key: Secret::new([3; 32]),
        }],
        ext: Extensions::none(),
    }
}

/// By name.
pub fn scans() -> Vec<(&'static str, Value)> {
    let part = part_hash(&Secret::new([4; 32]), 1, &[7; 300_000]);
    vec![
        ("manifest", json!(hex::encode(manifest().to_bytes()))),
        ("parts-word", hex_of(&parts_word())),
        ("large-part-hash", json!(hex::encode(part.0))),
    ]
}
