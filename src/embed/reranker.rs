//! Cross-encoder of the user: reads a query and a text together and scores how well the text answers. Owns its
//! specification and the loaded session. Does not own which texts are scored, nor the test of its quality
//! (see `reranker_trial`).
//!
//! One pair at a time, for the reason that `onnx` gives: a score must not depend on the other pairs of a batch.

use std::path::{Path, PathBuf};

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use tokenizers::Tokenizer;

use super::manifest::read_own_manifest;
use super::model_spec::{PinnedBy, check_digest, name_contents, read_files};
use super::onnx::read_tokenizer;
use super::ranked_languages::RankedLanguages;
use super::{Error, ModelChoice, Result, model_store, onnx_runtime};
use crate::domain::hash::sha256_hex;

/// Setting that names the reranker.
const PINNED_BY: PinnedBy =
    PinnedBy { setting: "search.reranker", accept: "claude-memory model use --reranker dir:…" };
/// Threads of one pair. A search waits for it, and more than two cores gain little on texts this short.
const MAX_THREADS: usize = 2;

/// Specification of a reranker. Nothing is read until [`RerankerSpec::load_reranker`].
#[derive(Debug, Clone)]
pub struct RerankerSpec {
    folder: PathBuf,
    /// Digest of the model and the tokenizer, if the setting has one: other files are refused.
    digest: Option<String>,
    runtime: String,
    runtime_folder: PathBuf,
}

impl RerankerSpec {
    /// Parses the setting `search.reranker`; `None` if it is empty. A relative folder lies below `home`. `runtime` is the
    /// path of the user's own library or empty; `runtime_folder` is where the shipped one is unpacked.
    ///
    /// # Errors
    /// A message with the allowed values.
    pub fn parse(
        setting: &str,
        home: &Path,
        (runtime, runtime_folder): (&str, PathBuf),
    ) -> std::result::Result<Option<Self>, String> {
        if setting.is_empty() {
            return Ok(None);
        }
        match ModelChoice::parse(setting).map(|choice| choice.resolve_below(home)) {
            Ok(ModelChoice::Folder { path, digest }) => {
                Ok(Some(Self { folder: path, digest, runtime: runtime.to_owned(), runtime_folder }))
            }
            Ok(ModelChoice::Off | ModelChoice::Builtin) | Err(_) => {
                Err(format!("{setting:?} is no reranker; it must be \"\" or \"dir:/path\""))
            }
        }
    }

    /// Checks the form of the setting `search.reranker`.
    ///
    /// # Errors
    /// As [`RerankerSpec::parse`].
    pub fn check_setting(setting: &str) -> std::result::Result<(), String> {
        Self::parse(setting, Path::new(""), ("", PathBuf::new())).map(|_| ())
    }

    /// Returns the name from its manifest and the digest of its files.
    ///
    /// # Errors
    /// When a file cannot be read or is not the recorded one.
    pub fn describe_reranker(&self) -> Result<(String, String)> {
        let (model, tokenizer) = read_files(&self.folder)?;
        Ok((read_own_manifest(&self.folder)?.name, sha256_hex(name_contents(&model, &tokenizer).as_bytes())))
    }

    /// Compares its files with the digests beside them; returns the number of files, 0 without digests.
    ///
    /// # Errors
    /// [`Error::Asset`] for a file that differs.
    pub fn verify_files(&self) -> Result<usize> {
        model_store::verify_model(&self.folder)
    }

    /// Returns the languages that it ranks, as measured at its import; both for one that was never measured.
    ///
    /// # Errors
    /// When the file with the measurement cannot be read.
    pub fn ranked_languages(&self) -> Result<RankedLanguages> {
        Ok(RankedLanguages::read_file(&self.folder)?.unwrap_or(RankedLanguages::ALL))
    }

    /// Loads the reranker, which takes a third of a second.
    ///
    /// # Errors
    /// When the library or the files cannot be used.
    pub fn load_reranker(&self) -> Result<Reranker> {
        let manifest = read_own_manifest(&self.folder)?;
        let (model, tokenizer) = read_files(&self.folder)?;
        check_digest((&self.folder, PINNED_BY), self.digest.as_deref(), &name_contents(&model, &tokenizer))?;
        let environment = onnx_runtime::onnx_environment(&self.runtime, &self.runtime_folder)?;
        let failed = |why: String| Error::Load(format!("as a reranker: {why}"));
        let mut tokenizer = read_tokenizer(&tokenizer, &manifest).map_err(|error| failed(error.to_string()))?;
        tokenizer.with_padding(None);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let session = Session::builder(&environment)
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Level3)?))
            .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
            .and_then(|builder| Ok(builder.with_config_entry("session.intra_op.allow_spinning", "0")?))
            .and_then(|mut builder| builder.commit_from_memory(&model))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Reranker { session, tokenizer })
    }
}

/// Cross-encoder that is loaded and scores pairs of texts.
#[derive(Debug)]
pub struct Reranker {
    session: Session,
    tokenizer: Tokenizer,
}

impl Reranker {
    /// Scores how well a text answers a query: the first number that the model returns, higher is better.
    ///
    /// # Errors
    /// When the model refuses the pair or returns no finite number.
    pub fn score_pair(&mut self, query: &str, text: &str) -> Result<f32> {
        let failed = |why: String| Error::Encode(format!("as a reranker: {why}"));
        let encoding = self.tokenizer.encode((query, text), true).map_err(|error| failed(error.to_string()))?;
        let mut inputs = Vec::new();
        for input in self.session.inputs() {
            let numbers = match input.name() {
                "input_ids" => encoding.get_ids(),
                "attention_mask" => encoding.get_attention_mask(),
                "token_type_ids" => encoding.get_type_ids(),
                other => return Err(failed(format!("the model wants an input {other:?}; a cross-encoder has none"))),
            };
            let numbers: Vec<i64> = numbers.iter().map(|number| i64::from(*number)).collect();
            let tensor =
                Tensor::from_array(([1, numbers.len()], numbers)).map_err(|error| failed(error.to_string()))?;
            inputs.push((input.name().to_owned(), tensor));
        }
        let outputs = self.session.run(inputs).map_err(|error| failed(error.to_string()))?;
        let (_, output) = outputs.iter().next().ok_or_else(|| failed("the model returned nothing".to_owned()))?;
        let (_, numbers) = output.try_extract_tensor::<f32>().map_err(|error| failed(error.to_string()))?;
        match numbers {
            [score] if score.is_finite() => Ok(*score),
            other => Err(failed(format!(
                "the model returned {} numbers instead of one, or none that is finite",
                other.len()
            ))),
        }
    }
}
