//! Keys for letters to roles: each endpoint of somebody on the roster makes its own and gives the
//! public half to the organisation, whose desk gives it to whoever wants to write.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::role::{RoleKey, RoleWord, SignedRoleKey};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::seal::SealingKey;

use super::record::{OwnKey, all_cards};
use crate::core::Ctx;
use crate::error::{Error, Result};

/// How long a key is given out before another takes its place, milliseconds.
const LIFE_MS: u64 = 7 * 24 * 3600 * 1000;
/// How long it opens after that: a letter may wait so long for a turn to begin.
const GRACE_MS: u64 = 30 * 24 * 3600 * 1000;

impl Ctx<'_, '_> {
    /// Gives an organisation a key for letters, if this person has a turn now or later in a role
    /// that can be written to, and the last key was not given lately.
    pub(crate) fn offer_role_key(&mut self, organisation: &IdentityId) -> Result<()> {
        let me = self.me();
        let Some(roster) = self.roster(organisation)? else {
            return Ok(());
        };
        let cards = all_cards(self.tx)?;
        let written_to = |role: &str| {
            cards
                .iter()
                .any(|c| c.card.organisation == *organisation && c.card.role.as_str() == role)
        };
        let due = roster
            .roster
            .entries
            .iter()
            .any(|e| e.person == me && e.until.stamp() > self.now && written_to(e.role.as_str()));
        let mut keys = self.own_role_keys(organisation)?;
        let fresh = keys
            .first()
            .is_some_and(|k| self.now < k.made.saturating_add(LIFE_MS));
        if !due || fresh || *organisation == me {
            return Ok(());
        }
        keys.retain(|k| self.now < k.made.saturating_add(LIFE_MS + GRACE_MS));
        let own = OwnKey {
            key: SealingKey::generate(),
            made: self.now,
        };
        let key = RoleKey {
            version: VERSION,
            organisation: *organisation,
            person: me,
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            key: own.key.public(),
            made: self.instant(),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&key);
        keys.insert(0, own);
        self.put_own_role_keys(organisation, &keys)?;
        self.tell_role(
            organisation,
            RoleWord::Key(Box::new(SignedRoleKey { key, signature })),
        )
    }

    /// The same for every organisation whose roster is known here.
    pub(crate) fn offer_role_keys(&mut self) -> Result<()> {
        for signed in crate::team::roster::all_rosters(self.tx)? {
            self.offer_role_key(&signed.roster.organisation)?;
        }
        Ok(())
    }

    /// A member of staff gives this organisation a key.
    pub(super) fn key_came(&mut self, from: &IdentityId, signed: &SignedRoleKey) -> Result<()> {
        if signed.key.person != *from || signed.key.organisation != self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_role_key(signed)?;
        self.put_reader_key(signed)
    }

    /// Whether a key is its person's word, and that one's endpoint has not ended since.
    pub(super) fn check_role_key(&self, signed: &SignedRoleKey) -> Result<()> {
        let key = &signed.key;
        if key.version != VERSION || key.ext.check(&[]).is_err() {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&key.person)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &key.person,
            head: &key.head,
            endpoint: &key.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), key, &signed.signature)
            .map_err(|e| Error::of(e.code()))
    }
}
