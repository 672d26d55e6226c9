//! A reranker of the user: imported, used by the tier `rerank`, and what happens without it.

use serde_json::{Value, json};

use crate::client::Client;
use crate::cross_encoder::write_cross_encoder;
use crate::home::TestHome;
use crate::models::own_model;

const QUESTION: &str = "who has the refund rota page";

/// The second note shares more words with the question; the first says the same in other words.
fn save_notes(home: &TestHome) {
    for note in [
        "Schedule of the refund rota, reimbursement desk: Maria has Mondays.",
        "The refund rota page has a typo in its title.",
        "The invoice template is in the design folder.",
    ] {
        let _ = home.json(&["save", note]);
    }
    let _ = home.json(&["embed"]);
}

fn ids(found: &Value) -> Vec<&Value> {
    found["results"].as_array().unwrap().iter().map(|hit| &hit["id"]).collect()
}

fn first(found: &Value) -> &str {
    found["results"][0]["snippet"].as_str().unwrap()
}

fn import(home: &TestHome) -> Value {
    let folder = write_cross_encoder(home, "synonyms");
    home.json(&["model", "import", "--reranker", folder.to_str().unwrap()])
}

#[test]
fn the_best_results_are_read_again() {
    let home = TestHome::new();
    // Three notes differ more in score than the candidates of a history do.
    home.write("memory/config.toml", "[search]\nweights = [\"reranker=1\"]\n");
    save_notes(&home);
    let imported = import(&home);
    assert_eq!(imported["reranker"], "dir:rerankers/synonyms", "{imported}");
    let check = &imported["check"];
    assert_eq!((&check["english"], &check["chinese"]), (&json!(true), &json!(false)), "{imported}");
    let fast = home.json(&["search", QUESTION]);
    assert!(first(&fast).contains("typo"), "{fast}");
    let reranked = home.json(&["search", QUESTION, "--tier", "rerank", "--explain"]);
    assert!(first(&reranked).contains("Maria"), "{reranked}");
    assert!(reranked["results"][0]["explanation"].as_str().unwrap().contains("by your reranker"), "{reranked}");
    // Only the order changes.
    assert_eq!((&reranked["degraded"], &reranked["confidence"]), (&json!(false), &fast["confidence"]));
    let sorted = |found: &Value| {
        let mut ids: Vec<String> = ids(found).iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    };
    assert_eq!(sorted(&reranked), sorted(&fast));
    // The setting does the same for every search, over MCP too.
    let _ = home.json(&["config", "set", "search.tier", "rerank"]);
    assert_eq!(ids(&home.json(&["search", QUESTION])), ids(&reranked));
    let mut client = Client::start(&home, true);
    let tool = client.call("memory_search", json!({ "query": QUESTION }))["structuredContent"].take();
    assert_eq!(ids(&tool), ids(&reranked), "{tool}");
    client.finish();
    assert!(first(&home.json(&["search", QUESTION, "--tier", "fast"])).contains("typo"));
}

#[test]
fn without_a_reranker_the_order_stays_and_says_so() {
    let home = TestHome::new();
    save_notes(&home);
    let fast = home.json(&["search", QUESTION]);
    let unranked = |question: &str, why: &str| {
        let found = home.json(&["search", question, "--tier", "rerank"]);
        assert!(found["degraded"] == true && found["warnings"].to_string().contains(why), "{why}: {found}");
        found
    };
    assert_eq!(ids(&unranked(QUESTION, "no reranker is set")), ids(&fast));
    let _ = import(&home);
    // It was tested in both languages and ranks one. Questions in the other are no failure.
    let chinese = home.json(&["search", "谁负责浇花", "--tier", "rerank", "--explain"]);
    assert!(chinese["degraded"] == false && chinese["explanation"].to_string().contains("does not rank"), "{chinese}");
    // Other files than those that were imported are not loaded.
    home.write("memory/rerankers/synonyms/model.onnx", "others");
    assert_eq!(ids(&unranked(QUESTION, "not the file that was added")), ids(&fast));
    std::fs::remove_dir_all(home.memory().join("rerankers")).unwrap();
    assert_eq!(ids(&unranked(QUESTION, "model.onnx")), ids(&fast));
    home.run(&["search", QUESTION, "--tier", "slow"]).fails(2, "fast");
    home.write("memory/config.toml", "[search]\nreranker = \"bge\"\n");
    home.run(&["search", QUESTION]).fails(2, "setting search.reranker");
}

#[test]
fn rerankers_are_listed_set_and_removed() {
    let home = TestHome::new();
    let _ = import(&home);
    let row = home.json(&["model", "list"])["rerankers"][0].clone();
    assert_eq!(
        (&row["name"], &row["in_use"], &row["english"]),
        (&json!("synonyms"), &json!(true), &json!(true)),
        "{row}"
    );
    let check = home.json(&["model", "check", "--reranker"]);
    assert_eq!((&check["ok"], &check["files_compared"]), (&json!(true), &json!(3)), "{check}");
    home.run(&["model", "remove", "--reranker", "synonyms"]).fails(2, "in use");
    // One outside of the data folder is pinned by its digest.
    let folder = write_cross_encoder(&home, "elsewhere");
    let used = home.json(&["model", "use", "--reranker", &format!("dir:{}", folder.display())]);
    assert!(used["reranker"].as_str().unwrap().contains("#sha256="), "{used}");
    home.write("elsewhere/tokenizer.json", std::fs::read_to_string(folder.join("tokenizer.json")).unwrap() + "\n");
    save_notes(&home);
    let found = home.json(&["search", QUESTION, "--tier", "rerank"]);
    assert!(found["warnings"].to_string().contains("search.reranker has the digest of"), "{found}");
    assert_eq!(home.json(&["model", "remove", "--reranker", "synonyms"])["files"], true);
    assert_eq!(home.json(&["model", "use", "--reranker", "off"])["reranker"], "");
    home.run(&["model", "use", "--reranker", "synonyms"]).fails(1, "no imported reranker");
}

#[test]
fn what_is_no_reranker_is_not_imported() {
    let home = TestHome::new();
    let folder = own_model(&home);
    home.run(&["model", "import", "--reranker", folder.to_str().unwrap()]).fails(3, "numbers instead of one");
    home.write("own/model.onnx", "no model");
    home.run(&["model", "import", "--reranker", folder.to_str().unwrap()]).fails(3, "as a reranker");
    assert!(!home.memory().join("rerankers").exists() && !home.memory().join("config.toml").exists());
}

#[test]
fn a_benchmark_uses_it_in_its_own_stores() {
    let home = TestHome::new();
    let turn = |id: &str, text: &str| json!({ "id": id, "role": "user", "text": text });
    let turns =
        [turn("1", "The refund rota page has a typo in its title."), turn("2", "Schedule of the refund rota: Maria.")];
    let session = json!({ "haystack": "h", "session": "s", "started_at": "2026-11-01", "turns": turns });
    let query = json!({ "id": "q", "haystack": "h", "text": QUESTION, "asked_at": null, "type": "t", "gold_turns": ["2"], "gold_sessions": [] });
    home.write("set/sessions.jsonl", format!("{session}\n"));
    home.write("set/queries.jsonl", format!("{query}\n"));
    let bench = || home.json(&["bench", "retrieval", "--data", "set", "--tier", "rerank"]);
    assert_eq!(bench()["degraded"], 1, "no reranker is set");
    let _ = import(&home);
    let receipt = bench();
    assert_eq!((&receipt["degraded"], &receipt["tier"]), (&json!(0), &json!("rerank")), "{receipt}");
}
