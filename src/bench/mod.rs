//! Offline benchmarks of the engine: retrieval quality against labelled questions, suggestions against labelled turns,
//! and speed.
//!
//! Owns: reading datasets, running, arithmetic. Does not own: the data (files that the caller names), arguments,
//! printing. The engine sees only the contents of a user's history: roles, times, texts.

mod answerability;
mod dataset;
mod formats;
mod generator;
mod latency;
mod own_history;
mod provenance;
mod provenance_labels;
mod provenance_lines;
mod provenance_sheet;
mod report;
mod retrieval;
mod scale;
mod score;
mod suggestions;
mod unanswerable;

pub use answerability::{AnswerabilityReport, KindScore, measure_answerability};
pub use dataset::{BenchQuestion, BenchSession, BenchTurn, Dataset};
pub use formats::DatasetFormat;
pub use generator::HistoryGenerator;
pub use latency::{LatencyOptions, LatencyReport, measure_latency};
pub use own_history::{OwnOptions, OwnReport, OwnScores, measure_own_history};
pub use provenance::{ProvenanceOptions, ProvenanceReport, measure_provenance};
pub use provenance_sheet::write_reading_sheet;
pub use report::{LevelComparison, LevelScores, RetrievalReport, compare_rankings, read_rankings, score_levels};
pub use retrieval::{HaystackPool, RetrievalOptions, run_retrieval};
pub use scale::measure_scale;
pub use score::{MeanMeasures, Measures};
pub use suggestions::{SuggestionReport, score_suggestions};
pub use unanswerable::{UnansweredQuestion, read_pairs, read_unanswerable};

/// Failure of a benchmark.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Path of the file or folder.
        path: std::path::PathBuf,
        /// I/O error from the system.
        source: std::io::Error,
    },
    /// A file or line does not match the format.
    #[error("{path}:{line}: {message}")]
    Format {
        /// Path of the file.
        path: std::path::PathBuf,
        /// Line number from 1; 0 when it is not known.
        line: usize,
        /// Description of the fault.
        message: String,
    },
    /// The scratch folder cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// The engine failed.
    #[error(transparent)]
    Memory(#[from] crate::memory::Error),
}

/// Returns a conversion from I/O errors at this path.
fn disk_error(path: &std::path::Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path: path.clone(), source }
}
