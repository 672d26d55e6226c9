//! Manifest of an embedding model: its prefixes, pooling, padding and limits, built in or read from `model.toml`.

use std::path::Path;

use serde::Deserialize;

use super::{Error, model_store};

/// Contents of `model.toml` in a user's folder. Every field has a default that fits most sentence embedding models.
///
/// Its debug text is part of the model id: a renamed or reordered field makes stored embeddings void.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) query_prefix: String,
    pub(super) passage_prefix: String,
    pub(super) pooling: String,
    pub(super) pad_token: String,
    pub(super) pad_id: u32,
    pub(super) max_length: usize,
    pub(super) dimensions: usize,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            name: "own".to_owned(),
            query_prefix: String::new(),
            passage_prefix: String::new(),
            pooling: "mean".to_owned(),
            pad_token: "[PAD]".to_owned(),
            pad_id: 0,
            max_length: 512,
            dimensions: 384,
        }
    }
}

impl Manifest {
    pub(super) fn builtin_manifest() -> Self {
        Self {
            name: "multilingual-e5-small zh+en int8".to_owned(),
            query_prefix: "query: ".to_owned(),
            passage_prefix: "passage: ".to_owned(),
            pooling: "mean".to_owned(),
            pad_token: "<pad>".to_owned(),
            pad_id: 1,
            max_length: 512,
            dimensions: 384,
        }
    }
}

/// Reads the manifest of a user's model; the default one if its folder has none.
pub(super) fn read_own_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join("model.toml");
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(Manifest::default());
    }
    let bytes = model_store::read_model_file(folder, "model.toml")?;
    let failed = |why: String| Error::Asset { path: path.clone(), why };
    let text = String::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    toml::from_str(&text).map_err(|error| failed(error.message().to_owned()))
}
