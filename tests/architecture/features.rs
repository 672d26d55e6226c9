//! The parts that a build may leave out: which feature brings which crates, which module owns it, and that nothing else
//! of the program depends on either.

use std::collections::BTreeSet;

use super::sources::{self, SourceFile};
use super::{module, names};

/// A feature of the manifest that leaves a part out.
struct Feature {
    name: &'static str,
    /// The module that the part is in.
    owner: &'static str,
    /// The optional crates that it brings.
    crates: &'static [&'static str],
}

const FEATURES: &[Feature] = &[
    Feature {
        name: "production",
        owner: "sync",
        crates: &["pgvector", "rustls", "rustls_native_certs", "tokio_postgres", "tokio_postgres_rustls"],
    },
    Feature { name: "encrypted-backups", owner: "backup", crates: &["age"] },
    Feature { name: "terminal", owner: "cli", crates: &["ratatui"] },
    Feature { name: "graph", owner: "vector", crates: &["anndists", "hnsw_rs"] },
];

fn manifest() -> toml::Table {
    std::fs::read_to_string(sources::root().join("Cargo.toml")).unwrap().parse().unwrap()
}

#[test]
fn every_optional_crate_belongs_to_one_feature_that_is_on_by_default() {
    let manifest = manifest();
    let listed = |name: &str| -> BTreeSet<String> {
        let entries = manifest["features"][name].as_array().unwrap().iter();
        entries.map(|entry| entry.as_str().unwrap().trim_start_matches("dep:").replace('-', "_")).collect()
    };
    for Feature { name, crates, owner } in FEATURES {
        assert_eq!(listed(name), crates.iter().map(ToString::to_string).collect(), "{name}");
        assert!(listed("default").contains(&name.replace('-', "_")), "{name} is not on by default");
        for name in *crates {
            assert!(module(owner).crates.contains(name), "`{name}` is not a crate of `{owner}`");
        }
    }
    for (name, dependency) in manifest["dependencies"].as_table().unwrap() {
        let is_optional = dependency.get("optional").is_some();
        let has_feature = FEATURES.iter().any(|feature| feature.crates.contains(&name.replace('-', "_").as_str()));
        assert_eq!(is_optional, has_feature, "{name}");
    }
}

#[test]
fn a_crate_of_a_feature_is_named_only_in_files_that_the_feature_brings() {
    let files = sources::all();
    for file in files {
        let named = names::external(file);
        for Feature { name, crates, .. } in FEATURES {
            let needs = crates.iter().find(|name| named.contains(**name));
            let Some(needed) = needs else { continue };
            assert!(names::is_brought_by(files, file, name), "{} names `{needed}` without `{name}`", file.path);
        }
    }
}

#[test]
fn only_its_module_knows_whether_a_feature_is_on() {
    // The root of the package lets code stand that only a part left out would use.
    for file in sources::all().iter().filter(|file| file.path != "src/lib.rs") {
        for Feature { name, owner, .. } in FEATURES {
            let asks = file.text.contains(&format!("feature = \"{name}\""));
            assert!(!asks || file.top_module() == Some(owner), "{} asks about `{name}`, of `{owner}`", file.path);
        }
    }
}

#[test]
fn the_walls_see_through_which_declarations_a_file_is_brought() {
    let face = "#[cfg(feature = \"graph\")]\nmod always;\n#[cfg(test)]\nmod other;\n\
                #[cfg_attr(not(feature = \"graph\"), path = \"absent.rs\")]\nmod replaced;\nmod plain;";
    let files = [("mod", face), ("always/mod", "mod inner;"), ("always/inner", ""), ("replaced", ""), ("plain", "")];
    let files = files.map(|(name, text)| SourceFile::new(&format!("src/vector/{name}.rs"), text));
    let brought: Vec<bool> = files.iter().map(|file| names::is_brought_by(&files, file, "graph")).collect();
    assert_eq!(brought, [false, true, true, true, false]);
}
