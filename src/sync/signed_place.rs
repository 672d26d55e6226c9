//! Statement about where a message belongs as JSON: in a line of a bundle, and in a column of PostgreSQL. Owns the form.

use serde::{Deserialize, Serialize};

use crate::store::{ProjectRecord, Seal, SignedPlace};

/// Project as a line of a bundle and a statement have it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProjectJson {
    key: String,
    name: String,
    root: String,
    remote: Option<String>,
}

/// Statement about a message's place, without its signature.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlaceJson {
    project: ProjectJson,
    git_branch: Option<String>,
    title: Option<String>,
}

impl From<ProjectRecord> for ProjectJson {
    fn from(project: ProjectRecord) -> Self {
        let ProjectRecord { key, name, root, remote } = project;
        Self { key, name, root, remote }
    }
}

impl From<ProjectJson> for ProjectRecord {
    fn from(project: ProjectJson) -> Self {
        let ProjectJson { key, name, root, remote } = project;
        Self { key, name, root, remote }
    }
}

impl From<SignedPlace> for PlaceJson {
    fn from(place: SignedPlace) -> Self {
        Self { project: place.project.into(), git_branch: place.git_branch, title: place.title }
    }
}

impl PlaceJson {
    /// Renders the statement for a column.
    #[cfg(feature = "production")]
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the statement of a column; `None` if it is none.
    #[cfg(feature = "production")]
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn with_seal(self, seal: Seal) -> SignedPlace {
        SignedPlace { project: self.project.into(), git_branch: self.git_branch, title: self.title, seal }
    }
}
