//! The built-in encoder beside ONNX Runtime with the same weights, text by text in turns, one thread each.
//!
//!     cargo bench --bench encoder -- [FILE]
//!
//! `FILE` has one JSON string a line; without it texts are made up. Prints one JSON object: for several lengths the tokens that
//! each computes in a second of CPU, from the least time of three rounds, their ratio, and how many vectors are equal bit by bit.
//! Unpacks the graph and the library of this platform from `models/`.
#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a bench may speak")]
#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::path::{Path, PathBuf};

use claude_memory::testing::bench::HistoryGenerator;
use claude_memory::testing::domain::Timestamp;
use claude_memory_encoder::{ForwardScratch, HIDDEN, MOST_TOKENS, ModelWeights, Processor, Vocabulary};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::Tensor;
use zerocopy::IntoBytes as _;

/// Name, tokens from and to, texts computed together, texts.
const SETS: [(&str, usize, usize, usize, usize); 4] = [
    ("passages of 100 to 200 tokens", 100, 200, 1, 40),
    ("questions of 10 to 30 tokens", 10, 30, 1, 100),
    ("the same, 4 together", 10, 30, 4, 100),
    ("the same, 16 together", 10, 30, 16, 96),
];
const ROUNDS: usize = 3;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

/// A file of the model, aligned for numbers of eight bytes.
fn file(name: &str) -> &'static [u8] {
    let bytes = std::fs::read(models().join(format!("e5-small-zhen.{name}"))).unwrap();
    let mut numbers = vec![0_u64; bytes.len().div_ceil(8)];
    numbers.as_mut_bytes().get_mut(..bytes.len()).unwrap().copy_from_slice(&bytes);
    numbers.leak().as_bytes().get(..bytes.len()).unwrap()
}

fn unpacked(name: &str) -> Vec<u8> {
    zstd::decode_all(std::fs::File::open(models().join(name)).unwrap()).unwrap()
}

/// Seconds of CPU that this process has used.
fn cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: the call writes to the structure it is given.
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time);
    }
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// The mean of the last layer, as ONNX Runtime computes it.
fn oracle(session: &mut Session, ids: &[u32]) -> Vec<f32> {
    let tokens = ids.iter().map(|id| i64::from(*id)).collect::<Vec<_>>();
    let mask = Tensor::from_array(([1, ids.len()], vec![1_i64; ids.len()])).unwrap();
    let tokens = Tensor::from_array(([1, ids.len()], tokens)).unwrap();
    let outputs = session.run(ort::inputs!["input_ids" => tokens, "attention_mask" => mask]).unwrap();
    let (_, state) = outputs.get("last_hidden_state").unwrap().try_extract_tensor::<f32>().unwrap();
    let mut mean = vec![0.0_f32; HIDDEN];
    for row in state.chunks_exact(HIDDEN) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 512")]
    mean.iter_mut().for_each(|sum| *sum /= ids.len() as f32);
    mean
}

fn texts() -> Vec<String> {
    if let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        let lines = std::fs::read_to_string(path).unwrap();
        return lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    }
    let generator = HistoryGenerator { turns: 2_000, end: Timestamp::from_milliseconds(0) };
    let parts = (0..2_000).flat_map(|turn| generator.generate_draft(turn).parts);
    parts.flat_map(|part| [part.text.chars().take(60).collect(), part.text]).collect()
}

fn main() {
    let folder = std::env::temp_dir().join(format!("claude-memory-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let runtime = if cfg!(target_arch = "aarch64") { "linux-arm64.so" } else { "linux-x64.so" };
    let library = folder.join("onnxruntime.so");
    std::io::copy(
        &mut &*unpacked(&format!("runtime/onnxruntime-1.24.4-{runtime}.zst")),
        &mut std::fs::File::create(&library).unwrap(),
    )
    .unwrap();
    let environment = ort::init_from(&library).unwrap().with_name("bench").with_telemetry(false).build().unwrap();
    let builder =
        Session::builder(&environment).unwrap().with_optimization_level(GraphOptimizationLevel::Level3).unwrap();
    let mut session =
        builder.with_intra_threads(1).unwrap().commit_from_memory(&unpacked("e5-small-zhen-int8.onnx.zst")).unwrap();
    let weights = ModelWeights::read(file("words.bin"), file("layers.bin")).unwrap();
    let vocabulary = Vocabulary::read(file("vocabulary.bin")).unwrap();
    let ids: Vec<Vec<u32>> = texts().iter().map(|text| vocabulary.encode(text, MOST_TOKENS)).collect();
    let (processor, mut scratch) = (Processor::fastest(), ForwardScratch::default());
    let mut report = serde_json::Map::new();
    report.insert("instructions".to_owned(), processor.name().into());
    for (name, low, high, together, count) in SETS {
        let some: Vec<&[u32]> =
            ids.iter().map(Vec::as_slice).filter(|ids| (low..=high).contains(&ids.len())).take(count).collect();
        let (mut own, mut other) = (vec![f64::MAX; some.len()], vec![f64::MAX; some.len()]);
        let mut equal = 0;
        for _ in 0..ROUNDS {
            let places = own.chunks_mut(together).zip(other.chunks_mut(together));
            equal = 0;
            for (texts, (own, other)) in some.chunks(together).zip(places) {
                let start = cpu();
                let vectors = weights.encode(texts, processor, &mut scratch);
                #[expect(clippy::cast_precision_loss, reason = "a count")]
                let each = (cpu() - start) / texts.len() as f64;
                own.iter_mut().for_each(|least| *least = least.min(each));
                for ((text, vector), least) in texts.iter().zip(vectors).zip(other) {
                    let start = cpu();
                    let expected = oracle(&mut session, text);
                    *least = least.min(cpu() - start);
                    equal += usize::from(vector.as_bytes() == expected.as_bytes());
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let tokens = some.iter().map(|ids| ids.len()).sum::<usize>() as f64;
        let speed = |times: &[f64]| (tokens / times.iter().sum::<f64>()).round();
        report.insert(
            name.to_owned(),
            serde_json::json!({
                "texts": some.len(), "equal": equal, "own": speed(&own), "onnx_runtime": speed(&other),
                "ratio": (speed(&own) / speed(&other) * 100.0).round() / 100.0,
            }),
        );
    }
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    std::fs::remove_dir_all(folder).unwrap();
}
