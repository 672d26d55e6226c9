//! Moving the terms of fresh passages into the postings, and making the whole index again.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::postings::{CHUNK_BYTES, Posting, pack_counts, push, read, unpack_counts};
use super::{Store, counts};
use crate::domain::Kind;
use crate::domain::text::terms::{self, Terms};
use crate::store::error::{Error, Result};

/// A search reads all fresh passages, so there must not be many of them.
const MOST_FRESH: i64 = 512;
/// Passages that are folded in one transaction.
const AT_ONCE: i64 = 8192;

impl Store {
    /// Moves fresh terms into the postings if there are many, or in any case with `all`. Cheap when there is nothing to do.
    ///
    /// # Errors
    /// When reading or writing fails; the terms then stay fresh.
    pub fn fold_words(&self, all: bool) -> Result<()> {
        loop {
            let fresh: i64 = self.read(|connection| {
                connection
                    .query_row("SELECT count(*) FROM fresh", [], |row| row.get(0))
                    .map_err(|error| Error::sqlite("count the fresh words", error))
            })?;
            if fresh == 0 || (!all && fresh <= MOST_FRESH) {
                return Ok(());
            }
            self.write(fold)?;
        }
    }

    /// As [`Store::fold_words`] without `all`, but does not wait: for who goes on writing. A failure shows with the next
    /// fold, which finds the same terms.
    ///
    /// # Errors
    /// When the write lane cannot be started.
    pub fn fold_words_later(&self) -> Result<()> {
        self.write_later(|connection| {
            let fresh: i64 = connection
                .query_row("SELECT count(*) FROM fresh", [], |row| row.get(0))
                .map_err(|error| Error::sqlite("count the fresh words", error))?;
            if fresh > MOST_FRESH { fold(connection) } else { Ok(()) }
        })
        .map(drop)
    }

    /// Makes the word index again from the stored texts, when its rules have changed.
    ///
    /// # Errors
    /// When writing fails; the old index then stays.
    pub fn rebuild_words(&self) -> Result<()> {
        self.write(|connection| {
            let failed = |error| Error::sqlite("rebuild the word index", error);
            connection.execute_batch("DELETE FROM postings; DELETE FROM fresh").map_err(failed)?;
            let terms = Terms::default();
            super::verify::each_passage(connection, "1", [], |passage, kind, text| {
                let (words, counted) = counts(&terms, kind, text);
                refresh(connection, passage, words, &counted).map_err(failed)
            })?;
            while connection.query_row("SELECT EXISTS (SELECT 1 FROM fresh)", [], |row| row.get(0)).map_err(failed)? {
                fold(connection)?;
            }
            let sql = "UPDATE meta SET value = ?1 WHERE key = 'terms_version'";
            connection.execute(sql, [terms::VERSION.to_string()]).map(drop).map_err(failed)
        })
    }
}

fn refresh(connection: &Connection, passage: i64, words: usize, counted: &[(i64, u8)]) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE passages SET words = ?2 WHERE id = ?1")?.execute(params![passage, words])?;
    add(connection, passage, &pack_counts(counted))
}

/// Puts the terms of a new passage where the next search finds them.
pub(in crate::store) fn add(connection: &Connection, passage: i64, packed: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO fresh (passage_id, terms) VALUES (?1, ?2)")?
        .execute(params![passage, packed])?;
    Ok(())
}

/// Takes the words of the stored passages out of the index that a condition over `a` (passages) names by one row.
pub(in crate::store) fn take_out(connection: &Connection, condition: &str, row: i64, terms: &Terms) -> Result<()> {
    super::verify::each_passage(connection, condition, [row], |passage, kind, text| {
        let (_, counted) = counts(terms, kind, text);
        remove(connection, passage, &counted).map_err(|error| Error::sqlite("take words out", error))
    })
}

/// Takes a passage out of the postings of its terms. What it does not find was fresh.
fn remove(connection: &Connection, passage: i64, counted: &[(i64, u8)]) -> rusqlite::Result<()> {
    if connection.prepare_cached("DELETE FROM fresh WHERE passage_id = ?1")?.execute([passage])? > 0 {
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
        let mut left = Chunk { first: 0, count: 0, last: 0, data: Vec::with_capacity(data.len()) };
        read(&data, |posting| {
            if posting.0 != gone {
                if left.count == 0 {
                    left.first = i64::from(posting.0);
                }
                push(&mut left.data, left.last, posting);
                left.last = posting.0;
                left.count += 1;
            }
        });
        connection
            .prepare_cached("DELETE FROM postings WHERE term = ?1 AND first = ?2")?
            .execute(params![term, first])?;
        if left.count > 0 {
            left.write(connection, *term)?;
        }
    }
    Ok(())
}

fn fold(connection: &Connection) -> Result<()> {
    let failed = |error| Error::sqlite("fold the word index", error);
    let mut by_term: BTreeMap<i64, Vec<Posting>> = BTreeMap::new();
    let sql = "SELECT passage_id, terms FROM fresh ORDER BY passage_id LIMIT ?1";
    let mut last = 0_i64;
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([AT_ONCE]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        last = row.get(0).map_err(failed)?;
        let passage = u32::try_from(last)
            .map_err(|_| Error::Damaged("more passages than the word index can count".to_owned()))?;
        let packed = row.get_ref(1).map_err(failed)?;
        for (term, count) in unpack_counts(packed.as_blob().unwrap_or(&[])) {
            by_term.entry(term).or_default().push((passage, count));
        }
    }
    drop(rows);
    for (term, postings) in by_term {
        append(connection, term, &postings).map_err(failed)?;
    }
    connection.execute("DELETE FROM fresh WHERE passage_id <= ?1", [last]).map(drop).map_err(failed)
}

/// Appends ascending postings to the last blob of a term, and begins new ones when it is full.
fn append(connection: &Connection, term: i64, postings: &[Posting]) -> rusqlite::Result<()> {
    let sql = "SELECT first, count, data FROM postings WHERE term = ?1 ORDER BY first DESC LIMIT 1";
    let tail = connection
        .prepare_cached(sql)?
        .query_row([term], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let mut chunk: Option<Chunk> = tail.map(|(first, count, data)| Chunk::read(first, count, data));
    for posting in postings {
        if let Some(full) = chunk.take_if(|chunk| chunk.data.len() >= CHUNK_BYTES) {
            full.write(connection, term)?;
        }
        let chunk =
            chunk.get_or_insert_with(|| Chunk { first: i64::from(posting.0), count: 0, last: 0, data: Vec::new() });
        // A rebuilt or repaired store may offer a passage again; what is there stays.
        if posting.0 > chunk.last {
            push(&mut chunk.data, chunk.last, *posting);
            chunk.last = posting.0;
            chunk.count += 1;
        }
    }
    chunk.map_or(Ok(()), |chunk| chunk.write(connection, term))
}

struct Chunk {
    first: i64,
    count: i64,
    last: u32,
    data: Vec<u8>,
}

impl Chunk {
    fn read(first: i64, count: i64, data: Vec<u8>) -> Self {
        let mut last = 0;
        read(&data, |(passage, _)| last = passage);
        Self { first, count, last, data }
    }

    fn write(&self, connection: &Connection, term: i64) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO postings (term, first, count, data) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![term, self.first, self.count, self.data]).map(drop)
    }
}

/// What [`counts`] needs to know of a passage's part.
pub(super) const fn has_words(kind: Kind) -> bool {
    // Client notices hold no words that anybody said.
    !matches!(kind, Kind::Meta)
}
