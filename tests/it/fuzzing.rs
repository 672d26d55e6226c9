//! The fuzzer's targets on its corpus, and on as many mutations of it as time allows here. `tests/fuzz/record` lets the real
//! fuzzer look for new ones.

use std::path::Path;

use claude_memory::testing::domain::random::SplitMix64;

use crate::home::say;

#[path = "../fuzz/targets.rs"]
mod targets;

/// Inputs of one target: with every `cargo test`, and in CI.
const QUICK: u64 = 300;
const CI: u64 = 20_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A few bytes changed, left out, doubled, or taken from another seed.
fn mutated(seeds: &[Vec<u8>], mut random: SplitMix64) -> Vec<u8> {
    let mut pick = |length: usize| usize::try_from(random.next() % length.max(1) as u64).unwrap();
    let mut bytes = seeds[pick(seeds.len())].clone();
    for _ in 0..=pick(4) {
        let (at, length) = (pick(bytes.len()), pick(16));
        let end = (at + length).min(bytes.len());
        match pick(6) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << pick(8)),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.splice(at..at, b"\0\xff\"{}[]:,\\\n\x1b%'"[..pick(15)].to_vec()).for_each(drop),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(1 + pick(40))).for_each(drop);
            }
            4 => {
                let other = &seeds[pick(seeds.len())];
                let from = pick(other.len());
                bytes.splice(at..end, other[from..(from + pick(60)).min(other.len())].to_vec()).for_each(drop);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn replay(target: &str) {
    let run = targets::TARGETS.iter().find(|(name, _)| *name == target).unwrap().1;
    let seeds = corpus(target);
    assert!(seeds.len() >= 8, "{target} has {} seeds", seeds.len());
    seeds.iter().for_each(|seed| run(seed));
    let count = if std::env::var_os("CI").is_some() { CI } else { QUICK };
    for number in 0..count {
        let input = mutated(&seeds, SplitMix64((number + 1).wrapping_mul(0x1234_5678_9abc_def1)));
        let outcome = std::panic::catch_unwind(|| run(&input));
        assert!(outcome.is_ok(), "{target} on input {number}: {:?}", String::from_utf8_lossy(&input));
    }
    say(&format!("fuzzing {target}: {} seeds and {count} mutations", seeds.len()));
}

#[test]
fn jsonrpc() {
    replay("jsonrpc");
}

#[test]
fn http() {
    replay("http");
}

#[test]
fn transcript_line() {
    replay("transcript_line");
}

#[test]
fn import_file() {
    replay("import_file");
}

#[test]
fn query() {
    replay("query");
}

#[test]
fn webhook() {
    replay("webhook");
}

#[test]
fn config() {
    replay("config");
}

#[test]
fn redaction() {
    replay("redaction");
}

#[test]
fn bundle() {
    replay("bundle");
}
