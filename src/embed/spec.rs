//! Which encoder the settings name: its id, its rules, and loading it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;

use super::builtin::{self, Builtin};
use super::encoder::{Encoder, Kind};
use super::onnx::Onnx;
use super::{Choice, Error, runtime, shelf};
use crate::domain::hash::sha256_hex;
use crate::domain::text::passages;

/// Changes whenever the same files give other vectors: prefixes, pooling, centring, truncation.
const RULES_VERSION: u32 = 1;

/// How to load an encoder. Cheap to make and to copy; nothing is read until [`Spec::load`].
#[derive(Debug, Clone)]
pub struct Spec {
    choice: Choice,
    runtime: String,
    folder: PathBuf,
    digest: OnceLock<String>,
}

/// `model.toml` in a user's folder. Every field has a default that fits most sentence encoders.
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
    pub(super) fn builtin() -> Self {
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

impl Spec {
    /// `runtime` names the user's own library or is empty; `folder` is where the shipped one is unpacked.
    pub const fn new(choice: Choice, runtime: String, folder: PathBuf) -> Self {
        Self { choice, runtime, folder, digest: OnceLock::new() }
    }

    /// The model id: a digest of everything that shapes a vector. Vectors of different ids are never compared.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn digest(&self) -> Result<String, Error> {
        if let Some(digest) = self.digest.get() {
            return Ok(digest.clone());
        }
        let (manifest, identity) = match &self.choice {
            Choice::Off => return Err(Error::Off),
            Choice::Builtin => (Manifest::builtin(), builtin::identity()?),
            Choice::Folder(folder) => {
                let identity = ["model.onnx", "tokenizer.json"]
                    .map(|name| read(&folder.join(name)).map(|bytes| sha256_hex(&bytes)))
                    .into_iter()
                    .collect::<Result<Vec<_>, _>>()?;
                (own_manifest(folder)?, identity.join(" "))
            }
        };
        let cut = passages::VERSION;
        let digest = sha256_hex(format!("{identity} {manifest:?} rules {RULES_VERSION} passages {cut}").as_bytes());
        // A folder of the user is read once a process: its files are large.
        Ok(self.digest.get_or_init(|| digest).clone())
    }

    /// Name and vector length, for people and for the store.
    ///
    /// # Errors
    /// When the user's `model.toml` cannot be read.
    pub fn describe(&self) -> Result<(String, usize), Error> {
        let manifest = match &self.choice {
            Choice::Off => return Err(Error::Off),
            Choice::Builtin => Manifest::builtin(),
            Choice::Folder(folder) => own_manifest(folder)?,
        };
        Ok((manifest.name, manifest.dimensions))
    }

    /// Compares the files of the model with their digests; says how many were compared. Those that come with the program are.
    ///
    /// # Errors
    /// [`Error::Asset`] for a file that differs.
    pub fn verify(&self) -> Result<usize, Error> {
        match &self.choice {
            Choice::Off => Err(Error::Off),
            Choice::Builtin => builtin::verify(),
            Choice::Folder(folder) => shelf::verify(folder),
        }
    }

    /// Loads `count` encoders. The built-in ones share their weights and take next to no time; each model of the user takes
    /// about half a second.
    ///
    /// # Errors
    /// When library or files cannot be used.
    pub fn load(&self, count: usize) -> Result<Vec<Encoder>, Error> {
        let count = count.max(1);
        match &self.choice {
            Choice::Off => Err(Error::Off),
            Choice::Builtin => {
                let kinds = std::iter::repeat_with(|| Builtin::load().map(Kind::Builtin)).take(count);
                kinds.map(|kind| Ok(Encoder::new(kind?, Manifest::builtin()))).collect()
            }
            Choice::Folder(folder) => {
                let manifest = own_manifest(folder)?;
                let (model, tokenizer) = (read(&folder.join("model.onnx"))?, read(&folder.join("tokenizer.json"))?);
                let environment = runtime::environment(&self.runtime, &self.folder)?;
                let models = Onnx::load(count, &environment, &manifest, &model, &tokenizer)?;
                Ok(models
                    .into_iter()
                    .map(|model| Encoder::new(Kind::Onnx(Box::new(model)), manifest.clone()))
                    .collect())
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Asset { path: path.to_owned(), why: error.to_string() })
}

fn own_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join("model.toml");
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| Error::Asset { path, why: error.message().to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(Error::Asset { path, why: error.to_string() }),
    }
}
