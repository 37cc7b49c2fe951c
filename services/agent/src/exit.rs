//! Exit codes: what a script should do next.

use telesphor_wire::error::ErrorCode;

/// How the program ends. The numbers are part of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done; for sending: durable.
    Done = 0,
    /// Our fault.
    Bug = 1,
    /// Wrong usage.
    Usage = 2,
    /// Not allowed, revoked, expired.
    Refused = 3,
    /// Signature, chain, licence or status fails.
    NotGenuine = 4,
    /// Nothing found.
    Nothing = 5,
    /// Kept in the outbox, not durable, or the waiting ran out.
    NotYet = 6,
    /// Relay not reachable; nothing lost.
    Unreachable = 7,
    /// This machine: vault locked or damaged, disk full, clock wrong.
    Machine = 8,
    /// Somebody was first.
    Conflict = 9,
}

/// Each code, its meaning and what a script should do.
pub(crate) const TABLE: [(Exit, &str, &str); 10] = [
    (Exit::Done, "done; for sending: durable", "go on"),
    (Exit::Bug, "our fault (bug)", "report with the support code"),
    (Exit::Usage, "wrong usage", "fix the call"),
    (
        Exit::Refused,
        "refused: not allowed, revoked, expired",
        "ask a person",
    ),
    (
        Exit::NotGenuine,
        "not genuine: signature, chain, licence or status fails",
        "stop, do not use the document",
    ),
    (Exit::Nothing, "nothing found", ""),
    (
        Exit::NotYet,
        "not yet: kept in the outbox, not durable, or --wait ran out",
        "wait; it goes on by itself",
    ),
    (
        Exit::Unreachable,
        "relay not reachable; nothing lost",
        "try later",
    ),
    (
        Exit::Machine,
        "this machine: vault locked or damaged, disk full, clock wrong",
        "fix here",
    ),
    (
        Exit::Conflict,
        "conflict: somebody was first; the answer names it",
        "look again, decide",
    ),
];

impl Exit {
    /// The exit code of an error. A code that is newer than this table falls to its family.
    pub(crate) const fn of(code: ErrorCode) -> Self {
        use ErrorCode as E;
        match code {
            E::Malformed | E::NotCanonical | E::NotAllowedHere | E::WrongMailboxKind => Self::Bug,
            E::TooLarge | E::InputRefused | E::Usage | E::Ambiguous | E::ThisEndpoint | E::NoSuchPart => {
                Self::Usage
            }
            E::UnknownVersion | E::UnknownCritical | E::ClockWrong | E::TooFarAhead => Self::Machine,
            E::StaleNonce | E::Draining | E::Unreachable => Self::Unreachable,
            // A signature that the relay does not take was made here.
            E::BadSignature => Self::Bug,
            E::EpochConflict
            | E::WrongEpoch
            | E::WrongBranch
            | E::WrongCounter
            | E::AlreadyExists
            | E::OtherBody
            | E::ProfileExists => Self::Conflict,
            E::Closed | E::Expired | E::OnHold | E::NotNextKey | E::KitReplaced => Self::Refused,
            E::EndpointEnded | E::NewKitDue => Self::Refused,
            E::NothingToAccept | E::NotAuthor | E::Retracted | E::Repeated => Self::Refused,
            E::Replaced => Self::Conflict,
            E::RxCancelled | E::RxOnHold | E::RxTicketOver | E::RxHandedOver | E::RxTooOld => Self::Refused,
            E::RxLetGo | E::RxNotDue | E::RxNotValid | E::RxNoTicket | E::RxNoOffline => Self::Refused,
            E::NotCollection | E::NotReferral => Self::Usage,
            E::RxNotPrescription | E::LabCodeWrong | E::LabNotResult => Self::Usage,
            E::NotStudy => Self::Usage,
            E::StudyOver | E::StudyNotMet | E::StudyLeft | E::StudyJoined | E::StudyNotJoined => {
                Self::Refused
            }
            E::StudyTooFew | E::StudyOneDomain | E::StudySent => Self::Refused,
            E::LabRejected | E::LabFinal | E::LabNoFinal => Self::Refused,
            E::LabNoOrder | E::LabNoMapping => Self::Nothing,
            E::Unverified | E::InviteUsed | E::InviteExpired | E::CannotOpen => Self::Refused,
            E::NoSuchRange | E::NotFound => Self::Nothing,
            E::NoKeyPackage | E::NotYetDurable | E::DiskFull | E::Fenced | E::SlowReader => Self::NotYet,
            E::SessionLimit | E::QuotaExceeded | E::NotLetIn | E::TeamFull => Self::NotYet,
            E::TooMany | E::Internal | E::AgentFault => Self::Bug,
            _ => match code.code() / 1000 {
                2 => Self::Refused,
                3 => Self::Conflict,
                4 => Self::NotYet,
                5 => Self::Unreachable,
                6 => Self::Machine,
                7 => Self::NotGenuine,
                _ => Self::Bug,
            },
        }
    }

    /// The number.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_vault_is_not_taken_for_a_refusal() {
        assert_eq!(Exit::of(ErrorCode::VaultLocked), Exit::Machine);
        assert_eq!(Exit::of(ErrorCode::WrongPassphrase), Exit::Machine);
        assert_eq!(Exit::of(ErrorCode::Refused), Exit::Refused);
        assert_eq!(Exit::of(ErrorCode::LeaseOver), Exit::Refused);
    }

    #[test]
    fn what_is_not_genuine_never_ends_with_another_code() {
        for code in [
            ErrorCode::BadDocument,
            ErrorCode::BrokenHistory,
            ErrorCode::Disputed,
            ErrorCode::KeyNotValidThen,
            ErrorCode::NotAttested,
            ErrorCode::AttestationEnded,
            ErrorCode::StatusTooOld,
            ErrorCode::BrokenChain,
            ErrorCode::BadReceipt,
            ErrorCode::WrongRelay,
        ] {
            assert_eq!(Exit::of(code), Exit::NotGenuine, "{code}");
        }
    }

    #[test]
    fn what_goes_on_by_itself_is_told_apart_from_what_does_not() {
        assert_eq!(Exit::of(ErrorCode::NotYetDurable), Exit::NotYet);
        assert_eq!(Exit::of(ErrorCode::Unreachable), Exit::Unreachable);
        assert_eq!(Exit::of(ErrorCode::EpochConflict), Exit::Conflict);
        assert_eq!(Exit::of(ErrorCode::NotFound), Exit::Nothing);
    }

    #[test]
    fn the_table_has_every_number_once_and_in_order() {
        for (i, (exit, _, _)) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(exit.number()), i);
        }
    }
}
