//! Signing in at a shared device: the device says which one it is, the person's own device says
//! that he is there, and that word is given back.

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::present::{PresenceAsk, PresenceWord};
use telesphor_clinical::receipt::{Presence, SignedPresence};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::inception::Kind;
use telesphor_identity::limits::MAX_PRESENCE_MS;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;

use super::record::{Presence as Known, SignedIn};
use crate::core::Ctx;
use crate::error::{Error, Result};

/// How far two clocks may differ before a presence has not begun, milliseconds.
const SKEW_MS: u64 = 2 * 60 * 1000;

impl Ctx<'_, '_> {
    /// Which device this is, for the person's own device to answer.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] at a device that one person has for himself.
    pub(crate) fn presence_ask(&self) -> Result<PresenceAsk> {
        if !self.keys.shared {
            return Err(ErrorCode::Usage.into());
        }
        Ok(PresenceAsk {
            version: VERSION,
            place: self.me(),
            place_name: Text::cut(&self.profile.name),
            at_endpoint: self.keys.endpoint.public(),
            device: Text::cut(&self.profile.endpoint),
            ext: Extensions::none(),
        })
    }

    /// "I am at that device until then", by this person's own device.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] for a time that is over, or longer than a long shift; at a device that
    /// is no person's.
    pub(crate) fn say_presence(&self, ask: &PresenceAsk, until: u64) -> Result<PresenceWord> {
        let history = self.history(&self.me())?.ok_or(Error::fault("own history"))?;
        let longest = self.now + u64::try_from(MAX_PRESENCE_MS).unwrap_or(0);
        if history.now().kind != Kind::Person || until <= self.now || until > longest {
            return Err(ErrorCode::Usage.into());
        }
        let statement = Presence {
            person: self.me(),
            person_head: history.head(),
            by_endpoint: self.keys.endpoint.public(),
            place: ask.place,
            at_endpoint: ask.at_endpoint,
            from: self.instant(),
            until: Instant::now_of(until, 0, Clock::Device),
            ext: Extensions::none(),
        }
        .named(&Text::cut(&self.profile.name));
        let signature = self.keys.endpoint.sign(&statement);
        Ok(PresenceWord {
            version: VERSION,
            presence: SignedPresence { statement, signature },
            proofs: Bytes(self.proofs_about(&self.me())?.to_bytes()),
            ext: Extensions::none(),
        })
    }

    /// Takes a person's word that he is at this device. Whoever was signed in before is not any
    /// more.
    ///
    /// # Errors
    /// [`ErrorCode::NotPresent`]; [`ErrorCode::VaultLocked`] without a session, which it would end
    /// with.
    pub(crate) fn sign_in(&mut self, word: &PresenceWord, role: &str) -> Result<SignedIn> {
        let session = self.session.ok_or(Error::of(ErrorCode::VaultLocked))?;
        let proofs = Proofs::from_bytes(&word.proofs).map_err(|e| Error::of(e.code()))?;
        self.take_proofs(&proofs)?;
        let statement = &word.presence.statement;
        self.check_presence(&word.presence)?;
        self.sign_out()?;
        let here = SignedIn {
            name: self.name_of_present(&statement.person, statement)?,
            presence: word.presence.clone(),
            role: role.trim().to_owned(),
            session,
        };
        self.put_signed_in(&here)?;
        Ok(here)
    }

    fn check_presence(&self, signed: &SignedPresence) -> Result<()> {
        let not = || Error::of(ErrorCode::NotPresent);
        let said = &signed.statement;
        let (from, until) = (said.from.stamp(), said.until.stamp());
        let here =
            self.keys.shared && said.place == self.me() && said.at_endpoint == self.keys.endpoint.public();
        let now = from <= self.now + SKEW_MS && self.now < until;
        let short = said.until.unix_ms.saturating_sub(said.from.unix_ms) <= MAX_PRESENCE_MS;
        if !here || !now || !short || said.ext.check(&[]).is_err() {
            return Err(not());
        }
        let history = self.history(&said.person)?.ok_or_else(not)?;
        let signer = SignerSaid {
            identity: &said.person,
            head: &said.person_head,
            endpoint: &said.by_endpoint,
        };
        history
            .check_signed(signer, Judged::now(self.now), said, &signed.signature)
            .map_err(|_| not())
    }

    /// By which name a person goes here: as he is known, else as he calls himself.
    fn name_of_present(&self, person: &IdentityId, said: &Presence) -> Result<String> {
        let people = crate::documents::show::People::load(self.tx, &self.profile)?;
        let own_word = || said.said_name().map(|n| n.shown());
        let known = people.known_name(person).or_else(own_word);
        Ok(known.unwrap_or_else(|| people.name(person)))
    }

    /// Nobody is signed in here any more; gives who was.
    pub(crate) fn sign_out(&mut self) -> Result<Option<SignedIn>> {
        let Some(here) = self.take_signed_in()? else {
            return Ok(None);
        };
        if here.presence.statement.until.stamp() > self.now {
            self.presence_new(Known {
                presence: here.presence.clone(),
                name: here.name.clone(),
                role: here.role.clone(),
                left: Some(self.now),
            })?;
        }
        Ok(Some(here))
    }
}
