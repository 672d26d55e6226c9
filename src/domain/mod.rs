//! Plain types and pure text rules that every other room speaks in.
//!
//! Owns: identifiers, times, drafts, queries, hits, error codes and the rules that turn text into terms,
//! passages and snippets. Does not own: files, SQL, models, the clock. Nothing here is `Serialize`;
//! adapters have their own wire types.

pub mod code;
pub mod directory;
pub mod draft;
pub mod file_name;
pub mod hash;
pub mod hit;
pub mod id;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod mark;
pub mod moment;
pub mod needles;
pub mod query;
pub mod random;
pub mod text;
pub mod time;

pub use code::{Code, Retry};
pub use draft::{Draft, DraftPart, Kind, Note, Origin, Role, Usage};
pub use hash::ContentHash;
pub use hit::{Answer, Hit, Match};
pub use id::{Ids, MessageId};
pub use ledger::Ledger;
pub use query::{Detail, Filter, Mode, Query};
pub use time::Timestamp;
