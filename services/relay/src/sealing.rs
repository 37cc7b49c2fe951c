//! The domain's sealing keys: for a week each, the next one before the last has ended, the one
//! before it until nothing that was sealed to it can still come.
//!
//! ```text
//! keys/sealing.key         the current one
//! keys/sealing-before.key  the one before it
//! keys/sealing.statement   what the domain says of the current one, signed
//!
//! from ------------------------ until - 1 h: the next one ------ until
//! ```
//!
//! A relay alone draws each key afresh. The relays of a cluster each make the next one out of the
//! one they share, at the same instant, and need not speak of it; no way leads back from a key to
//! the one before it.

use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::facts::next_sealing_seed;
use telesphor_wire::forward::key::{self, SealingKeyStatement, SignedSealingKey};
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::{SEALING_LIFE_MS, SEALING_OVERLAP_MS};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::text::Domain;

use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::{KeyFault, Keys};
use crate::layout::Layout;

/// What is sealed to the domain is opened with these.
pub struct Sealing {
    /// What is published.
    pub statement: SignedSealingKey,
    keys: Vec<(Digest, SealingKey)>,
}

impl Sealing {
    /// The key of this name, if it is still here.
    pub fn named(&self, id: &Digest) -> Option<&SealingKey> {
        self.keys.iter().find(|(name, _)| name == id).map(|(_, key)| key)
    }
}

/// Renews the key if its time has come, and gives what is in force. `founded` is when the cluster
/// began, if the relay is one of several.
///
/// # Errors
/// Exit 8 if a file cannot be read or written. Whatever step fails, what was sealed to a key that
/// is in force can still be opened.
pub fn tend(
    layout: &Layout,
    keys: &mut Keys,
    domain: &Domain,
    founded: Option<u64>,
    now: u64,
) -> Result<Sealing, Fault> {
    let fault = |e: KeyFault| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string());
    let before = Keys::sealing_before(layout).map_err(fault)?;
    let mut statement = match read(layout, keys, domain)? {
        Some(said) if said.statement.key == keys.sealing.public() => said,
        // A crash between the key and what is said of it.
        Some(said) if before.as_ref().is_some_and(|b| b.public() == said.statement.key) => {
            say(layout, keys, domain, next_from(&said), now, founded)?
        }
        _ => say(
            layout,
            keys,
            domain,
            founded.unwrap_or(now) - SEALING_OVERLAP_MS,
            now,
            founded,
        )?,
    };
    while now >= statement.statement.until - SEALING_OVERLAP_MS {
        let next = match founded {
            Some(_) => SealingKey::from_seed(next_sealing_seed(keys.sealing.seed())),
            None => SealingKey::generate(),
        };
        keys.renew_sealing(layout, next).map_err(fault)?;
        statement = say(layout, keys, domain, next_from(&statement), now, founded)?;
    }
    let mut all = vec![SealingKey::from_seed(keys.sealing.seed().clone())];
    all.extend(Keys::sealing_before(layout).map_err(fault)?);
    // Another relay of the cluster, whose clock is ahead, may have published it already.
    all.extend(founded.map(|_| SealingKey::from_seed(next_sealing_seed(keys.sealing.seed()))));
    Ok(Sealing {
        statement,
        keys: all.into_iter().map(|k| (key::id(&k.public()), k)).collect(),
    })
}

/// Lets another relay of the cluster go on where this one is, beside the current key.
///
/// # Errors
/// As the filesystem says.
pub fn hand_on(from: &Layout, to: &Layout) -> std::io::Result<()> {
    for name in ["sealing.statement", "sealing-before.key"] {
        let source = from.keys().join(name);
        if source.exists() {
            files::write_new(
                &to.keys().join(name),
                &zeroize::Zeroizing::new(std::fs::read(source)?),
            )?;
        }
    }
    Ok(())
}

/// When the key after this one begins: an hour before it is published, for clocks that are behind.
fn next_from(said: &SignedSealingKey) -> u64 {
    said.statement.until - 2 * SEALING_OVERLAP_MS
}

fn read(layout: &Layout, keys: &Keys, domain: &Domain) -> Result<Option<SignedSealingKey>, Fault> {
    let path = layout.sealing();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Fault::file("sealing key", &path, &e)),
    };
    let signed: Option<SignedSealingKey> = canonical::decode(&bytes).ok();
    // One that is damaged is said anew.
    Ok(signed.filter(|s| {
        let life = s.statement.until.checked_sub(s.statement.from);
        s.statement.domain == *domain
            && life == Some(SEALING_LIFE_MS)
            && keys.domain.public().verify(&s.statement, &s.signature).is_ok()
    }))
}

fn say(
    layout: &Layout,
    keys: &Keys,
    domain: &Domain,
    from: u64,
    now: u64,
    founded: Option<u64>,
) -> Result<SignedSealingKey, Fault> {
    // A relay that was off for weeks begins anew. A cluster keeps its steps, or its relays would
    // say different things.
    let over = from + SEALING_LIFE_MS <= now + SEALING_OVERLAP_MS;
    let from = if founded.is_none() && over {
        now - SEALING_OVERLAP_MS
    } else {
        from
    };
    let signed = SealingKeyStatement {
        domain: domain.clone(),
        key: keys.sealing.public(),
        from,
        until: from + SEALING_LIFE_MS,
        ext: Extensions::none(),
    }
    .sign(&keys.domain);
    let path = layout.sealing();
    files::replace(&path, &canonical::encode(&signed)).map_err(|e| Fault::file("sealing key", &path, &e))?;
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600_000;
    const NOW: u64 = 1_800_000_000_000;

    struct Relay {
        _dir: tempfile::TempDir,
        layout: Layout,
        keys: Keys,
        founded: Option<u64>,
    }

    impl Relay {
        fn new(keys: Keys, founded: Option<u64>) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let layout = Layout::new(dir.path());
            keys.write(&layout).unwrap();
            Self {
                _dir: dir,
                layout,
                keys,
                founded,
            }
        }

        fn at(&mut self, now: u64) -> Sealing {
            // As after a start: from the disk.
            self.keys = Keys::read(&self.layout).unwrap();
            let domain = "hospital-a.example".parse().unwrap();
            tend(&self.layout, &mut self.keys, &domain, self.founded, now).unwrap()
        }
    }

    fn holds(sealing: &Sealing, of: &Sealing) -> bool {
        sealing.named(&key::id(&of.statement.statement.key)).is_some()
    }

    #[test]
    fn what_was_sealed_to_a_key_just_before_its_end_is_not_opened_five_days_later() {
        for founded in [None, Some(NOW - 1_000)] {
            let mut relay = Relay::new(Keys::generate(), founded);
            let first = relay.at(NOW);
            let domain = "hospital-a.example".parse().unwrap();
            let pinned = relay.keys.domain.public();
            let until = first.statement.statement.until;
            assert!(first.statement.verify(&domain, &pinned, until - 1).is_ok());
            let second = relay.at(until - SEALING_OVERLAP_MS);
            assert_ne!(second.statement, first.statement, "it is not renewed in time");
            assert!(second.statement.verify(&domain, &pinned, until).is_ok());
            assert!(holds(&relay.at(until + 5 * DAY), &first));
            assert!(
                !holds(&relay.at(until + 7 * DAY), &first),
                "it is never destroyed"
            );
        }
    }

    #[test]
    fn relays_of_a_cluster_publish_different_keys() {
        let shared = Keys::generate();
        let other = shared.with_attesting(telesphor_wire::sign::SigningKey::generate());
        let (mut a, mut b) = (Relay::new(shared, Some(NOW)), Relay::new(other, Some(NOW)));
        let begun = a.at(NOW + 1);
        for day in 1..40 {
            let said = a.at(NOW + day * DAY);
            if day % 11 == 0 {
                assert_eq!(
                    b.at(NOW + day * DAY).statement,
                    said.statement,
                    "after a while away"
                );
            }
            assert_eq!(said.statement, a.at(NOW + day * DAY + 7).statement, "said twice");
        }
        assert_ne!(a.at(NOW + 40 * DAY).statement, begun.statement);
        // One whose clock is behind opens what was sealed to the next key already.
        let (early, late) = (a.at(NOW + 47 * DAY), b.at(NOW + 40 * DAY));
        assert!(holds(&late, &early) || late.statement == early.statement);
    }

    #[test]
    fn a_crash_between_the_key_and_what_is_said_of_it_stops_the_relay() {
        for founded in [None, Some(NOW)] {
            let mut relay = Relay::new(Keys::generate(), founded);
            let first = relay.at(NOW + 1);
            let said = std::fs::read(relay.layout.sealing()).unwrap();
            let second = relay.at(first.statement.statement.until);
            std::fs::write(relay.layout.sealing(), said).unwrap();
            let again = relay.at(first.statement.statement.until + 1);
            assert_eq!(again.statement.statement.key, second.statement.statement.key);
            assert!(holds(&again, &first));
            std::fs::write(relay.layout.sealing(), b"nonsense").unwrap();
            relay.at(first.statement.statement.until + 2);
        }
    }
}
