//! Offline benchmarks of the engine: retrieval quality against labelled questions, and speed.
//!
//! Owns: reading sets, running, arithmetic. Does not own: the data (files that the caller names), arguments, printing. The
//! engine sees only what a user's history holds: roles, times, texts.

mod data;
mod formats;
mod generator;
mod latency;
mod report;
mod retrieval;
mod scale;
mod score;
mod vectors;

pub use data::{Data, Question, Session, Turn};
pub use formats::Format;
pub use generator::Generator;
pub use latency::{LatencyOptions, LatencyReport, latency};
pub use report::{Comparison, Difference, Latency, Level, Rankings, Receipt, Summary, compare, levels, read_rankings};
pub use retrieval::{Options, Pool, run};
pub use scale::{ScaleReport, scale};
pub use score::{Measures, Scored};
pub use vectors::{VectorOptions, VectorReport, Way, vectors};

/// Why a benchmark cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing or cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not what the format says.
    #[error("{path}:{line}: {message}")]
    Format {
        /// The file.
        path: std::path::PathBuf,
        /// From 1; 0 when it is not known.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The scratch folder cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// The engine failed.
    #[error(transparent)]
    Memory(#[from] crate::memory::Error),
}

/// What a file or folder that cannot be used makes of an I/O error.
fn disk_error(path: &std::path::Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read { path: path.clone(), source }
}
