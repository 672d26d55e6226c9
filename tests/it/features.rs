//! A program that was built without a part says so where the part is wanted, and works otherwise.

use crate::home::TestHome;

#[test]
#[cfg(not(feature = "production"))]
fn a_server_cannot_be_reached_without_the_feature_production() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let url = "postgresql://me@127.0.0.1/memory";
    home.run(&["sync", "push", "--postgres", url]).fails(2, "--features production");
    home.run(&["sync", "push", "--qdrant", "http://127.0.0.1:6333"]).fails(2, "`production`");
    home.run(&["sync", "pull", "--postgres", url]).fails(2, "`production`");
    home.run(&["migrate", "--from-postgres", url]).fails(2, "`production`");
    home.run(&["search", "pool", "--remote"]).fails(2, "`production`");
    let status = home.json(&["sync", "status"]);
    assert_eq!(status["targets"].as_array().map(Vec::len), Some(2), "{status}");
}

#[test]
#[cfg(not(feature = "encrypted-backups"))]
fn recipients_are_refused_without_the_feature_encrypted_backups() {
    let home = TestHome::new();
    let _ = home.import_samples();
    home.write("memory/config.toml", "[backup]\nrecipients = [\"age1x\"]\n");
    home.run(&["backup", "create"]).fails(2, "`encrypted-backups`");
    home.write("memory/config.toml", "");
    assert_eq!(home.run(&["backup", "create"]).code, 0);
}

#[test]
fn the_graph_is_missed_only_where_there_is_none() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let mut command = home.command();
    command.env("CLAUDE_MEMORY_VECTOR_INDEX", "hnsw").args(["status", "--json"]);
    let status = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(status.contains("without the feature `graph`"), !cfg!(feature = "graph"), "{status}");
}
