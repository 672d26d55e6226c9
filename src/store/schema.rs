//! Schema migrations: an append-only list of steps, run in one exclusive transaction.
//!
//! `user_version` = minor + 1000 × major (after taskchampion): an older program may open a newer minor, never a newer
//! major. A step that was ever released is never edited: its checksum is stored and compared.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::connection;
use super::error::{Error, Result};
use super::frames::{DICTIONARY, DICTIONARY_ID};
use super::pages::APPLICATION_ID;
use crate::domain::text::terms;
use crate::domain::{Timestamp, hash::sha256_hex};

struct MigrationStep {
    name: &'static str,
    sql: &'static str,
}

const MIGRATION_STEPS: &[MigrationStep] = &[
    MigrationStep { name: "0001_init", sql: include_str!("schema/0001_init.sql") },
    MigrationStep { name: "0002_accounting", sql: include_str!("schema/0002_accounting.sql") },
    MigrationStep { name: "0003_words", sql: include_str!("schema/0003_words.sql") },
    MigrationStep { name: "0004_provenance", sql: include_str!("schema/0004_provenance.sql") },
    MigrationStep { name: "0005_deletions", sql: include_str!("schema/0005_deletions.sql") },
    MigrationStep { name: "0006_signed_places", sql: include_str!("schema/0006_signed_places.sql") },
    MigrationStep { name: "0007_edited_lines", sql: include_str!("schema/0007_edited_lines.sql") },
];

/// Steps that were applied, with the checksum of their SQL.
const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
               number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";

/// Schema version after all steps.
pub(super) const SCHEMA_VERSION: i64 = 4000;
const VERSIONS_PER_MAJOR: i64 = 1000;

/// Schema state of an opened database.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SchemaState {
    /// The database has no table yet.
    Empty,
    /// Migration steps are missing.
    Old,
    /// The schema is up to date.
    Current,
}

pub(super) fn inspect_schema(connection: &Connection, path: &Path) -> Result<SchemaState> {
    // The three numbers must be from one snapshot: another process may be creating the database.
    let alone = connection.is_autocommit();
    let _snapshot = if alone { Some(connection.unchecked_transaction()?) } else { None };
    let pragma = |name: &str| -> Result<i64> { Ok(connection.pragma_query_value(None, name, |row| row.get(0))?) };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application == 0 && version == 0 && pragma("schema_version")? == 0 {
        return Ok(SchemaState::Empty);
    }
    if application != APPLICATION_ID {
        return Err(Error::Foreign(path.to_owned()));
    }
    if version / VERSIONS_PER_MAJOR > SCHEMA_VERSION / VERSIONS_PER_MAJOR {
        return Err(Error::TooNew { path: path.to_owned(), found: version, known: SCHEMA_VERSION });
    }
    if version < SCHEMA_VERSION {
        return Ok(SchemaState::Old);
    }
    for step in MIGRATION_STEPS {
        is_applied(connection, step)?;
    }
    Ok(SchemaState::Current)
}

/// Compares tables, indexes and triggers with those that the steps make; returns the names of those that differ.
pub(super) fn schema_differences(connection: &Connection) -> Result<Vec<String>> {
    let model = connection::open_in_memory()?;
    model.execute_batch(MIGRATIONS_TABLE)?;
    for step in MIGRATION_STEPS {
        model.execute_batch(step.sql)?;
    }
    let (mut expected, found) = (read_objects(&model)?, read_objects(connection)?);
    let mut differing: Vec<String> = found
        .iter()
        .filter(|(name, sql)| expected.remove(*name).as_ref() != Some(sql))
        .map(|(name, _)| name.clone())
        .collect();
    differing.extend(expected.into_keys());
    Ok(differing)
}

/// Reads the SQL of every object by its name; SQLite's own tables are left out.
fn read_objects(connection: &Connection) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND sql IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Creates the schema or migrates it. Another process may do the same concurrently; one of the two finds it done.
pub(super) fn migrate_schema(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let state = inspect_schema(&transaction, path)?;
    if state == SchemaState::Current {
        return Ok(());
    }
    transaction.execute_batch(MIGRATIONS_TABLE)?;
    for (number, step) in MIGRATION_STEPS.iter().enumerate() {
        if is_applied(&transaction, step)? {
            continue;
        }
        transaction.execute_batch(step.sql)?;
        let values = params![number + 1, step.name, sha256_hex(step.sql.as_bytes()), now.to_milliseconds()];
        transaction.execute("INSERT INTO migrations VALUES (?1, ?2, ?3, ?4)", values)?;
    }
    if state == SchemaState::Empty {
        let insert = "INSERT INTO dictionaries (id, bytes) VALUES (?1, ?2)";
        transaction.execute(insert, params![DICTIONARY_ID, DICTIONARY])?;
        let insert = "INSERT INTO meta (key, value) VALUES ('terms_version', ?1), ('created_at', ?2)";
        transaction.execute(insert, params![terms::VERSION.to_string(), now.to_string()])?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}

fn is_applied(connection: &Connection, step: &MigrationStep) -> Result<bool> {
    let stored: Option<String> = connection
        .query_row("SELECT sha256 FROM migrations WHERE name = ?1", [step.name], |row| row.get(0))
        .optional()?;
    match stored {
        Some(sha256) if sha256 != sha256_hex(step.sql.as_bytes()) => Err(Error::EditedMigration(step.name.to_owned())),
        other => Ok(other.is_some()),
    }
}
