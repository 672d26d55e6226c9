//! Stores of growing size: how fast a history goes in, how large it gets, and how long searches take then.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::generator::Generator;
use super::latency::{LatencyOptions, LatencyReport, latency};
use super::report::round;
use super::{Error, disk_error};
use crate::config::{Paths, Settings};
use crate::domain::{ContentHash, Ids, Timestamp};
use crate::memory::Memory;
use crate::store::{NewVector, Open, Store};

const SOURCE: &str = "bench";
/// Turns that go in together, as an import of transcripts does it.
const BATCH: u64 = 2_000;
/// Texts that the encoder embeds, at most one in ten; all other vectors are made from theirs.
const ENCODED: u64 = 1_500;
/// Parts that get vectors in one transaction.
const VECTOR_BATCH: usize = 4_000;
/// Questions that are asked.
const QUESTIONS: u64 = 60;

/// What one size came to.
#[derive(Debug, Serialize)]
pub struct ScaleReport {
    /// Turns a second on the way in, searchable by word afterwards; `None` when the store was there.
    pub turns_per_second: Option<f64>,
    /// Seconds of the first search: reading columns, coding all vectors and writing the shared files, and loading the
    /// encoder; `None` when the files were there.
    pub index_seconds: Option<f64>,
    /// Searches.
    #[serde(flatten)]
    pub latency: LatencyReport,
}

/// Makes a store of so many turns in `scratch`, unless it is there, and measures it. Its vectors are mixtures of those that
/// the encoder makes of some of its texts: a million texts would take it hours, and an index does not see the difference.
///
/// # Errors
/// When the store cannot be made, or there is no encoder.
pub fn scale(
    scratch: &Path,
    settings: &Settings,
    turns: u64,
    mut options: LatencyOptions,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<ScaleReport, Error> {
    let paths = Paths::resolve(Some(scratch.join(format!("turns-{turns}"))))?;
    let generator = Generator { turns, end: now };
    let done = paths.home().join("bench.json");
    let mark = format!("{{\"turns\": {turns}, \"version\": 1}}");
    let (mut turns_per_second, mut index_seconds) = (None, None);
    options.queries = generator.questions(QUESTIONS);
    if std::fs::read_to_string(&done).ok().as_deref() != Some(&mark) {
        let memory = Memory::open(&paths, settings.clone(), Open::Create, Ids::System, now)?;
        turns_per_second = Some(round(fill(&memory, &generator, now, talk)?));
        embed(&memory, &paths, &generator, now, talk)?;
        let start = Instant::now();
        if let Some(text) = options.queries.first() {
            memory.search(&super::latency::query(text, crate::domain::Mode::Hybrid), now)?;
        }
        index_seconds = Some(round(start.elapsed().as_secs_f64()));
        crate::disk::write_atomic(&done, mark.as_bytes()).map_err(disk_error(&done))?;
    }
    Ok(ScaleReport { turns_per_second, index_seconds, latency: latency(&paths, settings, &options, now, talk)? })
}

/// Turns a second.
#[expect(clippy::cast_precision_loss, reason = "a count, for people")]
fn fill(memory: &Memory, generator: &Generator, now: Timestamp, talk: &mut dyn FnMut(String)) -> Result<f64, Error> {
    // Making the texts is not part of what is measured.
    let mut seconds = 0.0;
    for first in (0..generator.turns).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let drafts = (first..(first + BATCH).min(generator.turns)).map(|turn| generator.draft(turn)).collect();
        let start = Instant::now();
        memory.import_drafts(SOURCE, drafts, Vec::new(), now)?;
        seconds += start.elapsed().as_secs_f64();
        if first % 100_000 == 0 {
            talk(format!("{first} of {} turns", generator.turns));
        }
    }
    let start = Instant::now();
    memory.settle()?;
    Ok(generator.turns as f64 / (seconds + start.elapsed().as_secs_f64()))
}

/// Gives every passage a vector between two that the encoder made.
fn embed(
    memory: &Memory,
    paths: &Paths,
    generator: &Generator,
    now: Timestamp,
    talk: &mut dyn FnMut(String),
) -> Result<(), Error> {
    let mut encoded = Vec::new();
    let count = (generator.turns / 10).clamp(1, ENCODED);
    for number in 0..count {
        let draft = generator.draft(number * (generator.turns / count));
        for part in draft.parts {
            encoded.push(memory.encode_question(&part.text)?);
        }
    }
    talk(format!("{} texts embedded; the other vectors are made from theirs", encoded.len()));
    let failed = crate::memory::Error::from;
    let store = Store::open(&paths.database(), Open::Existing, false, now).map_err(failed)?;
    let (model, _) = store.adopt_model(memory.encoder_model()?).map_err(failed)?;
    loop {
        let pending = store.pending(VECTOR_BATCH).map_err(failed)?;
        if pending.is_empty() {
            return Ok(());
        }
        let parts = pending.iter().map(|part| part.part).collect();
        let vector = |(passage, range): &(i64, std::ops::Range<usize>), text: &str| {
            let text_hash = ContentHash::of(text.get(range.clone()).unwrap_or("").trim());
            NewVector { passage: *passage, text_hash, vector: mixed(&encoded, &text_hash.0) }
        };
        let vectors = pending.iter().flat_map(|part| part.passages.iter().map(|place| vector(place, &part.text)));
        store.store_vectors(model, parts, vectors.collect()).map_err(failed)?;
    }
}

/// A point between two vectors, both chosen by the bytes of a hash.
fn mixed(encoded: &[Vec<f32>], hash: &[u8; 16]) -> Vec<f32> {
    let pick = |at: usize| {
        let number = hash.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        encoded.get(usize::try_from(number).unwrap_or(0) % encoded.len().max(1)).map_or(&[][..], Vec::as_slice)
    };
    let share = hash.get(8).map_or(0.5, |byte| f32::from(*byte) / 255.0);
    let sum: Vec<f32> = pick(0).iter().zip(pick(4)).map(|(a, b)| a * share + b * (1.0 - share)).collect();
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
    sum.into_iter().map(|value| value / length).collect()
}
