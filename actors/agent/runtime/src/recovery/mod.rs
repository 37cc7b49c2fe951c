//! Coming back after every device is lost: an encrypted backup in a mailbox that only the
//! recovery kit can find, and the steps that shut the thief out.
//!
//! MLS state is never in a backup: restoring it would use sending keys twice. A recovered
//! endpoint begins new conversations instead.

pub(crate) mod backup;
pub(crate) mod fetch;
pub(crate) mod restart;
