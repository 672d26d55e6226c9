//! Projects and the directories that belong to them.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Store;
use super::error::{Error, Result};
use crate::domain::Timestamp;

/// What identifies a project, before it has a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Equal for all worktrees.
    pub key: String,
    /// For people.
    pub name: String,
    /// Root folder.
    pub root: String,
    /// URL of `origin`.
    pub remote: Option<String>,
    /// The directory that was seen.
    pub directory: String,
}

/// A stored project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Row.
    pub id: i64,
    /// Identity.
    pub key: String,
    /// For people.
    pub name: String,
    /// Root folder.
    pub root: String,
}

impl Store {
    /// All projects.
    ///
    /// # Errors
    /// When reading fails.
    pub fn projects(&self) -> Result<Vec<Project>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the projects", error);
            let mut statement =
                connection.prepare("SELECT id, key, name, root FROM projects ORDER BY name, id").map_err(failed)?;
            let project =
                |row: &Row<'_>| Ok(Project { id: row.get(0)?, key: row.get(1)?, name: row.get(2)?, root: row.get(3)? });
            let rows = statement.query_map([], project).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// The project of a directory that was seen before.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_project_of(&self, directory: &str) -> Result<Option<i64>> {
        self.read(|connection| known(connection, directory))
    }
}

fn known(connection: &Connection, directory: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT project_id FROM project_directories WHERE directory = ?1")
        .and_then(|mut statement| statement.query_row([directory], |row| row.get(0)).optional())
        .map_err(|error| Error::sqlite("find a project", error))
}

/// The row of a project, made if it is new. A directory that was seen before keeps its project even if the checkout
/// has since gone from this machine.
pub(super) fn upsert(connection: &Connection, project: &NewProject, now: Timestamp) -> Result<i64> {
    if let Some(id) = known(connection, &project.directory)? {
        return Ok(id);
    }
    let failed = |error| Error::sqlite("store a project", error);
    let sql = "INSERT INTO projects (key, name, root, remote, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (key) DO UPDATE SET remote = coalesce(excluded.remote, remote) RETURNING id";
    let values = params![project.key, project.name, project.root, project.remote, now.milliseconds()];
    let id = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)))
        .map_err(failed)?;
    connection
        .prepare_cached("INSERT OR IGNORE INTO project_directories (directory, project_id) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![project.directory, id]))
        .map_err(failed)?;
    Ok(id)
}
