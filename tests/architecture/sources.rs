//! The source files, and where each stands in the tree of modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::names::NamedPaths;

/// A file of `src/`.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Path from the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Read from the text once.
    pub(crate) paths: OnceLock<NamedPaths>,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), paths: OnceLock::new() }
    }

    /// Segments of the module that the file is: `src/store/words/mod.rs` is `store::words`.
    pub(crate) fn module_path(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').map(str::to_owned).collect()
    }

    /// The module of `src/` that the file is in; `None` for `lib.rs` and `main.rs`.
    pub(crate) fn top_module(&self) -> Option<&str> {
        self.path.trim_start_matches("src/").split_once('/').map(|(module, _)| module)
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads all files of `src/` but those of the encoder, which is a package of its own, and those that hold only tests.
pub(crate) fn all() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(read_all)
}

fn read_all() -> Vec<SourceFile> {
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    let tests: Vec<String> = found.iter().flat_map(super::names::files_of_tests).collect();
    found.retain(|file| !tests.contains(&file.path) && !file.path.starts_with("src/embed/encoder/"));
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().components().map(|part| part.as_os_str().to_string_lossy());
            let name = name.collect::<Vec<_>>().join("/");
            found.push(SourceFile::new(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}
