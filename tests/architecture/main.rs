//! The walls between the modules of `src/`: which may name which, which crate belongs to which, which read a clock,
//! and that files inside a module do not depend on each other in circles. One package, so the compiler holds none of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod circles;
mod features;
mod names;
mod sources;

use sources::SourceFile;

/// A module of `src/`, its layer, the modules that it may name, and the crates that only it may name.
struct Module {
    name: &'static str,
    uses: &'static [&'static str],
    crates: &'static [&'static str],
    /// Below the bridge: no async, no output, no clock.
    is_synchronous: bool,
}

const MODULES: &[Module] = &[
    Module {
        name: "domain",
        uses: &[],
        crates: &["aho_corasick", "regex", "regex_lite", "rust_stemmers", "unicode_normalization"],
        is_synchronous: true,
    },
    Module { name: "disk", uses: &["domain"], crates: &[], is_synchronous: true },
    Module {
        name: "config",
        uses: &["disk", "domain"],
        crates: &["etcetera", "strsim", "toml_edit"],
        is_synchronous: true,
    },
    Module {
        name: "render",
        uses: &["domain"],
        crates: &["pulldown_cmark", "similar", "unicode_width"],
        is_synchronous: true,
    },
    Module { name: "import", uses: &["config", "disk", "domain"], crates: &["zip", "rusqlite"], is_synchronous: true },
    Module { name: "store", uses: &["disk", "domain"], crates: &["rusqlite", "half"], is_synchronous: true },
    Module {
        name: "embed",
        uses: &["disk", "domain"],
        crates: &["claude_memory_encoder", "fastembed", "ort", "tokenizers"],
        is_synchronous: true,
    },
    Module { name: "repository", uses: &["disk", "domain"], crates: &[], is_synchronous: true },
    Module { name: "clients", uses: &["disk", "domain"], crates: &["jsonc_parser", "toml_edit"], is_synchronous: true },
    Module { name: "vector", uses: &["disk", "domain"], crates: &["hnsw_rs", "anndists"], is_synchronous: true },
    Module {
        name: "memory",
        uses: &["config", "disk", "domain", "embed", "import", "repository", "store", "vector"],
        crates: &[],
        is_synchronous: true,
    },
    Module { name: "bridge", uses: &["domain"], crates: &[], is_synchronous: false },
    Module {
        name: "bench",
        uses: &["config", "disk", "domain", "embed", "import", "memory", "repository", "store", "vector"],
        crates: &[],
        is_synchronous: false,
    },
    Module {
        name: "backup",
        uses: &["config", "disk", "domain", "memory", "store"],
        crates: &["tar", "age"],
        is_synchronous: false,
    },
    Module {
        name: "monitor",
        uses: &["backup", "config", "disk", "domain", "memory", "store"],
        crates: &["prometheus", "sysinfo", "ureq"],
        is_synchronous: false,
    },
    Module {
        name: "system",
        uses: &["backup", "config", "disk", "domain", "memory", "monitor", "store"],
        crates: &[],
        is_synchronous: false,
    },
    Module {
        name: "report",
        uses: &["backup", "config", "disk", "domain", "memory", "monitor", "store"],
        crates: &[],
        is_synchronous: false,
    },
    Module {
        name: "export",
        uses: &["domain", "import", "memory", "render", "store"],
        crates: &[],
        is_synchronous: false,
    },
    Module {
        name: "sync",
        uses: &["config", "disk", "domain", "memory", "store", "vector"],
        crates: &[
            "ed25519_dalek",
            "tokio_postgres",
            "pgvector",
            "tokio_postgres_rustls",
            "rustls",
            "rustls_native_certs",
            "ureq",
        ],
        is_synchronous: false,
    },
    Module {
        name: "mcp",
        uses: &["backup", "bridge", "config", "domain", "embed", "memory", "monitor", "store", "sync"],
        crates: &["rmcp", "schemars"],
        is_synchronous: false,
    },
    Module {
        name: "hooks",
        uses: &["config", "disk", "domain", "import", "mcp", "memory", "store"],
        crates: &[],
        is_synchronous: false,
    },
    Module {
        name: "http",
        uses: &["bridge", "config", "disk", "domain", "mcp", "memory", "monitor", "render", "report", "sync"],
        crates: &["axum", "hyper", "hyper_util"],
        is_synchronous: false,
    },
    Module {
        name: "service",
        uses: &[
            "backup", "bridge", "config", "domain", "embed", "http", "import", "mcp", "memory", "monitor", "sync",
            "system",
        ],
        crates: &["notify", "sd_notify"],
        is_synchronous: false,
    },
    Module {
        name: "cli",
        uses: &[
            "backup", "bench", "bridge", "clients", "config", "disk", "domain", "embed", "export", "hooks", "http",
            "import", "mcp", "memory", "monitor", "render", "report", "service", "store", "sync", "system",
        ],
        crates: &[
            "similar",
            "open",
            "clap",
            "clap_complete",
            "clap_mangen",
            "console",
            "ratatui",
            "unicode_width",
            "indicatif",
            "tracing_subscriber",
        ],
        is_synchronous: false,
    },
];

/// Names of the clock and of waiting. Answers below the bridge depend on `now`, which is an argument.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", "thread::sleep"];

/// Files below the bridge that may read a clock, and why.
const MAY_READ_CLOCK: &[(&str, &str)] = &[
    ("src/domain/time.rs", "the one place that reads the time of day, for callers above the bridge"),
    ("src/embed/idle_cache.rs", "unloads a model of the user that was idle for long"),
    ("src/embed/model_trial.rs", "measures how fast a model is"),
    ("src/embed/reranker_trial.rs", "measures how fast a reranker is"),
    ("src/memory/state/search_activity.rs", "background work pauses while a search runs"),
    ("src/memory/search/mod.rs", "measures the stages of a search"),
    ("src/store/connection.rs", "SQLite does not say when another process has turned the write-ahead log on"),
];

fn module(name: &str) -> &'static Module {
    MODULES.iter().find(|module| module.name == name).unwrap()
}

#[test]
fn every_folder_is_a_listed_module_and_every_file_says_what_it_owns() {
    for entry in std::fs::read_dir(sources::root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_known = MODULES.iter().any(|module| module.name == name) || ["lib.rs", "main.rs"].contains(&&*name);
        assert!(is_known, "src/{name} is not in the list of modules");
    }
    for SourceFile { path, text, .. } in sources::all() {
        assert!(text.starts_with("//! "), "{path} does not open by saying what it owns");
        let lines = text.lines().count();
        assert!(lines <= 620, "{path} has {lines} lines: split it by responsibility");
    }
}

#[test]
fn modules_name_only_the_modules_that_they_may() {
    for file in sources::all() {
        let Some(own) = file.top_module() else { continue };
        for named in names::of(file).iter().filter_map(|path| path.first()) {
            let is_module = MODULES.iter().any(|module| module.name == *named) && named != own;
            let may = module(own).uses.contains(&named.as_str());
            assert!(!is_module || may, "{} names `{named}`, which `{own}` may not", file.path);
        }
    }
}

#[test]
fn the_listed_modules_have_no_cycle() {
    for (at, module) in MODULES.iter().enumerate() {
        for used in module.uses {
            let is_before = MODULES.iter().take(at).any(|earlier| earlier.name == *used);
            assert!(is_before, "`{}` may use `{used}`, which is listed after it", module.name);
        }
    }
}

#[test]
fn crates_belong_to_their_modules() {
    for file in sources::all() {
        let Some(own) = file.top_module() else { continue };
        let named = names::external(file);
        for owner in MODULES {
            for name in owner.crates.iter().filter(|name| !module(own).crates.contains(name)) {
                assert!(!named.contains(*name), "{} names `{name}`, which only `{}` may", file.path, owner.name);
            }
        }
    }
}

#[test]
fn below_the_bridge_nothing_is_async_prints_or_reads_a_clock() {
    for file in sources::all() {
        let Some(own) = file.top_module() else { continue };
        let code = names::code_without_tests(file);
        if module(own).is_synchronous {
            for word in ["async fn", "tokio ::", "std :: env ::", "println !", "io :: stdout", "process :: exit"] {
                let may = own == "config" && word == "std :: env ::";
                assert!(!code.contains(word) || may, "{} contains {word:?}", file.path);
            }
            for clock in CLOCKS {
                let may = MAY_READ_CLOCK.iter().any(|(path, _)| *path == file.path);
                assert!(!code.contains(&clock.replace("::", " :: ")) || may, "{} reads {clock}", file.path);
            }
        }
        if own == "domain" {
            assert!(!code.contains("Serialize"), "{}: domain types have no wire form", file.path);
        }
    }
}

/// Modules and files that read what others wrote or placed: a FIFO or a device there must not hang the process.
const READS_FOREIGN_FILES: &[&str] = &[
    "src/clients/",
    "src/config/",
    "src/disk/checkout.rs",
    "src/embed/",
    "src/hooks/",
    "src/import/",
    "src/memory/write/forks.rs",
    "src/memory/write/ingest.rs",
    "src/sync/",
];

#[test]
fn files_of_others_are_opened_in_one_way() {
    let opens = ["fs :: read (", "fs :: read_to_string (", "File :: open (", "File :: options (", "OpenOptions ::"];
    let mut seen = 0;
    for file in
        sources::all().iter().filter(|file| READS_FOREIGN_FILES.iter().any(|place| file.path.starts_with(place)))
    {
        let code = names::code_without_tests(file);
        seen += 1;
        for open in opens {
            let is_own = |at: usize| code.get(..at).is_some_and(|before| before.ends_with("Foreign"));
            let is_direct = code.match_indices(open).any(|(at, _)| !is_own(at));
            assert!(!is_direct, "{} opens a file with `{open}`: use `disk::ForeignFile`", file.path);
        }
    }
    assert!(seen > 60, "only {seen} files were looked at");
}

#[test]
fn files_of_a_module_do_not_depend_on_each_other_in_circles() {
    let found = circles::find(sources::all());
    assert!(found.is_empty(), "circles of files: {found:#?}");
}

fn names_memory(file: &SourceFile) -> bool {
    names::of(file).iter().any(|path| path.first().is_some_and(|name| name == "memory"))
}

/// The forms in which an import was once overlooked, each put into a file of `domain`.
#[test]
fn the_walls_see_every_way_to_name_a_module() {
    let forbidden = [
        "use crate::memory::Memory;",
        "use crate::{domain::Code, memory::Memory};",
        "use crate::{\n    disk,\n    memory::Memory,\n};",
        "use super::super::memory::Memory;",
        "#[cfg(test)]\nmod contract;\n\nuse crate::memory::Memory;",
        "fn f() { crate::memory::Memory::open(); }",
        "fn f() { vec![crate::memory::Memory::open()]; }",
        "mod inner { use super::super::super::memory::Memory; }",
        "type T = Vec<crate::memory::Memory>;",
    ];
    for text in forbidden {
        let file = SourceFile::new("src/domain/probe.rs", text);
        assert!(names_memory(&file), "{text:?} names {:?}", names::of(&file));
    }
    let allowed = [
        "// use crate::memory::Memory;",
        "#[cfg(test)]\nmod tests { use crate::memory::Memory; }",
        "use super::memory::Local;",
        "fn f() { memory::local(); }",
    ];
    for text in allowed {
        let file = SourceFile::new("src/domain/probe.rs", text);
        assert!(!names_memory(&file), "{text:?} names {:?}", names::of(&file));
    }
}
