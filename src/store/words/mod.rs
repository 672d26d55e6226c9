//! The word index: postings of every term, and the literal scan that needs no index. Owns how words are stored and kept
//! in step with the texts. Does not own what a match is worth.

mod fold;
mod postings;
mod verify;

use std::collections::HashSet;

use memchr::memmem::Finder;
use rusqlite::{Connection, params_from_iter};

use super::Store;
use super::error::{Error, Result};
use super::filter::clause;
use crate::domain::text::terms::Terms;
use crate::domain::{Filter, Kind, Timestamp};

pub(super) use fold::{add, take_out};
pub(super) use postings::{Counts, pack_counts};
pub use postings::{Posting, number};

/// How many terms a passage has, and each distinct one with its count: the one place that says what is indexed.
pub(super) fn counts(terms: &Terms, kind: Kind, text: &str) -> (usize, Counts) {
    let mut numbers = Vec::new();
    if fold::has_words(kind) {
        terms.each(text, &mut |term| numbers.push(number(term)));
    }
    numbers.sort_unstable();
    let counted = numbers.chunk_by(|left, right| left == right).filter_map(|equal| {
        let count = u8::try_from(equal.len()).unwrap_or(u8::MAX);
        equal.first().map(|term| (*term, count))
    });
    (numbers.len(), counted.collect())
}

impl Store {
    /// The postings of each of these terms, ascending by passage.
    ///
    /// # Errors
    /// When reading fails, or a piece of the index is damaged.
    pub fn postings(&self, terms: &[i64]) -> Result<Vec<Vec<Posting>>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("search by word", error);
            let sql = "SELECT count, data FROM postings WHERE term = ?1 ORDER BY first";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let mut found = Vec::with_capacity(terms.len());
            for term in terms {
                let (mut list, mut expected): (Vec<Posting>, usize) = (Vec::new(), 0);
                let mut rows = statement.query([term]).map_err(failed)?;
                while let Some(row) = rows.next().map_err(failed)? {
                    expected += row.get::<_, usize>(0).map_err(failed)?;
                    let blob = row.get_ref(1).map_err(failed)?;
                    postings::read(blob.as_blob().unwrap_or(&[]), |posting| list.push(posting));
                }
                if list.len() != expected {
                    return Err(Error::Damaged(
                        "a piece of the word index cannot be read; run `claude-memory init --verify`".to_owned(),
                    ));
                }
                found.push(list);
            }
            fresh(connection, terms, &mut found)?;
            Ok(found)
        })
    }

    /// How many passages hold each of these terms, the newest ones left out. Costs a tenth of reading the postings.
    ///
    /// # Errors
    /// When reading fails.
    pub fn posting_counts(&self, terms: &[i64]) -> Result<Vec<usize>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("count the postings", error);
            let sql = "SELECT coalesce(sum(count), 0) FROM postings WHERE term = ?1";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            terms.iter().map(|term| statement.query_row([term], |row| row.get(0)).map_err(failed)).collect()
        })
    }

    /// Returns the first passages of parts that hold every one of these literal texts: one part of each of the newest `limit`
    /// messages. Reads every allowed text.
    ///
    /// # Errors
    /// When reading fails; a damaged text is an error, never a silent miss.
    pub fn by_literal(&self, texts: &[String], filter: &Filter, now: Timestamp, limit: usize) -> Result<Vec<i64>> {
        let finders: Vec<Finder<'_>> = texts.iter().map(|text| Finder::new(text.as_bytes())).collect();
        self.read(|connection| {
            let failed = |error| Error::sqlite("search literally", error);
            let clause = clause(filter, now);
            let sql = format!(
                "SELECT (SELECT id FROM passages WHERE part_id = p.id AND ordinal = 0), body_text(p.body, p.body_bytes), m.id
                 FROM messages m JOIN parts p ON p.message_id = m.id
                 JOIN conversations c ON c.id = m.conversation_id WHERE 1{} ORDER BY m.at DESC, p.id DESC",
                clause.sql
            );
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let mut rows = statement.query(params_from_iter(clause.values)).map_err(failed)?;
            let (mut found, mut messages) = (Vec::new(), HashSet::<i64>::new());
            while found.len() < limit
                && let Some(row) = rows.next().map_err(failed)?
            {
                let text = row.get_ref(1).map_err(failed)?;
                let text = text.as_bytes().unwrap_or(&[]);
                if finders.iter().all(|finder| finder.find(text).is_some())
                    && let Some(passage) = row.get(0).map_err(failed)?
                    && messages.insert(row.get(2).map_err(failed)?)
                {
                    found.push(passage);
                }
            }
            Ok(found)
        })
    }

    /// Whether the word index was made by the rules of this program.
    ///
    /// # Errors
    /// When reading fails.
    pub fn words_are_current(&self) -> Result<bool> {
        self.read(
            |connection| Ok(meta(connection, "terms_version")? == crate::domain::text::terms::VERSION.to_string()),
        )
    }
}

/// Adds the postings of fresh passages, which are all newer than those in the blobs.
fn fresh(connection: &Connection, terms: &[i64], found: &mut [Vec<Posting>]) -> Result<()> {
    let failed = |error| Error::sqlite("search the newest words", error);
    let sql = "SELECT passage_id, terms FROM fresh ORDER BY passage_id";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let Ok(passage) = u32::try_from(row.get::<_, i64>(0).map_err(failed)?) else { continue };
        for (term, count) in postings::unpack_counts(row.get_ref(1).map_err(failed)?.as_blob().unwrap_or(&[])) {
            for (_, list) in terms.iter().zip(found.iter_mut()).filter(|(wanted, _)| **wanted == term) {
                list.push((passage, count));
            }
        }
    }
    Ok(())
}

fn meta(connection: &Connection, key: &str) -> Result<String> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .map_err(|error| Error::sqlite("read a fact about the store", error))
}
