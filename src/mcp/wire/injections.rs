//! JSON types of the record of injections.

use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name};
use crate::domain::Timestamp;
use crate::memory::{self, InjectedMessage, Injection, Memory};

/// One injection into a session.
#[derive(Debug, Serialize)]
pub struct InjectionEntry {
    /// Session that received the injection.
    pub session_id: String,
    /// Time of the injection, RFC 3339, UTC.
    pub ts: String,
    /// Hook event of the client, or the tool that was called.
    pub moment: String,
    /// Estimated tokens of the injected text.
    pub tokens: usize,
    /// Messages that the injection contained.
    pub items: Vec<InjectedEntry>,
}

/// Message of an injection.
#[derive(Debug, Serialize)]
pub struct InjectedEntry {
    /// Message id, as `memory_get` accepts it.
    pub id: String,
    /// Reason for injecting it.
    pub why: SafeText,
    /// Time of the message, RFC 3339; absent if it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// Project of the message.
    pub project: SafeText,
    /// First words of the message.
    pub begins: SafeText,
    /// True if the reply used it; absent if no reply is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<bool>,
}

impl InjectionEntry {
    /// Builds the entry of an injection, reading its messages from the store.
    pub fn from_injection(memory: &Memory, injection: &Injection) -> memory::Result<Self> {
        let items = memory.injected_messages(injection)?.into_iter().map(InjectedEntry::from).collect();
        Ok(Self {
            session_id: injection.session.clone(),
            ts: Timestamp::from_milliseconds(injection.at_ms).to_string(),
            moment: injection.moment.clone(),
            tokens: injection.tokens,
            items,
        })
    }
}

impl From<InjectedMessage> for InjectedEntry {
    fn from(message: InjectedMessage) -> Self {
        Self {
            id: message.id,
            why: sanitize_name(&message.why),
            ts: message.at.map(|at| at.to_string()),
            project: sanitize_name(&message.project),
            begins: sanitize_name(&message.begins),
            used: message.used,
        }
    }
}
