//! Projects, their directories, and the keys that identify them. Does not own how a directory is inspected (module
//! `disk`).

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::doc_values::bump_generation;
use super::error::Result;
use super::{Snapshot, Store};
use crate::domain::Timestamp;
use crate::domain::directory::{directories_above, directory_key, is_within, path_depth};

/// Identity of a project that may not be stored yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewProject {
    /// Key, equal for all worktrees.
    pub key: String,
    /// Display name of the project.
    pub name: String,
    /// Root folder of the project.
    pub root: String,
    pub remote: Option<String>,
    /// Key that clones of the same repository share.
    pub remote_key: Option<String>,
    /// Working directory that was seen.
    pub directory: String,
    /// True if the directory is not on this machine, so that nothing can be read from it.
    pub missing: bool,
}

/// Project data of a message record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRecord {
    /// Key that identifies the project.
    pub key: String,
    /// Display name of the project.
    pub name: String,
    /// Root folder of the project.
    pub root: String,
    /// URL of the git remote.
    pub remote: Option<String>,
}

/// Project as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProject {
    /// Row id in `projects`.
    pub id: i64,
    /// Display name of the project.
    pub name: String,
    /// Root folder of the project.
    pub root: String,
    pub remote: Option<String>,
}

/// Project with counts of its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSummary {
    pub project: StoredProject,
    /// Working directories that were seen, at most twenty.
    pub directories: Vec<String>,
    /// Number of sessions, without subagents and notes.
    pub sessions: u64,
    pub messages: u64,
    /// Number of saved notes.
    pub notes: u64,
    /// Times of the first and the last message.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Maximum number of directories in a summary.
const MAX_DIRECTORIES: usize = 20;
/// Minimum depth of a directory that cannot be a home folder: a home is not the project of everything below it.
const MIN_PROJECT_DEPTH: usize = 3;

/// Row ids of a message's project and directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProjectDir {
    pub(super) project: i64,
    pub(super) directory: i64,
}

fn parse_project(row: &Row<'_>) -> rusqlite::Result<StoredProject> {
    Ok(StoredProject { id: row.get(0)?, name: row.get(1)?, root: row.get(2)?, remote: row.get(3)? })
}

impl Snapshot<'_> {
    /// Returns all projects by name.
    pub fn list_projects(&self) -> Result<Vec<StoredProject>> {
        self.query("list the projects", |connection| {
            let sql = "SELECT id, name, root, remote FROM projects ORDER BY name, id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], parse_project)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the files that tool calls named in a project, each once, at most `limit`.
    pub fn project_files(&self, project: i64, limit: usize) -> Result<Vec<String>> {
        self.query("list the files of a project", |connection| {
            let sql = "SELECT DISTINCT f.path FROM files f JOIN conversations c ON c.id = f.conversation_id
                       WHERE c.project_id = ?1 ORDER BY f.path LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![project, limit], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns row and key of each project.
    pub fn project_keys(&self) -> Result<Vec<(i64, String)>> {
        self.query("list the projects", |connection| {
            let mut statement = connection.prepare_cached("SELECT id, key FROM projects")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the summary of each project, or of one; the one with the newest message first.
    pub fn project_summaries(&self, only: Option<i64>) -> Result<Vec<ProjectSummary>> {
        self.query("list the projects", |connection| {
            let sql = "SELECT p.id, p.name, p.root, p.remote,
                         (SELECT count(*) FROM conversations c WHERE c.project_id = p.id AND c.parent_external_id IS NULL AND c.source <> 'saved'),
                         coalesce(m.messages, 0), coalesce(m.notes, 0), m.first, m.last
                       FROM projects p LEFT JOIN (
                         SELECT m.project_id, count(*) AS messages, count(n.message_id) AS notes, min(m.at) AS first, max(m.at) AS last
                         FROM messages m LEFT JOIN notes n ON n.message_id = m.id GROUP BY m.project_id
                       ) m ON m.project_id = p.id WHERE ?1 IS NULL OR p.id = ?1 ORDER BY m.last DESC, p.id";
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([only], |row| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
                Ok(ProjectSummary {
                    project: parse_project(row)?,
                    directories: Vec::new(),
                    sessions: row.get(4)?,
                    messages: row.get(5)?,
                    notes: row.get(6)?,
                    span: first.map(Timestamp::from_milliseconds).zip(last.map(Timestamp::from_milliseconds)),
                })
            });
            let mut summaries: Vec<ProjectSummary> =
                rows?.collect::<rusqlite::Result<_>>()?;
            let sql = "SELECT directory FROM project_directories WHERE project_id = ?1 AND directory <> '' ORDER BY directory LIMIT ?2";
            let mut statement = connection.prepare(sql)?;
            for summary in &mut summaries {
                let rows = statement.query_map(params![summary.project.id, MAX_DIRECTORIES], |row| row.get(0));
                summary.directories = rows.and_then(Iterator::collect)?;
            }
            Ok(summaries)
        })
    }

    /// Finds the project of a directory: a recorded one, a split-off directory above it, or a matching key.
    pub fn find_project(&self, wanted: &NewProject) -> Result<Option<i64>> {
        self.query("find a project", |connection| match find_directory(connection, &wanted.directory)? {
            Some(place) => Ok(Some(place.project)),
            None => match_project(connection, wanted),
        })
    }
}

impl Store {
    /// Renames a project. Returns false if it does not exist.
    pub fn rename_project(&self, id: i64, name: String) -> Result<bool> {
        self.write("rename a project", move |connection| {
            let changed = connection.execute("UPDATE projects SET name = ?2 WHERE id = ?1", params![id, name]);
            Ok(changed? > 0)
        })
    }

    /// Moves everything of one project into another, which gets its keys too. Returns how many messages moved.
    ///
    /// # Errors
    /// When writing fails; nothing is then moved.
    pub fn merge_projects(&self, from: i64, into: i64, now: Timestamp) -> Result<usize> {
        self.write("merge projects", move |connection| {
            let run = || -> rusqlite::Result<usize> {
                log_project_change(connection, "project_id = ?1", from, now)?;
                let moved = connection.execute("UPDATE messages SET project_id = ?2 WHERE project_id = ?1", [from, into])?;
                for table in ["conversations", "project_directories", "project_keys"] {
                    let sql = format!("UPDATE {table} SET project_id = ?2 WHERE project_id = ?1");
                    connection.execute(&sql, [from, into])?;
                }
                let sql = "UPDATE projects SET remote = coalesce(remote, (SELECT remote FROM projects WHERE id = ?1)) WHERE id = ?2";
                connection.execute(sql, [from, into])?;
                connection.execute("DELETE FROM projects WHERE id = ?1", [from])?;
                bump_generation(connection)?;
                Ok(moved)
            };
            Ok(run()?)
        })
    }

    /// Makes a directory, with everything below it, a project of its own. Returns its row and how many messages moved;
    /// `None` if no message belongs to the directory.
    ///
    /// # Errors
    /// When writing fails; nothing is then moved.
    pub fn split_project(&self, directory: String, name: String, now: Timestamp) -> Result<Option<(i64, usize)>> {
        self.write("split a project", move |connection| {
            let run = || split_directory(connection, &directory, &name, now);
            Ok(run()?)
        })
    }
}

fn split_directory(
    connection: &Connection,
    directory: &str,
    name: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<(i64, usize)>> {
    // Compared here and not in SQL: one Windows directory has many spellings.
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
    let id: i64 = connection.query_row(sql, params![key, name, directory, now.to_milliseconds()], |row| row.get(0))?;
    let sql = "INSERT INTO project_directories (directory, project_id, apart) VALUES (?1, ?2, 1)
               ON CONFLICT (directory) DO UPDATE SET apart = 1";
    connection.execute(sql, params![directory, id])?;
    let mut moves = connection.prepare("UPDATE project_directories SET project_id = ?2 WHERE id = ?1")?;
    for row in below {
        moves.execute([row, id])?;
    }
    // The directory gets its own name as a key too, and loses that of the project it leaves.
    connection.execute(
        "INSERT INTO project_keys (key, project_id) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET project_id = excluded.project_id",
        params![directory_key(directory), id],
    )?;
    let of = "directory_id IN (SELECT id FROM project_directories WHERE project_id = ?1)";
    log_project_change(connection, of, id, now)?;
    let moved = connection.execute(&format!("UPDATE messages SET project_id = ?1 WHERE {of}"), [id])?;
    // A session belongs to the project in which it began.
    connection.execute(
        "UPDATE conversations SET project_id = ?1 WHERE source <> 'saved' AND id IN (SELECT conversation_id FROM messages WHERE project_id = ?1)
           AND (SELECT m.project_id FROM messages m WHERE m.conversation_id = conversations.id ORDER BY m.at, m.id LIMIT 1) = ?1",
        [id],
    )?;
    bump_generation(connection)?;
    Ok(Some((id, moved)))
}

/// Logs a change of the selected messages, so that sync targets learn of the other project.
fn log_project_change(connection: &Connection, condition: &str, value: i64, now: Timestamp) -> rusqlite::Result<usize> {
    let sql = format!("INSERT INTO changes (uid, change, at) SELECT uid, 'upsert', ?2 FROM messages WHERE {condition}");
    connection.execute(&sql, params![value, now.to_milliseconds()])
}

/// Deletes directories and projects without messages: their names go with the last message. A folder that was split off
/// by hand stays as long as its project has messages.
pub(super) fn delete_unused_projects(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "DELETE FROM project_directories WHERE apart = 0
                 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.directory_id = project_directories.id)";
    connection.execute(sql, [])?;
    let sql = "DELETE FROM project_directories WHERE apart = 1 AND NOT EXISTS
                 (SELECT 1 FROM project_directories d JOIN messages m ON m.directory_id = d.id
                  WHERE d.project_id = project_directories.project_id)";
    connection.execute(sql, [])?;
    let sql =
        "SELECT p.id FROM projects p WHERE NOT EXISTS (SELECT 1 FROM project_directories d WHERE d.project_id = p.id)
                 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.project_id = p.id)";
    let mut statement = connection.prepare(sql)?;
    let unused: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for project in unused {
        // A session that began there goes on in the project of its first message that is left.
        let sql = "UPDATE conversations SET project_id = coalesce(
                     (SELECT m.project_id FROM messages m WHERE m.conversation_id = conversations.id ORDER BY m.at, m.id LIMIT 1),
                     project_id) WHERE project_id = ?1";
        connection.execute(sql, [project])?;
        let sql = "SELECT EXISTS (SELECT 1 FROM conversations WHERE project_id = ?1)";
        if !connection.query_row(sql, [project], |row| row.get(0))? {
            connection.execute("DELETE FROM project_keys WHERE project_id = ?1", [project])?;
            connection.execute("DELETE FROM projects WHERE id = ?1", [project])?;
        }
    }
    Ok(())
}

/// Returns the rows of the project that a trusted machine names for a directory. A directory that is known only from
/// messages of other machines moves to it: nobody may have signed where they belong.
pub(super) fn upsert_signed_project(
    connection: &Connection,
    wanted: &NewProject,
    now: Timestamp,
) -> Result<ProjectDir> {
    let place = upsert_project(connection, wanted, now)?;
    if !wanted.missing || is_own_directory(connection, place.directory, false)? {
        return Ok(place);
    }
    move_directory(connection, wanted, place, now)
}

/// Returns the rows of the project of a directory that this machine reads or saves in. What machines that are not
/// trusted said of the directory does not count.
pub(super) fn upsert_own_project(connection: &Connection, wanted: &NewProject, now: Timestamp) -> Result<ProjectDir> {
    let place = upsert_project(connection, wanted, now)?;
    if is_own_directory(connection, place.directory, true)? {
        return Ok(place);
    }
    move_directory(connection, wanted, place, now)
}

/// Moves a directory to the project that has the wanted key, inserted if new.
fn move_directory(
    connection: &Connection,
    wanted: &NewProject,
    place: ProjectDir,
    now: Timestamp,
) -> Result<ProjectDir> {
    let sql = "SELECT project_id FROM project_keys WHERE key = ?1";
    let named: Option<i64> = connection.prepare_cached(sql)?.query_row([&wanted.key], |row| row.get(0)).optional()?;
    let project = match named {
        Some(project) if project == place.project => return Ok(place),
        Some(project) => project,
        None => insert_project(connection, wanted, now)?,
    };
    let sql = "UPDATE project_directories SET project_id = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([place.directory, project])?;
    Ok(ProjectDir { project, ..place })
}

/// Returns true if a directory was split off by hand, or a message of this machine belongs to it; `trusted` says whether
/// messages of trusted machines count as this machine's.
fn is_own_directory(connection: &Connection, directory: i64, trusted: bool) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM project_directories WHERE id = ?1 AND apart = 1)
                 OR EXISTS (SELECT 1 FROM messages m JOIN parts p ON p.message_id = m.id
                   LEFT JOIN remote_parts r ON r.part_id = p.id LEFT JOIN machines k ON k.id = r.machine_id
                   WHERE m.directory_id = ?1 AND (r.part_id IS NULL OR (?2 AND k.relation IN (1, 2))))";
    connection.prepare_cached(sql)?.query_row(params![directory, trusted], |row| row.get(0))
}

/// Inserts a project under its keys; returns its row.
fn insert_project(connection: &Connection, wanted: &NewProject, now: Timestamp) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO projects (key, name, root, remote, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (key) DO UPDATE SET remote = coalesce(remote, excluded.remote) RETURNING id";
    let values = params![wanted.key, wanted.name, wanted.root, wanted.remote, now.to_milliseconds()];
    let project = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    insert_keys(connection, wanted, project)?;
    Ok(project)
}

fn insert_keys(connection: &Connection, wanted: &NewProject, project: i64) -> rusqlite::Result<()> {
    for key in std::iter::once(&wanted.key).chain(&wanted.remote_key) {
        let sql = "INSERT OR IGNORE INTO project_keys (key, project_id) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![key, project])?;
    }
    Ok(())
}

fn find_directory(connection: &Connection, directory: &str) -> Result<Option<ProjectDir>> {
    let place = |row: &Row<'_>| Ok(ProjectDir { project: row.get(0)?, directory: row.get(1)? });
    Ok(connection
        .prepare_cached("SELECT project_id, id FROM project_directories WHERE directory = ?1")
        .and_then(|mut statement| statement.query_row([directory], place).optional())?)
}

/// Finds the project of a directory that was not seen before.
fn match_project(connection: &Connection, wanted: &NewProject) -> Result<Option<i64>> {
    let mut apart =
        connection.prepare_cached("SELECT project_id FROM project_directories WHERE directory = ?1 AND apart = 1")?;
    let above = directories_above(&wanted.directory);
    for folder in &above {
        if let Some(id) = apart.query_row([folder], |row| row.get(0)).optional()? {
            return Ok(Some(id));
        }
    }
    if wanted.missing {
        // For a directory of a deleted checkout, or on another machine: the nearest known directory above it.
        let mut seen = connection.prepare_cached("SELECT project_id FROM project_directories WHERE directory = ?1")?;
        for folder in above.iter().filter(|folder| path_depth(folder) >= MIN_PROJECT_DEPTH) {
            if let Some(id) = seen.query_row([folder], |row| row.get(0)).optional()? {
                return Ok(Some(id));
            }
        }
    }
    let mut keys = connection.prepare_cached("SELECT project_id FROM project_keys WHERE key = ?1")?;
    for key in std::iter::once(&wanted.key).chain(&wanted.remote_key) {
        if let Some(id) = keys.query_row([key], |row| row.get(0)).optional()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Returns the rows of a project and its directory, inserted if new. A directory that was seen before keeps its project
/// even if the checkout has since been removed from this machine.
pub(super) fn upsert_project(connection: &Connection, wanted: &NewProject, now: Timestamp) -> Result<ProjectDir> {
    if let Some(place) = find_directory(connection, &wanted.directory)? {
        return Ok(place);
    }
    let found = match_project(connection, wanted)?;
    let run = || -> rusqlite::Result<ProjectDir> {
        let project = if let Some(id) = found {
            let sql = "UPDATE projects SET remote = coalesce(remote, ?2) WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id, wanted.remote])?;
            insert_keys(connection, wanted, id)?;
            id
        } else {
            insert_project(connection, wanted, now)?
        };
        let sql = "INSERT INTO project_directories (directory, project_id) VALUES (?1, ?2)";
        let directory = connection.prepare_cached(sql)?.insert(params![wanted.directory, project])?;
        Ok(ProjectDir { project, directory })
    };
    Ok(run()?)
}
