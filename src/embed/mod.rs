//! Text → vector, with a local model. Owns the encoders, their files, the ONNX Runtime library and the model id.
//! Does not own: which texts are embedded, where vectors are kept. Never touches the network.

mod assets;
mod builtin;
mod centre;
mod encoder;
mod onnx;
mod priority;
mod resident;
mod runtime;
pub mod shelf;
mod spec;
mod trial;

use std::path::{Path, PathBuf};

pub use builtin::instructions;
pub use encoder::Encoder;
pub use priority::give_way;
pub use resident::Resident;
pub use spec::Spec;
pub use trial::{Trial, try_out};

type Result<T> = std::result::Result<T, Error>;

/// Why no vector can be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The settings say so.
    #[error("making vectors is switched off (embed.model = \"off\")")]
    Off,
    /// This platform has no runtime library in this build.
    #[error("this build carries no ONNX Runtime for this platform")]
    NoRuntime,
    /// The library cannot be used.
    #[error("ONNX Runtime at {path} cannot be used: {why}")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file of the model is missing or damaged.
    #[error("model file {path}: {why}")]
    Asset {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The model cannot be loaded.
    #[error("the encoder cannot be loaded: {0}")]
    Load(String),
    /// One text cannot be embedded.
    #[error("a text cannot be embedded: {0}")]
    Encode(String),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Off => "set embed.model = \"builtin\" to search by meaning again".to_owned(),
            Self::NoRuntime | Self::Runtime { .. } => {
                "name an ONNX Runtime 1.24 or newer with embed.runtime; search by word works without it".to_owned()
            }
            Self::Asset { .. } | Self::Load(_) => {
                "check embed.model (`claude-memory config show --origin`); search by word works without it".to_owned()
            }
            Self::Encode(_) => "the text is found by word; the others are not affected".to_owned(),
        }
    }
}

/// Which encoder the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// None.
    Off,
    /// The one that ships with this program.
    Builtin,
    /// A folder of the user with `model.onnx`, `tokenizer.json` and optionally `model.toml`.
    Folder(PathBuf),
}

impl Choice {
    /// Reads the setting `embed.model`.
    ///
    /// # Errors
    /// A sentence with the allowed values.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "builtin" => Ok(Self::Builtin),
            _ => match text.strip_prefix("dir:") {
                Some(path) if !path.is_empty() => Ok(Self::Folder(PathBuf::from(path))),
                _ => Err(format!("embed.model is {text:?}; it must be \"builtin\", \"off\" or \"dir:/path\"")),
            },
        }
    }

    /// The same, with a folder that is not absolute taken to lie below the data folder: it may be moved with its models.
    #[must_use]
    pub fn below(self, home: &Path) -> Self {
        match self {
            Self::Folder(path) => Self::Folder(home.join(path)),
            other => other,
        }
    }
}
