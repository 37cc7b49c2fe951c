//! The local page: what a person without a terminal sees of one profile, in a browser of this
//! machine.
//!
//! It holds no rules: it asks the same of the runtime as the command line does, and says facts
//! in the same words ([`crate::shown`]); its own words stand in a catalogue.
//!
//! ```text
//! serve, http   connections and requests, bounded
//!  gate   who may speak to it: method, Host, Origin        door   link, cookie, room, token
//!  form, ask   what is asked, parsed once                  keeper the profile, open or locked
//!  answer -> inbox patient document who revoke log teams   frame  what stands around each
//!  live   news while a page is open                        reply  headers of every answer
//! ```

mod answer;
mod ask;
mod body;
mod card;
mod document;
mod door;
mod form;
mod frame;
mod gate;
mod http;
mod inbox;
mod keeper;
mod limits;
mod live;
mod log;
mod patient;
mod people;
mod reply;
mod revoke;
mod room;
mod serve;
mod teams;
mod templates;
mod who;
mod words;

pub(crate) use keeper::{Keeper, now_ms};
pub(crate) use serve::Page;
pub(crate) use words::{languages, speak};
