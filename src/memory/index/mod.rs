//! What searches look up and how it stays current: doc values, the vector index, the queue of missing embeddings.

pub(super) mod doc_values;
pub(super) mod embed_queue;
pub(super) mod models;
pub(super) mod vector_index;
