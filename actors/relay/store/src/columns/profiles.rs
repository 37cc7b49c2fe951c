//! Profiles of mailboxes: rewritten when their owner changes something.
//!
//! ```text
//! key    mailbox 32
//! value  kind 2 | genesis 32 | min suite 2 | class 2 | owner 32 | next owner 32 | ceiling 8
//!        | closed 1 | cut at 8 | packages 4 | policy
//!        | count 4, deposit key 32 each | count 4, hole (from 8, to 8) each
//! policy max bytes 8 | max events 8 | overflow 2 | keeps 1, for 8 | no erase before 8 | hold 1
//!        | commits 2 | count 4, commit key 32 each | length 4, canonical extensions (0: none)
//! ```

use telesphor_rules::state::{Hole, Profile};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::mailbox::{CommitRule, MailboxKind, Overflow, Policy};

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
    encode_policy(&p.policy, out);
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
        policy: decode_policy(&mut t)?,
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

/// Field by field, and not as canonical bytes: it is read whenever a mailbox wakes up.
fn encode_policy(p: &Policy, out: &mut Vec<u8>) {
    out.u64(p.max_bytes);
    out.u64(p.max_events);
    out.u16(p.overflow.code());
    out.u8(u8::from(p.keep_ms.is_some()));
    out.u64(p.keep_ms.unwrap_or(0));
    out.u64(p.no_erase_before);
    out.u8(u8::from(p.hold));
    out.u16(p.commits.code());
    out.u32(p.commit_keys.len() as u32);
    for key in &p.commit_keys {
        out.raw(&key.0);
    }
    match p.ext == Extensions::none() {
        true => out.sized(&[]),
        false => out.sized(&canonical::encode(&p.ext)),
    }
}

fn decode_policy(t: &mut Take<'_>) -> Option<Policy> {
    let (max_bytes, max_events, overflow) = (t.u64()?, t.u64()?, Overflow::from_code(t.u16()?)?);
    let (keeps, keep_for) = (t.flag()?, t.u64()?);
    let (no_erase_before, hold) = (t.u64()?, t.flag()?);
    let (commits, commit_keys) = (CommitRule::from_code(t.u16()?)?, list(t, |t| t.key())?);
    let ext = match t.sized()? {
        [] => Extensions::none(),
        bytes => canonical::decode(bytes).ok()?,
    };
    let keep_ms = keeps.then_some(keep_for);
    Some(Policy {
        max_bytes,
        max_events,
        overflow,
        keep_ms,
        no_erase_before,
        hold,
        commits,
        commit_keys,
        ext,
    })
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
    use telesphor_wire::ext::Extension;
    use telesphor_wire::hash::Digest;
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
                policy: Policy {
                    hold,
                    keep_ms: closed.then_some(n[2]),
                    overflow: if shared { Overflow::DropOldest } else { Overflow::Refuse },
                    commits: if hold { CommitRule::Listed } else { CommitRule::Open },
                    max_bytes: n[0],
                    max_events: n[1],
                    no_erase_before: n[2],
                    commit_keys: vec![PublicKey(h[2]); usize::from(suite % 3)],
                    ext: match class % 2 {
                        0 => Extensions::none(),
                        _ => Extensions::none().with(Extension { id: 1, critical: false, body: vec![3].into() }),
                    },
                },
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
