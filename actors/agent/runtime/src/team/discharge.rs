//! Discharge: the organisation says that it needs what a patient granted to its roles no more, and
//! the teams end without the patient doing anything.
//!
//! The patient's program closes them. If that is off, any member on duty ends the team's lease at
//! once by its last change, and the relay serves nobody any more. Everybody who wrote there gives
//! his notes to the organisation's record: they are signed, so it can prove later who wrote them.

use telesphor_clinical::instant::Instant;
use telesphor_clinical::limits::{MAX_LIST, VERSION};
use telesphor_clinical::team::{Discharge, SignedDischarge, TeamWord};
use telesphor_clinical::text::Text;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{IdentityId, MailboxId};

use super::record::{Known, Standing, Terms};
use crate::core::{Ctx, names};
use crate::documents::keep::Way;
use crate::documents::send::SentRecord;
use crate::error::{Error, Result};
use crate::views::Discharged;

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"team-discharge/", &mailbox.0[..]].concat()
}

/// When and why the organisation has discharged the patient of a team, if it has.
pub(crate) fn discharge_of(records: &impl Records, mailbox: &MailboxId) -> Result<Option<(u64, String)>> {
    let signed: Option<SignedDischarge> = records.get_value(Table::Groups, &name(mailbox))?;
    Ok(signed.map(|s| {
        let why = s.discharge.why.as_ref().map_or_else(String::new, Text::shown);
        (s.discharge.at.stamp(), why)
    }))
}

impl Ctx<'_, '_> {
    /// Whether the organisation of a team needs it no more.
    pub(crate) fn is_discharged(&self, mailbox: &MailboxId) -> Result<bool> {
        Ok(self.tx.contains(Table::Groups, &name(mailbox))?)
    }

    /// Discharges a patient: every team of his that this organisation serves ends.
    pub(crate) fn discharge(&mut self, patient: &str, why: Option<&str>) -> Result<Discharged> {
        let known = crate::contacts::show::find(self.tx, patient)?;
        let patient = known.contact.record.identity;
        let mut served = self.all_served()?;
        served.retain(|s| s.owner == patient);
        served.truncate(MAX_LIST);
        if served.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        let discharge = Discharge {
            version: VERSION,
            organisation: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            patient,
            grants: served.iter().map(|s| s.place.grant.grant.id()).collect(),
            at: self.instant(),
            why: why.map(Text::cut),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&discharge);
        let signed = SignedDischarge { discharge, signature };
        let mut people: Vec<IdentityId> = served.iter().flat_map(|s| s.told.clone()).collect();
        people.sort_unstable();
        people.dedup();
        for to in people.iter().chain([&patient]) {
            self.tell_team(to, TeamWord::Discharged(Box::new(signed.clone())))?;
        }
        for one in &served {
            self.forget_served(&one.place.mailbox)?;
        }
        Ok(Discharged {
            grants: served.len(),
            people: people.len(),
        })
    }

    /// An organisation has discharged a patient.
    pub(crate) fn discharge_came(&mut self, from: &IdentityId, signed: &SignedDischarge) -> Result<()> {
        let discharge = &signed.discharge;
        let sound = discharge.version == VERSION && discharge.ext.check(&[]).is_ok();
        if discharge.organisation != *from || !sound {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self.history(from)?.ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &discharge.organisation,
            head: &discharge.head,
            endpoint: &discharge.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), discharge, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        for known in self.teams()? {
            let meant = known.terms.organisation == *from
                && known.terms.patient == discharge.patient
                && discharge.grants.contains(&known.team.grant.grant.id());
            if meant && !self.is_discharged(&known.team.mailbox)? {
                self.put(Table::Groups, &name(&known.team.mailbox), signed)?;
                self.discharged(known, &discharge.at)?;
            }
        }
        Ok(())
    }

    fn discharged(&mut self, known: Known, at: &Instant) -> Result<()> {
        let Known { mut team, terms } = known;
        let mailbox = team.mailbox;
        match team.standing {
            Standing::Own => return self.end_team(&mailbox),
            Standing::Over => {}
            Standing::Sitting => self.team_line(&mailbox)?,
            Standing::Called => {
                team.standing = Standing::Over;
                team.over.get_or_insert(at.stamp());
                self.put_team(&team)?;
            }
        }
        self.give_notes(&terms, &mailbox)
    }

    /// Gives the organisation what this person wrote in a team: its record of what its people did.
    fn give_notes(&mut self, terms: &Terms, mailbox: &MailboxId) -> Result<()> {
        let (me, organisation) = (self.me(), terms.organisation);
        for id in self.team_view(mailbox)?.shown {
            let mine = self
                .kept(&id)?
                .is_some_and(|k| k.way == Way::Own && k.header.author == me);
            let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(&id, &organisation))?;
            if mine && sent.is_none() && self.reachable(&organisation)? {
                self.send_document(&id, &organisation)?;
            }
        }
        Ok(())
    }
}
