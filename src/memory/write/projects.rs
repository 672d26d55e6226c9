//! Projects: resolves them from names and directories, renames, merges and splits them. Identity is the common git
//! folder and the remote, else the real path; worktrees and clones of a repository are one project. Does not own the
//! rows.

use std::collections::HashMap;
use std::path::Path;

use crate::config::suggest_name;
use crate::disk::checkout;
use crate::domain::Timestamp;
use crate::domain::directory::{directory_name, is_absolute, shorten_endings, shortest_unique_suffixes, windows_path};
use crate::domain::text::outgoing::SafeText;
use crate::memory::{Error, Memory, Result};
use crate::store::{NewProject, ProjectSummary, Snapshot, StoredProject};

/// Result of moving messages between projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectMove {
    /// Number of messages moved.
    pub messages: usize,
    /// Project that owns them now.
    pub into: StoredProject,
}

/// Returns the key of a directory's project, which is the same on every machine.
pub fn project_key(directory: &str) -> String {
    project_for_directory(directory).key
}

impl Memory {
    /// Returns a summary of every project, or of those that `wanted` names; newest message first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no project matches.
    pub fn project_summaries(&self, wanted: &str, directory: Option<&Path>) -> Result<Vec<ProjectSummary>> {
        let Some(ids) = self.resolve_projects(wanted, directory)? else {
            return Ok(self.store.snapshot()?.project_summaries(None)?);
        };
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.store.snapshot()?.project_summaries(Some(id))?);
        }
        Ok(found)
    }

    /// Returns the rows of the projects that `wanted` names: `all`, `current` (of `directory`), a name, a row number or
    /// a path.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no project matches; the hint lists some that exist.
    pub fn resolve_projects(&self, wanted: &str, directory: Option<&Path>) -> Result<Option<Vec<i64>>> {
        if wanted == "all" {
            return Ok(None);
        }
        if wanted == "current" {
            let here = directory.ok_or_else(|| {
                Error::invalid_input("the current project is not known here; name one, or use \"all\"")
            })?;
            return Ok(Some(
                self.store
                    .snapshot()?
                    .find_project(&project_for_directory(&here.display().to_string()))?
                    .into_iter()
                    .collect(),
            ));
        }
        let projects = self.store.snapshot()?.list_projects()?;
        let found: Vec<i64> = projects
            .iter()
            .filter(|project| project.name == wanted || project.root == wanted || project.id.to_string() == wanted)
            .map(|project| project.id)
            .collect();
        if !found.is_empty() {
            return Ok(Some(found));
        }
        let labels = project_labels(&self.store.snapshot()?)?;
        let mut labelled = labels.iter().filter(|(_, label)| *label == wanted).map(|(id, _)| *id);
        if let (Some(id), None) = (labelled.next(), labelled.next()) {
            return Ok(Some(vec![id]));
        }
        // The end of a folder, as far as it tells one project from the others.
        let is_end = |project: &&StoredProject| {
            project.root.strip_suffix(wanted).is_some_and(|before| before.ends_with(['/', '\\']))
        };
        let mut ending = projects.iter().filter(is_end);
        if let (true, Some(project), None) = (wanted.contains('/'), ending.next(), ending.next()) {
            return Ok(Some(vec![project.id]));
        }
        // A relative path names the project that encloses it only if it exists: "team/app" may be a name.
        let path = to_absolute(wanted, directory);
        if wanted.contains(['/', '\\'])
            && (is_absolute(wanted) || Path::new(&path).exists())
            && let Some(id) = self.store.snapshot()?.find_project(&project_for_directory(&path))?
        {
            return Ok(Some(vec![id]));
        }
        let label =
            |project: &StoredProject| SafeText::single_line(labels.get(&project.id).unwrap_or(&project.name), 60);
        let names = projects.iter().map(label).filter(|name| !name.reads_like_an_instruction());
        let names: Vec<String> = names.take(12).map(|name| name.to_string()).collect();
        let hint = format!("known projects: {}; or use \"all\" or \"current\"", names.join(", "));
        let known = projects.iter().map(|project| labels.get(&project.id).unwrap_or(&project.name));
        let near = suggest_name(wanted, known.map(String::as_str).filter(|name| !name.is_empty()));
        Err(Error::NotFound { message: format!("no project is called {wanted:?}{near}"), hint: Some(hint) })
    }

    /// Returns the keys of the projects that `wanted` names (`WholeProject::key`); `None` for all.
    ///
    /// # Errors
    /// As [`Memory::resolve_projects`].
    pub fn project_keys(&self, wanted: &str, directory: Option<&Path>) -> Result<Option<Vec<String>>> {
        let Some(ids) = self.resolve_projects(wanted, directory)? else { return Ok(None) };
        let known = self.store.snapshot()?.project_keys()?.into_iter();
        Ok(Some(known.filter(|(id, _)| ids.contains(id)).map(|(_, key)| key).collect()))
    }

    /// Returns labels for the projects that share a name with another one, by row.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn project_labels(&self) -> Result<HashMap<i64, String>> {
        project_labels(&self.store.snapshot()?)
    }

    /// Returns the rows of a directory's project; empty if it is unknown.
    pub fn current_projects(&self, directory: Option<&Path>) -> Vec<i64> {
        directory.and_then(|directory| self.resolve_projects("current", Some(directory)).ok()?).unwrap_or_default()
    }

    /// Returns the root directory of the project that `wanted` names, or `wanted` itself if it is an absolute path.
    ///
    /// # Errors
    /// If it is neither a known project nor an absolute path.
    pub fn project_folder(&self, wanted: &str, directory: Option<&Path>) -> Result<String> {
        match self.resolve_single_project(wanted, directory) {
            Ok(project) => Ok(project.root),
            Err(_) if is_absolute(wanted) => Ok(wanted.to_owned()),
            Err(error) => Err(error),
        }
    }

    /// Renames a project.
    ///
    /// # Errors
    /// If `wanted` does not name exactly one project, or the new name is not allowed.
    pub fn rename_project(&self, wanted: &str, name: &str, directory: Option<&Path>) -> Result<StoredProject> {
        let name = name.trim();
        if name.is_empty() || name.len() > 200 || name == "all" || name == "current" {
            return Err(Error::invalid_input(format!("{name:?} cannot be the name of a project")));
        }
        let project = self.resolve_single_project(wanted, directory)?;
        self.store.rename_project(project.id, name.to_owned())?;
        Ok(StoredProject { name: name.to_owned(), ..project })
    }

    /// Moves all messages of one project into another.
    ///
    /// # Errors
    /// If one of them does not name exactly one project, or both are the same.
    pub fn merge_projects(
        &self,
        from: &str,
        into: &str,
        directory: Option<&Path>,
        now: Timestamp,
    ) -> Result<ProjectMove> {
        let (from, into) =
            (self.resolve_single_project(from, directory)?, self.resolve_single_project(into, directory)?);
        if from.id == into.id {
            return Err(Error::invalid_input(format!("{:?} and {:?} are one project already", from.name, into.name)));
        }
        let messages = self.store.merge_projects(from.id, into.id, now)?;
        self.refresh_doc_values()?;
        Ok(ProjectMove { messages, into })
    }

    /// Splits a folder, with everything below it, off into its own project.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no message has this directory.
    pub fn split_project(
        &self,
        folder: &str,
        name: Option<&str>,
        directory: Option<&Path>,
        now: Timestamp,
    ) -> Result<ProjectMove> {
        let folder = to_absolute(folder, directory);
        let root = windows_path(&folder).unwrap_or_else(|| folder.trim_end_matches('/').to_owned());
        let name = match name.map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => directory_name(&root).to_owned(),
        };
        let (id, messages) =
            self.store.split_project(root.clone(), name.clone(), now)?.ok_or_else(|| Error::NotFound {
                message: format!("nothing was ever said in {root}"),
                hint: Some("`claude-memory projects show NAME` lists the folders of a project".to_owned()),
            })?;
        self.refresh_doc_values()?;
        Ok(ProjectMove { messages, into: StoredProject { id, name, root, remote: None } })
    }

    fn resolve_single_project(&self, wanted: &str, directory: Option<&Path>) -> Result<StoredProject> {
        let ids = self.resolve_projects(wanted, directory)?.unwrap_or_default();
        let projects = self.store.snapshot()?.list_projects()?;
        let mut found = projects.into_iter().filter(|project| ids.contains(&project.id));
        match (found.next(), found.next()) {
            (Some(project), None) => Ok(project),
            (None, _) => Err(Error::NotFound {
                message: format!("{wanted:?} names no project"),
                hint: Some("`claude-memory projects list` shows all".to_owned()),
            }),
            (Some(first), Some(second)) => Err(Error::Invalid {
                message: format!("{wanted:?} names several projects"),
                hint: Some(format!(
                    "use the number or the folder: {} is {}, {} is {}",
                    first.id, first.root, second.id, second.root
                )),
            }),
        }
    }
}

/// Returns labels for the projects that share a name with another one, by row: `work/cli` and `oss/…/cli`.
pub(in crate::memory) fn project_labels(snapshot: &Snapshot<'_>) -> Result<HashMap<i64, String>> {
    let mut by_name: HashMap<String, Vec<StoredProject>> = HashMap::new();
    for project in snapshot.list_projects()? {
        by_name.entry(project.name.clone()).or_default().push(project);
    }
    let mut labels = HashMap::new();
    for (name, same) in by_name.into_iter().filter(|(_, same)| same.len() > 1) {
        let roots: Vec<&str> = same.iter().map(|project| project.root.as_str()).collect();
        for (project, end) in same.iter().zip(shorten_endings(shortest_unique_suffixes(&roots))) {
            // A project that was renamed by hand has a directory with another name.
            let is_named_so = end.rsplit('/').next() == Some(&name);
            labels.insert(project.id, if is_named_so { end } else { format!("{name} ({end})") });
        }
    }
    Ok(labels)
}

fn to_absolute(path: &str, directory: Option<&Path>) -> String {
    if is_absolute(path) {
        return path.to_owned();
    }
    let path = Path::new(path);
    directory.map_or_else(|| path.to_owned(), |directory| directory.join(path)).display().to_string()
}

/// Returns the project identity of a working directory.
pub(in crate::memory) fn project_for_directory(directory: &str) -> NewProject {
    if directory.is_empty() {
        return NewProject {
            key: "unknown".to_owned(),
            name: "unknown".to_owned(),
            root: String::new(),
            remote: None,
            remote_key: None,
            directory: String::new(),
            missing: false,
        };
    }
    let found = checkout::identify_project(Path::new(directory));
    let remote_key = found.remote.as_deref().and_then(checkout::remote_identity);
    NewProject {
        key: found.key,
        name: found.name,
        root: found.root,
        remote: found.remote,
        remote_key: remote_key.map(|remote| format!("remote:{remote}")),
        directory: directory.to_owned(),
        missing: !Path::new(directory).is_dir(),
    }
}
