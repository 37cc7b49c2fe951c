//! Devices that several people use in turn.
//!
//! A place (a ward: an identity of an organisation) has devices; people come and go at them. Three
//! things are kept apart: the *place* whose device decrypts and signs, the *person* who acts, and
//! the *presence*, the person's own signed word that he is at that device until then. A receipt or
//! a document that is made there names place and person, and carries the presence ([`presence`]).
//!
//! Whoever is signed in stays so for one session of the vault: locking ends it, and nobody acts
//! under a name that somebody left behind ([`record`]).
//!
//! Where an organisation shows its people by pseudonyms, the presence stays with it and the
//! patient sees a key that is the same whenever that person looks ([`staff`]). What others are told
//! is judged when it comes ([`judge`]).

pub(crate) mod judge;
pub(crate) mod presence;
pub(crate) mod record;
pub(crate) mod show;
pub(crate) mod staff;
pub(crate) mod vouch;
