//! One encoder: a loaded model that turns a text into a unit vector.
//!
//! One text at a time: with dynamically quantised weights a vector depends on what else is in its batch (cosine down to
//! 0.993, measured), and the same text must always have the same vector. Parallelism is several encoders.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use serde::Deserialize;

use super::centre::{Means, normalise};
use super::{Choice, Error, assets, runtime, shelf, unpacked};
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
struct Manifest {
    name: String,
    query_prefix: String,
    passage_prefix: String,
    pooling: String,
    pad_token: String,
    pad_id: u32,
    max_length: usize,
    dimensions: usize,
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
    fn builtin() -> Self {
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

/// Bytes and rules of a model.
struct Files {
    manifest: Manifest,
    onnx: Vec<u8>,
    tokenizer: Vec<u8>,
    means: Option<Means>,
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
            Choice::Builtin => {
                let digests = [assets::MODEL.digest()?, assets::TOKENIZER.digest()?, assets::MEANS.digest()?];
                (Manifest::builtin(), digests.join(" "))
            }
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
            Choice::Builtin => {
                let assets = [assets::MODEL, assets::TOKENIZER, assets::MEANS];
                assets.iter().try_for_each(|asset| asset.unpack().map(drop)).map(|()| assets.len())
            }
            Choice::Folder(folder) => shelf::verify(folder),
        }
    }

    fn files(&self) -> Result<Files, Error> {
        match &self.choice {
            Choice::Off => Err(Error::Off),
            Choice::Builtin => {
                let manifest = Manifest::builtin();
                let means = Means::parse(&assets::MEANS.unpack()?, manifest.dimensions);
                let (onnx, tokenizer) = unpacked::model(&self.folder)?;
                Ok(Files { manifest, onnx, tokenizer, means })
            }
            Choice::Folder(folder) => Ok(Files {
                manifest: own_manifest(folder)?,
                onnx: read(&folder.join("model.onnx"))?,
                tokenizer: read(&folder.join("tokenizer.json"))?,
                means: None,
            }),
        }
    }

    /// Loads `count` encoders that share nothing but the library. Takes about half a second for the first.
    ///
    /// # Errors
    /// When library or files cannot be used.
    pub fn load(&self, count: usize) -> Result<Vec<Encoder>, Error> {
        // The library is loaded while the model is read.
        let (files, environment) = std::thread::scope(|scope| {
            let environment = scope.spawn(|| runtime::environment(&self.runtime, &self.folder));
            (self.files(), environment.join())
        });
        let environment =
            environment.map_err(|_| Error::Load("the runtime library could not be loaded".to_owned()))??;
        let files = files?;
        let pooling = match files.manifest.pooling.as_str() {
            "mean" => Pooling::Mean,
            "cls" => Pooling::Cls,
            other => {
                return Err(Error::Load(format!("pooling {other:?} in model.toml; it must be \"mean\" or \"cls\"")));
            }
        };
        let Files { manifest, onnx, tokenizer, means } = files;
        let mut encoders = Vec::with_capacity(count);
        // The last encoder takes the bytes, so that one alone needs no second copy of 55 MB.
        let copies = std::iter::repeat_n((onnx, tokenizer), count.max(1));
        for (onnx, tokenizer) in copies {
            let tokenizer = TokenizerFiles {
                tokenizer_file: tokenizer,
                config_file: format!("{{\"pad_token_id\":{}}}", manifest.pad_id).into_bytes(),
                special_tokens_map_file: b"{}".to_vec(),
                tokenizer_config_file: serde_json::json!({
                    "model_max_length": manifest.max_length, "pad_token": manifest.pad_token
                })
                .to_string()
                .into_bytes(),
            };
            let model = UserDefinedEmbeddingModel::new(onnx, tokenizer).with_pooling(pooling.clone());
            let options = InitOptionsUserDefined::new()
                .with_environment(environment.clone())
                .with_max_length(manifest.max_length)
                .with_intra_threads(1)
                .with_session_config("session.intra_op.allow_spinning", "0");
            let model = TextEmbedding::try_new_from_user_defined(model, options);
            let model = model.map_err(|error| Error::Load(error.to_string()))?;
            encoders.push(Encoder { model, manifest: manifest.clone(), means: means.clone() });
        }
        Ok(encoders)
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

/// A loaded model.
pub struct Encoder {
    model: TextEmbedding,
    manifest: Manifest,
    means: Option<Means>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Encoder").field("name", &self.manifest.name).finish_non_exhaustive()
    }
}

impl Encoder {
    /// The vector of a stored passage.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn passage(&mut self, text: &str) -> Result<Vec<f32>, Error> {
        let prefixed = format!("{}{text}", self.manifest.passage_prefix);
        self.encode(prefixed, text)
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn query(&mut self, text: &str) -> Result<Vec<f32>, Error> {
        let prefixed = format!("{}{text}", self.manifest.query_prefix);
        self.encode(prefixed, text)
    }

    fn encode(&mut self, prefixed: String, text: &str) -> Result<Vec<f32>, Error> {
        let mut vectors = self.model.embed([prefixed], Some(1)).map_err(|error| Error::Encode(error.to_string()))?;
        let mut vector = vectors.pop().ok_or_else(|| Error::Encode("no vector came back".to_owned()))?;
        if vector.len() != self.manifest.dimensions || !vector.iter().all(|value| value.is_finite()) {
            let (found, expected) = (vector.len(), self.manifest.dimensions);
            return Err(Error::Encode(format!(
                "{found} numbers came back, or some are not finite; {expected} were expected"
            )));
        }
        match &self.means {
            Some(means) => means.centre(&mut vector, text),
            None => normalise(&mut vector),
        }
        Ok(vector)
    }
}
