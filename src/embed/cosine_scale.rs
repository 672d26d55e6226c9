//! Scale of a model's cosines against those of the built-in model: each model puts related and unrelated texts at other
//! cosines, and the confidence of an answer needs one scale. Measured when a model is imported, kept beside its files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use super::model_record::{read_model_record, write_model_record};

/// File beside an imported model.
const FILE: &str = "confidence.toml";
/// Mean cosine of the built-in model between a trial question and its answer, and mean of the highest between a question
/// and an answer to another one.
const BUILTIN_ANSWERED: f32 = 0.282;
const BUILTIN_UNRELATED: f32 = 0.119;
/// Least distance of the two means; below it a model's cosines say nothing.
const MIN_DISTANCE: f32 = 0.02;

/// Line from a model's cosines to those of the built-in model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CosineScale {
    slope: f32,
    offset: f32,
}

impl CosineScale {
    /// Scale of the built-in model itself.
    pub const BUILTIN: Self = Self { slope: 1.0, offset: 0.0 };

    /// Fits the line through two points: the mean cosine of trial questions to their answers, and the mean of the
    /// highest to other answers. `None` if they are not apart.
    pub fn fit_trial(answered: f32, unrelated: f32) -> Option<Self> {
        let distance = answered - unrelated;
        (distance >= MIN_DISTANCE).then(|| {
            let slope = (BUILTIN_ANSWERED - BUILTIN_UNRELATED) / distance;
            Self { slope, offset: BUILTIN_UNRELATED - slope * unrelated }
        })
    }

    /// Converts a cosine of the model to the scale of the built-in one.
    pub fn to_builtin(self, cosine: f32) -> f32 {
        self.offset + self.slope * cosine
    }

    /// Writes the scale beside the files of a model.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_file(self, folder: &Path) -> std::io::Result<()> {
        write_model_record(folder, FILE, &self)
    }

    /// Reads the scale of a model; `None` for a model that was never measured.
    ///
    /// # Errors
    /// [`Error::Asset`] for a file that cannot be read or has another shape.
    pub(super) fn read_file(folder: &Path) -> Result<Option<Self>, Error> {
        read_model_record(folder, FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_both_means() {
        let scale = CosineScale::fit_trial(0.8, 0.6).unwrap();
        assert!((scale.to_builtin(0.8) - BUILTIN_ANSWERED).abs() < 1e-5);
        assert!((scale.to_builtin(0.6) - BUILTIN_UNRELATED).abs() < 1e-5);
        assert_eq!(CosineScale::fit_trial(0.5, 0.49), None);
    }

    #[test]
    fn the_file_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(CosineScale::read_file(folder.path()).unwrap(), None);
        let scale = CosineScale::fit_trial(0.7, 0.2).unwrap();
        scale.write_file(folder.path()).unwrap();
        assert_eq!(CosineScale::read_file(folder.path()).unwrap(), Some(scale));
    }
}
