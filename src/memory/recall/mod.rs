//! What sessions get back besides searches: context, packs at events, fixes, blame, handoff, transcripts, injections.

pub(super) mod blame;
pub(super) mod context;
pub(super) mod event_packs;
pub(super) mod fixes;
pub(super) mod handoff;
pub(super) mod injection_use;
pub(super) mod injections;
pub(super) mod latest_decision;
pub(super) mod reading;
pub(super) mod recent_work;
pub(super) mod request;
pub(super) mod sessions;
pub(super) mod statements;
pub(super) mod suggestion_notes;
pub(super) mod suggestions;
