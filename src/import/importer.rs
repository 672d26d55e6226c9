//! An importer: one row of the table, and what the engine asks of it. The rows stand in the files of the importers.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::discover::{TranscriptFile, find_files, group_by_session};
use super::estimated_times::DatedRecords;
use super::{BadRecord, Position, ReadOptions, RecordStream};
use crate::domain::Timestamp;

/// Files of a source, newest first, and the paths that could not be read.
pub(super) type FoundFiles = (Vec<TranscriptFile>, Vec<BadRecord>);

/// Importers and what each of them reads, in order.
pub(super) type ImportSteps = Vec<(&'static Importer, PathBuf)>;

/// A program or format that history is imported from.
pub(crate) struct Importer {
    /// Name in the store and on the command line.
    pub(crate) name: &'static str,
    pub(crate) kind: ImporterKind,
    pub(crate) help: ImporterHelp,
    /// Folder of the program for this user; `None` if a path has to be named.
    pub(crate) default_folder: Option<fn() -> Option<PathBuf>>,
    /// Returns true if a file of a folder belongs to the program.
    pub(crate) owns_file: fn(&Path) -> bool,
    /// Returns true for a JSON record that only this program writes.
    pub(crate) is_own_record: fn(&Value) -> bool,
    /// Version of the reader. What an older version read is read again from the start.
    pub(crate) reader_version: u32,
    /// Opens a file, or a folder of files that are one session, from a position. Records over the size limit are
    /// reported and skipped.
    pub(crate) open: fn(&TranscriptFile, Position, ReadOptions) -> io::Result<Box<dyn RecordStream>>,
    pub(crate) special: SpecialRules,
}

/// Kind of an importer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImporterKind {
    /// Transcripts in a folder that grows while people work. They can be followed.
    Transcripts,
    /// Files that a person names: an export, or lines from any program.
    Files,
    /// SQLite databases of another memory tool, recognised by one of these sets of tables.
    Database(&'static [&'static [&'static str]]),
    /// Other files of a program, read together with its transcripts; has no command.
    Companion,
}

/// Texts for people.
#[derive(Debug, Clone, Copy)]
pub struct ImporterHelp {
    /// Help of the command.
    pub command: &'static str,
    /// Help of its path.
    pub path: &'static str,
    /// Advice if a path has nothing to import.
    pub hint: &'static str,
}

/// Rules that few importers need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpecialRules {
    /// Name of the program's folder in a home folder, by which an empty one is recognised.
    pub(crate) home_name: Option<&'static str>,
    /// Lists the default folders, if there may be several.
    pub(crate) default_folders: Option<fn() -> Vec<PathBuf>>,
    /// Returns the folder that a file belongs to, for programs that write a session as a folder of files. It is read,
    /// and read again, as a whole.
    pub(crate) session_folder: Option<fn(&Path) -> Option<PathBuf>>,
    /// Finds the files of a path, if they are in several places.
    pub(crate) find: Option<fn(&Path) -> io::Result<FoundFiles>>,
    /// Lists what else is read for a path, in order.
    pub(crate) steps: Option<fn(&Path) -> ImportSteps>,
    /// True if reading can resume at a position without what is before it.
    pub(crate) can_resume: bool,
    /// Sets of tables by which a database with transcripts is recognised, for programs that keep them in one.
    pub(crate) tables: &'static [&'static [&'static str]],
}

impl SpecialRules {
    /// No rule.
    pub(crate) const NONE: Self = Self {
        home_name: None,
        default_folders: None,
        session_folder: None,
        find: None,
        steps: None,
        can_resume: false,
        tables: &[],
    };
}

/// An importer of the table.
#[derive(Clone, Copy)]
pub struct Source(pub(crate) &'static Importer);

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Source {}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0.name)
    }
}

impl Source {
    /// Returns the name in the store and on the command line.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns the name of the program as people write it.
    pub fn title(self) -> &'static str {
        match self.0.name {
            "claude-code" => "Claude Code",
            "codex" => "Codex",
            "gemini" => "Gemini CLI",
            other => other,
        }
    }

    pub const fn help(self) -> ImporterHelp {
        self.0.help
    }

    /// Returns true if the files grow while people work, so that they can be followed.
    pub fn is_growing(self) -> bool {
        self.0.kind == ImporterKind::Transcripts
    }

    /// Returns true if the files are, or may be, databases.
    pub const fn is_database(self) -> bool {
        matches!(self.0.kind, ImporterKind::Database(_)) || !self.0.special.tables.is_empty()
    }

    /// Returns the file to import when `path` has changed: the database if it is its write-ahead log. `None` if the
    /// path is not of this source.
    pub fn followed_file(self, path: &Path) -> Option<PathBuf> {
        if self.owns_file(path) {
            return Some(path.to_owned());
        }
        let name = path.file_name()?.to_str()?.strip_suffix("-wal").filter(|_| self.is_database())?;
        Some(path.with_file_name(name)).filter(|database| self.owns_file(database))
    }

    /// Returns true if an import has to name a path.
    pub const fn needs_path(self) -> bool {
        self.0.default_folder.is_none()
    }

    /// Returns the program's usual folder for this user.
    pub fn default_folder(self) -> Option<PathBuf> {
        self.0.default_folder.and_then(|folder| folder())
    }

    /// Returns the folders to import without a path. One that does not exist is listed only if none does, so that a
    /// message can name it.
    pub fn default_folders(self) -> Vec<PathBuf> {
        let several = self.0.special.default_folders.map(|folders| folders()).unwrap_or_default();
        if several.is_empty() { self.default_folder().into_iter().collect() } else { several }
    }

    /// Returns the sources and paths to read for an import from `path`. One source may include several.
    pub fn import_steps(self, path: &Path) -> Vec<(Self, PathBuf)> {
        let steps = self.0.special.steps.map(|steps| steps(path)).unwrap_or_default();
        if steps.is_empty() {
            return vec![(self, path.to_owned())];
        }
        steps.into_iter().map(|(importer, path)| (Self(importer), path)).collect()
    }

    /// Returns true if a file of a folder belongs to this source.
    pub fn owns_file(self, path: &Path) -> bool {
        (self.0.owns_file)(path)
    }

    /// Returns true for a JSON record that only this source's program writes.
    pub(super) fn is_own_record(self, record: &Value) -> bool {
        (self.0.is_own_record)(record)
    }

    /// Returns true if a database with these tables is this tool's.
    pub(super) fn owns_tables(self, tables: &[String]) -> bool {
        let sets = match self.0.kind {
            ImporterKind::Database(sets) => sets,
            _ => self.0.special.tables,
        };
        sets.iter().any(|set| set.iter().all(|name| tables.iter().any(|table| table == name)))
    }

    /// Returns true if the program's folder has this name in a home folder.
    pub(super) fn is_home_name(self, name: &str) -> bool {
        self.0.special.home_name == Some(name)
    }

    /// Finds the source's files at or below `path`, newest first. Also returns the paths that could not be read. A path
    /// that names a file is taken whatever the file name is.
    ///
    /// # Errors
    /// When `path` itself does not exist or cannot be read.
    pub fn find_transcripts(self, path: &Path) -> io::Result<(Vec<TranscriptFile>, Vec<BadRecord>)> {
        if let Some(find) = self.0.special.find {
            return find(path);
        }
        if let Some(session_folder) = self.0.special.session_folder {
            // A file is read with the other files of its session.
            let folder = if path.is_file() { session_folder(path) } else { None };
            let (found, bad) = find_files(folder.as_deref().unwrap_or(path), &self.0.owns_file)?;
            return Ok((group_by_session(found, session_folder), bad));
        }
        let (found, bad) = find_files(path, &self.0.owns_file)?;
        if self.is_database() {
            return Ok((found.into_iter().map(TranscriptFile::with_write_ahead_log).collect(), bad));
        }
        Ok((found, bad))
    }

    /// Returns the version of the source's reader. Files that an older version read are read again from the start.
    pub const fn reader_version(self) -> u32 {
        self.0.reader_version
    }

    /// Returns true if reading can resume at a position without what is before it.
    pub const fn can_resume(self) -> bool {
        self.0.special.can_resume
    }

    /// Opens a file, or a folder of files that are one session. Records over the size limit are reported and skipped.
    pub fn open(
        self,
        transcript: &TranscriptFile,
        from: Position,
        options: ReadOptions,
    ) -> io::Result<Box<dyn RecordStream>> {
        let inner = (self.0.open)(transcript, from, options)?;
        let modified = Timestamp::from_milliseconds(transcript.modified);
        let file_time = if modified.to_milliseconds() > 0 { modified } else { options.now };
        Ok(Box::new(DatedRecords { inner, file_time }))
    }
}

/// Returns true if the name of a file is one of these.
pub(super) fn has_name(path: &Path, names: &[&str]) -> bool {
    path.file_name().is_some_and(|name| names.iter().any(|wanted| name == *wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_log_is_a_change_of_its_database() {
        let followed = |source: &str, path: &str| Source::from_name(source).unwrap().followed_file(Path::new(path));
        assert_eq!(followed("opencode", "/x/opencode.db-wal"), Some(PathBuf::from("/x/opencode.db")));
        assert_eq!(followed("opencode", "/x/opencode.db"), Some(PathBuf::from("/x/opencode.db")));
        assert_eq!(followed("opencode", "/x/opencode.db-shm"), None);
        assert_eq!(followed("goose", "/x/other.db-wal"), None);
        assert_eq!(followed("copilot-cli", "/x/events.jsonl"), Some(PathBuf::from("/x/events.jsonl")));
        assert_eq!(followed("copilot-cli", "/x/events.jsonl-wal"), None);
    }
}
