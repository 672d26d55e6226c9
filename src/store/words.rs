//! The word index: candidates by BM25, and the literal scan that needs no index.

use memchr::memmem::Finder;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter, types::Value};

use super::Store;
use super::error::{Error, Result};
use super::filter::clause;
use crate::domain::{Filter, Timestamp};

impl Store {
    /// The best `limit` passages for groups of terms: one matches when every group has a term in it. Returns passage rows
    /// with their BM25 score (higher is better; Robertson's k1 = 1.2, b = 0.75 as SQLite's FTS5 fixes them).
    ///
    /// # Errors
    /// When reading fails.
    pub fn by_words(
        &self,
        groups: &[Vec<String>],
        filter: &Filter,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(i64, f32)>> {
        let groups: Vec<String> = groups.iter().filter(|group| !group.is_empty()).map(|group| any_of(group)).collect();
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = groups.join(" AND ");
        self.read(|connection| {
            let failed = |error| Error::sqlite("search by word", error);
            if filter.is_empty() {
                // What is never returned (replaced notes) is left out when the candidates are read: without a filter the
                // index alone can choose, which is several times faster than joining every match.
                let sql = "SELECT rowid, -rank FROM terms WHERE terms MATCH ?1 ORDER BY rank LIMIT ?2";
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let mut statement = connection.prepare_cached(sql).map_err(failed)?;
                let rows = statement.query_map(rusqlite::params![wanted, limit], |row| Ok((row.get(0)?, row.get(1)?)));
                return rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed);
            }
            let clause = clause(filter, now);
            let sql = format!(
                "SELECT a.id, -bm25(terms) FROM terms JOIN passages a ON a.id = terms.rowid JOIN parts p ON p.id = a.part_id
                 JOIN messages m ON m.id = p.message_id
                 JOIN conversations c ON c.id = m.conversation_id WHERE terms MATCH ?{} ORDER BY bm25(terms), a.id DESC LIMIT ?",
                clause.sql
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let values = std::iter::once(Value::from(wanted)).chain(clause.values).chain([Value::from(limit)]);
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let rows = statement.query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// Inverse document frequency of each term: `ln(1 + (N - n + 0.5) / (n + 0.5))` (Robertson and Sparck Jones, as BM25 uses
    /// it), where `n` of all `N` passages hold it.
    ///
    /// # Errors
    /// When reading fails.
    pub fn term_weights(&self, terms: &[String]) -> Result<Vec<f32>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("weigh the words", error);
            let all: f32 =
                connection.query_row("SELECT count(*) FROM passages", [], |row| row.get(0)).map_err(failed)?;
            let mut statement =
                connection.prepare_cached("SELECT doc FROM vocabulary WHERE term = ?1").map_err(failed)?;
            let mut weights = Vec::with_capacity(terms.len());
            for term in terms {
                let holding: f32 =
                    statement.query_row([term], |row| row.get(0)).optional().map_err(failed)?.unwrap_or(0.0);
                weights.push((1.0 + (all - holding + 0.5).max(0.0) / (holding + 0.5)).ln());
            }
            Ok(weights)
        })
    }

    /// The first passages of the newest `limit` parts that hold every one of these literal texts. Reads every allowed text.
    ///
    /// # Errors
    /// When reading fails; a damaged text is an error, never a silent miss.
    pub fn by_literal(&self, texts: &[String], filter: &Filter, now: Timestamp, limit: usize) -> Result<Vec<i64>> {
        let finders: Vec<Finder<'_>> = texts.iter().map(|text| Finder::new(text.as_bytes())).collect();
        self.read(|connection| {
            let failed = |error| Error::sqlite("search literally", error);
            let clause = clause(filter, now);
            let sql = format!(
                "SELECT (SELECT id FROM passages WHERE part_id = p.id AND ordinal = 0), body_text(p.body, p.body_bytes)
                 FROM messages m JOIN parts p ON p.message_id = m.id
                 JOIN conversations c ON c.id = m.conversation_id WHERE 1{} ORDER BY m.at DESC, p.id DESC",
                clause.sql
            );
            let mut statement = connection.prepare(&sql).map_err(failed)?;
            let mut rows = statement.query(params_from_iter(clause.values)).map_err(failed)?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next().map_err(failed)?
            {
                let text = row.get_ref(1).map_err(failed)?;
                let text = text.as_bytes().unwrap_or(&[]);
                if finders.iter().all(|finder| finder.find(text).is_some()) {
                    found.push(row.get(0).map_err(failed)?);
                }
            }
            Ok(found)
        })
    }

    /// Makes the word index again from the stored texts, when its rules have changed.
    ///
    /// # Errors
    /// When writing fails; the old index then stays.
    pub fn rebuild_words(&self) -> Result<()> {
        self.write(|connection| {
            let version = crate::domain::text::terms::VERSION.to_string();
            connection
                .execute("INSERT INTO terms (terms) VALUES ('rebuild')", [])
                .and_then(|_| connection.execute("UPDATE meta SET value = ?1 WHERE key = 'terms_version'", [version]))
                .map(drop)
                .map_err(|error| Error::sqlite("rebuild the word index", error))
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

    /// Compares the word index with the stored texts, and SQLite's own structures.
    ///
    /// # Errors
    /// When they differ or cannot be read.
    pub fn verify(&self) -> Result<()> {
        self.write(|connection| {
            let failed = |error| Error::sqlite("verify the store", error);
            let verdict: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(failed)?;
            if verdict != "ok" {
                return Err(Error::Damaged(verdict));
            }
            connection
                .execute("INSERT INTO terms (terms, rank) VALUES ('integrity-check', 1)", [])
                .map(drop)
                .map_err(failed)
        })
    }
}

fn meta(connection: &Connection, key: &str) -> Result<String> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .map_err(|error| Error::sqlite("read a fact about the store", error))
}

/// `("a" OR "b")`; quotes keep FTS5 from reading operators into the words of a user.
fn any_of(terms: &[String]) -> String {
    let quoted: Vec<String> = terms.iter().map(|term| format!("\"{}\"", term.replace('"', "\"\""))).collect();
    format!("({})", quoted.join(" OR "))
}
