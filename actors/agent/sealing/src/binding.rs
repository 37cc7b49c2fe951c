//! The binding of a group to its mailbox: a required GroupContext extension.
//!
//! A joiner refuses a group whose binding does not match the mailbox it was sent to, and a
//! commit that changes it without right is void.

use openmls::prelude::{
    Capabilities, CredentialType, Extension, ExtensionType, Extensions as MlsExtensions, GroupContext,
    ProtocolVersion, RequiredCapabilitiesExtension, UnknownExtension,
};
use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::suite::Suite;

/// Extension type of the binding, from the private-use range (RFC 9420, section 17.3).
pub const BINDING_EXTENSION: u16 = 0xF7E1;

const MAX_BINDING_BYTES: usize = 4096;

/// What a group is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The mailbox that carries the group; also the MLS group id.
    pub mailbox: MailboxId,
    /// The cluster where it lives.
    pub domain: Domain,
    /// Who owns the mailbox and may rewind it.
    pub owner: IdentityId,
    /// The weakest suite its members accept, by IANA code point.
    pub min_suite: u16,
    /// Hash of the team's policy document: who may add, remove, rejoin.
    pub policy: Digest,
    /// Keys whose proposals from outside the group would be heard. Reserved: empty in this
    /// version, and a group that names one is refused.
    pub roster: Vec<PublicKey>,
    /// Reserved for emergency access in the same way.
    pub emergency: Vec<PublicKey>,
    /// For later versions.
    pub ext: Extensions,
}

/// The group's context holds no binding, or not one that this version may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group is not bound to a mailbox in a way this version can follow")]
pub struct BadBinding;

impl Binding {
    /// A binding with nothing reserved in it.
    pub fn new(
        mailbox: MailboxId,
        domain: Domain,
        owner: IdentityId,
        min_suite: Suite,
        policy: Digest,
    ) -> Self {
        Self {
            mailbox,
            domain,
            owner,
            min_suite: min_suite.code(),
            policy,
            roster: Vec::new(),
            emergency: Vec::new(),
            ext: Extensions::none(),
        }
    }

    /// The extensions of a group context: the binding, and the duty to understand it.
    pub(crate) fn extensions(&self) -> Result<MlsExtensions<GroupContext>, BadBinding> {
        let required = RequiredCapabilitiesExtension::new(
            &[ExtensionType::Unknown(BINDING_EXTENSION)],
            &[],
            &[CredentialType::Basic],
        );
        let bytes = canonical::encode(self);
        MlsExtensions::from_vec(vec![
            Extension::RequiredCapabilities(required),
            Extension::Unknown(BINDING_EXTENSION, UnknownExtension(bytes)),
        ])
        .map_err(|_| BadBinding)
    }

    /// Reads the binding and refuses a context that holds anything beside it and its duty:
    /// external senders, for one, would be a second door.
    pub(crate) fn read(context: &GroupContext) -> Result<Self, BadBinding> {
        let bytes = context
            .extensions()
            .unknown(BINDING_EXTENSION)
            .ok_or(BadBinding)?;
        let binding: Self = canonical::decode_bounded(&bytes.0, MAX_BINDING_BYTES).map_err(|_| BadBinding)?;
        binding.ext.check(&[]).map_err(|_| BadBinding)?;
        let suite = Suite::of(context.ciphersuite()).ok_or(BadBinding)?;
        let lawful = binding.roster.is_empty()
            && binding.emergency.is_empty()
            && suite.meets(binding.min_suite)
            && binding.extensions()? == *context.extensions()
            && context.group_id().as_slice() == binding.mailbox.0;
        if lawful { Ok(binding) } else { Err(BadBinding) }
    }

    /// Whether `next` may follow: everything but the policy stays.
    pub(crate) fn allows(&self, next: &Self) -> bool {
        let same = Self {
            policy: self.policy,
            ..next.clone()
        };
        same == *self
    }
}

/// What every leaf of this product can do.
pub(crate) fn capabilities() -> Capabilities {
    let suites: Vec<_> = Suite::ALL.iter().map(|s| s.mls()).collect();
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&suites),
        Some(&[
            ExtensionType::Unknown(BINDING_EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}
