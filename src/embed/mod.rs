//! Embeddings from a local model. Owns the embedding models, their files, the ONNX Runtime library and the model id.
//! Does not own: which texts are embedded, where embeddings are stored. Never touches the network.

mod assets;
mod builtin;
mod centring;
mod cosine_scale;
mod encoder;
mod idle_cache;
mod manifest;
mod model_record;
mod model_spec;
pub mod model_store;
mod model_trial;
mod onnx;
mod onnx_runtime;
mod priority;
mod ranked_languages;
mod reranker;
mod reranker_trial;
mod resident;

use std::path::{Path, PathBuf};

pub use builtin::instruction_set;
pub use cosine_scale::CosineScale;
pub use encoder::EmbeddingModel;
pub use model_spec::ModelSpec;
pub use model_trial::{ModelTrial, try_model};
pub use priority::lower_thread_priority;
pub use ranked_languages::RankedLanguages;
pub use reranker::RerankerSpec;
pub use reranker_trial::{RerankerTrial, try_reranker};
pub use resident::{ResidentModel, ResidentReranker};

type Result<T> = std::result::Result<T, Error>;

/// Failure to embed a text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Embedding is switched off in the settings.
    #[error("embedding is switched off (embed.model = \"off\")")]
    Off,
    /// No runtime library for this platform in this build.
    #[error("this build has no ONNX Runtime for this platform")]
    NoRuntime,
    /// The library of ONNX Runtime cannot be loaded or unpacked.
    #[error("cannot use ONNX Runtime at {path}: {why}")]
    Runtime {
        /// Path of the library.
        path: PathBuf,
        /// Cause, for people.
        why: String,
    },
    /// A file of the model is missing or damaged.
    #[error("model file {path}: {why}")]
    Asset {
        /// Path of the file.
        path: PathBuf,
        /// Cause, for people.
        why: String,
    },
    /// The embedding model cannot be loaded.
    #[error("cannot load the embedding model: {0}")]
    Load(String),
    /// One text cannot be embedded.
    #[error("cannot embed a text: {0}")]
    Encode(String),
}

impl Error {
    /// Returns a hint for the user on how to fix the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Off => "set embed.model = \"builtin\" to use semantic search".to_owned(),
            Self::NoRuntime | Self::Runtime { .. } => {
                "set embed.runtime to an ONNX Runtime 1.24 or newer; keyword search works without it".to_owned()
            }
            Self::Asset { .. } | Self::Load(_) => {
                "check embed.model (`claude-memory config show --origin`); keyword search works without it".to_owned()
            }
            Self::Encode(_) => "keyword search still finds the text; other texts are not affected".to_owned(),
        }
    }
}

/// Embedding model that the settings select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// No model: keyword search only.
    Off,
    /// Built-in model that ships with this program.
    Builtin,
    /// User's folder with `model.onnx`, `tokenizer.json` and optionally `model.toml`.
    Folder {
        path: PathBuf,
        /// Digest of the model and the tokenizer, if the setting has one: other files are refused.
        digest: Option<String>,
    },
}

/// Mark between the folder of a model and the digest of its files in the setting `embed.model`.
const DIGEST_MARK: &str = "#sha256=";

impl ModelChoice {
    /// Parses the setting `embed.model`.
    ///
    /// # Errors
    /// A message with the allowed values.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "builtin" => Ok(Self::Builtin),
            _ => match text.strip_prefix("dir:") {
                Some(named) if !named.is_empty() => {
                    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                    let pinned = named.rsplit_once(DIGEST_MARK).filter(|(_, digest)| is_digest(digest));
                    let (path, digest) = pinned.map_or((named, None), |(path, digest)| (path, Some(digest.to_owned())));
                    Ok(Self::Folder { path: PathBuf::from(path), digest })
                }
                _ => Err(format!("embed.model is {text:?}; it must be \"builtin\", \"off\" or \"dir:/path\"")),
            },
        }
    }

    /// Resolves a relative folder below the data folder, which may be moved with its models.
    #[must_use]
    pub fn resolve_below(self, home: &Path) -> Self {
        match self {
            Self::Folder { path, digest } => Self::Folder { path: home.join(path), digest },
            other => other,
        }
    }
}
