//! Projects, the directories that belong to them, and what they are recognised by. Does not own how a directory is
//! looked at (room `disk`).

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Store;
use super::columns::raise_generation;
use super::error::{Error, Result};
use crate::domain::Timestamp;
use crate::domain::directory::{depth, directories_above, directory_key, is_within};

/// What identifies a project, before it has a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewProject {
    /// Equal for all worktrees.
    pub key: String,
    /// For people.
    pub name: String,
    /// Root folder.
    pub root: String,
    /// URL of `origin`.
    pub remote: Option<String>,
    /// What clones of the same repository have in common.
    pub remote_key: Option<String>,
    /// The directory that was seen.
    pub directory: String,
    /// It is not on this machine, so that nothing can be read from it.
    pub missing: bool,
}

/// A stored project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Row.
    pub id: i64,
    /// For people.
    pub name: String,
    /// Root folder.
    pub root: String,
    /// URL of `origin`.
    pub remote: Option<String>,
}

/// A stored project with what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSummary {
    /// The project.
    pub project: Project,
    /// Working directories that were seen, at most twenty of them.
    pub directories: Vec<String>,
    /// Sessions, without subagents.
    pub sessions: u64,
    /// Messages.
    pub messages: u64,
    /// Memories saved on purpose.
    pub notes: u64,
    /// First and last message.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Directories that a summary lists.
const MOST_DIRECTORIES: usize = 20;
/// Names below the root that a directory has which is nobody's home folder: a home is no project of everything below it.
const DEEP: usize = 3;

/// Where a message was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) project: i64,
    pub(super) directory: i64,
}

fn project(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project { id: row.get(0)?, name: row.get(1)?, root: row.get(2)?, remote: row.get(3)? })
}

impl Store {
    /// All projects.
    ///
    /// # Errors
    /// When reading fails.
    pub fn projects(&self) -> Result<Vec<Project>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the projects", error);
            let sql = "SELECT id, name, root, remote FROM projects ORDER BY name, id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([], project).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// What tells each project from others, by row.
    ///
    /// # Errors
    /// When reading fails.
    pub fn project_keys(&self) -> Result<Vec<(i64, String)>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the projects", error);
            let mut statement = connection.prepare_cached("SELECT id, key FROM projects").map_err(failed)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)
        })
    }

    /// What is kept of each project, or of one; that with the newest message first.
    ///
    /// # Errors
    /// When reading fails.
    pub fn project_summaries(&self, only: Option<i64>) -> Result<Vec<ProjectSummary>> {
        self.read(|connection| {
            let failed = |error| Error::sqlite("list the projects", error);
            let sql = "SELECT p.id, p.name, p.root, p.remote,
                         (SELECT count(*) FROM conversations c WHERE c.project_id = p.id AND c.parent_external_id IS NULL AND c.source <> 'saved'),
                         coalesce(m.messages, 0), coalesce(m.notes, 0), m.first, m.last
                       FROM projects p LEFT JOIN (
                         SELECT m.project_id, count(*) AS messages, count(n.message_id) AS notes, min(m.at) AS first, max(m.at) AS last
                         FROM messages m LEFT JOIN notes n ON n.message_id = m.id GROUP BY m.project_id
                       ) m ON m.project_id = p.id WHERE ?1 IS NULL OR p.id = ?1 ORDER BY m.last DESC, p.id";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let rows = statement.query_map([only], |row| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
                Ok(ProjectSummary {
                    project: project(row)?,
                    directories: Vec::new(),
                    sessions: row.get(4)?,
                    messages: row.get(5)?,
                    notes: row.get(6)?,
                    span: first.map(Timestamp::from_milliseconds).zip(last.map(Timestamp::from_milliseconds)),
                })
            });
            let mut summaries: Vec<ProjectSummary> =
                rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
            let sql = "SELECT directory FROM project_directories WHERE project_id = ?1 AND directory <> '' ORDER BY directory LIMIT ?2";
            let mut statement = connection.prepare(sql).map_err(failed)?;
            for summary in &mut summaries {
                let rows = statement.query_map(params![summary.project.id, MOST_DIRECTORIES], |row| row.get(0));
                summary.directories = rows.and_then(Iterator::collect).map_err(failed)?;
            }
            Ok(summaries)
        })
    }

    /// The project that a directory belongs to: as it was seen before, below one that was split off, or by what it is
    /// recognised by.
    ///
    /// # Errors
    /// When reading fails.
    pub fn find_project(&self, wanted: &NewProject) -> Result<Option<i64>> {
        self.read(|connection| match known(connection, &wanted.directory)? {
            Some(place) => Ok(Some(place.project)),
            None => recognise(connection, wanted),
        })
    }

    /// Gives a project another name; `false` when it is gone.
    ///
    /// # Errors
    /// When writing fails.
    pub fn rename_project(&self, id: i64, name: String) -> Result<bool> {
        self.write(move |connection| {
            let changed = connection.execute("UPDATE projects SET name = ?2 WHERE id = ?1", params![id, name]);
            Ok(changed.map_err(|error| Error::sqlite("rename a project", error))? > 0)
        })
    }

    /// Moves everything of one project into another, which is recognised by the same things from then on. Returns how many
    /// messages moved.
    ///
    /// # Errors
    /// When writing fails; nothing is then moved.
    pub fn merge_projects(&self, from: i64, into: i64, now: Timestamp) -> Result<usize> {
        self.write(move |connection| {
            let run = || -> rusqlite::Result<usize> {
                journal(connection, "project_id = ?1", from, now)?;
                let moved = connection.execute("UPDATE messages SET project_id = ?2 WHERE project_id = ?1", [from, into])?;
                for table in ["conversations", "project_directories", "project_keys"] {
                    let sql = format!("UPDATE {table} SET project_id = ?2 WHERE project_id = ?1");
                    connection.execute(&sql, [from, into])?;
                }
                let sql = "UPDATE projects SET remote = coalesce(remote, (SELECT remote FROM projects WHERE id = ?1)) WHERE id = ?2";
                connection.execute(sql, [from, into])?;
                connection.execute("DELETE FROM projects WHERE id = ?1", [from])?;
                raise_generation(connection)?;
                Ok(moved)
            };
            run().map_err(|error| Error::sqlite("merge projects", error))
        })
    }

    /// Makes a directory, with all below it, a project of its own. Returns its row and how many messages moved; `None` when
    /// nothing was ever said there.
    ///
    /// # Errors
    /// When writing fails; nothing is then moved.
    pub fn split_project(&self, directory: String, name: String, now: Timestamp) -> Result<Option<(i64, usize)>> {
        self.write(move |connection| {
            let run = || split(connection, &directory, &name, now);
            run().map_err(|error| Error::sqlite("split a project", error))
        })
    }
}

fn split(
    connection: &Connection,
    directory: &str,
    name: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<(i64, usize)>> {
    // Compared here and not in SQL: one directory of Windows has many spellings.
    let below: Vec<i64> = {
        let mut statement = connection.prepare("SELECT id, directory FROM project_directories")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter();
        rows.filter(|(_, known)| is_within(known, directory)).map(|(id, _)| id).collect()
    };
    if below.is_empty() {
        return Ok(None);
    }
    let key = format!("apart:{}", directory_key(directory));
    let sql = "INSERT INTO projects (key, name, root, remote, created_at) VALUES (?1, ?2, ?3, NULL, ?4)
               ON CONFLICT (key) DO UPDATE SET name = excluded.name RETURNING id";
    let id: i64 = connection.query_row(sql, params![key, name, directory, now.milliseconds()], |row| row.get(0))?;
    let sql = "INSERT INTO project_directories (directory, project_id, apart) VALUES (?1, ?2, 1)
               ON CONFLICT (directory) DO UPDATE SET apart = 1";
    connection.execute(sql, params![directory, id])?;
    let mut moves = connection.prepare("UPDATE project_directories SET project_id = ?2 WHERE id = ?1")?;
    for row in below {
        moves.execute([row, id])?;
    }
    // The folder itself is recognised by its own name too, but no longer by that of the project it leaves.
    connection.execute(
        "INSERT INTO project_keys (key, project_id) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET project_id = excluded.project_id",
        params![directory_key(directory), id],
    )?;
    let of = "directory_id IN (SELECT id FROM project_directories WHERE project_id = ?1)";
    journal(connection, of, id, now)?;
    let moved = connection.execute(&format!("UPDATE messages SET project_id = ?1 WHERE {of}"), [id])?;
    // A session belongs where it began.
    connection.execute(
        "UPDATE conversations SET project_id = ?1 WHERE source <> 'saved' AND id IN (SELECT conversation_id FROM messages WHERE project_id = ?1)
           AND (SELECT m.project_id FROM messages m WHERE m.conversation_id = conversations.id ORDER BY m.at, m.id LIMIT 1) = ?1",
        [id],
    )?;
    raise_generation(connection)?;
    Ok(Some((id, moved)))
}

/// A sync target learns of the other project.
fn journal(connection: &Connection, condition: &str, value: i64, now: Timestamp) -> rusqlite::Result<usize> {
    let sql = format!("INSERT INTO outbox (uid, change, at) SELECT uid, 'upsert', ?2 FROM messages WHERE {condition}");
    connection.execute(&sql, params![value, now.milliseconds()])
}

fn known(connection: &Connection, directory: &str) -> Result<Option<Place>> {
    let place = |row: &Row<'_>| Ok(Place { project: row.get(0)?, directory: row.get(1)? });
    connection
        .prepare_cached("SELECT project_id, id FROM project_directories WHERE directory = ?1")
        .and_then(|mut statement| statement.query_row([directory], place).optional())
        .map_err(|error| Error::sqlite("find a project", error))
}

/// The project of a directory that was not seen before.
fn recognise(connection: &Connection, wanted: &NewProject) -> Result<Option<i64>> {
    let failed = |error| Error::sqlite("find a project", error);
    let mut apart = connection
        .prepare_cached("SELECT project_id FROM project_directories WHERE directory = ?1 AND apart = 1")
        .map_err(failed)?;
    let above = directories_above(&wanted.directory);
    for folder in &above {
        if let Some(id) = apart.query_row([folder], |row| row.get(0)).optional().map_err(failed)? {
            return Ok(Some(id));
        }
    }
    if wanted.missing {
        // A folder of a checkout that is gone, or on another machine: the nearest folder above it that was seen.
        let mut seen = connection
            .prepare_cached("SELECT project_id FROM project_directories WHERE directory = ?1")
            .map_err(failed)?;
        for folder in above.iter().filter(|folder| depth(folder) >= DEEP) {
            if let Some(id) = seen.query_row([folder], |row| row.get(0)).optional().map_err(failed)? {
                return Ok(Some(id));
            }
        }
    }
    let mut keys = connection.prepare_cached("SELECT project_id FROM project_keys WHERE key = ?1").map_err(failed)?;
    for key in std::iter::once(&wanted.key).chain(&wanted.remote_key) {
        if let Some(id) = keys.query_row([key], |row| row.get(0)).optional().map_err(failed)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The rows of a project and its directory, made if they are new. A directory that was seen before keeps its project even
/// if the checkout has since gone from this machine.
pub(super) fn upsert(connection: &Connection, wanted: &NewProject, now: Timestamp) -> Result<Place> {
    if let Some(place) = known(connection, &wanted.directory)? {
        return Ok(place);
    }
    let found = recognise(connection, wanted)?;
    let run = || -> rusqlite::Result<Place> {
        let project = if let Some(id) = found {
            let sql = "UPDATE projects SET remote = coalesce(remote, ?2) WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id, wanted.remote])?;
            id
        } else {
            let sql = "INSERT INTO projects (key, name, root, remote, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (key) DO UPDATE SET remote = coalesce(remote, excluded.remote) RETURNING id";
            let values = params![wanted.key, wanted.name, wanted.root, wanted.remote, now.milliseconds()];
            connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?
        };
        for key in std::iter::once(&wanted.key).chain(&wanted.remote_key) {
            let sql = "INSERT OR IGNORE INTO project_keys (key, project_id) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![key, project])?;
        }
        let sql = "INSERT INTO project_directories (directory, project_id) VALUES (?1, ?2)";
        let directory = connection.prepare_cached(sql)?.insert(params![wanted.directory, project])?;
        Ok(Place { project, directory })
    };
    run().map_err(|error| Error::sqlite("store a project", error))
}
