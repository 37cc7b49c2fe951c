//! Enrol: an admission token is used for vouchers. Whoever holds the admission key signs them;
//! the rules only say which, so that a repeated command gives the same ones. Admit: a token is
//! registered or ended.

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::{Enrol, SignedAdmission};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::MAX_VOUCHERS;

use crate::class::{self, VOUCHER_LIFE_MS};
use crate::decide::{Case, readable};
use crate::effects::{Decision, Effects, Gave, GivenVouchers};
use crate::facts::{Facts, Token};

pub(crate) fn decide<F: Facts>(case: &Case<'_, F>, enrol: &Enrol) -> Result<Decision, Refusal> {
    let invalid = Refusal::of(ErrorCode::AdmissionInvalid);
    let Some(hash) = case.prepared.token() else {
        return Err(invalid);
    };
    let Some(token) = case.facts.token(&hash) else {
        return Err(invalid);
    };
    let Some(class) = class::by_number(token.class) else {
        return Err(invalid);
    };
    if token.uses == 0 || case.at.now > token.until {
        return Err(invalid);
    }
    readable(&enrol.ext)?;
    let wanted = &enrol.vouchers;
    if wanted.len() > class.vouchers.min(MAX_VOUCHERS) {
        return Err(ErrorCode::TooMany.into());
    }
    let mut each_once = wanted.clone();
    each_once.sort_unstable();
    each_once.dedup();
    if wanted.is_empty() || each_once.len() != wanted.len() {
        return Err(ErrorCode::Malformed.into());
    }
    let given = GivenVouchers {
        vouchers: wanted.clone(),
        class: token.class,
        until: case.at.now.saturating_add(VOUCHER_LIFE_MS),
    };
    let used = Token {
        uses: token.uses.saturating_sub(1),
        ..token
    };
    Ok(Decision::Accepted(Box::new(Effects {
        token: Some((hash, used)),
        ..case.effects(Gave::Vouchers(given))
    })))
}

/// Admit: the domain's operators say what a token is worth from now on.
pub(crate) fn admit<F: Facts>(case: &Case<'_, F>, signed: &SignedAdmission) -> Result<Decision, Refusal> {
    let said = &signed.admission;
    case.domain
        .admission
        .verify(said, &signed.signature)
        .map_err(|_| ErrorCode::BadSignature)?;
    if said.domain != case.domain.domain {
        return Err(ErrorCode::NotAllowedHere.into());
    }
    readable(&said.ext)?;
    if class::by_number(said.class).is_none() {
        return Err(ErrorCode::AdmissionInvalid.into());
    }
    let token = Token {
        class: said.class,
        uses: said.uses,
        until: said.until,
    };
    Ok(Decision::Accepted(Box::new(Effects {
        token: Some((said.token, token)),
        ..case.effects(Gave::Nothing)
    })))
}
