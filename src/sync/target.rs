//! What a place that the memory is copied to can do. Sending a page twice is the same as sending it once.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::error::Result;
use super::page::Page;
use crate::domain::MessageId;

/// Count and digest of a conversation over there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) messages: u64,
    pub(super) digest: String,
}

/// A place that the memory is copied to.
pub(super) trait Target {
    /// postgres or qdrant.
    fn name(&self) -> &'static str;

    /// Makes what is needed over there, and says which place this is: another answer means that everything has to be sent anew.
    async fn prepare(&mut self) -> Result<String>;

    /// Takes a page in, whole or not at all.
    async fn push(&mut self, page: &Page) -> Result<()>;

    /// What is there, by conversation.
    async fn summaries(&mut self) -> Result<BTreeMap<Uuid, Summary>>;

    /// The messages of a conversation with their digests.
    async fn digests(&mut self, conversation: Uuid) -> Result<BTreeMap<MessageId, String>>;
}
