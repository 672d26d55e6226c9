//! How the memory is: health, verification, backlog, bookkeeping of operators, load of searches.

pub(super) mod backlog;
pub(super) mod doctor;
pub(super) mod health;
pub(super) mod operations;
pub(super) mod search_activity;
