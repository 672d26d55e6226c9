//! Merges pending postings into the index, and rebuilds the whole index.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::postings::{CHUNK_BYTES, Posting, decode_postings, pack_counts, push_posting, unpack_counts};
use super::{Store, count_terms};
use crate::domain::PartKind;
use crate::domain::text::terms::{self, TermExtractor};
use crate::store::error::{Error, Result};

/// Number of pending passages above which they are merged: every search reads all of them.
const MAX_PENDING: i64 = 512;
/// Passages merged in one transaction.
const MERGE_BATCH: i64 = 8192;

impl Store {
    /// Merges pending postings if there are many, or in any case with `all`. Cheap when there is nothing to do.
    ///
    /// # Errors
    /// When reading or writing fails; the postings then stay pending.
    pub fn merge_postings(&self, all: bool) -> Result<()> {
        loop {
            let pending: i64 = self.snapshot()?.query("count the pending postings", |connection| {
                Ok(connection.query_row("SELECT count(*) FROM pending_postings", [], |row| row.get(0))?)
            })?;
            if pending == 0 || (!all && pending <= MAX_PENDING) {
                return Ok(());
            }
            self.write("merge the word index", merge_pending)?;
        }
    }

    /// Queues a merge as [`Store::merge_postings`] does without `all`, and does not wait: for callers that go on writing.
    /// After a failure the next merge finds the same postings.
    ///
    /// # Errors
    /// When the write lane cannot be started.
    pub fn merge_postings_later(&self) -> Result<()> {
        self.write_later("merge the word index", |connection| {
            let pending: i64 = connection.query_row("SELECT count(*) FROM pending_postings", [], |row| row.get(0))?;
            if pending > MAX_PENDING { merge_pending(connection) } else { Ok(()) }
        })
        .map(drop)
    }

    /// Rebuilds the keyword index from the stored texts, for use when its rules have changed.
    ///
    /// # Errors
    /// When writing fails; the old index then stays.
    pub fn rebuild_keyword_index(&self) -> Result<()> {
        self.write("rebuild the word index", |connection| {
            connection.execute_batch("DELETE FROM postings; DELETE FROM pending_postings")?;
            let terms = TermExtractor::default();
            super::verify::each_passage(connection, "1", [], |passage, kind, text| {
                let (words, counted) = count_terms(&terms, kind, text);
                Ok(reindex_passage(connection, passage, words, &counted)?)
            })?;
            while connection.query_row("SELECT EXISTS (SELECT 1 FROM pending_postings)", [], |row| row.get(0))? {
                merge_pending(connection)?;
            }
            let sql = "UPDATE meta SET value = ?1 WHERE key = 'terms_version'";
            Ok(connection.execute(sql, [terms::VERSION.to_string()]).map(drop)?)
        })
    }
}

fn reindex_passage(connection: &Connection, passage: i64, words: usize, counted: &[(i64, u8)]) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE passages SET words = ?2 WHERE id = ?1")?.execute(params![passage, words])?;
    add_pending_terms(connection, passage, &pack_counts(counted))
}

/// Adds the terms of a new passage to the pending postings, where the next search finds them.
pub(in crate::store) fn add_pending_terms(
    connection: &Connection,
    passage: i64,
    packed: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO pending_postings (passage_id, terms) VALUES (?1, ?2)")?
        .execute(params![passage, packed])?;
    Ok(())
}

/// Removes passages from the keyword index. `condition` selects them over `a` (passages) by one row.
pub(in crate::store) fn remove_passages(
    connection: &Connection,
    condition: &str,
    row: i64,
    terms: &TermExtractor,
) -> Result<()> {
    super::verify::each_passage(connection, condition, [row], |passage, kind, text| {
        let (_, counted) = count_terms(terms, kind, text);
        Ok(remove_passage(connection, passage, &counted)?)
    })
}

/// Removes a passage from the postings of its terms, or from the pending ones.
fn remove_passage(connection: &Connection, passage: i64, counted: &[(i64, u8)]) -> rusqlite::Result<()> {
    if connection.prepare_cached("DELETE FROM pending_postings WHERE passage_id = ?1")?.execute([passage])? > 0 {
        return Ok(());
    }
    let Ok(gone) = u32::try_from(passage) else { return Ok(()) };
    for (term, _) in counted {
        let sql = "SELECT first, data FROM postings WHERE term = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
        let row = connection
            .prepare_cached(sql)?
            .query_row(params![term, passage], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let Some((first, data)) = row else { continue };
        let mut left = PostingChunk { first: 0, count: 0, last: 0, data: Vec::with_capacity(data.len()) };
        decode_postings(&data, |posting| {
            if posting.0 != gone {
                if left.count == 0 {
                    left.first = i64::from(posting.0);
                }
                push_posting(&mut left.data, left.last, posting);
                left.last = posting.0;
                left.count += 1;
            }
        });
        connection
            .prepare_cached("DELETE FROM postings WHERE term = ?1 AND first = ?2")?
            .execute(params![term, first])?;
        if left.count > 0 {
            left.write_row(connection, *term)?;
        }
    }
    Ok(())
}

fn merge_pending(connection: &Connection) -> Result<()> {
    let mut by_term: BTreeMap<i64, Vec<Posting>> = BTreeMap::new();
    let sql = "SELECT passage_id, terms FROM pending_postings ORDER BY passage_id LIMIT ?1";
    let mut last = 0_i64;
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([MERGE_BATCH])?;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let passage = u32::try_from(last)
            .map_err(|_| Error::Damaged("more passages than the word index can count".to_owned()))?;
        let packed = row.get_ref(1)?;
        for (term, count) in unpack_counts(packed.as_blob().unwrap_or(&[])) {
            by_term.entry(term).or_default().push((passage, count));
        }
    }
    drop(rows);
    for (term, postings) in by_term {
        append_postings(connection, term, &postings)?;
    }
    Ok(connection.execute("DELETE FROM pending_postings WHERE passage_id <= ?1", [last]).map(drop)?)
}

/// Appends ascending postings to the last blob of a term, and begins new ones when it is full.
fn append_postings(connection: &Connection, term: i64, postings: &[Posting]) -> rusqlite::Result<()> {
    let sql = "SELECT first, count, data FROM postings WHERE term = ?1 ORDER BY first DESC LIMIT 1";
    let tail = connection
        .prepare_cached(sql)?
        .query_row([term], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let mut chunk: Option<PostingChunk> = tail.map(|(first, count, data)| PostingChunk::from_blob(first, count, data));
    for posting in postings {
        if let Some(full) = chunk.take_if(|chunk| chunk.data.len() >= CHUNK_BYTES) {
            full.write_row(connection, term)?;
        }
        let chunk = chunk.get_or_insert_with(|| PostingChunk {
            first: i64::from(posting.0),
            count: 0,
            last: 0,
            data: Vec::new(),
        });
        // A rebuilt or repaired store may offer a passage again; existing postings stay.
        if posting.0 > chunk.last {
            push_posting(&mut chunk.data, chunk.last, *posting);
            chunk.last = posting.0;
            chunk.count += 1;
        }
    }
    chunk.map_or(Ok(()), |chunk| chunk.write_row(connection, term))
}

struct PostingChunk {
    first: i64,
    count: i64,
    last: u32,
    data: Vec<u8>,
}

impl PostingChunk {
    fn from_blob(first: i64, count: i64, data: Vec<u8>) -> Self {
        let mut last = 0;
        decode_postings(&data, |(passage, _)| last = passage);
        Self { first, count, last, data }
    }

    fn write_row(&self, connection: &Connection, term: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO postings (term, first, count, data) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![term, self.first, self.count, self.data]).map(drop)
    }
}

/// Returns true if parts of this kind are indexed by [`super::count_terms`].
pub(super) const fn is_indexed(kind: PartKind) -> bool {
    // Client notices hold nothing that a person or a model said.
    !matches!(kind, PartKind::Meta)
}
