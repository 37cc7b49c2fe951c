//! An issuer's status list is signed anew in time: verifiers take none that is too old, so a
//! licence would count for a week only.

use std::collections::BTreeSet;

use telesphor_clinical::mandate::SignedMandate;
use telesphor_identity::status::{SignedStatusList, StatusBook};
use telesphor_vault::Table;
use telesphor_wire::ids::IdentityId;

use super::give::{BOOK, LIST_LIFE_MS};
use super::proofs::{all_attestations, list_name};
use crate::core::Ctx;
use crate::core::records::Known;
use crate::error::Result;

impl Ctx<'_, '_> {
    /// Renews the list after half its time, and sends it to everybody of whom an attestation in it
    /// still runs: they show it to their own contacts.
    pub(crate) fn tend_status_list(&mut self) -> Result<()> {
        let me = self.me();
        let (Some(list), Some(book)) = (
            self.get::<SignedStatusList>(Table::Attestations, &list_name(&me))?,
            self.get::<StatusBook>(Table::Attestations, BOOK)?,
        ) else {
            return Ok(());
        };
        let mandates = self.running_mandates()?;
        let life = match mandates.is_empty() {
            true => LIST_LIFE_MS,
            false => self.list_life()?,
        };
        if list.list.next_update > self.now.saturating_add(life / 2) {
            return Ok(());
        }
        let subjects: BTreeSet<IdentityId> = all_attestations(self.tx)?
            .into_iter()
            .filter(|a| a.attestation.issuer == me && a.attestation.until > self.now)
            .map(|a| a.attestation.subject)
            .collect();
        // Nobody holds anything of it any more.
        if subjects.is_empty() && mandates.is_empty() {
            return Ok(());
        }
        self.publish_list(book)?;
        for signed in mandates {
            self.tell_parties(&signed)?;
        }
        for subject in subjects {
            let known: Option<Known> = self.get(Table::Contacts, &subject.0)?;
            if known.is_some_and(|k| !k.removed) {
                self.send_proofs(&subject, &subject)?;
            }
        }
        Ok(())
    }

    /// Mandates given here that still run.
    fn running_mandates(&self) -> Result<Vec<SignedMandate>> {
        let (me, now) = (self.me(), self.now);
        let all = crate::mandates::record::all_mandates(self.tx)?.into_iter();
        Ok(all
            .filter(|k| k.over.is_none() && k.signed.mandate.issuer == me && k.signed.mandate.runs_at(now))
            .map(|k| k.signed)
            .collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::core::Core;
    use crate::mailbox::tend::DAY_MS;
    use crate::testing::{Paper, Told};

    fn list(core: &mut Core) -> SignedStatusList {
        let me = core.profile.identity;
        let list = core.write(|ctx| ctx.get(Table::Attestations, &list_name(&me)));
        list.unwrap().unwrap()
    }

    #[test]
    fn a_licence_counts_for_a_week_because_nobody_renews_the_list_it_stands_in() {
        let mut paper = Paper::new();
        let (mut board, mut doctor) = (paper.person("board"), paper.person("doctor"));
        paper.tell(&mut board, &mut doctor, Told::Both);
        let subject = doctor.profile.identity;
        let tend = |board: &mut Core| {
            let before = board.index.outbox.len();
            board.write(|ctx| ctx.tend_status_list()).unwrap();
            board.index.outbox.len() - before
        };
        assert_eq!(tend(&mut board), 0, "whoever attests nothing has no list");
        board
            .write(|ctx| {
                let until = ctx.now + 20 * DAY_MS;
                ctx.attest(subject, "licensed-physician", "", until)
            })
            .unwrap();
        let first = list(&mut board);
        let later = |days: u64| paper.clock.fetch_add(days * DAY_MS, Ordering::SeqCst);
        later(3);
        assert_eq!(tend(&mut board), 0, "good for days yet");
        later(1);
        assert_eq!(tend(&mut board), 1, "the doctor gets it");
        let second = list(&mut board);
        assert!(second.list.sequence > first.list.sequence);
        assert!(second.list.next_update >= first.list.next_update + 4 * DAY_MS);
        assert_eq!(tend(&mut board), 0, "once");
        // Every licence has ended: the list is let go.
        later(20);
        assert_eq!(tend(&mut board), 0);
        assert_eq!(list(&mut board), second);
    }
}
