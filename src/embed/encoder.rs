//! An encoder: a loaded model that turns texts into unit vectors, whichever model it is.

use super::builtin::Builtin;
use super::centre::normalise;
use super::onnx::Onnx;
use super::spec::Manifest;
use super::{Error, Result};

/// A loaded model.
#[derive(Debug)]
pub struct Encoder {
    kind: Kind,
    manifest: Manifest,
}

/// Whose model it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// The one that ships with this program.
    Builtin(Builtin),
    /// One of the user.
    Onnx(Box<Onnx>),
}

impl Encoder {
    pub(super) const fn new(kind: Kind, manifest: Manifest) -> Self {
        Self { kind, manifest }
    }

    /// The vectors of stored passages. A vector does not depend on what else is given.
    ///
    /// # Errors
    /// For each text that the model refuses.
    pub fn passages(&mut self, texts: &[&str]) -> Vec<Result<Vec<f32>>> {
        self.encode(texts, |manifest| &manifest.passage_prefix)
    }

    /// The vector of a stored passage.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn passage(&mut self, text: &str) -> Result<Vec<f32>> {
        self.passages(&[text]).pop().unwrap_or_else(no_vector)
    }

    /// The vector of a question.
    ///
    /// # Errors
    /// When the model refuses the text.
    pub fn query(&mut self, text: &str) -> Result<Vec<f32>> {
        self.encode(&[text], |manifest| &manifest.query_prefix).pop().unwrap_or_else(no_vector)
    }

    fn encode(&mut self, texts: &[&str], prefix: impl Fn(&Manifest) -> &String) -> Vec<Result<Vec<f32>>> {
        let Self { kind, manifest } = self;
        let prefixed: Vec<String> = texts.iter().map(|text| format!("{}{text}", prefix(manifest))).collect();
        let vectors = match kind {
            Kind::Builtin(model) => model.encode(&prefixed),
            Kind::Onnx(model) => prefixed.into_iter().map(|text| model.encode(text)).collect(),
        };
        let finish = |(vector, text): (Result<Vec<f32>>, &&str)| {
            let mut vector = vector?;
            if vector.len() != manifest.dimensions || !vector.iter().all(|value| value.is_finite()) {
                let (found, expected) = (vector.len(), manifest.dimensions);
                return Err(Error::Encode(format!(
                    "{found} numbers came back, or some are not finite; {expected} were expected"
                )));
            }
            match kind {
                Kind::Builtin(model) => model.centre(&mut vector, text),
                Kind::Onnx(_) => normalise(&mut vector),
            }
            Ok(vector)
        };
        vectors.into_iter().zip(texts).map(finish).collect()
    }
}

fn no_vector() -> Result<Vec<f32>> {
    Err(Error::Encode("no vector came back".to_owned()))
}
