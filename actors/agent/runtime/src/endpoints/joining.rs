//! The new device's side of being let in. What it asked with lies in its vault before it leaves,
//! so a device that was switched off while it waited goes on with the same keys.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;

use telesphor_clinical::message::Welcome;
use telesphor_identity::endpoint::SignedEndpoint;
use telesphor_identity::history::History;
use telesphor_identity::joining::{EndpointLink, EndpointOffer, EndpointRequest, Handover};
use telesphor_sealing::member::MemberKeys;
use telesphor_sealing::package::{make_packages, seal_package};
use telesphor_sealing::{PackageAddress, Suite};
use telesphor_vault::{Records, Table, Vault};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::CommandId;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::api::create::{NewProfile, endpoint_record};
use crate::core::ctx::{Effects, Rosters};
use crate::core::profile::{Keys, StoredKeys};
use crate::core::shared::clock;
use crate::core::verified::Verified;
use crate::core::windows::Windows;
use crate::core::{Core, Ctx, Profile, names};
use crate::error::{Error, Result};
use crate::group::rows::{Rows, apply};
use crate::link::{Credential, LinkError, Pin, Push, Session, domain};
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// What a device that waits keeps.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Joining {
    pub(crate) link: EndpointLink,
    name: String,
    endpoint_seed: Secret,
    leaf_seed: Secret,
    reply: SealingKey,
    pseudonym: Secret,
    request: EndpointRequest,
    /// The command that carries the request: the same bytes each time.
    command: Deposit,
}

impl Joining {
    /// What the vault of a waiting device holds, if this is one.
    pub(crate) fn load(vault: &Vault) -> Result<Option<Self>> {
        Ok(vault.read()?.get_value(Table::Settings, names::JOINING)?)
    }

    /// The words to compare.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = self.link.words(&self.request);
        words.into_iter().map(str::to_owned).collect()
    }

    /// Makes the keys of a new endpoint and the request, and keeps both.
    fn begin(vault: &Vault, link: &EndpointLink, offer: &EndpointOffer, new: &NewProfile) -> Result<Self> {
        let (endpoint, leaf) = (SigningKey::generate(), SigningKey::generate());
        let reply = SealingKey::generate();
        let record = endpoint_record(link.identity, &endpoint, &leaf, new)?;
        let member = MemberKeys::new(link.identity, endpoint.public(), &leaf.seed());
        vault.write(|tx| {
            let step = make_packages(&Rows(tx), &member, Suite::default(), 1, false, clock())?;
            let packages = step.commit(|diff, _| apply(tx, diff))?;
            let package = packages.first().ok_or(Error::fault("package"))?;
            let to = PackageAddress {
                mailbox: link.mailbox,
                contact: endpoint.public(),
            };
            let request = EndpointRequest {
                endpoint: SignedEndpoint::sign(record, &endpoint),
                reply: reply.public(),
                package: seal_package(package, &member, &endpoint, &to, &link.package_secret())?,
                ext: Extensions::none(),
            };
            let payload = link
                .seal_request(offer, &request)
                .map_err(|e| Error::of(e.code()))?;
            let joining = Self {
                link: link.clone(),
                name: new.endpoint.clone(),
                endpoint_seed: endpoint.seed(),
                leaf_seed: leaf.seed(),
                reply,
                pseudonym: Secret::random(),
                request,
                command: Deposit {
                    mailbox: link.mailbox,
                    branch: 0,
                    epoch: 0,
                    kind: EventKind::MESSAGE,
                    command_id: CommandId::random(),
                    not_after: clock() + COMMAND_LIFE_MS,
                    payload: payload.into(),
                    ext: Extensions::none(),
                    signature: None,
                },
            };
            tx.put_value(Table::Settings, names::JOINING, &joining)?;
            Ok(joining)
        })
    }

    /// Becomes an endpoint, all in one transaction.
    fn finish(&self, vault: &Vault, home: SignedDomainRecord, handover: &Handover) -> Result<Core> {
        let refused = Error::of(ErrorCode::BadDocument);
        let stored = StoredKeys {
            identity: self.link.identity,
            guarded: None,
            endpoint_seed: self.endpoint_seed.clone(),
            leaf_seed: self.leaf_seed.clone(),
            root: handover.root(),
            backup: None,
        };
        let profile = Profile {
            identity: self.link.identity,
            name: handover.name.as_str().to_owned(),
            endpoint: self.name.clone(),
            home,
            partitions: 1,
            incarnation: None,
            inbox: None,
            own: Some(handover.welcome.mailbox),
            backup: None,
            kit_tested: None,
            refused: None,
            kit_due: false,
            verified: Verified::default(),
        };
        let history = History::from_bytes(&handover.history).map_err(|e| Error::of(e.code()))?;
        let verified = history
            .verify(&crate::people::domains(&profile))
            .map_err(|e| Error::of(e.code()))?;
        let here = self.request.endpoint.record.key;
        if verified.id() != self.link.identity || verified.now().live_endpoint(&here).is_none() {
            return Err(refused);
        }
        let keys = Keys::of(stored.clone(), true);
        vault.write(|tx| {
            tx.put_value(Table::IdentityKeys, names::KEYS, &stored)?;
            tx.put(Table::Histories, &self.link.identity.0, &history.to_bytes())?;
            tx.delete(Table::Settings, names::JOINING)?;
            let mut ctx = Ctx {
                tx,
                now: clock(),
                keys: &keys,
                profile: profile.clone(),
                groups: &RefCell::default(),
                rosters: Rosters::default(),
                inbox_read: false,
                session: None,
                windows: Windows::default(),
                fx: Effects::default(),
            };
            ctx.put_profile(profile.clone())?;
            ctx.enter_own(&handover.welcome)
        })?;
        Core::load(vault.clone())
    }
}

impl Ctx<'_, '_> {
    fn enter_own(&mut self, welcome: &Welcome) -> Result<()> {
        let own = telesphor_clinical::self_entry::MailboxUse::Own;
        if welcome.used != own || welcome.owner != self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        self.take_seat(welcome, None)
    }
}

/// Asks by a link and waits to be let in. `show` is given the words as soon as there are some.
///
/// # Errors
/// [`ErrorCode::InviteExpired`], [`ErrorCode::InviteUsed`]; the link's own faults of connection.
pub(crate) async fn join(
    vault: Vault,
    link: EndpointLink,
    new: NewProfile,
    show: impl Fn(&[String]),
) -> Result<Core> {
    let mut joining = Joining::load(&vault)?;
    let home = Pin {
        domain: link.home.domain.clone(),
        domain_key: link.home.key,
        address: link.home.address.clone(),
        tls_key: link.home.tls_key,
    };
    let record = domain::fetch(&home).await?;
    let relays: Vec<PublicKey> = record.record.relays.iter().map(|r| r.relay).collect();
    let (session, mut pushes) = Session::open(&home, &relays).await?;
    let pseudonym = joining
        .as_ref()
        .map_or_else(Secret::random, |j| j.pseudonym.clone());
    let credential = Credential::member(
        link.mailbox,
        0,
        0,
        &link.access_key(),
        SigningKey::from_seed(&pseudonym),
    );
    let standing = session.prove(credential).await.map_err(over)?;
    session.follow(standing.handle, 0, DEFAULT_CREDIT_BYTES).await?;
    if let Some(joining) = &joining {
        ask(&session, standing.handle, joining).await?;
        show(&joining.words());
    }
    loop {
        let events = match pushes.recv().await {
            Some(Push::Events(events)) => events,
            Some(Push::Ended(_, refusal)) => return Err(over(LinkError::Refused(refusal))),
            None => return Err(LinkError::lost().into()),
        };
        let mut bytes = 0u32;
        for event in events.events {
            bytes += event.header.size.saturating_add(256);
            let Some(payload) = event.payload else { continue };
            if let Some(joining) = &joining {
                if let Ok(handover) = joining.link.open_handover(&joining.reply, &payload) {
                    let (joining, record) = (joining.clone(), record.clone());
                    return tokio::task::spawn_blocking(move || joining.finish(&vault, record, &handover))
                        .await
                        .map_err(|_| Error::fault("join"))?;
                }
                continue;
            }
            let Ok(offer) = link.open_offer(&payload) else {
                continue;
            };
            let made = Joining::begin(&vault, &link, &offer, &new)?;
            ask(&session, standing.handle, &made).await?;
            show(&made.words());
            joining = Some(made);
        }
        session.credit(standing.handle, bytes).await?;
    }
}

async fn ask(session: &Session, handle: u32, joining: &Joining) -> Result<()> {
    loop {
        let replied = session
            .call(handle, Command::Deposit(joining.command.clone()))
            .await?;
        match replied.answer {
            Answer::Busy(ms) | Answer::NotYetDurable(ms) => {
                tokio::time::sleep(std::time::Duration::from_millis(ms.max(10))).await;
            }
            // Closed: somebody was let in already. If it was this device, what it was handed
            // lies there; if not, waiting for it ends in time.
            Answer::Refused(refusal) if refusal.code != ErrorCode::Closed => {
                return Err(over(LinkError::Refused(refusal)).with_support(replied.support));
            }
            _ => return Ok(()),
        }
    }
}

/// A right to the one-time mailbox that is over means that the link is.
fn over(error: LinkError) -> Error {
    match error {
        LinkError::Refused(refusal) if refusal.code == ErrorCode::LeaseOver => {
            ErrorCode::InviteExpired.into()
        }
        LinkError::Refused(refusal) if refusal.code == ErrorCode::Refused => ErrorCode::InviteUsed.into(),
        other => other.into(),
    }
}
