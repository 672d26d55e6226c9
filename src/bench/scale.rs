//! Scaling benchmark: import speed, disk size and search latency of stores of growing size.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::generator::HistoryGenerator;
use super::latency::{LatencyOptions, LatencyReport, measure_latency};
use super::report::round_figure;
use super::{Error, disk_error};
use crate::config::{Paths, Settings};
use crate::domain::{ContentHash, IdGenerator, Timestamp};
use crate::memory::Memory;
use crate::store::{NewVector, OpenMode, Store};

const SOURCE: &str = "bench";
/// Turns that are imported together, in a batch as an import of transcripts makes it.
const BATCH: u64 = 2_000;
/// Texts that the model embeds, at most one in ten; all other vectors are mixed from theirs.
const MAX_EMBEDDED: u64 = 1_500;
/// Parts whose vectors are stored in one transaction.
const VECTOR_BATCH: usize = 4_000;
/// Number of questions asked.
const QUESTIONS: u64 = 60;

/// Result of one store size.
#[derive(Debug, Serialize)]
pub struct ScaleReport {
    /// Imported turns per second, until keyword search is ready; `None` when the store existed.
    pub turns_per_second: Option<f64>,
    /// Seconds of the first search: reading doc values, quantising all vectors and writing the shared files, and
    /// loading the embedding model; `None` when the store existed.
    pub index_seconds: Option<f64>,
    /// Search latency in the store.
    #[serde(flatten)]
    pub latency: LatencyReport,
}

/// Creates a store of `turns` turns in `scratch`, unless it exists, and measures it. Its vectors are mixtures of the
/// embeddings of some of its texts: the model would take hours for a million texts, and an index does not see the
/// difference.
///
/// # Errors
/// When the store cannot be created, or embedding is not available.
pub fn measure_scale(
    scratch: &Path,
    settings: &Settings,
    turns: u64,
    mut options: LatencyOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<ScaleReport, Error> {
    let paths = Paths::resolve_home(Some(scratch.join(format!("turns-{turns}"))))?;
    let generator = HistoryGenerator { turns, end: now };
    let done = paths.home().join("bench.json");
    let mark = format!("{{\"turns\": {turns}, \"version\": 1}}");
    let (mut turns_per_second, mut index_seconds) = (None, None);
    options.queries = generator.generate_questions(QUESTIONS);
    if std::fs::read_to_string(&done).ok().as_deref() != Some(&mark) {
        let memory = Memory::open(&paths, settings.clone(), OpenMode::Create, IdGenerator::System, now)?;
        turns_per_second = Some(round_figure(fill_store(&memory, &generator, now, talk)?));
        store_mixed_vectors(&memory, &paths, &generator, now, talk)?;
        let start = Instant::now();
        if let Some(text) = options.queries.first() {
            memory.search(&super::latency::build_query(text, crate::domain::SearchMode::Hybrid), now)?;
        }
        index_seconds = Some(round_figure(start.elapsed().as_secs_f64()));
        crate::disk::write_atomic(&done, mark.as_bytes()).map_err(disk_error(&done))?;
    }
    Ok(ScaleReport {
        turns_per_second,
        index_seconds,
        latency: measure_latency(&paths, settings, &options, now, talk)?,
    })
}

/// Imports all turns; returns turns per second.
#[expect(clippy::cast_precision_loss, reason = "a count, for people")]
fn fill_store(
    memory: &Memory,
    generator: &HistoryGenerator,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<f64, Error> {
    // The generation of the texts is not measured.
    let mut seconds = 0.0;
    for first in (0..generator.turns).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let drafts = (first..(first + BATCH).min(generator.turns)).map(|turn| generator.generate_draft(turn)).collect();
        let start = Instant::now();
        memory.import_drafts(SOURCE, drafts, Vec::new(), now)?;
        seconds += start.elapsed().as_secs_f64();
        if first % 100_000 == 0 {
            talk(format!("{first} of {} turns", generator.turns));
        }
    }
    let start = Instant::now();
    memory.flush_pending()?;
    Ok(generator.turns as f64 / (seconds + start.elapsed().as_secs_f64()))
}

/// Stores a vector for every passage, mixed from two embeddings.
fn store_mixed_vectors(
    memory: &Memory,
    paths: &Paths,
    generator: &HistoryGenerator,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<(), Error> {
    let mut encoded = Vec::new();
    let count = (generator.turns / 10).clamp(1, MAX_EMBEDDED);
    for number in 0..count {
        let draft = generator.generate_draft(number * (generator.turns / count));
        for part in draft.parts {
            encoded.push(memory.embed_question(&part.text)?);
        }
    }
    talk(format!("{} texts embedded; the other vectors are mixed from theirs", encoded.len()));
    let failed = crate::memory::Error::from;
    let store = Store::open(&paths.database_file(), OpenMode::Existing, false, now).map_err(failed)?;
    let (model, _) = store.ensure_model(memory.embedding_model()?).map_err(failed)?;
    loop {
        let pending = store.snapshot().and_then(|snapshot| snapshot.pending_parts(VECTOR_BATCH)).map_err(failed)?;
        if pending.is_empty() {
            return Ok(());
        }
        let parts = pending.iter().map(|part| part.part).collect();
        let vector = |(passage, range): &(i64, std::ops::Range<usize>), text: &str| {
            let text_hash = ContentHash::of_text(text.get(range.clone()).unwrap_or("").trim());
            NewVector { passage: *passage, text_hash, vector: mix_vectors(&encoded, &text_hash.0) }
        };
        let vectors = pending.iter().flat_map(|part| part.passages.iter().map(|place| vector(place, &part.text)));
        store.store_vectors(model, parts, vectors.collect()).map_err(failed)?;
    }
}

/// Mixes two vectors, both and their shares chosen by the bytes of a hash; the result has unit length.
fn mix_vectors(encoded: &[Vec<f32>], hash: &[u8; 16]) -> Vec<f32> {
    let pick = |at: usize| {
        let number = hash.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        encoded.get(usize::try_from(number).unwrap_or(0) % encoded.len().max(1)).map_or(&[][..], Vec::as_slice)
    };
    let share = hash.get(8).map_or(0.5, |byte| f32::from(*byte) / 255.0);
    let sum: Vec<f32> = pick(0).iter().zip(pick(4)).map(|(a, b)| a * share + b * (1.0 - share)).collect();
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
    sum.into_iter().map(|value| value / length).collect()
}
