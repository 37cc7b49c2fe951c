//! The old device's side of letting another one in.

use serde::{Deserialize, Serialize};
use telesphor_clinical::message::{DepositMessage, Welcome};
use telesphor_clinical::text::Text;
use telesphor_identity::event::Change;
use telesphor_identity::joining::{EndpointLink, EndpointOffer, EndpointRequest, Handover};
use telesphor_identity::kit::Home;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::seats::Asked;
use crate::core::Ctx;
use crate::core::records::{Acquaintance, Held, Job, MailboxState, Padding};
use crate::error::{Error, Result};
use crate::link::Credential;
use crate::people;

/// A link that was made here, and how far it has come.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Adding {
    pub(crate) link: EndpointLink,
    /// The private half of the offered key.
    key: SealingKey,
    /// This endpoint's pseudonym at the one-time mailbox.
    pseudonym: Secret,
    /// The first device that asked.
    pub(crate) asked: Option<EndpointRequest>,
    /// Devices that asked later.
    pub(crate) late: u32,
    /// Its owner said yes: it stands in the history.
    pub(crate) admitted: bool,
    /// It was given what it needs to go on by itself.
    pub(crate) handed: bool,
}

impl Adding {
    /// The right to the one-time mailbox.
    pub(crate) fn credential(&self) -> Credential {
        let pseudonym = SigningKey::from_seed(&self.pseudonym);
        Credential::member(self.link.mailbox, 0, 0, &self.link.access_key(), pseudonym)
    }
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"endpoint/", &mailbox.0[..]].concat()
}

/// The link whose one-time mailbox this is, if it was made here.
pub(crate) fn adding_at(records: &impl Records, mailbox: &MailboxId) -> Result<Option<Adding>> {
    Ok(records.get_value(Table::Invitations, &name(mailbox))?)
}

impl Ctx<'_, '_> {
    pub(crate) fn adding(&self, mailbox: &MailboxId) -> Result<Option<Adding>> {
        adding_at(self.tx, mailbox)
    }

    fn put_adding(&mut self, adding: &Adding) -> Result<()> {
        self.put(Table::Invitations, &name(&adding.link.mailbox), adding)
    }

    /// Makes a link for one new device.
    pub(crate) fn begin_adding(&mut self, expires: u64) -> Result<EndpointLink> {
        let (mailbox, voucher) = self.draw_mailbox()?;
        let record = self.profile.record();
        let relay = record.relays.first().ok_or(Error::fault("relay"))?;
        let home = Home {
            domain: record.domain.clone(),
            address: relay.address.clone(),
            key: record.key,
            tls_key: relay.tls_key,
        };
        let (link, key) = EndpointLink::create(self.me(), home, mailbox, expires);
        self.open_one_time(mailbox, voucher, link.access_key().public(), expires)?;
        self.put_adding(&Adding {
            link: link.clone(),
            key,
            pseudonym: Secret::random(),
            asked: None,
            late: 0,
            admitted: false,
            handed: false,
        })?;
        Ok(link)
    }

    /// The one-time mailbox is open: the offer goes in.
    pub(crate) fn offer_seat(&mut self, held: &Held) -> Result<()> {
        let Some(adding) = self.adding(&held.id)? else {
            return Ok(());
        };
        let offer = EndpointOffer {
            key: adding.key.public(),
            ext: Extensions::none(),
        };
        let payload = adding.link.seal_offer(&offer).map_err(|e| Error::of(e.code()))?;
        self.one_time_deposit(&held.id, payload, Job::Nothing(true), None)?;
        Ok(())
    }

    /// A device has answered the offer. The first one counts; nothing happens before its owner
    /// says so.
    pub(crate) fn device_asked(&mut self, mut adding: Adding, payload: &[u8]) -> Result<()> {
        // Whatever this endpoint put there comes back too.
        let Ok(request) = adding.link.open_request(&adding.key, payload) else {
            return Ok(());
        };
        match &adding.asked {
            None => adding.asked = Some(request),
            Some(first) if *first == request => return Ok(()),
            Some(_) => adding.late += 1,
        }
        self.put_adding(&adding)
    }

    /// The device's owner says yes: it stands in the history from now on, contacts are told, and
    /// it gets a seat among one's own endpoints.
    pub(crate) fn admit(&mut self, mailbox: &MailboxId, identity_key: &SigningKey) -> Result<()> {
        let not_found = Error::of(ErrorCode::NotFound);
        let mut adding = self.adding(mailbox)?.ok_or(not_found.clone())?;
        let request = adding.asked.clone().ok_or(not_found)?;
        if adding.admitted {
            return Ok(());
        }
        let own = self.profile.own.ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let endpoint = request.endpoint.record.key;
        let change = Change::AddEndpoint(Box::new(request.endpoint));
        self.extend_history(change, identity_key)?;
        self.keep_asked(
            &own,
            &Asked {
                endpoint,
                at: adding.link.mailbox,
                package: request.package,
                secret: adding.link.package_secret(),
            },
        )?;
        adding.admitted = true;
        self.put_adding(&adding)?;
        self.tell_contacts_history()?;
        self.reconcile(&own)
    }

    /// One more event of one's own history.
    pub(crate) fn extend_history(&mut self, change: Change, key: &SigningKey) -> Result<()> {
        let me = self.me();
        let (mut history, _) =
            people::history(self.tx, &self.profile, &me)?.ok_or(Error::fault("own history"))?;
        history
            .extend(change, self.now, &[key], &people::domains(&self.profile))
            .map_err(|e| Error::of(e.code()))?;
        self.tx.put(Table::Histories, &me.0, &history.to_bytes())?;
        self.fx.keys = true;
        Ok(())
    }

    /// Every contact gets the history as it is now.
    pub(crate) fn tell_contacts_history(&mut self) -> Result<()> {
        let history = self.my_history()?;
        for known in self.all_known()? {
            if known.removed || known.state != Acquaintance::Settled {
                continue;
            }
            let message = DepositMessage::History(history.clone().into());
            let id = known.contact.record.identity;
            self.deposit_for(&id, message, Padding::Message, Job::Nothing(true))?;
        }
        Ok(())
    }

    /// The new device has its seat: it is handed the way there, and told everything.
    pub(crate) fn hand_over(&mut self, endpoint: PublicKey, welcome: Welcome) -> Result<()> {
        let mut found = None;
        for (name, bytes) in self.tx.scan(Table::Invitations)? {
            if name.starts_with(b"endpoint/")
                && let Ok(adding) = canonical::decode::<Adding>(&bytes)
                && adding.asked.as_ref().map(|a| a.endpoint.record.key) == Some(endpoint)
            {
                found = Some(adding);
            }
        }
        let Some(mut adding) = found else { return Ok(()) };
        let Some(request) = &adding.asked else {
            return Ok(());
        };
        let handover = Handover {
            history: Bytes(self.my_history()?),
            name: Text::cut(&self.profile.name),
            welcome,
            ext: Extensions::none(),
        };
        let handover = match &self.keys.stored.root {
            Some(root) => handover.with_root(root),
            None => handover,
        };
        let payload = adding
            .link
            .seal_handover(request, &handover)
            .map_err(|e| Error::of(e.code()))?;
        let mailbox = adding.link.mailbox;
        let handed = self.one_time_deposit(&mailbox, payload, Job::Nothing(true), None)?;
        // Nobody needs to write there any more; the new device reads it yet.
        let close = OwnerAct::Close(Extensions::none());
        self.enqueue_act(mailbox, close, Job::Nothing(true), Some(handed))?;
        let mut held = self.held(&mailbox)?;
        held.state = MailboxState::Ended;
        self.put_held(&held)?;
        adding.handed = true;
        self.put_adding(&adding)?;
        self.brief(endpoint)
    }
}
