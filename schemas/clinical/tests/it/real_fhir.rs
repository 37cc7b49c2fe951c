//! Every public FHIR file at hand is taken or refused for a stated reason, and what is taken
//! keeps its bytes. Passes without the files; prints counts with `--no-capture`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use telesphor_clinical::document::{SignOptions, SignedDocument, Signer};
use telesphor_clinical::fhir::{self, Intake};
use telesphor_clinical::fields::{LeafKind, leaves};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::presentation::{Audience, Nonce, Presentation, Shower, ToShow, present};
use telesphor_clinical::sdjwt::{SignedBy, Terms, issue};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::jws::JwsKey;
use telesphor_wire::sign::SigningKey;

fn data() -> Option<PathBuf> {
    let dir = match std::env::var_os("TELESPHOR_FHIR_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir"),
    };
    dir.is_dir().then_some(dir)
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out)
        } else {
            out.push(path)
        }
    }
}

fn contains(file: &[u8], body: &[u8]) -> bool {
    let text = std::str::from_utf8(file).unwrap();
    text.contains(std::str::from_utf8(body).unwrap())
}

/// Counts the leaves and looks that nothing that turns a meaning round can be left out.
fn count_leaves(body: &[u8]) -> usize {
    let all = leaves(body, 1).unwrap();
    let modifiers = [
        "status",
        "verificationStatus",
        "doNotPerform",
        "intent",
        "modifierExtension",
        "implicitRules",
    ];
    for leaf in all.iter().filter(|l| l.kind != LeafKind::Guard) {
        assert!(
            leaf.content
                .iter()
                .all(|(name, _)| !modifiers.contains(&name.as_str()))
        );
    }
    all.len()
}

/// Shows all of a document, one part of it, and it as an SD-JWT; what comes out is what went in.
fn show(document: &SignedDocument, key: &SigningKey) -> usize {
    let all = document.leaves().unwrap();
    let shower = Shower {
        key,
        identity: document.header.author,
        head: Digest([0; 32]),
    };
    let one = all[all.len() / 2].path.clone();
    for (wanted, whole) in [(vec![], true), (vec![one], false)] {
        let wanted: Vec<_> = if whole { vec![Vec::new()] } else { wanted };
        let show = ToShow {
            wanted: &wanted,
            audience: Audience::Identity(IdentityId([9; 32])),
            nonce: Nonce::Own(Digest([1; 32])),
            date: document.header.recorded.clone(),
            sender: None,
        };
        let bytes = present(document, &shower, show).unwrap().to_bytes();
        let read = Presentation::from_bytes(&bytes).unwrap();
        assert_eq!(read.showing.document, document.id());
        if whole {
            assert_eq!(read.parts.len(), all.len());
        }
        for part in &read.parts {
            assert!(all.contains(&part.leaf), "a part was changed");
        }
    }
    let terms = Terms {
        by: SignedBy::Author,
        issuer: document.header.author,
        author: document.header.author,
        at: 0,
        bound: None,
    };
    let chosen = all.iter().map(|l| l.path.clone()).collect();
    let token = issue(&all, &chosen, &terms, &JwsKey::from_seed(&Secret::new([7; 32]))).token;
    let resource = token.claims().unwrap()["resource"].take();
    let body: serde_json::Value = serde_json::from_slice(&document.body).unwrap();
    assert_eq!(resource, body, "the SD-JWT says something else");
    all.len()
}

/// What others' validator says of a file: its errors.
fn others_say(dir: &Path) -> BTreeMap<String, u64> {
    let index = std::fs::read(dir.join("validator-cases-r4/index.json")).unwrap_or_default();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap_or_default();
    let cases = index.as_array().cloned().unwrap_or_default();
    cases
        .iter()
        .filter_map(|c| Some((c["file"].as_str()?.to_owned(), c["java_errors"].as_u64()?)))
        .collect()
}

#[test]
fn no_real_file_is_taken_with_changed_bytes_or_refused_without_a_reason() {
    // The project's own, and all that is at hand beside it.
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/data");
    let dir = data().unwrap_or_else(|| own.clone());
    let mut all = Vec::new();
    files(&own, &mut all);
    if dir != own {
        files(&dir, &mut all);
    }
    let others = others_say(&dir);
    let key = SigningKey::generate();
    let signer = Signer {
        key: &key,
        author_head: Digest([0; 32]),
    };
    let mut per_set: BTreeMap<String, [usize; 6]> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut scopes: BTreeMap<String, usize> = BTreeMap::new();
    let (mut leaves, mut largest, mut shown) = (Vec::new(), 0, 0);
    for path in all {
        let ext = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let set = match path.strip_prefix(&dir).ok().and_then(|p| p.components().next()) {
            Some(set) if dir != own => set.as_os_str().to_str().unwrap().to_owned(),
            _ => "own".to_owned(),
        };
        let bytes = std::fs::read(&path).unwrap();
        let read: fn(&[u8]) -> Result<Intake, fhir::IntakeError> = match ext {
            "json" => fhir::take_in,
            "ndjson" => fhir::take_in_lines,
            _ => continue,
        };
        let counts = per_set.entry(set).or_default();
        counts[0] += 1;
        match read(&bytes) {
            Err(why) => {
                counts[2] += 1;
                let name = path.file_name().unwrap().to_str().unwrap();
                if others.contains_key(name) {
                    assert_ne!(others[name], 0, "{name} is good, and was refused: {why}");
                }
                eprintln!("refused {}: {why}", path.file_name().unwrap().to_str().unwrap());
            }
            Ok(intake) => {
                counts[1] += 1;
                counts[3] += intake.taken.len();
                counts[4] += intake.left.len();
                for left in &intake.left {
                    *reasons.entry(left.why.to_string()).or_default() += 1;
                }
                for proposal in &intake.taken {
                    assert!(
                        contains(&bytes, &proposal.body),
                        "bytes changed in {}",
                        path.display()
                    );
                    assert!(!proposal.scopes.is_empty() && !proposal.title.is_empty());
                    for scope in proposal.scopes.iter() {
                        *scopes.entry(scope.to_string()).or_default() += 1;
                    }
                    let recorded = Instant::now_of(1_700_000_000_000, 120, Clock::Device);
                    let header = proposal.header(IdentityId([7; 32]), None, recorded);
                    match SignedDocument::sign(header, proposal.body.clone(), &signer, SignOptions::default())
                    {
                        Ok(document) => {
                            let again = SignedDocument::from_bytes(&document.to_bytes()).unwrap();
                            assert!(again == document && again.verify_signature().is_ok());
                            assert_eq!(again.body.as_ref(), &proposal.body[..]);
                            shown += show(&again, &key);
                            let n = count_leaves(&proposal.body);
                            largest = largest.max(n);
                            leaves.push(n);
                        }
                        Err(why) => {
                            counts[5] += 1;
                            *reasons.entry(why.to_string()).or_default() += 1;
                        }
                    }
                }
            }
        }
    }
    eprintln!("set: files, taken, refused, resources, left, not signed");
    for (set, counts) in &per_set {
        eprintln!("{set}: {counts:?}");
    }
    eprintln!("reasons: {reasons:#?}\nscopes: {scopes:#?}");
    eprintln!("parts shown and checked: {shown}");
    leaves.sort_unstable();
    eprintln!(
        "leaves: p50 {}, p90 {}, max {largest}",
        leaves[leaves.len() / 2],
        leaves[leaves.len() * 9 / 10]
    );
    let ours = per_set["own"];
    assert!(
        ours[0] > 0 && (ours[2], ours[4], ours[5]) == (0, 0, 0),
        "our own data: {ours:?}"
    );
    let synthea = per_set.get("synthea-r4-bundles").copied().unwrap_or_default();
    assert_eq!((synthea[2], synthea[5]), (0, 0), "a Synthea bundle was refused");
    let hl7 = per_set.get("hl7-r4-examples").copied().unwrap_or_default();
    assert_eq!((hl7[2], hl7[5]), (0, 0), "an HL7 example was refused");
}
