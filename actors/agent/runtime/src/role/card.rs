//! Roles that can be written to: made by their organisation, told to everybody who knows it.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::role::{RoleCard, RoleWord, SignedRoleCard};
use telesphor_clinical::team::TeamWord;
use telesphor_clinical::text::Text;
use telesphor_identity::history::History;
use telesphor_identity::inception::{Custody, Inception, Kind};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use super::record::{all_cards, card_of};
use crate::core::Ctx;
use crate::core::records::Acquaintance;
use crate::error::{Error, Result};

/// Whoever asks is given the same edition again after so long, milliseconds: he may have lost it.
const TOLD_AGAIN_MS: u64 = 24 * 3600 * 1000;
/// Roles of one organisation that can be written to.
const MAX_ROLES: usize = 256;

/// A new role's beginning. Its keys are forgotten at once: it has no endpoint and gets none, so
/// that nobody can speak as the role, the organisation included. Its history says whose it is.
fn begin(organisation: IdentityId) -> History {
    let mut inception = Inception::simple(
        Kind::Role,
        KeySet::single(SigningKey::generate().public()),
        NextKeys::single(&SigningKey::generate().public()),
    );
    inception.custody = Custody::Institution(organisation);
    History {
        inception,
        events: Vec::new(),
    }
}

impl Ctx<'_, '_> {
    /// Makes a role of this organisation that can be written to; one that is there gets a new
    /// name. Every contact is told.
    pub(crate) fn new_role(&mut self, role: &str, name: &str) -> Result<IdentityId> {
        let role = role.trim();
        let me = self.me();
        let mine: Vec<SignedRoleCard> = all_cards(self.tx)?;
        let mine: Vec<SignedRoleCard> = mine.into_iter().filter(|c| c.card.organisation == me).collect();
        let before = mine.iter().find(|c| c.card.role.as_str() == role);
        if role.is_empty() || role.contains('@') {
            return Err(ErrorCode::Usage.into());
        }
        if before.is_none() && mine.len() >= MAX_ROLES {
            return Err(ErrorCode::TooMany.into());
        }
        let history = match before {
            Some(known) => known.card.history.clone(),
            None => Bytes(begin(me).to_bytes()),
        };
        let identity = History::from_bytes(&history)
            .map_err(|e| Error::of(e.code()))?
            .id();
        let card = RoleCard {
            version: VERSION,
            organisation: me,
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            role: Text::cut(role),
            name: Text::cut(name.trim()),
            identity,
            history,
            made: self.instant(),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&card);
        let signed = SignedRoleCard { card, signature };
        self.put_card(&signed)?;
        for to in self.settled_contacts()? {
            self.tell_role(&to, RoleWord::Card(Box::new(signed.clone())))?;
        }
        Ok(identity)
    }

    /// Every contact: they are told which roles of this organisation can be written to.
    fn settled_contacts(&self) -> Result<Vec<IdentityId>> {
        let all = self.all_known()?.into_iter();
        let settled = all.filter(|known| !known.removed && known.state == Acquaintance::Settled);
        Ok(settled.map(|known| known.contact.record.identity).collect())
    }

    /// Who gets every edition of this organisation's roster: the contacts of its own hospital. Who writes from
    /// another one gets the newest with the readers' keys ([`Ctx::tell_roster_elsewhere`]).
    pub(crate) fn told_of_rosters(&self) -> Result<Vec<IdentityId>> {
        let mut told = Vec::new();
        for who in self.settled_contacts()? {
            if self.elsewhere(&who)?.is_none() {
                told.push(who);
            }
        }
        Ok(told)
    }

    /// Tells a new contact of this organisation's roles, and of its roster.
    pub(crate) fn greet_as_organisation(&mut self, who: &IdentityId) -> Result<()> {
        let me = self.me();
        if let (Some(roster), None) = (self.roster(&me)?, self.elsewhere(who)?) {
            self.tell_team(who, TeamWord::Roster(Box::new((*roster).clone())))?;
        }
        for card in all_cards(self.tx)? {
            if card.card.organisation == me {
                self.tell_role(who, RoleWord::Card(Box::new(card)))?;
            }
        }
        Ok(())
    }

    /// Gives somebody at another hospital the newest roster, unless he has it: by it he sees to whom a letter is
    /// sealed. A letter that waits asks by the minute.
    pub(super) fn tell_roster_elsewhere(&mut self, who: &IdentityId) -> Result<()> {
        let (Some(_), Some(roster)) = (self.elsewhere(who)?, self.roster(&self.me())?) else {
            return Ok(());
        };
        let name = [b"role-roster-told/", &who.0[..]].concat();
        let told: Option<(u64, u64)> = self.get(Table::Receipts, &name)?;
        let edition = roster.roster.edition;
        let has = |(told, at): &(u64, u64)| *told == edition && self.now < at.saturating_add(TOLD_AGAIN_MS);
        if told.as_ref().is_some_and(has) {
            return Ok(());
        }
        self.put(Table::Receipts, &name, &(edition, self.now))?;
        self.tell_team(who, TeamWord::Roster(Box::new((*roster).clone())))
    }

    /// An organisation says that a role of it can be written to.
    pub(super) fn card_came(&mut self, from: &IdentityId, signed: &SignedRoleCard) -> Result<()> {
        let card = &signed.card;
        let bad = Error::of(ErrorCode::BadDocument);
        if card.organisation != *from || card.version != VERSION || card.ext.check(&[]).is_err() {
            return Err(bad);
        }
        let history = History::from_bytes(&card.history).map_err(|e| Error::of(e.code()))?;
        let custody = Custody::Institution(card.organisation);
        let its_own = history.inception.kind == Kind::Role
            && history.inception.custody == custody
            && history.events.is_empty()
            && history.id() == card.identity;
        if !its_own {
            return Err(bad);
        }
        self.learn_history(&card.identity, &card.history)?;
        let organisation = self.history(from)?.ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &card.organisation,
            head: &card.head,
            endpoint: &card.endpoint,
        };
        organisation
            .check_signed(said, Judged::now(self.now), card, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        let newer = card_of(self.tx, &card.identity)?.is_none_or(|k| k.card.made.stamp() < card.made.stamp());
        // By one word an organisation means one role: a second card for it is not taken.
        let others = all_cards(self.tx)?;
        let taken = others.iter().any(|k| {
            k.card.organisation == card.organisation
                && k.card.role == card.role
                && k.card.identity != card.identity
        });
        if newer && !taken {
            self.put_card(signed)?;
            self.offer_role_key(from)?;
        }
        Ok(())
    }
}
