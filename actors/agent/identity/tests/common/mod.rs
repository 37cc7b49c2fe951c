//! A small town: people with keys, a board that attests, a relay that stamps.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use telesphor_clinical::document::{SignOptions, SignedDocument, Signer};
use telesphor_clinical::header::{DocumentKind, Header};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::Issuer;
use telesphor_identity::bundle::{Bundle, Proofs};
use telesphor_identity::endpoint::{EndReason, EndpointKind, EndpointRecord, SignedEndpoint};
use telesphor_identity::event::{Change, EndEndpoint, Rotation};
use telesphor_identity::evidence::{Domains, TimeEvidence, stamp, stamp_payload};
use telesphor_identity::history::{History, HistoryError, VerifiedHistory};
use telesphor_identity::inception::{Custody, Inception, Kind};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::status::StatusBook;
use telesphor_identity::trust::{Anchor, Verifier};
use telesphor_wire::domain::{DomainRecord, RelayEntry};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, Incarnation, MailboxId, PartitionId};
use telesphor_wire::mailbox::{EventHeader, EventKind, link, payload_hash};
use telesphor_wire::receipt::{Attest, BatchHead, BatchLeaf, BatchTree, Receipt};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

pub const DAY: u64 = 24 * 3600 * 1000;
/// 2026-11-20 12:00 UTC.
pub const NOW: u64 = 1_795_176_000_000;

pub struct Person {
    pub history: History,
    pub identity_key: SigningKey,
    pub next_key: SigningKey,
    pub endpoint: SigningKey,
}

impl Person {
    pub fn new(kind: Kind) -> Self {
        Self::with(kind, |inception| inception)
    }

    pub fn with(kind: Kind, change: impl FnOnce(Inception) -> Inception) -> Self {
        let (identity_key, next_key) = (SigningKey::generate(), SigningKey::generate());
        let inception = Inception::simple(
            kind,
            KeySet::single(identity_key.public()),
            NextKeys::single(&next_key.public()),
        );
        let history = History::begin(change(inception));
        let mut person = Self {
            history,
            identity_key,
            next_key,
            endpoint: SigningKey::generate(),
        };
        let endpoint = person.endpoint.clone();
        person.add_endpoint(&endpoint, NOW - 100 * DAY).unwrap();
        person
    }

    pub fn id(&self) -> IdentityId {
        self.history.id()
    }

    pub fn record(&self, key: &SigningKey) -> EndpointRecord {
        EndpointRecord {
            identity: self.id(),
            key: key.public(),
            mls_leaf: SigningKey::generate().public(),
            min_suite: 1,
            kind: EndpointKind::Phone,
            name: Text::from("phone"),
            ext: Extensions::none(),
        }
    }

    pub fn add_endpoint(&mut self, key: &SigningKey, at: u64) -> Result<VerifiedHistory, HistoryError> {
        let signed = SignedEndpoint::sign(self.record(key), key);
        self.change(Change::AddEndpoint(Box::new(signed)), at)
    }

    pub fn end_endpoint(&mut self, since: u64, reason: EndReason) {
        let end = EndEndpoint {
            endpoint: self.endpoint.public(),
            since,
            reason,
        };
        self.change(Change::EndEndpoint(end), since).unwrap();
    }

    pub fn change(&mut self, change: Change, at: u64) -> Result<VerifiedHistory, HistoryError> {
        self.history
            .extend(change, at, &[&self.identity_key], &Domains::none())
    }

    /// Rotates with the committed key.
    pub fn rotate(&mut self, at: u64) {
        let next = SigningKey::generate();
        let change = rotation(&self.next_key, &next);
        let key = self.next_key.clone();
        self.history
            .extend(change, at, &[&key], &Domains::none())
            .unwrap();
        self.identity_key = key;
        self.next_key = next;
    }

    pub fn head(&self) -> Digest {
        self.history.verify(&Domains::none()).unwrap().head()
    }

    pub fn issuer(&self) -> Issuer<'_> {
        Issuer {
            identity: self.id(),
            head: self.head(),
            key: &self.endpoint,
        }
    }

    pub fn write(&self, title: &'static str) -> SignedDocument {
        self.write_with(title, |header| header)
    }

    pub fn write_with(&self, title: &'static str, change: impl FnOnce(Header) -> Header) -> SignedDocument {
        let recorded = Instant::now_of(NOW - DAY, 120, Clock::Device);
        let header = Header::new(
            DocumentKind::Note,
            Text::from("text/markdown"),
            Text::from(title),
            self.id(),
            recorded,
        );
        let signer = Signer {
            key: &self.endpoint,
            author_head: self.head(),
        };
        SignedDocument::sign(
            change(header),
            b"Chest pain, no warning signs".to_vec(),
            &signer,
            SignOptions::default(),
        )
        .unwrap()
    }
}

pub fn rotation(to: &SigningKey, next: &SigningKey) -> Change {
    Change::Rotate(Box::new(Rotation {
        keys: KeySet::single(to.public()),
        next: NextKeys::single(&next.public()),
        custody: Custody::own(),
        recovery: None,
    }))
}

/// A domain with three relays.
pub struct Town {
    relays: Vec<SigningKey>,
    pub record: DomainRecord,
}

impl Town {
    pub fn new() -> Self {
        let relays: Vec<_> = (0..3).map(|_| SigningKey::generate()).collect();
        let entry = |key: &SigningKey| RelayEntry {
            relay: key.public(),
            tls_key: Digest([0; 32]),
            address: "relay.hospital-a.example:7443".into(),
        };
        let record = DomainRecord {
            domain: "hospital-a.example".parse().unwrap(),
            key: SigningKey::generate().public(),
            admission: SigningKey::generate().public(),
            relays: relays.iter().map(entry).collect(),
            sealing: SealingKey::generate().public(),
            sequence: 1,
            issued: NOW - 300 * DAY,
            ext: Extensions::none(),
        };
        Self { relays, record }
    }

    pub fn domains(&self) -> Domains {
        [self.record.clone()].into_iter().collect()
    }

    /// Stamps an id, with the word of `witnesses` relays.
    pub fn stamp_by(&self, id: &Digest, at: u64, witnesses: usize) -> TimeEvidence {
        let salt = Secret::random();
        let payload = stamp_payload(&stamp(&salt, id), 512);
        let header = EventHeader {
            seq: 7,
            kind: EventKind::MESSAGE,
            branch: 0,
            epoch: 0,
            stamp: at,
            size: payload.len() as u32,
            ext: Extensions::none(),
        };
        let previous = Digest([3; 32]);
        let leaf = BatchLeaf {
            mailbox: MailboxId::random(),
            seq: 7,
            hash: link(&previous, &header, &payload_hash(&payload)),
        };
        let other = BatchLeaf {
            mailbox: MailboxId::random(),
            seq: 1,
            hash: Digest([4; 32]),
        };
        let tree = BatchTree::new(vec![other.digest(), leaf.digest()]);
        let head = BatchHead {
            previous: Digest([5; 32]),
            root: tree.root(),
            incarnation: Incarnation::random(),
            partition: PartitionId(3),
            position: 9,
            stamp: at,
            ext: Extensions::none(),
        };
        let mut receipt = Receipt {
            leaf,
            index: 1,
            count: 2,
            path: tree.path(1),
            head,
            attests: Vec::new(),
        };
        let statement = receipt.statement();
        receipt.attests = self
            .relays
            .iter()
            .take(witnesses)
            .map(|relay| Attest {
                relay: relay.public(),
                ext: Extensions::none(),
                signature: relay.sign(&statement),
            })
            .collect();
        TimeEvidence {
            domain: self.record.domain.clone(),
            salt,
            previous,
            header,
            payload: payload.into(),
            receipt,
        }
    }

    pub fn stamp(&self, document: &SignedDocument, at: u64) -> TimeEvidence {
        self.stamp_by(&Digest(document.id().0), at, 2)
    }
}

/// A board with its book.
pub struct Board {
    pub person: Person,
    pub book: StatusBook,
}

impl Board {
    pub fn new() -> Self {
        Self {
            person: Person::new(Kind::Authority),
            book: StatusBook::new(),
        }
    }

    pub fn anchor(&self, word: &'static str) -> Anchor {
        Anchor {
            identity: self.person.id(),
            name: Text::from("Medical board"),
            words: vec![Text::from(word)],
        }
    }
}

pub fn verifier(town: &Town, anchors: Vec<Anchor>) -> Verifier {
    let mut verifier = Verifier::new(NOW);
    verifier.domains = town.domains();
    verifier.anchors = anchors;
    verifier
}

pub fn bundle(document: &SignedDocument, proofs: Proofs, evidence: Vec<TimeEvidence>) -> Bundle {
    let bundle = Bundle::new(document.to_bytes(), proofs, evidence);
    // Everything a test judges has been through a file.
    Bundle::from_file(&bundle.to_file()).unwrap()
}
