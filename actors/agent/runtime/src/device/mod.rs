//! Machines and their streams: paired by the patient, attached for a time, followed live.

pub(crate) mod came;
pub(crate) mod pair;
pub(crate) mod stream;
