//! One fixed value of every structure on the wire.

use telesphor_wire::answer::{Refusal, Standing};
use telesphor_wire::batch::{Batch, SessionWord, Submission};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::*;
use telesphor_wire::domain::{AdmissionLink, DomainRecord, RelayEntry, SignedDomainRecord};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::*;
use telesphor_wire::mailbox::*;
use telesphor_wire::receipt::*;
use telesphor_wire::seal::{Sealed, SealingKey, SealingPublic};
use telesphor_wire::session::*;
use telesphor_wire::sign::{PublicKey, Signature, SigningKey};
use telesphor_wire::text::{Domain, SupportCode};

mod blobs;
mod every;
mod forward;
mod ledger;
mod passing;
mod records;
pub use blobs::*;
pub use every::*;
pub use forward::*;
pub use ledger::*;
pub use passing::*;
pub use records::*;

/// 2027-01-15 08:00 UTC, Unix milliseconds.
pub const NOW: u64 = 1_800_000_000_000;
pub const HOUR: u64 = 3_600_000;

pub fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}
pub fn public(n: u8) -> PublicKey {
    key(n).public()
}
pub fn mailbox_id() -> MailboxId {
    MailboxId([0x11; 32])
}
pub fn command_id(n: u8) -> CommandId {
    CommandId([n; 32])
}
pub fn domain() -> Domain {
    "st-marien.example".parse().unwrap()
}
pub fn support() -> SupportCode {
    "7KQ-2M4".parse().unwrap()
}
pub fn sealing() -> SealingPublic {
    SealingKey::from_seed(Secret::new([0x5e; 32])).public()
}
pub fn signature() -> Signature {
    Signature([0x77; 64])
}
pub fn growth() -> Extensions {
    Extensions::none()
        .with(Extension {
            id: 70_000,
            critical: false,
            body: Bytes(vec![0xc0]),
        })
        .with(Extension {
            id: 9,
            critical: true,
            body: Bytes(vec![]),
        })
}

pub fn policy() -> Policy {
    Policy {
        keep_ms: Some(24 * HOUR),
        hold: true,
        no_erase_before: NOW,
        commits: CommitRule::Listed,
        commit_keys: vec![public(1), public(2)],
        ..Policy::standard()
    }
}
pub fn genesis() -> Genesis {
    Genesis {
        mailbox: mailbox_id(),
        domain: domain(),
        kind: MailboxKind::Personal,
        owner: public(3),
        next_owner: next_key(&public(4)),
        min_suite: 0x004d,
        policy: Policy::standard(),
        ext: Extensions::none(),
    }
}
pub fn header() -> EventHeader {
    EventHeader {
        seq: 1,
        kind: EventKind::MESSAGE,
        branch: 0,
        epoch: 0,
        stamp: NOW,
        size: 5,
        ext: Extensions::none(),
    }
}
pub fn event() -> Event {
    Event {
        header: header(),
        payload_hash: payload_hash(b"hello"),
        payload: Some(b"hello"[..].into()),
    }
}
pub fn cursor() -> Cursor {
    Cursor {
        seq: 300,
        hash: Digest([0x44; 32]),
    }
}
pub fn deposit() -> Deposit {
    Deposit {
        mailbox: mailbox_id(),
        branch: 0,
        epoch: 0,
        kind: EventKind::MESSAGE,
        command_id: command_id(0x22),
        not_after: NOW + HOUR,
        payload: b"ciphertext"[..].into(),
        ext: Extensions::none(),
        signature: None,
    }
}
pub fn signed_deposit() -> Deposit {
    let mut d = deposit();
    d.signature = Some((public(5), key(5).sign(&d.statement())));
    d.ext = growth();
    d
}
pub fn commit() -> Commit {
    let body = CommitBody {
        mailbox: mailbox_id(),
        branch: 1,
        from_epoch: 7,
        mls: commit_bytes_hash(b"mls commit"),
        next_access: public(6),
        lease: NOW + 90 * 24 * HOUR,
        cut: true,
        attribution: Bytes(vec![0xa7; 512]),
        command_id: command_id(0x23),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    };
    Commit {
        access_signature: key(7).sign(&body),
        second: Some((public(3), key(3).sign(&body))),
        mls: b"mls commit"[..].into(),
        body,
    }
}
pub fn voucher() -> SignedVoucher {
    let statement = VoucherStatement {
        domain: domain(),
        voucher: Voucher([0x31; 32]),
        class: 1,
        until: NOW + 24 * HOUR,
        ext: Extensions::none(),
    };
    SignedVoucher {
        signature: key(8).sign(&statement),
        statement,
    }
}
pub fn owner(act: OwnerAct) -> SignedOwnerCommand {
    let command = OwnerCommand {
        mailbox: mailbox_id(),
        branch: 0,
        counter: 5,
        act,
        command_id: command_id(0x24),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    };
    SignedOwnerCommand {
        signature: key(3).sign(&command),
        command,
    }
}
pub fn acts() -> Vec<(&'static str, OwnerAct)> {
    vec![
        (
            "open",
            OwnerAct::Open(Box::new(Open {
                genesis: genesis(),
                voucher: voucher(),
                access: Some(FirstAccess {
                    epoch: 1,
                    key: public(7),
                    lease: NOW + HOUR,
                    ceiling: NOW + 2 * HOUR,
                }),
                deposit_keys: DepositKeys(vec![public(5)]),
            })),
        ),
        (
            "rotate-owner",
            OwnerAct::RotateOwner(RotateOwner {
                reveal: public(4),
                next: next_key(&public(9)),
            }),
        ),
        ("set-policy", OwnerAct::SetPolicy(policy())),
        (
            "set-deposit-keys",
            OwnerAct::SetDepositKeys(DepositKeys(vec![public(5), public(6)])),
        ),
        ("set-ceiling", OwnerAct::SetCeiling(NOW + 48 * HOUR)),
        ("acknowledge", OwnerAct::Acknowledge(17)),
        ("erase", OwnerAct::Erase(EraseRange { from: 2, to: 9 })),
        ("close", OwnerAct::Close(Extensions::none())),
        (
            "rewind",
            OwnerAct::Rewind(Box::new(Rewind {
                base_epoch: 6,
                mls: b"mls rewind"[..].into(),
                next_access: public(6),
                lease: NOW + HOUR,
                attribution: Bytes(vec![0xa8; 512]),
                ext: Extensions::none(),
                base_signature: key(7).sign(&rewind_statement()),
            })),
        ),
        (
            "publish-key-packages",
            OwnerAct::PublishKeyPackages(PublishKeyPackages {
                contact: public(5),
                packages: vec![b"sealed package"[..].into()],
                last_resort: Some(b"last resort"[..].into()),
            }),
        ),
    ]
}
pub fn rewind_statement() -> RewindStatement {
    RewindStatement {
        mailbox: mailbox_id(),
        branch: 2,
        base_epoch: 6,
        mls: commit_bytes_hash(b"mls rewind"),
        next_access: public(6),
        lease: NOW + HOUR,
        ext: Extensions::none(),
    }
}
pub fn take() -> Take {
    let request = TakeRequest {
        mailbox: mailbox_id(),
        contact: public(5),
        command_id: command_id(0x25),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    };
    Take {
        signature: key(5).sign(&request),
        request,
    }
}
pub fn enrol() -> Enrol {
    Enrol {
        token: Voucher([0x34; 32]),
        vouchers: vec![Voucher([0x31; 32])],
        command_id: command_id(0x26),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    }
}

/// The leaves of a batch of `n` commands.
pub fn leaves(n: u32) -> Vec<BatchLeaf> {
    (0..n)
        .map(|i| BatchLeaf {
            mailbox: mailbox_id(),
            seq: u64::from(i) + 1,
            hash: Digest([i as u8; 32]),
        })
        .collect()
}
/// The receipts of one batch, attested by relays with the given keys.
pub fn receipts(n: u32, relays: &[u8]) -> Vec<Receipt> {
    let leaves = leaves(n);
    let tree = BatchTree::new(leaves.iter().map(BatchLeaf::digest).collect());
    let head = BatchHead {
        previous: Digest([0; 32]),
        root: tree.root(),
        incarnation: Incarnation([0x1c; 32]),
        partition: PartitionId(3),
        position: 41,
        stamp: NOW,
        ext: Extensions::none(),
    };
    let statement = AttestStatement {
        partition: head.partition,
        incarnation: head.incarnation,
        position: head.position,
        head: head.digest(),
        ext: Extensions::none(),
    };
    let attests: Vec<_> = relays
        .iter()
        .map(|&r| Attest {
            relay: public(r),
            ext: Extensions::none(),
            signature: key(r).sign(&statement),
        })
        .collect();
    (0..n)
        .map(|i| Receipt {
            leaf: leaves[i as usize],
            index: i,
            count: n,
            path: tree.path(i),
            head: head.clone(),
            attests: attests.clone(),
        })
        .collect()
}
pub fn receipt() -> Receipt {
    receipts(5, &[10, 11]).swap_remove(4)
}
pub fn refusal() -> Refusal {
    Refusal::standing(
        ErrorCode::EpochConflict,
        Standing {
            branch: 1,
            epoch: 8,
            seq: 90,
            hash: Digest([0x45; 32]),
            winner: 88,
        },
    )
}
pub fn record() -> SignedDomainRecord {
    let record = DomainRecord {
        domain: domain(),
        key: public(12),
        admission: public(8),
        relays: vec![RelayEntry {
            relay: public(10),
            tls_key: Digest([0x71; 32]),
            address: "relay-1.st-marien.example:7443".into(),
        }],
        sealing: sealing(),
        sequence: 1,
        issued: NOW,
        ext: Extensions::none(),
    };
    SignedDomainRecord {
        signature: key(12).sign(&record),
        record,
    }
}
pub fn admission_link() -> AdmissionLink {
    AdmissionLink {
        domain: domain(),
        address: "relay-1.st-marien.example:7443".into(),
        key: public(12),
        tls_key: Digest([0x71; 32]),
        token: Voucher([0x34; 32]),
    }
}
pub fn claim() -> SessionClaim {
    SessionClaim {
        domain: domain(),
        relay: public(10),
        channel_binding: Nonce([0xcb; 32]),
        relay_nonce: Nonce([0xd1; 32]),
        agent_nonce: Nonce([0xd2; 32]),
        mailbox: mailbox_id(),
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        body: None,
        ext: Extensions::none(),
    }
}
pub fn pseudonym() -> PseudonymStatement {
    PseudonymStatement {
        mailbox: mailbox_id(),
        branch: 1,
        epoch: 7,
        pseudonym: public(13),
        ext: Extensions::none(),
    }
}
pub fn proof() -> SessionProof {
    let certificate = Certificate {
        ext: Extensions::none(),
        signature: key(7).sign(&pseudonym()),
    };
    SessionProof {
        mailbox: mailbox_id(),
        right: Right::Read,
        branch: 1,
        epoch: 7,
        key: public(13),
        certificate: Some(certificate.clone()),
        current: Some(Box::new(CurrentProof {
            epoch: 9,
            certificate,
        })),
        ext: Extensions::none(),
        signature: key(13).sign(&claim()),
    }
}
pub fn hello() -> Hello {
    Hello {
        versions: vec![1],
        features: vec![],
        agent_nonce: Nonce([0xd2; 32]),
        ext: Extensions::none(),
    }
}
pub fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: vec![],
        domain: domain(),
        relay: public(10),
        incarnation: Incarnation([0x1c; 32]),
        partitions: 16,
        relay_nonce: Nonce([0xd1; 32]),
        clock: NOW,
        max_frame: 2 * 1024 * 1024,
        ext: Extensions::none(),
    }
}
pub fn call(command: Command) -> Call {
    Call {
        call: 1,
        handle: 1,
        support: support(),
        command,
    }
}
pub fn word() -> SessionWord {
    SessionWord {
        mailbox: mailbox_id(),
        right: Right::Deposit,
        branch: 0,
        epoch: 0,
        key: public(5),
    }
}
pub fn single(request: SingleRequest) -> SingleCall {
    SingleCall {
        support: support(),
        agent_nonce: Nonce([0xd2; 32]),
        request,
    }
}
