//! Profiles of mailboxes: rewritten when their owner changes something.
//!
//! ```text
//! key    mailbox 32
//! value  kind 2 | genesis 32 | min suite 2 | class 2 | owner 32 | next owner 32 | ceiling 8
//!        | closed 1 | cut at 8 | packages 4 | length 4, canonical policy
//!        | count 4, deposit key 32 each | count 4, hole (from 8, to 8) each
//! ```

use telesphor_rules::state::{Hole, Profile};
use telesphor_wire::canonical;
use telesphor_wire::mailbox::MailboxKind;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "profiles";

/// Bounds what a damaged count can make us allocate.
const MAX_LIST: usize = 1 << 16;

pub(crate) fn encode(p: &Profile, out: &mut Vec<u8>) {
    out.u16(p.kind.code());
    out.raw(&p.genesis.0);
    out.u16(p.min_suite);
    out.u16(p.class);
    out.raw(&p.owner.0);
    out.raw(&p.next_owner.0);
    out.u64(p.ceiling);
    out.u8(u8::from(p.closed));
    out.u64(p.cut_at);
    out.u32(p.packages);
    out.sized(&canonical::encode(&p.policy));
    out.u32(p.deposit_keys.len() as u32);
    for key in &p.deposit_keys {
        out.raw(&key.0);
    }
    out.u32(p.holes.len() as u32);
    for hole in &p.holes {
        out.u64(hole.from);
        out.u64(hole.to);
    }
}

pub(crate) fn decode(value: &[u8]) -> Option<Profile> {
    let mut t = Take(value);
    let profile = Profile {
        kind: MailboxKind::from_code(t.u16()?)?,
        genesis: t.digest()?,
        min_suite: t.u16()?,
        class: t.u16()?,
        owner: t.key()?,
        next_owner: t.digest()?,
        ceiling: t.u64()?,
        closed: t.flag()?,
        cut_at: t.u64()?,
        packages: t.u32()?,
        policy: canonical::decode(t.sized()?).ok()?,
        deposit_keys: list(&mut t, |t| t.key())?,
        holes: list(&mut t, |t| {
            Some(Hole {
                from: t.u64()?,
                to: t.u64()?,
            })
        })?,
    };
    t.end(profile)
}

fn list<T>(t: &mut Take<'_>, one: impl Fn(&mut Take<'_>) -> Option<T>) -> Option<Vec<T>> {
    let count = t.u32()? as usize;
    if count > MAX_LIST {
        return None;
    }
    (0..count).map(|_| one(t)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::mailbox::Policy;
    use telesphor_wire::sign::PublicKey;

    proptest! {
        #[test]
        fn a_profile_comes_back_as_it_was(
            shared: bool, closed: bool, hold: bool, suite: u16, class: u16, packages: u32,
            n in any::<[u64; 3]>(), h in any::<[[u8; 32]; 3]>(),
            keys in prop::collection::vec(any::<[u8; 32]>(), 0..20),
            holes in prop::collection::vec(any::<(u64, u64)>(), 0..5),
        ) {
            let profile = Profile {
                kind: if shared { MailboxKind::Shared } else { MailboxKind::Personal },
                genesis: Digest(h[0]), min_suite: suite, class, owner: PublicKey(h[1]),
                next_owner: Digest(h[2]), ceiling: n[0], closed, cut_at: n[1], packages,
                policy: Policy { hold, keep_ms: Some(n[2]), ..Policy::standard() },
                deposit_keys: keys.into_iter().map(PublicKey).collect(),
                holes: holes.into_iter().map(|(from, to)| Hole { from, to }).collect(),
            };
            let mut out = Vec::new();
            encode(&profile, &mut out);
            prop_assert_eq!(decode(&out), Some(profile));
            prop_assert_eq!(decode(&out[..out.len() - 1]), None);
        }
    }
}
