//! Where agents connect: HTTP and WebSocket over TLS. Bytes become typed values here, once.
//!
//! | | |
//! |---|---|
//! | `GET /v1/hello` | a Welcome with a nonce for this connection |
//! | `POST /v1/call` | one [`SingleCall`](telesphor_wire::session::SingleCall), its proof in a header |
//! | `POST /v1/blob` | one [`BlobCall`](telesphor_wire::blob::call::BlobCall) about large content, streamed |
//! | `GET /v1/domain` | the signed domain record |
//! | `GET /v1/exchange` | the domains that are pinned here, with their sealing keys |
//! | `GET /v1/session` | a WebSocket session |

pub(crate) mod blob;
mod blob_flow;
mod call;
mod channel;
pub mod gate;
mod hello;
mod listen;
mod meter;
mod refuse;
mod room;
mod session;
mod state;
mod streams;
pub(crate) mod tally;

pub use channel::Channel;
pub use listen::{Bound, bind};
pub use room::Room;
pub(crate) use room::makes_room;
pub use state::{Edge, Published};
pub use streams::Streams;
