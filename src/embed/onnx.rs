//! User's own models, computed by ONNX Runtime through fastembed.
//!
//! One text at a time: with dynamically quantised weights a vector depends on the other texts of its batch (cosine down
//! to
//! 0.993, measured), and the same text must always have the same vector. Several instances run in parallel instead.

use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};
use ort::environment::Environment;
use tokenizers::{PaddingParams, PaddingStrategy, Tokenizer, TruncationParams};

use super::manifest::Manifest;
use super::{Error, Result};

/// Placeholder for the tokenizer while fastembed builds a model: it clones its input, and cloning a large vocabulary
/// takes a tenth of a second.
const NO_TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
"pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{"type":"WordLevel","vocab":{"[UNK]":0},"unk_token":"[UNK]"}}"#;

/// Loaded ONNX model with its tokenizer.
pub(super) struct OnnxModel {
    model: TextEmbedding,
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Onnx").finish_non_exhaustive()
    }
}

impl OnnxModel {
    /// Loads `count` instances that share nothing but the library.
    pub(super) fn load_instances(
        count: usize,
        environment: &Environment,
        manifest: &Manifest,
        model: &[u8],
        tokenizer: &[u8],
    ) -> Result<Vec<Self>> {
        let failed = |why: String| Error::Load(why);
        let pooling = match manifest.pooling.as_str() {
            "mean" => Pooling::Mean,
            "cls" => Pooling::Cls,
            other => return Err(failed(format!("pooling {other:?} in model.toml; it must be \"mean\" or \"cls\""))),
        };
        let tokenizer = read_tokenizer(tokenizer, manifest).map_err(|error| failed(error.to_string()))?;
        let mut models = Vec::with_capacity(count);
        // The last one takes the tokenizer itself, so that a single instance needs no copy.
        for tokenizer in std::iter::repeat_n(tokenizer, count) {
            let files = TokenizerFiles {
                tokenizer_file: NO_TOKENIZER.as_bytes().to_vec(),
                config_file: b"{\"pad_token_id\":0}".to_vec(),
                special_tokens_map_file: b"{}".to_vec(),
                tokenizer_config_file: b"{\"model_max_length\":512,\"pad_token\":\"[UNK]\"}".to_vec(),
            };
            let model = UserDefinedEmbeddingModel::new(model.to_vec(), files).with_pooling(pooling.clone());
            let options = InitOptionsUserDefined::new()
                .with_environment(environment.clone())
                .with_max_length(manifest.max_length)
                .with_intra_threads(1)
                .with_session_config("session.intra_op.allow_spinning", "0");
            let loaded = TextEmbedding::try_new_from_user_defined(model, options);
            let mut model = loaded.map_err(|error| failed(error.to_string()))?;
            model.tokenizer = tokenizer;
            models.push(Self { model });
        }
        Ok(models)
    }

    /// Returns the pooled vector of a text.
    pub(super) fn encode_text(&mut self, text: String) -> Result<Vec<f32>> {
        let mut vectors = self.model.embed([text], Some(1)).map_err(|error| Error::Encode(error.to_string()))?;
        vectors.pop().ok_or_else(|| Error::Encode("the model returned no vector".to_owned()))
    }
}

/// Reads a tokenizer with the padding and the length of the manifest.
pub(super) fn read_tokenizer(bytes: &[u8], manifest: &Manifest) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(bytes)?;
    tokenizer.with_padding(Some(PaddingParams {
        strategy: PaddingStrategy::BatchLongest,
        pad_token: manifest.pad_token.clone(),
        pad_id: manifest.pad_id,
        ..PaddingParams::default()
    }));
    let truncation = TruncationParams { max_length: manifest.max_length, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation))?;
    Ok(tokenizer)
}
