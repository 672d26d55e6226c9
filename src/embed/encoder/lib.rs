//! Built-in encoder network: text to token ids to the mean of the last layer, over weights that are mapped and never
//! copied.
//!
//! Owns the tokenizer and the forward pass of multilingual-e5-small with 8-bit weights. Does not own the origin of the
//! files, prefixes, language means or the scaling of a vector to unit length (`crate::embed` of claude-memory does).
//!
//! The order of operations is that of ONNX Runtime on a processor with AVX2, so the vectors have the same bits, and it
//! is the same on every processor: only the kernels in `kernel` differ, and they may not change a bit.
//! docs/decisions/0031-own-encoder.md says why this is our own code; `models/pack.py` writes the files.

#![expect(
    clippy::indexing_slicing,
    reason = "lengths follow from the shape of the model; a wrong one must stop the program"
)]
#![expect(
    clippy::inline_always,
    reason = "code that is generic over kernels must be part of a function that has their instructions"
)]

mod arrays;
mod attention;
mod buffers;
mod forward;
mod kernel;
mod math;
mod product;
mod quantise;
#[cfg(test)]
mod tests;
mod vocabulary;
mod weights;

pub use arrays::DamagedFile;
pub use forward::ForwardScratch;
pub use kernel::Processor;
pub use vocabulary::Vocabulary;
pub use weights::ModelWeights;

/// Numbers in a vector.
pub const HIDDEN: usize = 384;
/// Most tokens of a text; the rest of a longer text is ignored.
pub const MOST_TOKENS: usize = 512;

/// Width of the inner layer of the feed-forward step.
const INNER: usize = 1536;
/// Number of attention heads, and the dimensions of each.
const HEADS: usize = 12;
const HEAD: usize = HIDDEN / HEADS;
/// Layers of the model.
const LAYERS: usize = 12;
/// Columns that a kernel computes in parallel.
const COLUMNS: usize = 16;
