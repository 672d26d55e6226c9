//! Loaded embedding model that turns texts into unit vectors, whichever model it is.

use super::builtin::BuiltinModel;
use super::centring::scale_to_unit;
use super::manifest::Manifest;
use super::onnx::OnnxModel;
use super::{Error, Result};

/// Loaded embedding model.
#[derive(Debug)]
pub struct EmbeddingModel {
    kind: ModelKind,
    manifest: Manifest,
}

/// Implementation of a loaded model.
#[derive(Debug)]
pub(super) enum ModelKind {
    /// Built-in model that ships with this program.
    Builtin(BuiltinModel),
    /// User's own model, computed by ONNX Runtime.
    Onnx(Box<OnnxModel>),
}

impl EmbeddingModel {
    pub(super) const fn new(kind: ModelKind, manifest: Manifest) -> Self {
        Self { kind, manifest }
    }

    /// Embeds stored passages. A vector does not depend on the other texts of the call.
    ///
    /// # Errors
    /// One for each text that the model refuses.
    pub fn embed_passages(&mut self, texts: &[&str]) -> Vec<Result<Vec<f32>>> {
        self.embed_prefixed(texts, |manifest| &manifest.passage_prefix)
    }

    /// Embeds one stored passage.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn embed_passage(&mut self, text: &str) -> Result<Vec<f32>> {
        self.embed_passages(&[text]).pop().unwrap_or_else(no_vector_error)
    }

    /// Embeds a search query.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn embed_query(&mut self, text: &str) -> Result<Vec<f32>> {
        self.embed_prefixed(&[text], |manifest| &manifest.query_prefix).pop().unwrap_or_else(no_vector_error)
    }

    fn embed_prefixed(&mut self, texts: &[&str], prefix: impl Fn(&Manifest) -> &String) -> Vec<Result<Vec<f32>>> {
        let Self { kind, manifest } = self;
        let prefixed: Vec<String> = texts.iter().map(|text| format!("{}{text}", prefix(manifest))).collect();
        let vectors = match kind {
            ModelKind::Builtin(model) => model.encode_texts(&prefixed),
            ModelKind::Onnx(model) => prefixed.into_iter().map(|text| model.encode_text(text)).collect(),
        };
        let finish = |(vector, text): (Result<Vec<f32>>, &&str)| {
            let mut vector = vector?;
            if vector.len() != manifest.dimensions || !vector.iter().all(|value| value.is_finite()) {
                let (found, expected) = (vector.len(), manifest.dimensions);
                return Err(Error::Encode(format!(
                    "the model returned {found} numbers instead of {expected}, or some are not finite"
                )));
            }
            match kind {
                ModelKind::Builtin(model) => model.centre_vector(&mut vector, text),
                ModelKind::Onnx(_) => scale_to_unit(&mut vector),
            }
            Ok(vector)
        };
        vectors.into_iter().zip(texts).map(finish).collect()
    }
}

fn no_vector_error() -> Result<Vec<f32>> {
    Err(Error::Encode("the model returned no vector".to_owned()))
}
