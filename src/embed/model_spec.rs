//! Specification of the selected embedding model: its id, its rules, and loading it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::builtin::{self, BuiltinModel};
use super::encoder::{EmbeddingModel, ModelKind};
use super::manifest::{Manifest, read_own_manifest};
use super::onnx::OnnxModel;
use super::{CosineScale, Error, ModelChoice, model_store, onnx_runtime};
use crate::domain::hash::sha256_hex;
use crate::domain::text::passages;

/// Version of the embedding rules: changes whenever the same files give other vectors (prefixes, pooling, centring,
/// truncation).
const RULES_VERSION: u32 = 1;
/// Setting that names the model.
const PINNED_BY: PinnedBy = PinnedBy { setting: "embed.model", accept: "claude-memory model use dir:…" };

/// Specification of an embedding model. Cheap to create and to copy; nothing is read until [`ModelSpec::load_instances`].
#[derive(Debug, Clone)]
pub struct ModelSpec {
    choice: ModelChoice,
    runtime: String,
    folder: PathBuf,
    digest: OnceLock<String>,
    scale: OnceLock<Option<CosineScale>>,
}

impl ModelSpec {
    /// Creates a specification. `runtime` is the path of the user's own library or empty; `folder` is where the shipped
    /// one is unpacked.
    pub const fn new(choice: ModelChoice, runtime: String, folder: PathBuf) -> Self {
        Self { choice, runtime, folder, digest: OnceLock::new(), scale: OnceLock::new() }
    }

    /// Returns the scale of the model's cosines. `None` without a model, and for one that was not measured, as an import
    /// does, or whose measurement cannot be read.
    pub fn cosine_scale(&self) -> Option<CosineScale> {
        *self.scale.get_or_init(|| match &self.choice {
            ModelChoice::Off => None,
            ModelChoice::Builtin => Some(CosineScale::BUILTIN),
            ModelChoice::Folder { path, .. } => CosineScale::read_file(path).ok().flatten(),
        })
    }

    /// Returns the model id: a digest of everything that shapes a vector. Vectors of different ids are never compared.
    pub fn model_digest(&self) -> Result<String, Error> {
        if let Some(digest) = self.digest.get() {
            return Ok(digest.clone());
        }
        let (manifest, identity) = match &self.choice {
            ModelChoice::Off => return Err(Error::Off),
            ModelChoice::Builtin => (Manifest::builtin_manifest(), builtin::source_digests()?),
            ModelChoice::Folder { path, digest } => {
                let (model, tokenizer) = read_files(path)?;
                let identity = name_contents(&model, &tokenizer);
                check_digest((path, PINNED_BY), digest.as_deref(), &identity)?;
                (read_own_manifest(path)?, identity)
            }
        };
        let cut = passages::VERSION;
        let digest = sha256_hex(format!("{identity} {manifest:?} rules {RULES_VERSION} passages {cut}").as_bytes());
        // A user's folder is read once per process: its files are large.
        Ok(self.digest.get_or_init(|| digest).clone())
    }

    /// Returns the name and the vector length.
    ///
    /// # Errors
    /// When the user's `model.toml` cannot be read.
    pub fn describe_model(&self) -> Result<(String, usize), Error> {
        let manifest = match &self.choice {
            ModelChoice::Off => return Err(Error::Off),
            ModelChoice::Builtin => Manifest::builtin_manifest(),
            ModelChoice::Folder { path, .. } => read_own_manifest(path)?,
        };
        Ok((manifest.name, manifest.dimensions))
    }

    /// Compares the files of the model with their digests; returns the number of files. The built-in model always has
    /// digests.
    ///
    /// # Errors
    /// [`Error::Asset`] for a file that differs.
    pub fn verify_files(&self) -> Result<usize, Error> {
        match &self.choice {
            ModelChoice::Off => Err(Error::Off),
            ModelChoice::Builtin => builtin::verify_files(),
            ModelChoice::Folder { path, .. } => model_store::verify_model(path),
        }
    }

    /// Returns the digest of the files of a user's model, which the setting `embed.model` can hold.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn files_digest(&self) -> Result<Option<String>, Error> {
        let ModelChoice::Folder { path, .. } = &self.choice else { return Ok(None) };
        let (model, tokenizer) = read_files(path)?;
        Ok(Some(sha256_hex(name_contents(&model, &tokenizer).as_bytes())))
    }

    /// Loads `count` instances. The built-in ones share their weights and take next to no time; each user's model takes
    /// about half a second.
    ///
    /// # Errors
    /// When the library or the files cannot be used.
    pub fn load_instances(&self, count: usize) -> Result<Vec<EmbeddingModel>, Error> {
        let count = count.max(1);
        match &self.choice {
            ModelChoice::Off => Err(Error::Off),
            ModelChoice::Builtin => {
                let kinds = std::iter::repeat_with(|| BuiltinModel::load_builtin().map(ModelKind::Builtin)).take(count);
                kinds.map(|kind| Ok(EmbeddingModel::new(kind?, Manifest::builtin_manifest()))).collect()
            }
            ModelChoice::Folder { path, digest } => {
                let manifest = read_own_manifest(path)?;
                let (model, tokenizer) = read_files(path)?;
                if digest.is_some() {
                    check_digest((path, PINNED_BY), digest.as_deref(), &name_contents(&model, &tokenizer))?;
                }
                let environment = onnx_runtime::onnx_environment(&self.runtime, &self.folder)?;
                let models = OnnxModel::load_instances(count, &environment, &manifest, &model, &tokenizer)?;
                Ok(models
                    .into_iter()
                    .map(|model| EmbeddingModel::new(ModelKind::Onnx(Box::new(model)), manifest.clone()))
                    .collect())
            }
        }
    }
}

/// Reads the model and the tokenizer of a folder.
pub(super) fn read_files(folder: &Path) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let read = |name| model_store::read_model_file(folder, name);
    Ok((read("model.onnx")?, read("tokenizer.json")?))
}

/// Returns the digests of the model and the tokenizer, which are part of the model id.
pub(super) fn name_contents(model: &[u8], tokenizer: &[u8]) -> String {
    [model, tokenizer].map(sha256_hex).join(" ")
}

/// Setting that holds the digest of a model's files, and the command that accepts other files.
#[derive(Debug, Clone, Copy)]
pub(super) struct PinnedBy {
    pub(super) setting: &'static str,
    pub(super) accept: &'static str,
}

/// Checks the files of a folder against the digest in the setting that names it, if it has one.
pub(super) fn check_digest(
    (folder, pinned_by): (&Path, PinnedBy),
    digest: Option<&str>,
    contents: &str,
) -> Result<(), Error> {
    if digest.is_none_or(|digest| digest.eq_ignore_ascii_case(&sha256_hex(contents.as_bytes()))) {
        return Ok(());
    }
    let PinnedBy { setting, accept } = pinned_by;
    let why = format!("its files are not those that {setting} has the digest of; `{accept}` accepts them");
    Err(Error::Asset { path: folder.to_owned(), why })
}
