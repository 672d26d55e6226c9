//! The walls between the rooms: who may name whom, which crate belongs to which room, what no room may do.
//! Inside one package the compiler does not hold them.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// Room, its height, and the crates that only it may name.
const ROOMS: &[(&str, u8, &[&str])] = &[
    ("domain", 0, &["aho_corasick", "regex", "regex_lite", "rust_stemmers", "unicode_normalization"]),
    ("config", 1, &["etcetera", "strsim", "toml_edit"]),
    ("disk", 1, &[]),
    ("import", 1, &["zip", "rusqlite"]),
    ("store", 2, &["rusqlite", "half"]),
    ("embed", 2, &["claude_memory_encoder", "fastembed", "ort", "tokenizers"]),
    ("clients", 2, &["jsonc_parser", "toml_edit"]),
    ("vector", 2, &["hnsw_rs", "anndists"]),
    ("memory", 3, &[]),
    ("bridge", 4, &[]),
    ("bench", 5, &[]),
    ("ops", 5, &["tar", "prometheus", "sysinfo", "ureq", "age"]),
    (
        "sync",
        5,
        &["tokio_postgres", "pgvector", "tokio_postgres_rustls", "rustls", "rustls_native_certs", "qdrant_client"],
    ),
    ("mcp", 6, &["rmcp", "schemars"]),
    ("hooks", 7, &[]),
    ("http", 7, &["axum"]),
    ("service", 8, &["notify", "sd_notify"]),
    (
        "cli",
        9,
        &[
            "similar",
            "open",
            "clap",
            "clap_complete",
            "clap_mangen",
            "ratatui",
            "indicatif",
            "ctrlc",
            "tracing_subscriber",
        ],
    ),
];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn room_sources() -> Vec<(&'static str, u8, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for (room, height, _) in ROOMS {
        let files = sources(&root.join(room)).into_iter().filter(|(path, _)| !path.ends_with("tests.rs"));
        all.extend(files.map(|(path, text)| (*room, *height, path, text)));
    }
    all
}

/// The text without comments and without its tests, whose needs are other ones.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Whether the code names the crate: `ort::` but not `import::`.
fn names(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_' || character == ':')
    })
}

#[test]
fn every_folder_is_a_room_and_every_file_says_what_it_owns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(&root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let known = ROOMS.iter().any(|(room, ..)| *room == name) || ["lib.rs", "main.rs"].contains(&name.as_str());
        assert!(known, "src/{name} is not a room");
    }
    for (path, text) in sources(&root) {
        assert!(text.starts_with("//! "), "{} does not open by saying what it owns", path.display());
        let lines = text.lines().count();
        assert!(lines <= 620, "{} has {lines} lines: split it by responsibility", path.display());
    }
}

#[test]
fn rooms_name_only_lower_rooms() {
    for (room, height, path, text) in room_sources() {
        let code = code(&text);
        for (other, other_height, _) in ROOMS {
            let named = code.contains(&format!("crate::{other}::")) || code.contains(&format!("crate::{{{other}"));
            let allowed = *other == room || *other_height < height;
            assert!(!named || allowed, "{} names room `{other}`, which is not below `{room}`", path.display());
        }
    }
}

#[test]
fn crates_belong_to_their_rooms() {
    for (room, _, path, text) in room_sources() {
        let code = code(&text);
        let own = ROOMS.iter().find(|(name, ..)| *name == room).map_or(&[][..], |(_, _, crates)| crates);
        for (owner, _, crates) in ROOMS {
            for name in crates.iter().filter(|name| !own.contains(name)) {
                assert!(!names(&code, name), "{} names `{name}`, which only `{owner}` may", path.display());
            }
        }
    }
}

#[test]
fn below_the_bridge_nothing_is_async_or_prints_or_serialises_the_domain() {
    for (room, height, path, text) in room_sources() {
        let code = code(&text);
        if height <= 3 {
            for word in ["async fn", "tokio", "std::env::", "println", "std::io::stdout", "std::process::exit"] {
                let allowed = room == "config" && word == "std::env::";
                assert!(!code.contains(word) || allowed, "{} contains {word:?}", path.display());
            }
        }
        if room == "domain" {
            assert!(!code.contains("Serialize"), "{}: domain types have no wire form", path.display());
        }
    }
}
