//! Plain types and pure text rules that every other module uses.
//!
//! Owns: identifiers, times, drafts, queries, hits, error codes and the rules that turn text into terms,
//! passages and snippets. Does not own: files, SQL, models, the clock. Nothing here is `Serialize`;
//! adapters have their own wire types.

pub mod code;
pub mod date_bound;
pub mod directory;
pub mod draft;
pub mod edit;
mod failure;
pub mod file_name;
pub mod hash;
pub mod hit;
pub mod id;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod machine;
pub mod multi_pattern;
pub mod names;
pub mod own_output;
pub mod query;
pub mod random;
pub mod text;
pub mod time;

pub use code::{FailureCode, Retry};
pub use draft::{Draft, DraftNote, DraftPart, Origin, PartKind, Role, Usage};
pub use failure::Failure;
pub use hash::ContentHash;
pub use hit::{
    AskedPeriod, BeyondFilter, Confidence, ConfidenceSignals, Hit, LaterMessage, LiftedCondition, Match, PeriodUse,
    Quote, SearchResults,
};
pub use id::{IdGenerator, IdPrefix, MessageId};
pub use ledger::Ledger;
pub use machine::MachineKey;
pub use names::Named;
pub use query::{Detail, Filter, Query, SearchMode, SearchTier};
pub use time::Timestamp;
