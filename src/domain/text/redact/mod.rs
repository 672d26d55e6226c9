//! Redacts secrets in a text before anything else reads it. Owns the placeholder that replaces a secret; [`scan`] owns what
//! a secret looks like. Does not own when a text is redacted, nor the key of the placeholders.
//!
//! A placeholder is `[REDACTED:rule:8 hex]`; the digits are a keyed hash, so that the same secret has the same
//! placeholder in one store and the placeholder reveals nothing without the key.

mod scan;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::compile_rule;
use crate::domain::ContentHash;
use crate::domain::hash::to_hex;
use scan::Secret;

/// Number of redacted secrets, by rule.
pub type RedactionCounts = BTreeMap<&'static str, u64>;

/// Most passes over one text: a placeholder may change what is read around it.
const MAX_PASSES: usize = 3;

/// Fewest bytes of a text that can hold a secret: shorter ones have no room for what tells one.
const SHORTEST: usize = 8;

/// Pattern of a placeholder; a placeholder is never redacted again.
static PLACEHOLDER: LazyLock<regex_lite::Regex> =
    LazyLock::new(|| compile_rule(r"\[REDACTED:[a-z0-9-]+:[0-9a-f]{8}\]"));

/// Replaces the secrets in texts by placeholders.
#[derive(Debug, Clone)]
pub struct Redactor {
    key: [u8; 32],
    allow: Vec<String>,
    personal_data: bool,
}

impl Redactor {
    /// Creates a redactor. `key` is that of the placeholders' hash; texts in `allow` are left as they are.
    pub const fn new(key: [u8; 32], allow: Vec<String>) -> Self {
        Self { key, allow, personal_data: false }
    }

    /// Redacts personal data too, or not: numbers of cards, accounts, phones and identity cards, mail addresses.
    #[must_use]
    pub const fn with_personal_data(mut self, personal_data: bool) -> Self {
        self.personal_data = personal_data;
        self
    }

    /// Returns the text without its secrets. Borrows when there are none.
    pub fn redact<'t>(&self, text: &'t str, counts: &mut RedactionCounts) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        if text.len() < SHORTEST {
            return clean;
        }
        for _ in 0..MAX_PASSES {
            let Some(next) = self.redact_once(&clean, counts) else { break };
            clean = Cow::Owned(next);
        }
        clean
    }

    fn redact_once(&self, text: &str, counts: &mut RedactionCounts) -> Option<String> {
        let found = self.find_secrets(text);
        if found.is_empty() {
            return None;
        }
        let mut clean = String::with_capacity(text.len());
        let mut end = 0;
        for Secret { rule, range } in found {
            clean.push_str(text.get(end..range.start).unwrap_or(""));
            clean.push_str(&self.make_placeholder(rule, text.get(range.clone()).unwrap_or("")));
            end = range.end;
            *counts.entry(rule).or_default() += 1;
        }
        clean.push_str(text.get(end..).unwrap_or(""));
        Some(clean)
    }

    fn make_placeholder(&self, rule: &str, secret: &str) -> String {
        let hash = to_hex(&ContentHash::of_parts(&[&self.key, secret.as_bytes()]).0);
        format!("[REDACTED:{rule}:{}]", hash.get(..8).unwrap_or(""))
    }

    /// Finds the secrets, in order and disjoint, that are neither allowed nor part of a placeholder.
    fn find_secrets(&self, text: &str) -> Vec<Secret> {
        let mut found = scan::find_secrets(text, self.personal_data);
        let done: Vec<Range<usize>> = if !found.is_empty() && text.contains("[REDACTED:") {
            PLACEHOLDER.find_iter(text).map(|found| found.range()).collect()
        } else {
            Vec::new()
        };
        let is_done = |range: &Range<usize>| {
            let next = done.partition_point(|done| done.end <= range.start);
            done.get(next).is_some_and(|done| done.start < range.end)
        };
        found.retain(|Secret { range, .. }| {
            let secret = text.get(range.clone()).unwrap_or("");
            !is_done(range) && !self.allow.iter().any(|allowed| allowed == secret)
        });
        found
    }
}

/// Returns true if `clean` is `text` with placeholders in place of secrets.
pub fn is_redacted_form(clean: &str, text: &str) -> bool {
    let pieces: Vec<&str> = PLACEHOLDER.split(clean).collect();
    let [first, between @ .., last] = pieces.as_slice() else { return false };
    let inner = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
    let rest = between
        .iter()
        .try_fold(inner.unwrap_or(""), |rest, piece| rest.find(piece).and_then(|at| rest.get(at + piece.len()..)));
    inner.is_some() && rest.is_some()
}

#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod tests;
