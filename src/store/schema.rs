//! The schema as an append-only list of steps, run in one exclusive transaction.
//!
//! `user_version` = minor + 1000 × major (after taskchampion): an older program may open a newer minor, never a newer
//! major. A step that was ever released is never edited: its checksum is stored and compared.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::connection::APPLICATION_ID;
use super::error::{Error, Result};
use super::frames::{DICTIONARY, DICTIONARY_ID};
use crate::domain::text::terms;
use crate::domain::{Timestamp, hash::sha256_hex};

struct Step {
    name: &'static str,
    sql: &'static str,
}

const STEPS: &[Step] = &[
    Step { name: "0001_init", sql: include_str!("schema/0001_init.sql") },
    Step { name: "0002_accounting", sql: include_str!("schema/0002_accounting.sql") },
];

/// The version after all steps.
pub(super) const VERSION: i64 = 1001;
const MAJOR: i64 = 1000;

/// Whether an opened database can be used as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No table yet.
    Empty,
    /// Steps are missing.
    Old,
    /// Ready.
    Current,
}

pub(super) fn inspect(connection: &Connection, path: &Path) -> Result<State> {
    // The three numbers must be of one moment: another process may be creating the database.
    let failed = |source| Error::sqlite("read the version of the database", source);
    let alone = connection.is_autocommit();
    let _snapshot = if alone { Some(connection.unchecked_transaction().map_err(failed)?) } else { None };
    let pragma = |name: &str| -> Result<i64> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|source| Error::sqlite("read the version of the database", source))
    };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application == 0 && version == 0 && pragma("schema_version")? == 0 {
        return Ok(State::Empty);
    }
    if application != APPLICATION_ID {
        return Err(Error::Foreign(path.to_owned()));
    }
    if version / MAJOR > VERSION / MAJOR {
        return Err(Error::TooNew { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(if version < VERSION { State::Old } else { State::Current })
}

/// Creates or upgrades. Another process may do the same at the same moment; one of the two finds the work done.
pub(super) fn migrate(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<()> {
    let failed = |source| Error::sqlite("create or upgrade the database", source);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failed)?;
    let state = inspect(&transaction, path)?;
    if state == State::Current {
        return Ok(());
    }
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (
               number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )
        .map_err(failed)?;
    for (number, step) in STEPS.iter().enumerate() {
        if applied(&transaction, step)? {
            continue;
        }
        transaction.execute_batch(step.sql).map_err(failed)?;
        let values = params![number + 1, step.name, sha256_hex(step.sql.as_bytes()), now.milliseconds()];
        transaction.execute("INSERT INTO migrations VALUES (?1, ?2, ?3, ?4)", values).map_err(failed)?;
    }
    if state == State::Empty {
        let insert = "INSERT INTO dictionaries (id, bytes) VALUES (?1, ?2)";
        transaction.execute(insert, params![DICTIONARY_ID, DICTIONARY]).map_err(failed)?;
        let insert = "INSERT INTO meta (key, value) VALUES ('terms_version', ?1), ('created_at', ?2)";
        transaction.execute(insert, params![terms::VERSION.to_string(), now.to_string()]).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn applied(connection: &Connection, step: &Step) -> Result<bool> {
    let stored: Option<String> = connection
        .query_row("SELECT sha256 FROM migrations WHERE name = ?1", [step.name], |row| row.get(0))
        .optional()
        .map_err(|source| Error::sqlite("read the applied migrations", source))?;
    match stored {
        Some(sha256) if sha256 != sha256_hex(step.sql.as_bytes()) => Err(Error::EditedMigration(step.name.to_owned())),
        other => Ok(other.is_some()),
    }
}
