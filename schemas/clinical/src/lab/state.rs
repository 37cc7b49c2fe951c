//! Where an order stands, and what may follow what. Both ends go by this table: the laboratory
//! before it says something, the orderer before he believes it.

use telesphor_wire::error::ErrorCode;

open_coded! {
    /// Where an order stands.
    pub enum LabState {
        /// The laboratory has the order, or will have it.
        1 => Ordered "ordered",
        /// The sample was taken.
        2 => Collected "collected",
        /// The sample is at the laboratory.
        3 => Received "received",
        /// The laboratory cannot use the sample; a new order is needed.
        4 => Rejected "rejected",
        /// Values are there that may still change.
        5 => Preliminary "preliminary",
        /// The laboratory stands by its values.
        6 => Final "final",
        /// Final values were put right.
        7 => Amended "amended",
    }
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabAct {
    /// The sample is taken.
    Collect,
    /// The sample arrives at the laboratory.
    Receive,
    /// The sample is of no use.
    Reject,
    /// Values that may change.
    Preliminary,
    /// Values.
    Finish,
    /// Other values in the place of earlier ones.
    Amend,
}

/// Where an order stands after an act.
///
/// # Errors
/// Why the act must not be: [`ErrorCode::LabRejected`], [`ErrorCode::LabFinal`],
/// [`ErrorCode::LabNoFinal`].
pub const fn next(state: LabState, act: LabAct) -> Result<LabState, ErrorCode> {
    use LabState::{Amended, Collected, Final, Ordered, Preliminary, Received, Rejected};
    match (state, act) {
        (LabState::Other(_), _) => Err(ErrorCode::UnknownCritical),
        // What was rejected stays so: the codes of a useless sample must never bring values.
        (Rejected, LabAct::Reject) => Ok(Rejected),
        (Rejected, _) => Err(ErrorCode::LabRejected),
        (Ordered | Collected, LabAct::Collect) => Ok(Collected),
        (Ordered | Collected | Received, LabAct::Receive) => Ok(Received),
        // Told late: it is true and changes nothing.
        (later, LabAct::Collect | LabAct::Receive) => Ok(later),
        (Final | Amended, LabAct::Reject | LabAct::Preliminary | LabAct::Finish) => Err(ErrorCode::LabFinal),
        (_, LabAct::Reject) => Ok(Rejected),
        (_, LabAct::Preliminary) => Ok(Preliminary),
        (_, LabAct::Finish) => Ok(Final),
        (Final | Amended, LabAct::Amend) => Ok(Amended),
        (_, LabAct::Amend) => Err(ErrorCode::LabNoFinal),
    }
}

impl LabState {
    /// Whether values are still awaited.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Ordered | Self::Collected | Self::Received | Self::Preliminary
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTS: [LabAct; 6] = [
        LabAct::Collect,
        LabAct::Receive,
        LabAct::Reject,
        LabAct::Preliminary,
        LabAct::Finish,
        LabAct::Amend,
    ];

    #[test]
    fn a_rejected_sample_brings_values_or_final_values_become_preliminary_again() {
        for act in ACTS {
            assert_eq!(next(LabState::Rejected, act).is_ok(), act == LabAct::Reject);
            for state in [LabState::Final, LabState::Amended] {
                let after = next(state, act);
                assert!(!after.is_ok_and(LabState::is_open), "{state:?} {act:?}");
            }
        }
        assert_eq!(
            next(LabState::Received, LabAct::Amend),
            Err(ErrorCode::LabNoFinal)
        );
        assert_eq!(next(LabState::Final, LabAct::Finish), Err(ErrorCode::LabFinal));
        assert_eq!(next(LabState::Final, LabAct::Amend), Ok(LabState::Amended));
        assert_eq!(next(LabState::Ordered, LabAct::Finish), Ok(LabState::Final));
        assert_eq!(
            next(LabState::Preliminary, LabAct::Collect),
            Ok(LabState::Preliminary)
        );
        assert!(next(LabState::Other(99), LabAct::Receive).is_err());
    }
}
