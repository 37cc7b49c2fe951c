//! Joining by Welcome. Nothing is taken on trust, and nothing is burnt: openmls deletes the key
//! package before it looks at the Welcome, so a Welcome that does not open is rolled back whole.

use openmls::group::{JoinBuilder, ProcessedWelcome, StagedWelcome, WelcomeError};
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider, Welcome};
use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::ExporterLabel;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

use crate::access;
use crate::binding::Binding;
use crate::config::join_config;
use crate::error::SessionError;
use crate::limits::{MAX_MEMBERS, MAX_WELCOME_BYTES};
use crate::member::{Member, MemberKeys, Seat};
use crate::overlay::Provider;
use crate::package::PackageHandle;
use crate::record::Record;
use crate::session::{GroupSession, fault};
use crate::state::{MlsStateRead, Step};
use crate::suite::Suite;

/// A Welcome with the place it leads to. Goes to each new member in a sealed deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WelcomeLetter {
    /// 1.
    pub version: u8,
    /// The shared mailbox.
    pub mailbox: MailboxId,
    /// Where it lives.
    pub domain: Domain,
    /// Branch joined.
    pub branch: u32,
    /// Epoch joined: reading begins after the commit that began it.
    pub epoch: u64,
    /// Access key of that epoch, as registered at the relay.
    pub access: PublicKey,
    /// The MLS Welcome with the tree in it.
    pub welcome: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

/// What the joiner knows of the group beforehand.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The mailbox it was told to join, where it was told.
    pub mailbox: Option<MailboxId>,
    /// The weakest suite accepted, by IANA code point.
    pub min_suite: u16,
    /// Whose mailbox it must be, where that is known.
    pub owner: Option<IdentityId>,
    /// Under which policy, where that is known.
    pub policy: Option<Digest>,
    /// Whether a group of the same mailbox that is stored here may be replaced: when rejoining
    /// after loss, removal or a rewind. Its old access keys stay.
    pub replace: bool,
}

/// What came of a Welcome. The caller looks at it before it commits the step: are sender and
/// members such as it would join with? A dropped step leaves the key package as it was.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Who sent the Welcome.
    pub by: Member,
    /// Who is in the group, ourselves included.
    pub members: Vec<Seat>,
    /// Whether the key package may have been used by others too (last resort): update at once.
    pub update_at_once: bool,
    /// Which of our packages was used, so that the stock can be filled up.
    pub package: PackageHandle,
}

/// Why a Welcome was refused. The state is as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// Not a Welcome letter of this version.
    #[error("not a well-formed welcome")]
    Malformed,
    /// No private key of any package it was made for: used already, or made for another device.
    #[error("made for a key package that is not here any more")]
    NoPackage,
    /// MLS refuses it.
    #[error("MLS refuses the welcome")]
    Invalid,
    /// Suite under the minimum.
    #[error("the group is weaker than agreed")]
    WeakSuite,
    /// The group is bound to another mailbox, domain, owner, branch, epoch or policy than said.
    #[error("the group does not belong to the mailbox it was sent for")]
    OtherMailbox,
    /// The access key it derives is not the one the mailbox has.
    #[error("the group's access key is not the mailbox's")]
    OtherAccess,
    /// A member's credential is not one of ours, or our own leaf is not ours.
    #[error("a member of the group is not acceptable")]
    BadMember,
    /// Our own side.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl JoinError {
    /// The code shown to a user.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed => ErrorCode::Malformed,
            Self::NoPackage | Self::Invalid | Self::OtherMailbox | Self::OtherAccess | Self::BadMember => {
                ErrorCode::CannotOpen
            }
            Self::WeakSuite => ErrorCode::UnknownVersion,
            Self::Session(e) => e.code(),
        }
    }
}

impl GroupSession {
    /// Joins by a Welcome letter.
    ///
    /// Leaves of members who never updated and whose lifetime has passed do not hinder: a member
    /// who sleeps must not shut the door for everybody; [`Seat::expires`] shows them.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        letter: &WelcomeLetter,
        expect: &Expectation,
    ) -> Result<Step<(Self, Joined)>, JoinError> {
        let welcome = parse(letter)?;
        let suite = Suite::of(welcome.ciphersuite()).ok_or(JoinError::WeakSuite)?;
        if !suite.meets(expect.min_suite) {
            return Err(JoinError::WeakSuite);
        }
        if expect.mailbox.is_some_and(|m| m != letter.mailbox) {
            return Err(JoinError::OtherMailbox);
        }
        let provider = Provider::new(state);
        let old = Record::load(&provider.rows, &letter.mailbox).map_err(SessionError::from)?;
        if old.is_some() && !expect.replace {
            return Err(SessionError::GroupExists.into());
        }
        let (staged, package, update_at_once) = stage(&provider, welcome, old.is_some())?;
        let binding = examine(&provider, &staged, letter, expect)?;
        let by = staged.welcome_sender().map_err(|_| JoinError::Invalid)?;
        let by =
            Member::read(by.credential(), by.signature_key().as_slice()).map_err(|_| JoinError::BadMember)?;
        let group = staged.into_group(&provider).map_err(|_| fault(&provider))?;
        let spans = old.map(|r| r.spans).unwrap_or_default();
        let mut session = Self {
            group,
            record: Record::new(letter.branch, spans),
            binding,
            stamp: None,
            access: None,
        };
        if session.me()?.member != *keys.member() {
            return Err(JoinError::BadMember);
        }
        let members = session.members().map_err(|_| JoinError::BadMember)?;
        if members.len() > MAX_MEMBERS {
            return Err(SessionError::TooMany.into());
        }
        session.begin_epoch(&provider)?;
        Ok(session.step(
            provider,
            Joined {
                by,
                members,
                update_at_once,
                package,
            },
        ))
    }

    pub(crate) fn letter(
        &self,
        welcome: Vec<u8>,
        access: PublicKey,
        branch: u32,
        epoch: u64,
    ) -> WelcomeLetter {
        WelcomeLetter {
            version: 1,
            mailbox: self.binding.mailbox,
            domain: self.binding.domain.clone(),
            branch,
            epoch,
            access,
            welcome: Bytes(welcome),
            ext: Extensions::none(),
        }
    }
}

fn parse(letter: &WelcomeLetter) -> Result<Welcome, JoinError> {
    letter.ext.check(&[]).map_err(|_| JoinError::Malformed)?;
    if letter.version != 1 || letter.welcome.len() > MAX_WELCOME_BYTES {
        return Err(JoinError::Malformed);
    }
    let message =
        MlsMessageIn::tls_deserialize_exact_bytes(&letter.welcome).map_err(|_| JoinError::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(JoinError::Malformed),
    }
}

/// Processes the Welcome; says also whether our own package in it was a last-resort one.
fn stage(
    provider: &Provider<'_>,
    welcome: Welcome,
    replace: bool,
) -> Result<(StagedWelcome, PackageHandle, bool), JoinError> {
    let refused = |e: &WelcomeError<crate::error::StateError>| match (provider.rows.fault(), e) {
        (Some(f), _) => JoinError::Session(f.into()),
        (None, WelcomeError::NoMatchingKeyPackage) => JoinError::NoPackage,
        (None, _) => JoinError::Invalid,
    };
    let processed =
        ProcessedWelcome::new_from_welcome(provider, &join_config(0), welcome).map_err(|e| refused(&e))?;
    // No group of this product has pre-shared keys in its Welcome.
    if !processed.psks().is_empty() {
        return Err(JoinError::Invalid);
    }
    let package = processed.own_key_package().ok_or(JoinError::Invalid)?;
    let last_resort = package.last_resort();
    let handle = PackageHandle::of(provider, package)?;
    let mut builder = JoinBuilder::new(provider, processed).skip_lifetime_validation();
    if replace {
        builder = builder.replace_old_group();
    }
    let staged = builder.build().map_err(|e| refused(&e))?;
    Ok((staged, handle, last_resort))
}

/// Extension, suite and access key must be those of the mailbox it was sent for.
fn examine(
    provider: &Provider<'_>,
    staged: &StagedWelcome,
    letter: &WelcomeLetter,
    expect: &Expectation,
) -> Result<Binding, JoinError> {
    let context = staged.group_context();
    let binding = Binding::read(context).map_err(|_| JoinError::OtherMailbox)?;
    let same = binding.mailbox == letter.mailbox
        && binding.domain == letter.domain
        && context.epoch().as_u64() == letter.epoch
        && expect.owner.is_none_or(|o| o == binding.owner)
        && expect.policy.is_none_or(|p| p == binding.policy);
    if !same {
        return Err(JoinError::OtherMailbox);
    }
    let seed: Secret = access::export(
        staged,
        provider.crypto(),
        ExporterLabel::Access,
        &letter.mailbox,
        letter.branch,
    )?;
    if SigningKey::from_seed(&seed).public() != letter.access {
        return Err(JoinError::OtherAccess);
    }
    for member in staged.members() {
        Member::read(&member.credential, &member.signature_key).map_err(|_| JoinError::BadMember)?;
    }
    Ok(binding)
}
