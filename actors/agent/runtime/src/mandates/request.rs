//! What only a device of the one acted for can do: end what he himself has granted. The holder
//! asks, signed and sealed; whichever device hears it first carries it out, once, and answers.

use serde::{Deserialize, Serialize};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::mandate::Power;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::standing_in::{
    MandateAnswer, MandateAsk, MandateRequest, MandateWord, RevokeAsk, SignedMandateRequest,
};
use telesphor_identity::mandate::Act;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::judge::held_for;
use super::record::who_told;
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::sharing::give::Given;
use crate::views::Revoked;

/// How long a request may wait for a device of the other's, milliseconds (30 days).
const REQUEST_LIFE_MS: u64 = 30 * 24 * 3600 * 1000;

fn carried_out(id: &Digest) -> Vec<u8> {
    [b"by-mandate-done/", &id.0[..]].concat()
}

fn asked(id: &Digest) -> Vec<u8> {
    [b"by-mandate-asked/", &id.0[..]].concat()
}

/// A request of this holder's, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) whom: IdentityId,
    pub(crate) answer: Option<MandateAnswer>,
}

/// What became of a request; `None` while no device of the other's has answered.
pub(crate) fn answer(records: &impl Records, request: &Digest) -> Result<Option<MandateAnswer>> {
    let asked: Option<Asked> = records.get_value(Table::Grants, &asked(request))?;
    Ok(asked.and_then(|a| a.answer))
}

impl Ctx<'_, '_> {
    /// Ends what somebody is shown of another's record: at once what this holder showed, by a
    /// request what the other granted himself. Gives the request, if one was made.
    pub(crate) fn revoke_as(
        &mut self,
        whom: &str,
        who: &str,
        scopes: &Scopes,
        documents: &[DocumentId],
    ) -> Result<(Revoked, Option<Digest>)> {
        let subject = self.whom(whom)?;
        let signed = held_for(self.tx, &self.profile, self.now, &subject, Power::Revoke, &[])?;
        let m = &signed.mandate;
        if let Some(granted) = &m.scopes
            && scopes.iter().any(|scope| !granted.contains(scope))
        {
            return Err(ErrorCode::MandateScope.into());
        }
        let told = who_told(self.tx, &m.id())?;
        let lines = told.map(|t| t.lines).unwrap_or_default();
        let by_name = lines
            .iter()
            .find(|l| l.name.as_str().eq_ignore_ascii_case(who) || l.to.to_string().starts_with(who));
        let to = match self.reader(who) {
            Ok(to) => to,
            Err(error) => by_name.ok_or(error)?.to,
        };
        let done = self.revoke_own_acts(&subject, &to, scopes, documents)?;
        let all = scopes.is_empty() && documents.is_empty();
        let mut theirs = false;
        for line in lines
            .iter()
            .filter(|l| l.to == to && !l.given && l.revoked.is_none())
        {
            let runs = line.until.is_none_or(|until| until > self.now);
            let scoped = self
                .kept(&line.document)?
                .is_some_and(|k| k.header.scopes.iter().any(|s| scopes.contains(s)));
            theirs |= runs && (all || scoped || documents.contains(&line.document));
        }
        // Who may not read does not know what there is to end: the other's device does.
        let blind = !m.powers.contains(&Power::Read);
        if !theirs && !blind {
            return match done.grants {
                0 => Err(ErrorCode::NotFound.into()),
                _ => Ok((done, None)),
            };
        }
        let ask = MandateAsk::Revoke(RevokeAsk {
            to,
            scopes: scopes.clone(),
            documents: documents.to_vec(),
        });
        let request = self.ask_by_mandate(&subject, m.id(), ask)?;
        Ok((done, Some(request)))
    }

    fn ask_by_mandate(&mut self, subject: &IdentityId, mandate: Digest, ask: MandateAsk) -> Result<Digest> {
        let request = MandateRequest {
            version: VERSION,
            subject: *subject,
            by: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            mandate,
            ask,
            at: self.instant(),
            not_after: self.now.saturating_add(REQUEST_LIFE_MS),
            random: Digest(*Secret::random().expose()),
            ext: Extensions::none(),
        };
        let id = request.id();
        let kept = Asked {
            whom: *subject,
            answer: None,
        };
        self.put(Table::Grants, &asked(&id), &kept)?;
        let signature = self.keys.endpoint.sign(&request);
        let signed = SignedMandateRequest { request, signature };
        self.tell_mandate(subject, MandateWord::Request(Box::new(signed)))?;
        Ok(id)
    }

    /// A holder asks for something.
    pub(crate) fn asked_by_mandate(&mut self, from: &Member, signed: SignedMandateRequest) -> Result<()> {
        let id = signed.request.id();
        let again = self.tx.contains(Table::Grants, &carried_out(&id))?;
        let done = match again {
            true => Err(Error::of(ErrorCode::Repeated)),
            false => self.carry_out_request(from, &signed),
        };
        let answer = match done {
            Ok(ended) => MandateAnswer {
                request: id,
                refused: 0,
                grants: count(ended.grants),
                documents: count(ended.documents),
                opened: count(ended.opened),
            },
            Err(error) => MandateAnswer {
                request: id,
                refused: error.code.code(),
                grants: 0,
                documents: 0,
                opened: 0,
            },
        };
        self.put(Table::Grants, &carried_out(&id), &signed.request.not_after)?;
        self.tell_mandate(&from.identity, MandateWord::Answer(answer))
    }

    fn carry_out_request(&mut self, from: &Member, signed: &SignedMandateRequest) -> Result<Revoked> {
        let request = &signed.request;
        if request.by != from.identity || request.endpoint != from.endpoint || request.subject != self.me() {
            return Err(ErrorCode::MandateOther.into());
        }
        if request.version != VERSION || request.ext.check(&[]).is_err() {
            return Err(ErrorCode::UnknownCritical.into());
        }
        let history = self
            .history(&request.by)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &request.by,
            head: &request.head,
            endpoint: &request.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), request, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        if request.not_after < self.now {
            return Err(ErrorCode::Expired.into());
        }
        let MandateAsk::Revoke(ask) = &request.ask;
        let act = Act {
            by: &request.by,
            whom: &request.subject,
            powers: &[Power::Revoke],
            documents: &[],
        };
        let m = self.judge_act(&request.mandate, &act)?.mandate;
        self.revoke_reached(&m, ask)
    }

    /// Ends what a holder asks for, as far as his mandate reaches.
    fn revoke_reached(
        &mut self,
        m: &telesphor_clinical::mandate::Mandate,
        ask: &RevokeAsk,
    ) -> Result<Revoked> {
        if let Some(granted) = &m.scopes
            && ask.scopes.iter().any(|scope| !granted.contains(scope))
        {
            return Err(ErrorCode::MandateScope.into());
        }
        let all = ask.scopes.is_empty() && ask.documents.is_empty();
        let mut going = Vec::new();
        for given in crate::sharing::show::all_given(self.tx)? {
            if given.to != ask.to || !given.runs(self.now) || !self.is_my_own_word(&given) {
                continue;
            }
            for document in &given.documents {
                let Some(kept) = self.kept(document)? else {
                    continue;
                };
                let header = &kept.header;
                let named = ask.documents.contains(document);
                let wanted = all || named || header.scopes.iter().any(|s| ask.scopes.contains(s));
                if !wanted {
                    continue;
                }
                match m.covers(&header.scopes, &header.sensitivity) {
                    true => going.push(*document),
                    false if named => return Err(ErrorCode::MandateScope.into()),
                    false => {}
                }
            }
        }
        if going.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        let me = self.me();
        self.end_shown(&ask.to, &Scopes::none(), &going, |given| {
            given.signed.grant.by == me && given.under.is_none()
        })
    }

    fn is_my_own_word(&self, given: &Given) -> bool {
        given.signed.grant.by == self.me() && given.under.is_none()
    }

    /// The other's device has answered; the first answer counts.
    pub(crate) fn answered_by_mandate(&mut self, from: &IdentityId, answer: &MandateAnswer) -> Result<()> {
        let name = asked(&answer.request);
        let Some(mut kept) = self.get::<Asked>(Table::Grants, &name)? else {
            return Ok(());
        };
        if kept.whom != *from {
            return Err(ErrorCode::MandateOther.into());
        }
        if kept.answer.is_none() {
            kept.answer = Some(*answer);
            self.put(Table::Grants, &name, &kept)?;
        }
        Ok(())
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
