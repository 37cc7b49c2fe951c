//! Where orders go, and who may order: a laboratory tells a hospital, a hospital its people.

use telesphor_clinical::lab::order::{LabPass, SignedLabPass};
use telesphor_clinical::lab::word::{LabAsk, LabDesk, LabPassGiven, LabPlace, LabWord};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::sign::SigningKey;

use super::record::{Allowed, OwnDesk, Place};
use crate::core::Ctx;
use crate::core::records::Padding;
use crate::error::{Error, Result};
use crate::mailbox::open::Plan;
use crate::mailbox::tend::DAY_MS;

/// An order that was made at midnight may arrive later, milliseconds.
const LATE_MS: u64 = DAY_MS;
/// Laboratories at which one hospital's people may order.
const MAX_LABS: usize = 64;

/// What a hospital settles with a laboratory for its people.
#[derive(Clone, Debug)]
pub struct LabTerms {
    /// Who pays: a clinic.
    pub cost_centre: String,
    /// The number that is called about a critical value.
    pub switchboard: String,
    /// The hospital's role to which critical values are written.
    pub critical_role: Option<String>,
    /// How soon somebody must have acknowledged one, minutes.
    pub critical_minutes: u16,
}

impl Ctx<'_, '_> {
    fn tell_lab(&mut self, to: &IdentityId, word: LabWord) -> Result<()> {
        self.say_to(to, &GroupMessage::Lab(word), Padding::Uniform)
    }

    /// A contact says a word about laboratories.
    pub(crate) fn lab_word(&mut self, from: &IdentityId, word: LabWord) -> Result<()> {
        match word {
            LabWord::Desk(place) => self.desk_came(from, *place),
            LabWord::AskPass(ask) => self.pass_asked(from, &ask),
            LabWord::Pass(given) => self.lab_pass_came(from, *given),
            LabWord::Foreign(_) => Ok(()),
        }
    }

    /// This laboratory takes orders from a hospital: a deposit key of its own, which ends alone.
    pub(super) fn open_desk(&mut self, hospital: &IdentityId, name: &str) -> Result<()> {
        let seed = Secret::random();
        let key = SigningKey::from_seed(&seed).public();
        let (mut desk, ready) = match self.own_desk()? {
            Some(desk) => {
                let ready = self.allow_deposits(&desk.mailbox, key)?;
                (desk, ready)
            }
            None => {
                let (id, voucher) = self.draw_mailbox()?;
                let plan = Plan {
                    id,
                    voucher,
                    kind: MailboxKind::Personal,
                    used: MailboxUse::Orders,
                    with: None,
                    min_suite: self.min_suite(),
                    policy: Policy::standard(),
                    access: None,
                    deposit_keys: vec![key],
                    name: String::new(),
                };
                let ready = self.open_mailbox(plan, None)?;
                let desk = OwnDesk {
                    mailbox: id,
                    seeds: Vec::new(),
                };
                (desk, ready)
            }
        };
        desk.seeds.retain(|(id, _)| id != hospital);
        desk.seeds.push((*hospital, seed.clone()));
        self.put_own_desk(&desk)?;
        let me = self.me();
        let said = LabDesk {
            version: VERSION,
            laboratory: me,
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            name: Text::cut(name),
            organisation: *hospital,
            domain: self.profile.domain().clone(),
            mailbox: desk.mailbox,
            deposit_seed: seed,
            key: self.desk_key()?.public(),
            made: self.instant(),
            ext: Extensions::none(),
        };
        let place = LabPlace {
            signature: self.keys.endpoint.sign(&said),
            desk: said,
            proofs: Bytes(self.proofs_about(&me)?.to_bytes()),
        };
        let word = GroupMessage::Lab(LabWord::Desk(Box::new(place)));
        // Not before somebody can deposit there.
        self.tell_reader(hospital, &word, Some(ready))?;
        Ok(())
    }

    /// Takes over what proves a laboratory, and whether it said this.
    fn check_place(&mut self, place: &LabPlace) -> Result<()> {
        let proofs = Proofs::from_bytes(&place.proofs).map_err(|e| Error::of(e.code()))?;
        self.take_proofs(&proofs)?;
        let desk = &place.desk;
        let history = self
            .history(&desk.laboratory)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &desk.laboratory,
            head: &desk.head,
            endpoint: &desk.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), desk, &place.signature)
            .map_err(|e| Error::of(e.code()))?;
        match desk.version == VERSION && desk.ext.check(&[]).is_ok() {
            true => Ok(()),
            false => Err(ErrorCode::UnknownCritical.into()),
        }
    }

    fn desk_came(&mut self, from: &IdentityId, place: LabPlace) -> Result<()> {
        if place.desk.laboratory != *from || place.desk.organisation != self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_place(&place)?;
        self.put_place(&Place {
            place,
            through: None,
            pass: None,
        })
    }

    /// This hospital lets somebody order at a laboratory; he gets today's pass at once.
    pub(super) fn let_order(
        &mut self,
        who: &IdentityId,
        laboratory: &IdentityId,
        terms: &LabTerms,
    ) -> Result<()> {
        let place = self.place(laboratory)?.ok_or(Error::of(ErrorCode::NotFound))?;
        if place.place.desk.organisation != self.me() {
            return Err(ErrorCode::NotFound.into());
        }
        let refused = |_| Error::of(ErrorCode::InputRefused);
        let me = self.me();
        let role = match &terms.critical_role {
            Some(role) => Some(self.own_role(role)?),
            None => None,
        };
        let allowed = Allowed {
            laboratory: *laboratory,
            centre: Text::new(terms.cost_centre.as_str()).map_err(refused)?,
            switchboard: Text::new(terms.switchboard.as_str()).map_err(refused)?,
            role,
            minutes: terms.critical_minutes,
        };
        let mut all = self.allowed(who)?;
        all.retain(|a| a.laboratory != *laboratory);
        if all.len() >= MAX_LABS || *who == me {
            return Err(ErrorCode::TooMany.into());
        }
        all.push(allowed.clone());
        self.put_allowed(who, &all)?;
        self.give_pass(who, &allowed)
    }

    /// A role of this hospital's, as its roster writes it.
    fn own_role(&self, role: &str) -> Result<IdentityId> {
        let mut cards = crate::role::all_cards(self.tx)?.into_iter();
        cards
            .find(|c| c.card.organisation == self.me() && c.card.role.as_str() == role.trim())
            .map(|c| c.card.identity)
            .ok_or(Error::of(ErrorCode::NotFound))
    }

    fn give_pass(&mut self, who: &IdentityId, allowed: &Allowed) -> Result<()> {
        let place = self
            .place(&allowed.laboratory)?
            .ok_or(Error::of(ErrorCode::NotFound))?;
        let day = self.now / DAY_MS;
        let seed = self.pass_seed(&allowed.laboratory, allowed.centre.as_str(), day)?;
        let key = SigningKey::from_seed(&seed).public();
        let terms = |pass: &LabPass| {
            pass.switchboard == allowed.switchboard
                && pass.critical_role == allowed.role
                && pass.critical_minutes == allowed.minutes
        };
        let pass = match self.pass_of(&key.0)?.filter(|p| terms(&p.pass)) {
            Some(pass) => pass,
            None => {
                let pass = LabPass {
                    version: VERSION,
                    organisation: self.me(),
                    head: self.my_head()?,
                    endpoint: self.keys.endpoint.public(),
                    laboratory: allowed.laboratory,
                    key,
                    from: day * DAY_MS,
                    until: (day + 1) * DAY_MS + LATE_MS,
                    cost_centre: allowed.centre.clone(),
                    switchboard: allowed.switchboard.clone(),
                    critical_role: allowed.role,
                    critical_minutes: allowed.minutes,
                    ext: Extensions::none(),
                };
                let signature = self.keys.endpoint.sign(&pass);
                let signed = SignedLabPass { pass, signature };
                self.put_pass(&signed)?;
                signed
            }
        };
        let given = LabPassGiven {
            place: place.place,
            pass,
            seed,
        };
        self.tell_lab(who, LabWord::Pass(Box::new(given)))
    }

    fn pass_asked(&mut self, from: &IdentityId, ask: &LabAsk) -> Result<()> {
        let all = self.allowed(from)?;
        match all.iter().find(|a| a.laboratory == ask.laboratory) {
            Some(allowed) => self.give_pass(from, allowed),
            None => Err(ErrorCode::Refused.into()),
        }
    }

    /// A pass for today, and where orders go. Another hospital's takes no place that is taken.
    fn lab_pass_came(&mut self, from: &IdentityId, given: LabPassGiven) -> Result<()> {
        let pass = &given.pass.pass;
        let desk = &given.place.desk;
        let fits = pass.organisation == *from
            && desk.organisation == *from
            && pass.laboratory == desk.laboratory
            && pass.key == SigningKey::from_seed(&given.seed).public();
        let before = self.place(&desk.laboratory)?;
        let others = before
            .as_ref()
            .and_then(|p| p.through)
            .is_some_and(|p| p != *from);
        if !fits || others {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_pass(&given.pass)?;
        self.check_place(&given.place)?;
        self.put_place(&Place {
            place: given.place,
            through: Some(*from),
            pass: Some((given.pass, given.seed)),
        })
    }

    /// Whether a pass is its hospital's word, as far as that one's history is known here.
    pub(super) fn check_pass(&self, signed: &SignedLabPass) -> Result<()> {
        let pass = &signed.pass;
        let history = self
            .history(&pass.organisation)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &pass.organisation,
            head: &pass.head,
            endpoint: &pass.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), pass, &signed.signature)
            .map_err(|e| Error::of(e.code()))
    }

    /// The laboratory that somebody names, or the only one there is.
    pub(super) fn lab_named(&self, name: Option<&str>) -> Result<Place> {
        let places = super::record::all_places(self.tx)?;
        let wanted = |place: &Place| {
            let desk = &place.place.desk;
            name.is_none_or(|n| {
                desk.name.as_str().eq_ignore_ascii_case(n.trim())
                    || desk.laboratory.to_string().starts_with(n.trim())
            })
        };
        let mut fits = places.into_iter().filter(wanted);
        match (fits.next(), fits.next()) {
            (Some(one), None) => Ok(one),
            (None, _) if name.is_none() => Err(ErrorCode::LabNotAllowed.into()),
            (None, _) => Err(ErrorCode::NotFound.into()),
            _ => Err(ErrorCode::Ambiguous.into()),
        }
    }

    /// The pass under which an order can be made now.
    pub(super) fn pass_for(&self, laboratory: &IdentityId) -> Result<Option<(SignedLabPass, Secret)>> {
        let today = |pass: &LabPass| pass.from <= self.now && self.now < pass.until.saturating_sub(LATE_MS);
        let place = self.place(laboratory)?;
        Ok(place
            .and_then(|p| p.pass)
            .filter(|(signed, _)| today(&signed.pass)))
    }

    /// Asks the hospital for today's pass.
    pub(super) fn ask_pass(&mut self, laboratory: &IdentityId) -> Result<()> {
        let place = self.place(laboratory)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let through = place.through.ok_or(Error::of(ErrorCode::LabNotAllowed))?;
        let ask = LabAsk {
            laboratory: *laboratory,
        };
        self.tell_lab(&through, LabWord::AskPass(ask))
    }
}
