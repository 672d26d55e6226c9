//! End-to-end tests of the real binary, one file per journey, one test binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::format_collect,
    reason = "tests may panic, speak and break things on purpose"
)]

mod accounting;
mod agent_databases;
mod agent_histories;
mod agents;
mod alerting;
mod backups;
mod bad_input;
mod browsing;
mod claude_code;
mod client;
mod codex;
mod codex_transcripts;
mod command_line;
mod conformance;
mod conformance_fixtures;
mod connections;
mod copied_text;
mod cross_encoder;
mod data_folder;
mod decisions;
mod deleted_copies;
mod demo;
mod distribution;
mod doctor;
mod documents;
mod drift;
mod edits;
mod export_shapes;
mod exporting;
mod features;
mod forgetting;
mod fuzzing;
mod gemini;
mod gemini_transcripts;
mod guides;
mod history;
mod home;
mod hooks;
mod hostile_files;
mod hostile_settings;
mod http;
mod http_matrix;
mod importers;
mod importing;
mod indexing;
mod installing;
mod installing_entries;
mod json_snapshots;
mod limits;
mod maintaining;
mod mcp;
mod model;
mod models;
mod moments;
mod monitoring;
mod operating;
mod outgoing;
mod page;
mod peers;
mod postgres;
mod priority;
mod production;
mod projects;
mod protocol;
mod provenance;
mod qdrant;
mod quarantine;
mod reference;
mod rendering;
mod rerankers;
mod retrieval;
mod runbook;
mod saving;
mod schemas;
mod searching;
mod secrets;
mod serving;
mod signed_places;
mod stores;
mod supply_chain;
mod surfaces;
mod syncing;
mod thresholds;
mod tokens;
mod tools;
mod webhook;
mod why;

#[test]
fn no_file_is_forgotten() {
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(stem) = name.strip_suffix(".rs").filter(|stem| *stem != "main") {
            assert!(main.contains(&format!("mod {stem};")), "tests/it/{name} is not part of the binary");
        }
    }
}
