//! `endpoint add|join|list|remove`, `identity rotate`.

use std::path::Path;
use std::time::Duration;

use telesphor_identity::endpoint::EndReason;
use telesphor_identity::joining::EndpointLink;
use telesphor_identity::kit::RecoveryKit;
use telesphor_vault::{OpenOptions, Records, Unlock, Vault, VaultPaths};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::SigningKey;

use super::agent::{Agent, Passphrase};
use super::create::NewProfile;
use crate::core::Core;
use crate::core::index::Lane;
use crate::core::shared::clock;
use crate::endpoints::adding::adding_at;
use crate::endpoints::guard::guard_key;
use crate::endpoints::joining::{Joining, join};
use crate::endpoints::removing::endpoint_id;
use crate::endpoints::siblings::last_heard;
use crate::error::{Error, Result};
use crate::people;
use crate::views::{CutView, EndpointAsked, EndpointView};

impl Agent {
    /// Makes a one-time link with which one device can ask to become one of this identity's,
    /// good for `lasting`; gives it when the relay holds the offer. The identity's passphrase is
    /// needed later too; it is tried here so that a wrong one is noticed first.
    ///
    /// # Errors
    /// [`ErrorCode::WrongIdentityPassphrase`], [`ErrorCode::AdmissionInvalid`] if no mailbox can
    /// be opened any more; [`ErrorCode::NotYetDurable`] or [`ErrorCode::Unreachable`] after `wait`.
    pub async fn offer_endpoint(
        &self,
        identity_passphrase: &Passphrase,
        lasting: Duration,
        wait: Duration,
    ) -> Result<String> {
        let passphrase = identity_passphrase.clone();
        let lasting = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        let link = self
            .shared
            .change(move |core| {
                core.identity_key(&passphrase)?;
                core.write(|ctx| ctx.begin_adding(ctx.now.saturating_add(lasting)))
            })
            .await?;
        let mailbox = link.mailbox;
        self.wait_for(wait, move |core| {
            let open = core.index.followed.contains_key(&mailbox);
            Ok((open && !waits(core, &mailbox)).then_some(()))
        })
        .await?;
        Ok(link.to_text())
    }

    /// Waits until a device asks by a link that was made here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a link not made here; [`ErrorCode::NotYetDurable`] after `wait`.
    pub async fn endpoint_asked(&self, link: &str, wait: Duration) -> Result<EndpointAsked> {
        let link = EndpointLink::from_text(link).map_err(|e| Error::of(e.code()))?;
        self.wait_for(wait, move |core| {
            let adding = adding_at(&core.read()?, &link.mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
            Ok(adding.asked.map(|asked| EndpointAsked {
                label: asked.endpoint.record.name.shown(),
                words: link.words(&asked).into_iter().map(str::to_owned).collect(),
                late: adding.late,
            }))
        })
        .await
    }

    /// Lets the device in that asked by this link: it becomes one of this identity's, contacts
    /// are told, and it is told everything. Returns when it has been handed the way in.
    ///
    /// # Errors
    /// [`ErrorCode::WrongIdentityPassphrase`], [`ErrorCode::NotFound`] if none has asked;
    /// [`ErrorCode::NotYetDurable`] after `wait`: it goes on by itself.
    pub async fn admit_endpoint(
        &self,
        link: &str,
        identity_passphrase: &Passphrase,
        wait: Duration,
    ) -> Result<()> {
        let link = EndpointLink::from_text(link).map_err(|e| Error::of(e.code()))?;
        let (mailbox, passphrase) = (link.mailbox, identity_passphrase.clone());
        self.shared
            .change(move |core| {
                let key = core.identity_key(&passphrase)?;
                core.write(|ctx| ctx.admit(&mailbox, &key))
            })
            .await?;
        self.wait_for(wait, move |core| {
            let adding = adding_at(&core.read()?, &mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
            Ok((adding.handed && !waits(core, &mailbox)).then_some(()))
        })
        .await
    }

    /// Makes this device one of an identity's, by a link that another of its devices made.
    /// `show` is given the words to compare as soon as there are some. A call that was cut off
    /// goes on where it was when it is made again with the same link.
    ///
    /// # Errors
    /// [`ErrorCode::ProfileExists`]; [`ErrorCode::InviteExpired`], [`ErrorCode::InviteUsed`];
    /// [`ErrorCode::NotLetIn`] after `wait`.
    pub async fn join_endpoint(
        folder: &Path,
        passphrase: &Passphrase,
        new: NewProfile,
        link: &str,
        wait: Duration,
        show: impl Fn(&[String]),
    ) -> Result<Self> {
        let link = EndpointLink::from_text(link).map_err(|e| Error::of(e.code()))?;
        link.check_time(clock()).map_err(|e| Error::of(e.code()))?;
        let paths = VaultPaths::in_folder(folder);
        let (passphrase, cost, mailbox) = (passphrase.clone(), new.cost, link.mailbox);
        let vault = tokio::task::spawn_blocking(move || {
            if !paths.exists() {
                return Ok::<_, Error>(Vault::create(&paths, &passphrase, cost)?);
            }
            let options = OpenOptions {
                wait: Duration::ZERO,
                read_old_copy: false,
            };
            let vault = Vault::open(&paths, Unlock::Passphrase(&passphrase), options)?;
            let waiting = Joining::load(&vault)?;
            let begun = vault
                .read()?
                .contains(telesphor_vault::Table::Settings, crate::core::names::PROFILE)?;
            if begun || waiting.is_some_and(|j| j.link.mailbox != mailbox) {
                return Err(ErrorCode::ProfileExists.into());
            }
            Ok(vault)
        })
        .await
        .map_err(|_| Error::fault("join"))??;
        let core = tokio::time::timeout(wait, join(vault, link, new, show))
            .await
            .map_err(|_| Error::of(ErrorCode::NotLetIn))??;
        Ok(Self::start(core, true))
    }

    /// This identity's devices.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>> {
        self.shared
            .work(|core| {
                let here = core.keys.endpoint.public();
                let snapshot = core.read()?;
                let (_, history) = people::history(&snapshot, &core.profile, &core.profile.identity)?
                    .ok_or(Error::of(ErrorCode::BrokenHistory))?;
                history
                    .now()
                    .endpoints
                    .iter()
                    .map(|e| {
                        Ok(EndpointView {
                            id: endpoint_id(&e.record.key),
                            label: e.record.name.shown(),
                            here: e.record.key == here,
                            since: e.added_at,
                            heard: last_heard(&snapshot, &e.record.key)?,
                            removed: e.ended.map(|end| end.since),
                        })
                    })
                    .collect()
            })
            .await
    }

    /// What was done about a removed device, mailbox by mailbox, and what is still open.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn cut(&self, device: &str) -> Result<Vec<CutView>> {
        let device = device.to_owned();
        self.look(move |snapshot, profile| crate::endpoints::cut::cut(snapshot, profile, &device))
            .await
    }

    /// Ends a device: nothing new reaches it, nothing it signs from now on counts. Returns when
    /// it is out of the self mailbox and its owner keys are replaced.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], [`ErrorCode::ThisEndpoint`],
    /// [`ErrorCode::WrongIdentityPassphrase`]; [`ErrorCode::NotYetDurable`] after `wait`: it goes
    /// on by itself.
    pub async fn remove_endpoint(
        &self,
        name: &str,
        reason: EndReason,
        identity_passphrase: &Passphrase,
        wait: Duration,
    ) -> Result<()> {
        let (name, passphrase) = (name.to_owned(), identity_passphrase.clone());
        self.shared
            .change(move |core| {
                let endpoint = core.write(|ctx| ctx.endpoint_named(&name))?;
                if endpoint == core.keys.endpoint.public() {
                    return Err(ErrorCode::ThisEndpoint.into());
                }
                let key = core.identity_key(&passphrase)?;
                core.write(|ctx| ctx.remove_endpoint(endpoint, reason, &key))
            })
            .await?;
        self.settle(wait).await
    }

    /// The kit that will take the place of `old`, to be printed before [`Agent::rotate`].
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`] for another identity's kit, [`ErrorCode::KitReplaced`].
    pub async fn next_kit(&self, old: &RecoveryKit) -> Result<RecoveryKit> {
        let old = old.clone();
        self.shared.work(move |core| core.next_kit(&old)).await
    }

    /// Replaces the identity key by way of the kit `old` and makes `new` the kit in force. From
    /// then on `identity_passphrase` opens the identity key.
    ///
    /// # Errors
    /// As [`Agent::next_kit`]; [`ErrorCode::NotYetDurable`] after `wait`: it goes on by itself.
    pub async fn rotate(
        &self,
        old: &RecoveryKit,
        new: &RecoveryKit,
        identity_passphrase: &Passphrase,
        wait: Duration,
    ) -> Result<()> {
        let (old, new, passphrase) = (old.clone(), new.clone(), identity_passphrase.clone());
        self.shared
            .change(move |core| {
                let (_, revealed) = core.kit_in_force(&old)?;
                let fresh = SigningKey::generate();
                let cost = core
                    .keys
                    .stored
                    .guarded
                    .as_ref()
                    .map(telesphor_vault::Guarded::cost)
                    .unwrap_or_default();
                let guarded = guard_key(&core.profile.identity, &fresh, &passphrase, cost)?;
                core.write(|ctx| ctx.rotate_identity(&revealed, &fresh, guarded, &new))
            })
            .await?;
        self.settle(wait).await
    }
}

/// Whether something still has to go into a mailbox.
fn waits(core: &Core, mailbox: &MailboxId) -> bool {
    core.index
        .outbox
        .values()
        .any(|slot| slot.lane == Lane::Mailbox(*mailbox))
}
