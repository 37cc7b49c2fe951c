//! What a staged commit would do, and whether the rules of this product allow its kind at all.
//! The team's policy comes after.

use openmls::prelude::{LeafNodeIndex, Proposal, Sender, StagedCommit};
use telesphor_wire::hash::Digest;

use crate::binding::Binding;
use crate::member::{Member, Seat};
use crate::policy::Change;
use crate::session::GroupSession;
use crate::suite::Suite;
use crate::verdict::VoidReason;

/// Reads the change out of a staged commit by `by`, ordered at `stamp` (not yet, if our own).
///
/// Allowed are additions, removals and a new policy hash, by value or by reference to a member's
/// proposal; always with fresh keys of the committer. Everything else that MLS knows (updates of
/// others, pre-shared keys, re-initialisation, external ways in, self-removal, custom proposals)
/// is off.
pub(crate) fn examine(
    session: &GroupSession,
    staged: &StagedCommit,
    by: Seat,
    why: Option<Digest>,
    stamp: Option<u64>,
    rewind: bool,
) -> Result<Change, VoidReason> {
    let mut change = Change {
        by,
        why,
        added: Vec::new(),
        removed: Vec::new(),
        proposed_by: Vec::new(),
        policy: None,
        rewind,
    };
    for queued in staged.queued_proposals() {
        let Sender::Member(proposer) = queued.sender() else {
            return Err(VoidReason::External);
        };
        if proposer.u32() != change.by.index {
            let seat = session.seat(*proposer).ok_or(VoidReason::External)?;
            if !change.proposed_by.contains(&seat) {
                change.proposed_by.push(seat);
            }
        }
        read(session, queued.proposal(), stamp, &mut change)?;
    }
    // A binding must follow in any case: the proposal that changes it may be hidden in others.
    let next = Binding::read(staged.group_context()).map_err(|_| VoidReason::BindingChanged)?;
    if !session.binding.allows(&next) {
        return Err(VoidReason::BindingChanged);
    }
    if next.policy != session.binding.policy {
        change.policy = Some(next.policy);
    }
    let leaf = staged.update_path_leaf_node().ok_or(VoidReason::NoPath)?;
    let stays =
        Member::read(leaf.credential(), leaf.signature_key().as_slice()).is_ok_and(|m| m == change.by.member);
    if !stays {
        return Err(VoidReason::LeafChanged);
    }
    Ok(change)
}

/// Takes one proposal into the change.
pub(crate) fn read(
    session: &GroupSession,
    proposal: &Proposal,
    stamp: Option<u64>,
    change: &mut Change,
) -> Result<(), VoidReason> {
    match proposal {
        Proposal::Add(add) => {
            let package = add.key_package();
            let leaf = package.leaf_node();
            let member = Member::read(leaf.credential(), leaf.signature_key().as_slice())
                .map_err(|_| VoidReason::BadPackage)?;
            let life = package.life_time();
            let timely = stamp.is_none_or(|s| {
                life.not_before().saturating_mul(1000) <= s && s < life.not_after().saturating_mul(1000)
            });
            let fit = timely
                && life.has_acceptable_range()
                && Suite::of(package.ciphersuite()).is_some_and(|s| s.meets(session.binding.min_suite));
            if !fit {
                return Err(VoidReason::BadPackage);
            }
            change.added.push(member);
        }
        Proposal::Remove(remove) => {
            let seat = session
                .seat(LeafNodeIndex::new(remove.removed().u32()))
                .ok_or(VoidReason::Unprocessable)?;
            change.removed.push(seat);
        }
        // Judged by its result, the binding of the next epoch.
        Proposal::GroupContextExtensions(_) => {}
        _ => return Err(VoidReason::ForbiddenProposal),
    }
    Ok(())
}
