//! What sealing costs beside bare openmls: time per operation, both in one run, interleaved, on one
//! thread, as a ratio. Medians of many short operations are CPU time: one that was interrupted is
//! an outlier (the kernel's own count of CPU time is too coarse for them).
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -p telesphor-sealing --example cost [members] [rounds]`. The bare side uses
//! openmls as its own examples do: memory storage, its own signer, no padding. Ours writes every
//! difference to a map, as a vault would, and pads to the bucket.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::time::{Instant, SystemTime};

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::*;
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use telesphor_sealing::package::{make_packages, open_package, seal_package};
use telesphor_sealing::{self as sealing, MemberKeys, Step};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::{PublicKey, SigningKey};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MAILBOX: MailboxId = MailboxId([1; 32]);
const SUITE: sealing::Suite = sealing::Suite::Hybrid;
const MLS_SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

fn timed<T>(times: &mut Vec<u64>, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = Instant::now();
    let done = f()?;
    times.push(u64::try_from(before.elapsed().as_nanos())?);
    Ok(done)
}

fn median(times: &mut [u64]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0) as f64 / 1000.0
}

fn now() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_millis() as u64)
}

/// One of our devices.
struct Ours {
    keys: MemberKeys,
    endpoint: SigningKey,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    session: Option<sealing::GroupSession>,
}

impl Ours {
    fn new(n: u8) -> Self {
        let endpoint = SigningKey::generate();
        let keys = MemberKeys::new(IdentityId([n; 32]), endpoint.public(), &Secret::random());
        Self {
            keys,
            endpoint,
            rows: BTreeMap::new(),
            session: None,
        }
    }

    fn write<T>(rows: &mut BTreeMap<Vec<u8>, Vec<u8>>, step: Step<T>) -> Result<T> {
        step.commit(|diff, _| {
            diff.apply_to(rows);
            Ok(())
        })
    }

    fn take(&mut self) -> Result<sealing::GroupSession> {
        self.session.take().ok_or_else(|| "no session".into())
    }

    fn package(&mut self) -> Result<sealing::VerifiedPackage> {
        let step = make_packages(&self.rows, &self.keys, SUITE, 1, false, now()?)?;
        let made = Self::write(&mut self.rows, step)?;
        let to = sealing::PackageAddress {
            mailbox: MAILBOX,
            contact: self.endpoint.public(),
        };
        let secret = Secret::random();
        let first = made.first().ok_or("no package")?;
        let sealed = seal_package(first, &self.keys, &self.endpoint, &to, &secret)?;
        let endpoints = [self.keys.member().clone()];
        let rules = sealing::PackageRules {
            endpoints: &endpoints,
            min_suite: SUITE.code(),
            now: now()?,
        };
        Ok(open_package(&sealed, &to, &secret, &rules)?)
    }

    fn seal(&mut self, content: &[u8]) -> Result<sealing::SealedEvent> {
        let step = self
            .take()?
            .seal(&self.rows, &self.keys, content, Bucket::Message)?;
        let (session, event) = Self::write(&mut self.rows, step)?;
        self.session = Some(session);
        Ok(event)
    }

    fn stage(&mut self) -> Result<sealing::StagedOut> {
        let plan =
            sealing::CommitPlan::update(Digest([0; 32]), u64::MAX, CommandId::random(), now()? + 60_000);
        let step = self
            .take()?
            .stage_commit(&self.rows, &self.keys, &plan, &anyone)?;
        let (session, out) = Self::write(&mut self.rows, step)?;
        self.session = Some(session);
        Ok(out)
    }

    fn receive(&mut self, kind: EventKind, epoch: u64, payload: &[u8], owner: &PublicKey) -> Result<()> {
        let event = sealing::Incoming {
            kind,
            branch: 0,
            epoch,
            stamp: now()?,
            payload,
        };
        let step = self
            .take()?
            .receive(&self.rows, &self.keys, event, owner, &anyone)?;
        let (session, outcome) = Self::write(&mut self.rows, step)?;
        self.session = Some(session);
        match outcome {
            sealing::Received::Message(_) | sealing::Received::Moved(_) => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    }
}

fn anyone(_: &sealing::Change) -> std::result::Result<(), sealing::Forbidden> {
    Ok(())
}

fn our_team(n: u8) -> Result<Vec<Ours>> {
    let mut all: Vec<Ours> = (0..n).map(Ours::new).collect();
    let members = all
        .iter_mut()
        .skip(1)
        .map(Ours::package)
        .collect::<Result<Vec<_>>>()?;
    let binding = sealing::Binding::new(
        MAILBOX,
        "hospital.example".parse()?,
        IdentityId([0; 32]),
        SUITE,
        Digest([0; 32]),
    );
    let founding = sealing::Founding {
        binding,
        suite: SUITE,
        members,
        now: now()?,
    };
    let mut letter = None;
    for (i, d) in all.iter_mut().enumerate() {
        if i == 0 {
            let step = sealing::GroupSession::found(&d.rows, &d.keys, &founding)?;
            let (session, founded) = Ours::write(&mut d.rows, step)?;
            d.session = Some(session);
            letter = founded.welcome;
        } else {
            let letter = letter.as_ref().ok_or("no welcome")?;
            let expect = sealing::Expectation {
                mailbox: Some(MAILBOX),
                min_suite: SUITE.code(),
                owner: None,
                policy: None,
                replace: false,
            };
            let step = sealing::GroupSession::join(&d.rows, &d.keys, letter, &expect)?;
            d.session = Some(Ours::write(&mut d.rows, step)?.0);
        }
    }
    Ok(all)
}

/// One bare openmls member.
struct Bare {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    group: MlsGroup,
}

fn bare_team(n: u8) -> Result<Vec<Bare>> {
    let identity = |i: u8| -> Result<_> {
        let signer = SignatureKeyPair::new(MLS_SUITE.signature_algorithm())?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(vec![i; 100]).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok((OpenMlsRustCrypto::default(), signer, credential))
    };
    let (provider, signer, credential) = identity(0)?;
    let config = MlsGroupCreateConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .ciphersuite(MLS_SUITE)
        .build();
    let mut group = MlsGroup::new(&provider, &signer, &config, credential)?;
    let (mut others, mut packages) = (Vec::new(), Vec::new());
    let capabilities = Capabilities::new(None, Some(&[MLS_SUITE]), None, None, None);
    for i in 1..n {
        let (provider, signer, credential) = identity(i)?;
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities.clone())
            .build(MLS_SUITE, &provider, &signer, credential)?;
        packages.push(bundle.into_key_package());
        others.push((provider, signer));
    }
    let (_, welcome, _) = group.add_members(&provider, &signer, &packages)?;
    group.merge_pending_commit(&provider)?;
    let tree = group.export_ratchet_tree();
    let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::from(welcome).extract() else {
        return Err("not a welcome".into());
    };
    let mut all = vec![Bare {
        provider,
        signer,
        group,
    }];
    for (provider, signer) in others {
        let group = StagedWelcome::new_from_welcome(
            &provider,
            config.join_config(),
            welcome.clone(),
            Some(tree.clone().into()),
        )?
        .into_group(&provider)?;
        all.push(Bare {
            provider,
            signer,
            group,
        });
    }
    Ok(all)
}

impl Bare {
    fn open(&mut self, bytes: &[u8]) -> Result<ProcessedMessageContent> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes)?.try_into_protocol_message()?;
        Ok(self
            .group
            .process_message(&self.provider, message)?
            .into_content())
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let n: u8 = args.next().map_or(Ok(10), |a| a.parse())?;
    let rounds: usize = args.next().map_or(Ok(200), |a| a.parse())?;
    let (mut ours, mut bare) = (our_team(n.max(2))?, bare_team(n.max(2))?);
    let owner = SigningKey::generate().public();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{n} members, {rounds} rounds, suite 0x{:04X}, median microseconds",
        SUITE.code()
    )?;
    writeln!(
        out,
        "{:<24}{:>10}{:>10}{:>8}",
        "operation", "bare", "ours", "ratio"
    )?;
    let mut line = |name: &str, bare: &mut [u64], ours: &mut [u64]| -> Result<()> {
        let (b, o) = (median(bare), median(ours));
        Ok(writeln!(out, "{name:<24}{b:>10.1}{o:>10.1}{:>8.2}", o / b)?)
    };
    for size in [256usize, 1024, 60 * 1024] {
        let content = vec![7; size];
        let mut t: [Vec<u64>; 4] = Default::default();
        for _ in 0..rounds {
            let sealed = timed(&mut t[0], || {
                let Bare {
                    provider,
                    signer,
                    group,
                } = &mut bare[0];
                Ok(group
                    .create_message(provider, signer, &content)?
                    .tls_serialize_detached()?)
            })?;
            let event = timed(&mut t[1], || ours[0].seal(&content))?;
            timed(&mut t[2], || bare[1].open(&sealed))?;
            timed(&mut t[3], || {
                ours[1].receive(EventKind::MESSAGE, event.epoch, &event.payload, &owner)
            })?;
        }
        let [a, b, c, d] = &mut t;
        line(&format!("seal {size} B"), a, b)?;
        line(&format!("open {size} B"), c, d)?;
    }
    let mut t: [Vec<u64>; 4] = Default::default();
    for round in 0..rounds.min(50) {
        let author = round % 2;
        let commit = timed(&mut t[0], || {
            let Bare {
                provider,
                signer,
                group,
            } = &mut bare[author];
            let bundle = group.self_update(provider, signer, LeafNodeParameters::default())?;
            Ok(bundle.into_commit().tls_serialize_detached()?)
        })?;
        let staged = timed(&mut t[1], || ours[author].stage())?;
        let payload = canonical::encode(&staged.commit);
        for (i, member) in bare.iter_mut().enumerate() {
            if i == author {
                member.group.merge_pending_commit(&member.provider)?;
                continue;
            }
            timed(&mut t[2], || {
                let ProcessedMessageContent::StagedCommitMessage(staged) = member.open(&commit)? else {
                    return Err("not a commit".into());
                };
                Ok(member.group.merge_staged_commit(&member.provider, *staged)?)
            })?;
        }
        for (i, member) in ours.iter_mut().enumerate() {
            let times = if i == author { &mut Vec::new() } else { &mut t[3] };
            let epoch = staged.commit.body.from_epoch;
            timed(times, || {
                member.receive(EventKind::COMMIT, epoch, &payload, &owner)
            })?;
        }
    }
    let [a, b, c, d] = &mut t;
    line("commit (update)", a, b)?;
    line("follow a commit", c, d)
}
