//! Standing in for somebody: mandates given and held, and what is done by them.
//!
//! The one acted for shows the holder what the mandate lets him read, in rooms of their own that
//! end with it ([`line`]). With that the holder acts by himself, with every device of the other's
//! switched off ([`act`]): he shows documents in rooms that he opens, whose owner keys he hands to
//! the one he acts for. What only a device of the other's can do, he asks for ([`request`]).
//! Whoever is shown something judges the mandate before he believes whose it is ([`shown`]).

pub(crate) mod act;
pub(crate) mod acted;
pub(crate) mod give;
pub(crate) mod judge;
pub(crate) mod line;
pub(crate) mod mirror;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod show;
pub(crate) mod shown;
#[cfg(test)]
mod tests;
