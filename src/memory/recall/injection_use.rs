//! Injection history for people: each injected message by its first words, and whether the reply used it.

use std::collections::HashSet;

use crate::domain::query::{ReadRequest, Selection};
use crate::domain::text::{first_words, terms::TermExtractor, to_one_line};
use crate::domain::{MessageId, Origin, PartKind, Timestamp};
use crate::memory::recall::injections::Injection;
use crate::memory::{Memory, Result};
use crate::store::{ExcerptQuery, term_number};

/// Time after an injection in which replies are examined, and texts examined.
const REPLY_WINDOW_MS: i64 = 1_800_000;
const MAX_TEXTS: usize = 40;
/// The prompt of an injection is recorded within this time before or after it.
const PROMPT_WINDOW_MS: i64 = 5_000;
/// Maximum number of terms examined of one text.
const MAX_TERMS: usize = 400;
/// A term is distinctive if at most one text in this many contains it, or few do.
const DISTINCTIVE_RATIO: usize = 400;
const DISTINCTIVE_MIN: usize = 4;
/// Distinctive terms that a reply must share with a message to count as using it.
const MIN_SHARED_TERMS: usize = 2;

/// Injected message as shown to people.
#[derive(Debug, Clone)]
pub struct InjectedMessage {
    /// Id of the message.
    pub id: String,
    /// Reason for the injection.
    pub why: String,
    /// Time of the message; `None` if it was deleted.
    pub at: Option<Timestamp>,
    /// Project of the message.
    pub project: String,
    /// First words of the text.
    pub begins: String,
    /// True if the reply used the message, i.e. contains distinctive words of it that were not in the prompt; `None` if
    /// no reply is known.
    pub used: Option<bool>,
}

impl Memory {
    /// Returns the messages of an injection, and whether the reply used them.
    pub fn injected_messages(&self, injection: &Injection) -> Result<Vec<InjectedMessage>> {
        let terms = TermExtractor::default();
        let reply = self.reply_terms(injection, &terms)?;
        let mut messages = Vec::new();
        for item in &injection.items {
            let mut message = InjectedMessage {
                id: item.id.clone(),
                why: item.why.clone(),
                at: None,
                project: String::new(),
                begins: "(deleted)".to_owned(),
                used: None,
            };
            if let Ok(id) = item.id.parse::<MessageId>()
                && let Some((at, project, text)) = self.message_text(id)?
            {
                message.used = match &reply {
                    Some((prompt, reply)) => Some(self.is_used(&text, prompt, reply, &terms)?),
                    None => None,
                };
                (message.at, message.project) = (Some(at), project);
                message.begins = first_words(&to_one_line(&text, 200), 14, 100);
            }
            messages.push(message);
        }
        Ok(messages)
    }

    fn message_text(&self, id: MessageId) -> Result<Option<(Timestamp, String, String)>> {
        let what = Selection::Messages { ids: vec![id], around: 0 };
        let read = match self.read_messages(&ReadRequest { what, include_tools: true, max_tokens: 2_000 }) {
            Ok(read) => read,
            Err(crate::memory::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = read.conversations.into_iter().find_map(|conversation| {
            let project = conversation.head.project;
            let message = conversation.messages.into_iter().next()?;
            let text: Vec<String> = message.parts.into_iter().map(|part| part.text).collect();
            Some((message.at, project, text.join("\n")))
        });
        Ok(found)
    }

    /// Returns the terms of the person's prompt at an injection, and of what the model said and did after it.
    fn reply_terms(
        &self,
        injection: &Injection,
        terms: &TermExtractor,
    ) -> Result<Option<(HashSet<String>, HashSet<String>)>> {
        let Some(head) = self.store.snapshot()?.find_conversation(&injection.session)? else { return Ok(None) };
        let at = |offset: i64| Some(Timestamp::from_milliseconds(injection.at_ms + offset));
        let said = |kinds: &'static [PartKind], origins: &'static [Origin], from: i64, to: i64| {
            let wanted = ExcerptQuery {
                kinds,
                origins,
                after: at(from),
                before: at(to),
                limit: MAX_TEXTS,
                ..ExcerptQuery::default()
            };
            self.store.snapshot()?.read_excerpts(head.row, &wanted)
        };
        let collect = |texts: Vec<crate::store::Excerpt>| -> HashSet<String> {
            texts.iter().flat_map(|text| terms.query_terms(&text.text, MAX_TERMS)).collect()
        };
        let prompt = collect(said(&[PartKind::Text], &[Origin::Person], -PROMPT_WINDOW_MS, PROMPT_WINDOW_MS)?);
        let replies = said(&[PartKind::Text, PartKind::ToolUse], &[Origin::Model], 0, REPLY_WINDOW_MS)?;
        if replies.is_empty() {
            return Ok(None);
        }
        Ok(Some((prompt, collect(replies))))
    }

    fn is_used(
        &self,
        text: &str,
        prompt: &HashSet<String>,
        reply: &HashSet<String>,
        terms: &TermExtractor,
    ) -> Result<bool> {
        let own: Vec<String> =
            terms.query_terms(text, MAX_TERMS).into_iter().filter(|term| !prompt.contains(term)).collect();
        let numbers: Vec<i64> = own.iter().map(|term| term_number(term)).collect();
        let counts = self.store.snapshot()?.count_postings(&numbers)?;
        let most = DISTINCTIVE_MIN.max(self.doc_values()?.len() / DISTINCTIVE_RATIO);
        let telling = own.iter().zip(counts).filter(|(_, count)| *count <= most).map(|(term, _)| term);
        let taken = telling.clone().filter(|term| reply.contains(*term)).count();
        Ok(taken >= MIN_SHARED_TERMS.min(telling.count().max(1)))
    }
}
