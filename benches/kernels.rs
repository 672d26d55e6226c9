//! The inner loops, one by one: splitting text into words, taking secrets out, counting a request,
//! coding a vector, comparing codes and signs.
//!
//!     cargo bench --bench kernels
//!
//! Prints one JSON object with nanoseconds for each, the median of several rounds. Measures this machine now; nothing is
//! asserted. Whole searches are measured by `claude-memory bench latency`.
#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a bench may speak")]

use std::hint::black_box;
use std::time::Instant;

use claude_memory::testing::bench::HistoryGenerator;
use claude_memory::testing::domain::Timestamp;
use claude_memory::testing::domain::text::passages;
use claude_memory::testing::domain::text::redact::{RedactionCounts, Redactor};
use claude_memory::testing::domain::text::terms::TermExtractor;
use claude_memory::testing::domain::{ContentHash, PartKind};
use claude_memory::testing::monitor::metrics::Metrics;
use claude_memory::testing::vector::{LabelFilter, SearchEffort, VectorIndex};

const ROUNDS: usize = 9;
const DIMENSIONS: usize = 384;
/// Enough that signs are compared first.
const VECTORS: u32 = 50_000;

/// Nanoseconds of one of `count` repetitions, the median of the rounds.
#[expect(clippy::cast_precision_loss, reason = "a count")]
fn nanoseconds(count: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..=ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / count as f64
        })
        .collect();
    // The first round warms.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    times.get(ROUNDS / 2).copied().unwrap_or_default().round()
}

/// A vector between two of a few directions, as those of texts lie.
fn vector(number: u32) -> Vec<f32> {
    let part = |seed: u32, at: u32| {
        let hash = ContentHash::of_parts(&[&seed.to_le_bytes(), &at.to_le_bytes()]).0;
        f32::from(hash.first().copied().unwrap_or(0)) / 128.0 - 1.0
    };
    let (a, b) = (number % 97, 1000 + number % 89);
    let values = (0_u32..).take(DIMENSIONS).map(|at| part(a, at) + part(b, at) + 0.2 * part(2000 + number % 1013, at));
    let values: Vec<f32> = values.collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    values.into_iter().map(|value| value / length).collect()
}

fn main() {
    let generator = HistoryGenerator { turns: 1_000, end: Timestamp::from_milliseconds(0) };
    let texts: Vec<String> =
        (0..1_000).flat_map(|turn| generator.generate_draft(turn).parts).map(|part| part.text).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut report = serde_json::Map::new();
    let mut note = |name: &str, value: f64| {
        report.insert(name.to_owned(), value.into());
    };
    let terms = TermExtractor::default();
    let words = nanoseconds(bytes / 1024, || {
        texts.iter().for_each(|text| {
            terms.for_each_term(text, &mut |term| {
                black_box(term);
            });
        });
    });
    note("terms_of_1_kib", words);
    let redactor = Redactor::new([7; 32], Vec::new());
    let clean = nanoseconds(bytes / 1024, || {
        texts.iter().for_each(|text| {
            black_box(redactor.redact(text, &mut RedactionCounts::new()));
        });
    });
    note("redact_1_kib", clean);
    let cut = nanoseconds(bytes / 1024, || {
        texts.iter().for_each(|text| {
            black_box(passages::split_text(PartKind::Text, text));
        });
    });
    note("cut_1_kib_into_passages", cut);
    let metrics = Metrics::default();
    note(
        "count_a_request",
        nanoseconds(1_000, || {
            for _ in 0..1_000 {
                metrics.count_request(
                    "tools/call",
                    black_box("memory_search"),
                    true,
                    std::time::Duration::from_millis(3),
                );
            }
        }),
    );
    time_vector_search(&mut note);
    println!("{}", serde_json::Value::Object(report));
}

fn time_vector_search(note: &mut dyn FnMut(&str, f64)) {
    let queries: Vec<Vec<f32>> = (0..50).map(|number| vector(number * 991 + 13)).collect();
    let mut index = VectorIndex::new(DIMENSIONS);
    (0..VECTORS).for_each(|label| index.insert(label, &vector(label)));
    note(
        "code_a_query",
        nanoseconds(queries.len(), || {
            queries.iter().for_each(|query| {
                black_box(index.quantise_query(query));
            });
        }),
    );
    for (name, effort) in
        [("nearest_of_50000_quick", SearchEffort::Quick), ("nearest_of_50000_exact", SearchEffort::Exact)]
    {
        note(
            name,
            nanoseconds(queries.len(), || {
                for query in &queries {
                    let _ = black_box(index.find_nearest(&index.quantise_query(query), 10, &LabelFilter::All, effort));
                }
            }),
        );
    }
    let some: Vec<u32> = (0..VECTORS).step_by(100).collect();
    note(
        "nearest_of_500_allowed_of_50000",
        nanoseconds(queries.len(), || {
            for query in &queries {
                let _ = black_box(index.find_nearest(
                    &index.quantise_query(query),
                    10,
                    &LabelFilter::Only(&some),
                    SearchEffort::Quick,
                ));
            }
        }),
    );
}
