//! Every bound of what travels inside the seal, in one place.

/// Version of the documents and messages of this crate.
pub const VERSION: u16 = 1;
/// One piece of text in a header, bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Scopes of one document or grant.
pub const MAX_SCOPES: usize = 32;
/// A scope's name, bytes.
pub const MAX_SCOPE_BYTES: usize = 48;
/// Relations of one document.
pub const MAX_RELATIONS: usize = 64;
/// What one file says of itself, in one manifest.
pub const MAX_FACTS: usize = 64;
/// Attachments of one document.
pub const MAX_PARTS: usize = 256;
/// Roles of one escalation.
pub const MAX_ESCALATIONS: usize = 16;
/// Second signatures under one document.
pub const MAX_COSIGNATURES: usize = 16;
/// Entries of one list inside a message (addresses, heads, documents of a grant).
pub const MAX_LIST: usize = 1024;
/// Messages that travel as one.
pub const MAX_PAPERS: usize = 64;
/// Turns on one edition of a roster.
pub const MAX_ROSTER: usize = 2048;
/// People whose proofs travel with one change of a team.
pub const MAX_TEAM: usize = 512;
/// Body of one document, bytes; what is larger travels as a part.
pub const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// A file offered for intake, bytes.
pub const MAX_INTAKE_BYTES: usize = 64 * 1024 * 1024;
/// Entries of one Bundle.
pub const MAX_BUNDLE_ENTRIES: usize = 65_536;
/// Nesting of a JSON body.
pub const MAX_JSON_DEPTH: usize = 64;
/// Members of one JSON object.
pub const MAX_JSON_MEMBERS: usize = 4096;
/// Samples in one stream batch.
pub const MAX_SAMPLES: usize = 65_536;
/// Sizes of the field tree: a document's leaves are padded to the next of these.
pub const FIELD_BUCKETS: [u32; 5] = [64, 256, 1024, 4096, 16_384];
/// Leaves of one presentation.
pub const MAX_SHOWN: usize = FIELD_BUCKETS[4] as usize;
/// A verifier's question, bytes.
pub const MAX_QUESTION_BYTES: usize = 128;
