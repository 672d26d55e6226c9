//! The keyword index: postings of every term, and the literal scan that needs no index. Owns how terms are stored and
//! kept in step with the texts. Does not own scoring.

mod merge;
mod postings;
mod verify;

use std::collections::HashSet;

use memchr::memmem::Finder;
use rusqlite::{Connection, params_from_iter};

use super::error::{Error, Result};
use super::filter::filter_clause;
use super::{Snapshot, Store};
use crate::domain::text::terms::TermExtractor;
use crate::domain::{Filter, PartKind, Timestamp};

pub(super) use merge::{add_pending_terms, remove_passages};
pub use postings::{Posting, term_number};
pub(super) use postings::{TermCounts, pack_counts};

/// Counts the terms of a passage: their number, and each distinct one with its count. The one place that decides what
/// is indexed.
pub(super) fn count_terms(terms: &TermExtractor, kind: PartKind, text: &str) -> (usize, TermCounts) {
    let mut numbers = Vec::new();
    if merge::is_indexed(kind) {
        terms.for_each_term(text, &mut |term| numbers.push(term_number(term)));
    }
    numbers.sort_unstable();
    let counted = numbers.chunk_by(|left, right| left == right).filter_map(|equal| {
        let count = u8::try_from(equal.len()).unwrap_or(u8::MAX);
        equal.first().map(|term| (*term, count))
    });
    (numbers.len(), counted.collect())
}

impl Snapshot<'_> {
    /// Returns the postings of each of these terms, ascending by passage, pending ones included.
    ///
    /// # Errors
    /// When reading fails, or a piece of the index is damaged.
    pub fn read_postings(&self, terms: &[i64]) -> Result<Vec<Vec<Posting>>> {
        self.query("search by keyword", |connection| {
            let sql = "SELECT count, data FROM postings WHERE term = ?1 ORDER BY first";
            let mut statement = connection.prepare_cached(sql)?;
            let mut found = Vec::with_capacity(terms.len());
            for term in terms {
                let (mut list, mut expected): (Vec<Posting>, usize) = (Vec::new(), 0);
                let mut rows = statement.query([term])?;
                while let Some(row) = rows.next()? {
                    expected += row.get::<_, usize>(0)?;
                    let blob = row.get_ref(1)?;
                    postings::decode_postings(blob.as_blob().unwrap_or(&[]), |posting| list.push(posting));
                }
                if list.len() != expected {
                    return Err(Error::Damaged(
                        "a piece of the word index cannot be read; run `claude-memory init --verify`".to_owned(),
                    ));
                }
                found.push(list);
            }
            add_pending_postings(connection, terms, &mut found)?;
            Ok(found)
        })
    }

    /// Returns the number of passages with each of these terms, without pending ones. Costs a tenth of reading the
    /// postings.
    pub fn count_postings(&self, terms: &[i64]) -> Result<Vec<usize>> {
        self.query("count the postings", |connection| {
            let sql = "SELECT coalesce(sum(count), 0) FROM postings WHERE term = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            terms.iter().map(|term| Ok(statement.query_row([term], |row| row.get(0))?)).collect()
        })
    }

    /// Returns the first passages of parts that contain every one of these literal texts: one part of each of the
    /// newest `limit` messages. Reads every allowed text.
    ///
    /// # Errors
    /// When reading fails; a damaged text is an error, never a silent miss.
    pub fn search_literal(&self, texts: &[String], filter: &Filter, now: Timestamp, limit: usize) -> Result<Vec<i64>> {
        let finders: Vec<Finder<'_>> = texts.iter().map(|text| Finder::new(text.as_bytes())).collect();
        self.query("search literally", |connection| {
            let clause = filter_clause(filter, now);
            let sql = format!(
                "SELECT (SELECT id FROM passages WHERE part_id = p.id AND ordinal = 0), body_text(p.body, p.body_bytes), m.id
                 FROM messages m JOIN parts p ON p.message_id = m.id
                 JOIN conversations c ON c.id = m.conversation_id WHERE 1{} ORDER BY m.at DESC, p.id DESC",
                clause.sql
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(clause.values))?;
            let (mut found, mut messages) = (Vec::new(), HashSet::<i64>::new());
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                let text = row.get_ref(1)?;
                let text = text.as_bytes().unwrap_or(&[]);
                if finders.iter().all(|finder| finder.find(text).is_some())
                    && let Some(passage) = row.get(0)?
                    && messages.insert(row.get(2)?)
                {
                    found.push(passage);
                }
            }
            Ok(found)
        })
    }

    /// Returns true if the keyword index was built by the rules of this program.
    pub fn is_keyword_index_current(&self) -> Result<bool> {
        self.query("read the version of the word index", |connection| {
            Ok(read_meta(connection, "terms_version")? == crate::domain::text::terms::VERSION.to_string())
        })
    }
}

/// Adds the pending postings, which are all newer than those in the blobs.
fn add_pending_postings(connection: &Connection, terms: &[i64], found: &mut [Vec<Posting>]) -> Result<()> {
    let sql = "SELECT passage_id, terms FROM pending_postings ORDER BY passage_id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Ok(passage) = u32::try_from(row.get::<_, i64>(0)?) else { continue };
        for (term, count) in postings::unpack_counts(row.get_ref(1)?.as_blob().unwrap_or(&[])) {
            for (_, list) in terms.iter().zip(found.iter_mut()).filter(|(wanted, _)| **wanted == term) {
                list.push((passage, count));
            }
        }
    }
    Ok(())
}

fn read_meta(connection: &Connection, key: &str) -> Result<String> {
    Ok(connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))?)
}
