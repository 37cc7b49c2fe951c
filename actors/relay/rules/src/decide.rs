use crate::effects::Decision;
use crate::facts::{At, DomainFacts, Facts};
use crate::prepared::Prepared;
use telesphor_wire::error::ErrorCode;

/// Decides one command.
pub fn decide(_domain: &DomainFacts, _facts: &impl Facts, _submission: &Prepared<'_>, _at: At) -> Decision {
    Decision::Refused(ErrorCode::Internal.into())
}
