//! Acceptance tests: token ids and vector bits of ONNX Runtime, on every kernel that this processor can run; and the
//! integer product on inputs that would show a wrong bound, which texts alone do not.

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use serde_json::Value;
use zerocopy::IntoBytes as _;

use crate::kernel::{Kernel, KernelChoice, Lanes as _};
use crate::weights::{GROUP, Linear};
use crate::{COLUMNS, ForwardScratch, HIDDEN, MOST_TOKENS, ModelWeights, Processor, Vocabulary};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models").join(format!("e5-small-zhen.{name}"))
}

/// Reads a file of the model, aligned for numbers of eight bytes.
fn file(name: &str) -> &'static [u8] {
    let bytes = std::fs::read(path(name)).unwrap();
    let mut numbers = vec![0_u64; bytes.len().div_ceil(8)];
    numbers.as_mut_bytes()[..bytes.len()].copy_from_slice(&bytes);
    &numbers.leak().as_bytes()[..bytes.len()]
}

static WEIGHTS: LazyLock<ModelWeights<'static>> =
    LazyLock::new(|| ModelWeights::read(file("words.bin"), file("layers.bin")).unwrap());
static VOCABULARY: LazyLock<Vocabulary<'static>> = LazyLock::new(|| Vocabulary::read(file("vocabulary.bin")).unwrap());

/// Text with its expected ids and the bits of its expected vector.
struct Expected {
    text: String,
    ids: Vec<u32>,
    vector: Vec<u8>,
}

fn expected() -> Vec<Expected> {
    let lines = std::fs::read_to_string(path("expected.jsonl")).unwrap();
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = |id: &Value| u32::try_from(id.as_u64().unwrap()).unwrap();
        Expected {
            text: line["text"].as_str().unwrap().to_owned(),
            ids: line["ids"].as_array().unwrap().iter().map(id).collect(),
            vector: base64::engine::general_purpose::STANDARD.decode(line["vector"].as_str().unwrap()).unwrap(),
        }
    };
    lines.lines().map(read).collect()
}

#[test]
fn token_ids_are_those_of_the_tokenizers_package() {
    let expected = expected();
    assert!(expected.len() >= 200);
    for Expected { text, ids, .. } in expected {
        assert_eq!(VOCABULARY.encode(&text, MOST_TOKENS), ids, "{text:?}");
    }
}

#[test]
fn vectors_have_the_bits_of_onnx_runtime_on_every_kernel() {
    let expected = expected();
    for processor in Processor::all() {
        // The plain kernel is slow: a part of the short texts and one of middle length.
        let mut texts: Vec<&Expected> = expected.iter().collect();
        if processor == Processor::plain() {
            texts.sort_by_key(|text| text.ids.len());
            let middle = *texts.iter().find(|text| text.ids.len() > 100).unwrap();
            texts = texts.into_iter().take(expected.len() / 2).step_by(3).chain([middle]).collect();
        }
        let mut scratch = ForwardScratch::default();
        let wrong = texts.iter().filter(|text| {
            let vector = WEIGHTS.encode(&[&text.ids], processor, &mut scratch);
            vector[0].as_bytes() != text.vector
        });
        let wrong: Vec<&str> = wrong.map(|text| text.text.as_str()).collect();
        assert!(wrong.is_empty(), "{} of {} differ on {}: {wrong:?}", wrong.len(), texts.len(), processor.name());
    }
}

#[test]
fn texts_that_are_computed_together_have_the_bits_that_they_have_alone() {
    let expected = expected();
    let mut scratch = ForwardScratch::default();
    for texts in expected.chunks(7) {
        let ids: Vec<&[u32]> = texts.iter().map(|text| text.ids.as_slice()).collect();
        let vectors = WEIGHTS.encode(&ids, Processor::fastest(), &mut scratch);
        for (text, vector) in texts.iter().zip(vectors) {
            assert!(vector.as_bytes() == text.vector, "{:?}", text.text);
        }
    }
}

#[test]
fn what_is_too_long_or_unknown_or_empty_ends_no_process() {
    let mut scratch = ForwardScratch::default();
    let ids: Vec<u32> = (0..2000).map(|id| id * 1_000_003).collect();
    let vectors = WEIGHTS.encode(&[&[], &ids, &[u32::MAX]], Processor::fastest(), &mut scratch);
    let alone = WEIGHTS.encode(&[&ids[..MOST_TOKENS]], Processor::fastest(), &mut scratch);
    assert_eq!(vectors[0].as_bytes(), [0.0_f32; HIDDEN].as_bytes());
    assert_eq!(vectors[1].as_bytes(), alone[0].as_bytes());
    assert!(vectors[2].iter().all(|value| value.is_finite()));
    assert!(WEIGHTS.encode(&[], Processor::fastest(), &mut scratch).is_empty());
}

#[test]
fn damaged_files_are_refused() {
    let (words, layers, vocabulary) = (file("words.bin"), file("layers.bin"), file("vocabulary.bin"));
    assert!(ModelWeights::read(words, &layers[..layers.len() - 64]).is_err(), "cut off");
    assert!(ModelWeights::read(layers, words).is_err(), "the wrong file");
    assert!(Vocabulary::read(&vocabulary[..1000]).is_err(), "cut off");
    assert!(Vocabulary::read(&[]).is_err(), "empty");
    // The offsets of the first matrix follow its weights. One that leads out of the input would read foreign memory.
    let at = 64 + HIDDEN * HIDDEN * 3;
    let mut numbers = vec![0_u64; layers.len().div_ceil(8)];
    numbers.as_mut_bytes()[..layers.len()].copy_from_slice(layers);
    numbers.as_mut_bytes()[at..at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    let error = ModelWeights::read(words, &numbers.as_bytes()[..layers.len()]).unwrap_err();
    assert_eq!(error.to_string(), "an offset lies outside the input");
}

/// Returns the weights of a matrix, column by column, each in the order of the input.
fn columns(linear: &Linear<'_>) -> Vec<Vec<i8>> {
    let mut columns = Vec::new();
    for panel in linear.panels() {
        let mut sixteen = vec![vec![0_i8; panel.inputs]; COLUMNS];
        for (group, offset) in panel.groups.iter().zip(panel.offsets) {
            for (column, weights) in sixteen.iter_mut().zip(group.as_chunks::<GROUP>().0) {
                column[usize::from(*offset)..][..GROUP].copy_from_slice(weights);
            }
        }
        columns.extend(sixteen);
    }
    columns
}

/// Compares the products of rows that drive sums of 16 bits to their ends with sums of 32 bits.
fn check_worst_inputs<K: Kernel>(kernel: K, linear: &Linear<'_>) {
    let columns = columns(linear);
    for (panel, columns) in linear.panels().zip(columns.chunks(COLUMNS)) {
        let mut rows = vec![vec![255_u8; panel.inputs], vec![0; panel.inputs]];
        for column in columns {
            rows.push(column.iter().map(|weight| if *weight > 0 { 255 } else { 0 }).collect());
            rows.push(column.iter().map(|weight| if *weight < 0 { 255 } else { 0 }).collect());
        }
        let check = |rows: &[Vec<u8>], sums: &[[[f32; 8]; 2]]| {
            for (row, sums) in rows.iter().zip(sums) {
                for (column, sum) in columns.iter().zip(sums.as_flattened()) {
                    let products = row.iter().zip(column).map(|(byte, weight)| i32::from(*byte) * i32::from(*weight));
                    #[expect(clippy::cast_precision_loss, reason = "below 2^24 times a rounding that both have")]
                    let exact = products.sum::<i32>() as f32;
                    assert_eq!(exact.to_bits(), sum.to_bits());
                }
            }
        };
        let numbers = |sums: [K::Sums; 2]| sums.map(|sums| kernel.subtract(sums, kernel.splat_sums(0)).to_array());
        for three in rows.chunks_exact(3) {
            let sums = kernel.multiply([&three[0], &three[1], &three[2]], &panel).map(numbers);
            check(three, &sums);
        }
        let (one, two) = (&rows[rows.len() - 1..], &rows[rows.len() - 3..rows.len() - 1]);
        check(one, &kernel.multiply([&one[0]], &panel).map(numbers));
        check(two, &kernel.multiply([&two[0], &two[1]], &panel).map(numbers));
    }
}

#[test]
fn the_integer_product_is_exact_for_the_worst_inputs() {
    for processor in Processor::all() {
        for layer in &WEIGHTS.layers {
            for linear in [&layer.queries_keys_values, &layer.attended, &layer.inner, &layer.outer] {
                match processor.0 {
                    // The reference for the others.
                    KernelChoice::Plain(_) => {}
                    #[cfg(target_arch = "x86_64")]
                    KernelChoice::Avx2(kernel) => check_worst_inputs(kernel, linear),
                    #[cfg(target_arch = "x86_64")]
                    KernelChoice::Vnni(kernel) => check_worst_inputs(kernel, linear),
                    #[cfg(target_arch = "x86_64")]
                    KernelChoice::WideVnni(kernel) => check_worst_inputs(kernel, linear),
                    #[cfg(target_arch = "aarch64")]
                    Choice::Neon(kernel) => check_worst_inputs(kernel, linear),
                    #[cfg(target_arch = "aarch64")]
                    Choice::DotProduct(kernel) => check_worst_inputs(kernel, linear),
                }
            }
        }
    }
}
