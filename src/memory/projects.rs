//! Which project something belongs to, and putting that right by hand. Identity is the common git folder and the remote,
//! else the real path; worktrees and clones join. Does not own the rows.

use std::path::Path;

use super::{Error, Memory, Result};
use crate::disk::checkout;
use crate::domain::Timestamp;
use crate::domain::directory::{directory_name, is_absolute, windows_path};
use crate::store::{NewProject, Project, ProjectSummary};

/// What moved from one project to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Messages.
    pub messages: usize,
    /// The project that has them now.
    pub into: Project,
}

/// What tells the project of a folder from others, on every machine.
pub fn project_key(directory: &str) -> String {
    project_of(directory).key
}

impl Memory {
    /// What is kept of every project, or of those that `wanted` names; that with the newest message first.
    ///
    /// # Errors
    /// When no project is called so, or reading fails.
    pub fn project_summaries(&self, wanted: &str, directory: Option<&Path>) -> Result<Vec<ProjectSummary>> {
        let Some(ids) = self.resolve_projects(wanted, directory)? else {
            return Ok(self.store.project_summaries(None)?);
        };
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.store.project_summaries(Some(id))?);
        }
        Ok(found)
    }

    /// The rows of the projects that `wanted` names: `all`, `current` (of `directory`), a name, a number or a path.
    ///
    /// # Errors
    /// When no project is called so; the hint lists some that exist.
    pub fn resolve_projects(&self, wanted: &str, directory: Option<&Path>) -> Result<Option<Vec<i64>>> {
        if wanted == "all" {
            return Ok(None);
        }
        if wanted == "current" {
            let here = directory
                .ok_or_else(|| Error::invalid("the current project is not known here; name one, or use \"all\""))?;
            return Ok(Some(self.store.find_project(&project_of(&here.display().to_string()))?.into_iter().collect()));
        }
        let projects = self.store.projects()?;
        let found: Vec<i64> = projects
            .iter()
            .filter(|project| project.name == wanted || project.root == wanted || project.id.to_string() == wanted)
            .map(|project| project.id)
            .collect();
        if !found.is_empty() {
            return Ok(Some(found));
        }
        if wanted.contains(['/', '\\'])
            && let Some(id) = self.store.find_project(&project_of(&absolute(wanted, directory)))?
        {
            return Ok(Some(vec![id]));
        }
        let names: Vec<&str> = projects.iter().take(12).map(|project| project.name.as_str()).collect();
        let hint = format!("known projects: {}; or use \"all\" or \"current\"", names.join(", "));
        Err(Error::NotFound { message: format!("no project is called {wanted:?}"), hint: Some(hint) })
    }

    /// What tells the projects that `wanted` names from others (`WholeProject::key`); `None` for all of them.
    ///
    /// # Errors
    /// As [`Memory::resolve_projects`].
    pub fn project_keys(&self, wanted: &str, directory: Option<&Path>) -> Result<Option<Vec<String>>> {
        let Some(ids) = self.resolve_projects(wanted, directory)? else { return Ok(None) };
        let known = self.store.project_keys()?.into_iter();
        Ok(Some(known.filter(|(id, _)| ids.contains(id)).map(|(_, key)| key).collect()))
    }

    /// The rows of the project that a folder belongs to; none when it is not known.
    pub fn projects_here(&self, directory: Option<&Path>) -> Vec<i64> {
        directory.and_then(|directory| self.resolve_projects("current", Some(directory)).ok()?).unwrap_or_default()
    }

    /// The folder of a project that is named, or the folder itself if that is what is named.
    ///
    /// # Errors
    /// When it is neither a known project nor a path.
    pub fn project_folder(&self, wanted: &str, directory: Option<&Path>) -> Result<String> {
        match self.one_project(wanted, directory) {
            Ok(project) => Ok(project.root),
            Err(_) if is_absolute(wanted) => Ok(wanted.to_owned()),
            Err(error) => Err(error),
        }
    }

    /// The names of the projects in these rows.
    ///
    /// # Errors
    /// When reading fails.
    pub fn project_names_of(&self, ids: &[i64]) -> Result<Vec<String>> {
        let projects = self.store.projects()?.into_iter();
        Ok(projects.filter(|project| ids.contains(&project.id)).map(|project| project.name).collect())
    }

    /// The names of all projects.
    ///
    /// # Errors
    /// When reading fails.
    pub fn project_names(&self) -> Result<Vec<String>> {
        Ok(self.store.projects()?.into_iter().map(|project| project.name).collect())
    }

    /// Gives a project another name.
    ///
    /// # Errors
    /// When `wanted` does not name exactly one project, or the name is blank.
    pub fn rename_project(&self, wanted: &str, name: &str, directory: Option<&Path>) -> Result<Project> {
        let name = name.trim();
        if name.is_empty() || name.len() > 200 || name == "all" || name == "current" {
            return Err(Error::invalid(format!("{name:?} cannot be the name of a project")));
        }
        let project = self.one_project(wanted, directory)?;
        self.store.rename_project(project.id, name.to_owned())?;
        Ok(Project { name: name.to_owned(), ..project })
    }

    /// Moves everything of one project into another.
    ///
    /// # Errors
    /// When one of them does not name exactly one project, or both are the same.
    pub fn merge_projects(&self, from: &str, into: &str, directory: Option<&Path>, now: Timestamp) -> Result<Moved> {
        let (from, into) = (self.one_project(from, directory)?, self.one_project(into, directory)?);
        if from.id == into.id {
            return Err(Error::invalid(format!("{:?} and {:?} are one project already", from.name, into.name)));
        }
        let messages = self.store.merge_projects(from.id, into.id, now)?;
        self.refresh_columns()?;
        Ok(Moved { messages, into })
    }

    /// Makes a folder, with everything below it, a project of its own.
    ///
    /// # Errors
    /// When nothing was ever said in that folder.
    pub fn split_project(
        &self,
        folder: &str,
        name: Option<&str>,
        directory: Option<&Path>,
        now: Timestamp,
    ) -> Result<Moved> {
        let folder = absolute(folder, directory);
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
        self.refresh_columns()?;
        Ok(Moved { messages, into: Project { id, name, root, remote: None } })
    }

    fn one_project(&self, wanted: &str, directory: Option<&Path>) -> Result<Project> {
        let ids = self.resolve_projects(wanted, directory)?.unwrap_or_default();
        let projects = self.store.projects()?;
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

fn absolute(path: &str, directory: Option<&Path>) -> String {
    if is_absolute(path) {
        return path.to_owned();
    }
    let path = Path::new(path);
    directory.map_or_else(|| path.to_owned(), |directory| directory.join(path)).display().to_string()
}

/// The identity of the project that a working directory belongs to.
pub(super) fn project_of(directory: &str) -> NewProject {
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
    let found = checkout::identify(Path::new(directory));
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
