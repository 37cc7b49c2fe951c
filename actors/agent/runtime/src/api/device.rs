//! `device pair|attach|detach|list`, `device stream`, `follow`.

use std::time::Duration;

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};
use tokio::sync::mpsc;

use super::agent::Agent;
use crate::contacts;
use crate::core::records::{Held, MailboxState, PackageJob};
use crate::core::shared::clock;
use crate::device::came::{CameBatch, association, batches};
use crate::device::pair::{Attached, attached_name};
use crate::device::stream::Measured;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::views::{DeviceView, Live, Samples};

/// Live values that may wait for whoever watches.
const LIVE_QUEUE: usize = 256;
/// After this long without a value the watcher is told, again and again.
const STALE_AFTER: Duration = Duration::from_secs(5);

impl Agent {
    /// Makes a contact a machine of this patient: opens a vitals mailbox with it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn pair(&self, device: &str) -> Result<IdentityId> {
        let device = device.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.pair(&device)))
            .await
    }

    /// Says that the machine's values are the patient's from now on. `device` or `patient` may be
    /// this identity itself (`me`).
    ///
    /// # Errors
    /// `NotFound` if the two were not paired.
    pub async fn attach(&self, device: &str, patient: &str) -> Result<()> {
        let (device, patient) = (device.to_owned(), patient.to_owned());
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let me = ctx.me();
                    let who = |ctx: &crate::core::Ctx<'_, '_>, name: &str| match name {
                        "me" => Ok::<_, Error>(me),
                        other => Ok(contacts::show::find(ctx.tx, other)?.contact.record.identity),
                    };
                    let (device, patient) = (who(ctx, &device)?, who(ctx, &patient)?);
                    let with = if device == me { patient } else { device };
                    let held = ctx.vitals(Some(with))?;
                    ctx.attach(&held, device, patient)
                })
            })
            .await
    }

    /// Ends the association of a machine (`me` on the machine itself).
    ///
    /// # Errors
    /// `NotFound` if it was not attached.
    pub async fn detach(&self, device: &str) -> Result<()> {
        let device = device.to_owned();
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let with = match device.as_str() {
                        "me" => None,
                        other => Some(contacts::show::find(ctx.tx, other)?.contact.record.identity),
                    };
                    let held = ctx.vitals(with)?;
                    ctx.detach(&held)
                })
            })
            .await
    }

    /// Machines known here.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn devices(&self) -> Result<Vec<DeviceView>> {
        self.look(|snapshot, profile| {
            let people = People::load(snapshot, profile)?;
            let mut views = Vec::new();
            for held in vitals_of(snapshot)? {
                let Some(with) = held.with else { continue };
                let last: Option<Attached> = snapshot.get_value(Table::Devices, &attached_name(&held.id))?;
                let now = last.filter(|a| a.signed.association.until.is_none());
                let id = now.as_ref().map_or(with, |a| a.signed.association.device);
                views.push(DeviceView {
                    id,
                    alias: people.alias(&id),
                    attached: now.as_ref().map(|a| a.signed.association.patient),
                    since: now.map(|a| a.signed.association.from.stamp()),
                });
            }
            Ok(views)
        })
        .await
    }

    /// On the machine: sends values. They are in the outbox when this returns, and go on by
    /// themselves through a relay's restart. Gives the batch's number in its stream.
    ///
    /// # Errors
    /// `NotFound` if no patient has paired this machine.
    pub async fn stream(&self, measured: Measured) -> Result<u64> {
        self.shared
            .change(move |core| core.write(|ctx| ctx.stream(&measured)))
            .await
    }

    /// Lets a contact follow the values of a machine.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn let_follow(&self, device: &str, who: &str) -> Result<()> {
        let (device, who) = (device.to_owned(), who.to_owned());
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let device = contacts::show::find(ctx.tx, &device)?.contact.record.identity;
                    let contact = contacts::show::find(ctx.tx, &who)?.contact.record.identity;
                    let held = ctx.vitals(Some(device))?;
                    ctx.send_proofs(&device, &contact)?;
                    ctx.take_package(&PackageJob {
                        contact,
                        used: held.used,
                        into: Some(held.id),
                        room: None,
                    })
                })
            })
            .await
    }

    /// Follows live values: of a patient or a machine among the contacts, or one's own (`me`).
    /// Values come as they arrive; when none comes for five seconds, that is said too. The
    /// receiver closes when the agent does.
    ///
    /// # Errors
    /// `NotFound` if there is nothing to follow.
    pub async fn follow(&self, who: &str) -> Result<mpsc::Receiver<Live>> {
        let name = who.to_owned();
        let mailboxes: Vec<(MailboxId, u64)> = self
            .look(move |snapshot, profile| {
                let who = match name.as_str() {
                    "me" => profile.identity,
                    other => contacts::show::find(snapshot, other)?.contact.record.identity,
                };
                let mut found = Vec::new();
                for held in vitals_of(snapshot)? {
                    let own = who == profile.identity && held.owner.is_some();
                    if held.with == Some(who) || own {
                        found.push((
                            held.id,
                            snapshot.next_position(Table::Devices, &batches(&held.id))?,
                        ));
                    }
                }
                if found.is_empty() {
                    Err(ErrorCode::NotFound.into())
                } else {
                    Ok(found)
                }
            })
            .await?;
        let (sender, receiver) = mpsc::channel(LIVE_QUEUE);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let mut positions = mailboxes;
            let mut changes = shared.changes();
            let mut last = clock();
            loop {
                changes.mark_unchanged();
                let from = positions.clone();
                let Ok((came, next)) = shared
                    .work(move |core| {
                        let snapshot = core.read()?;
                        let mut came = Vec::new();
                        let mut next = Vec::new();
                        for (mailbox, from) in from {
                            let list = batches(&mailbox);
                            let page = snapshot.range(Table::Devices, &list, from, 256)?;
                            next.push((mailbox, page.last().map_or(from, |(at, _)| at + 1)));
                            for (_, bytes) in &page {
                                came.extend(shown(&snapshot, bytes)?);
                            }
                        }
                        Ok((came, next))
                    })
                    .await
                else {
                    return;
                };
                positions = next;
                for samples in came {
                    last = clock();
                    if sender.send(Live::Samples(samples)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(STALE_AFTER) => {
                        let age_ms = clock().saturating_sub(last);
                        if sender.send(Live::Stale { age_ms }).await.is_err() {
                            return;
                        }
                    }
                    () = sender.closed() => return,
                }
            }
        });
        Ok(receiver)
    }
}

fn vitals_of(records: &impl Records) -> Result<Vec<Held>> {
    let mut found = Vec::new();
    for (_, bytes) in records.scan(Table::Mailboxes)? {
        let Ok(held) = canonical::decode::<Held>(&bytes) else {
            continue;
        };
        if held.used == MailboxUse::Vitals && held.state != MailboxState::Ended {
            found.push(held);
        }
    }
    Ok(found)
}

/// A batch as it is shown: gaps stay gaps.
fn shown(records: &impl Records, bytes: &[u8]) -> Result<Vec<Samples>> {
    let came: CameBatch = canonical::decode(bytes).map_err(|_| Error::fault("batch"))?;
    let batch = &came.batch.batch;
    let patient = match &batch.association {
        Some(id) => records
            .get_value::<telesphor_clinical::stream::SignedAssociation>(Table::Devices, &association(id))?
            .filter(|a| a.association.device == batch.device && a.association.stream == batch.stream)
            .map(|a| a.association.patient),
        None => None,
    };
    let mut all = Vec::new();
    for channel in &batch.channels {
        let mut values = Vec::new();
        for (at, value) in channel.placed() {
            let at = usize::try_from(at).map_err(|_| Error::of(ErrorCode::Malformed))?;
            if at >= telesphor_clinical::limits::MAX_SAMPLES {
                break;
            }
            values.resize(at, None);
            values.push(Some(f64::from(value) * 10f64.powi(i32::from(channel.scale))));
        }
        all.push(Samples {
            device: batch.device,
            patient,
            what: channel.code.shown(),
            unit: channel.unit.shown(),
            start: batch.device_time.stamp(),
            period_ms: batch.interval_us / 1000,
            values,
            age_ms: clock().saturating_sub(came.stamp),
        });
    }
    Ok(all)
}
