//! Founding the group of a shared mailbox.

use openmls::group::MlsGroup;
use telesphor_wire::sign::PublicKey;

use crate::binding::Binding;
use crate::commit::Contents;
use crate::config::create_config;
use crate::error::SessionError;
use crate::join::WelcomeLetter;
use crate::member::MemberKeys;
use crate::overlay::Provider;
use crate::package::VerifiedPackage;
use crate::record::Record;
use crate::session::{GroupSession, fault, group_id};
use crate::state::{MlsStateRead, Step};
use crate::suite::Suite;

/// How a group begins.
#[derive(Debug)]
pub struct Founding {
    /// What it is bound to. Its `min_suite` must be met by `suite`.
    pub binding: Binding,
    /// The suite, for good: another one means another mailbox.
    pub suite: Suite,
    /// The first members beside the founder; may be empty, members can be added later.
    pub members: Vec<VerifiedPackage>,
    /// Unix milliseconds.
    pub now: u64,
}

/// A group as founded. It is real at the relay once the mailbox is opened with
/// `FirstAccess { epoch, key: access, .. }`; if that is refused, forget the session.
#[derive(Clone, Debug)]
pub struct Founded {
    /// The epoch in which the mailbox opens: 0 alone, 1 with first members.
    pub epoch: u64,
    /// Access key of that epoch.
    pub access: PublicKey,
    /// For every first member; to be sent, sealed, once the mailbox is open.
    pub welcome: Option<WelcomeLetter>,
}

impl GroupSession {
    /// Founds a group. First members come in by a commit that needs no order: nobody else is
    /// there who could commit, and the mailbox opens in the epoch after it.
    ///
    /// # Errors
    /// [`SessionError::GroupExists`], [`SessionError::Binding`] if the suite is too weak,
    /// [`SessionError::PackageUnfit`], [`SessionError::TooMany`].
    pub fn found(
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        founding: &Founding,
    ) -> Result<Step<(Self, Founded)>, SessionError> {
        let provider = Provider::new(state);
        let mailbox = founding.binding.mailbox;
        if Record::load(&provider.rows, &mailbox)?.is_some() {
            return Err(SessionError::GroupExists);
        }
        let config = create_config(founding.suite, founding.now, founding.binding.extensions()?);
        let group =
            MlsGroup::new_with_group_id(&provider, keys, &config, group_id(&mailbox), keys.credential())
                .map_err(|_| fault(&provider))?;
        let binding = Binding::read(group.public_group().group_context())?;
        let mut session = Self {
            group,
            record: Record::new(0, Vec::new()),
            binding,
            stamp: None,
            access: None,
        };
        let mut welcome = None;
        if !founding.members.is_empty() {
            let contents = Contents {
                add: &founding.members,
                remove: &[],
                policy: None,
            };
            session.check(&contents)?;
            let built = session.build(&provider, keys, &contents)?;
            welcome = built.welcome;
            session
                .group
                .merge_pending_commit(&provider)
                .map_err(|_| fault(&provider))?;
        }
        session.begin_epoch(&provider)?;
        let epoch = session.group.epoch().as_u64();
        let step = session.step(provider, ());
        // The access key is in the difference that has just been made.
        let keys =
            crate::access::epoch_keys(&crate::state::Layered::new(state, step.diff()), mailbox, 0, epoch)?
                .ok_or(SessionError::Fault)?;
        let access = keys.access_public();
        Ok(step.map(|(session, ())| {
            let welcome = welcome.map(|w| session.letter(w, access, 0, epoch));
            (
                session,
                Founded {
                    epoch,
                    access,
                    welcome,
                },
            )
        }))
    }
}
