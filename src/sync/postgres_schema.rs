//! The tables in PostgreSQL: numbered steps, and which programs may read and write after each.
//!
//! The database names the last step (`step`), and the lowest step that a program must know to read (`min_reader`) and to
//! write (`min_writer`). A step that an older program can live with leaves these numbers, so that this version and the
//! one before it work on one database.

use tokio_postgres::{Client, Transaction};

use super::error::{Error, Result};

/// The first step.
const SCHEMA: &str = include_str!("schema.sql");
/// Version of the first step. A program of the time before steps refuses a database with another one.
pub(super) const VERSION: &str = "1";

/// A later step.
struct SchemaStep {
    number: i32,
    sql: &'static str,
    min_reader: i32,
    min_writer: i32,
}

const STEPS: [SchemaStep; 2] = [
    SchemaStep { number: 2, sql: include_str!("schema_2_provenance.sql"), min_reader: 1, min_writer: 1 },
    SchemaStep { number: 3, sql: include_str!("schema_3_signed_places.sql"), min_reader: 1, min_writer: 1 },
];
/// Last step that this program knows.
const KNOWN_STEP: i32 = 3;

/// What a program wants to do with the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableAccess {
    Read,
    Write,
}

impl TableAccess {
    /// Key under which the database keeps the lowest step of a program with this access, and the verb for messages.
    const fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Read => ("min_reader", "read"),
            Self::Write => ("min_writer", "write"),
        }
    }
}

/// Creates the tables.
pub(super) async fn create_tables(transaction: &Transaction<'_>) -> Result<()> {
    Ok(transaction.batch_execute(SCHEMA).await?)
}

/// Applies the steps that the database does not have yet.
///
/// # Errors
/// If the database needs a newer program to write, or refuses a step.
pub(super) async fn apply_steps(transaction: &Transaction<'_>) -> Result<()> {
    check_access(transaction.client(), TableAccess::Write).await?;
    let done = read_number(transaction.client(), "step").await?.unwrap_or(1);
    for step in STEPS.iter().filter(|step| step.number > done) {
        transaction.batch_execute(step.sql).await?;
        for (key, number) in [("step", step.number), ("min_reader", step.min_reader), ("min_writer", step.min_writer)] {
            let sql = "INSERT INTO claude_memory (key, value) VALUES ($1, $2)
                       ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            transaction.execute(sql, &[&key, &number.to_string()]).await?;
        }
    }
    Ok(())
}

/// Checks that this program knows the steps that it must know for an access.
///
/// # Errors
/// If the database needs a newer program.
pub(super) async fn check_access(client: &Client, access: TableAccess) -> Result<()> {
    let (key, verb) = access.describe();
    match read_number(client, key).await? {
        Some(needed) if needed > KNOWN_STEP => Err(Error::Invalid {
            message: format!(
                "to {verb} the tables a program must know step {needed} of them; this program knows step {KNOWN_STEP}"
            ),
            hint: "update claude-memory on this machine",
        }),
        _ => Ok(()),
    }
}

async fn read_number(client: &Client, key: &str) -> Result<Option<i32>> {
    let found = client.query_opt("SELECT value FROM claude_memory WHERE key = $1", &[&key]).await?;
    let value: Option<String> = found.map(|row| row.try_get(0)).transpose()?;
    Ok(value.and_then(|value| value.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_order_and_the_last_one_is_known() {
        let numbers: Vec<i32> = STEPS.iter().map(|step| step.number).collect();
        assert!(numbers.is_sorted() && numbers.last() == Some(&KNOWN_STEP));
        assert!(STEPS.iter().all(|step| step.min_reader <= step.number && step.min_writer <= step.number));
    }
}
