//! Other models than the one that comes with the program: trying them, taking one in, changing to one while searches go on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::home::TestHome;

/// The files of the shipped model as a user's own: other rules, so another id and another space.
pub(crate) fn own_model(home: &TestHome) -> PathBuf {
    let folder = home.path().join("own");
    std::fs::create_dir(&folder).unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for (name, packed) in
        [("model.onnx", "e5-small-zhen-int8.onnx.zst"), ("tokenizer.json", "e5-small-zhen.tokenizer.json.zst")]
    {
        let packed = std::fs::File::open(models.join(packed)).unwrap();
        zstd::stream::copy_decode(packed, std::fs::File::create(folder.join(name)).unwrap()).unwrap();
    }
    home.write(
        "own/model.toml",
        "name = \"mine\"\nquery_prefix = \"query: \"\npassage_prefix = \"passage: \"\npad_token = \"<pad>\"\npad_id = 1\n",
    );
    folder
}

fn rows(home: &TestHome) -> Vec<Value> {
    home.json(&["model", "list"])["models"].as_array().unwrap().clone()
}

fn vectors(home: &TestHome) -> Vec<(Value, u64, bool)> {
    let row = |row: &Value| (row["value"].clone(), row["vectors"].as_u64().unwrap(), row["in_use"] == true);
    rows(home).iter().map(row).collect()
}

#[test]
fn another_model_is_made_ready_while_searches_go_on() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed"]);
    let _ = home.json(&["config", "set", "search.limit", "6"]);
    let made = vectors(&home)[0].1;
    assert_eq!(vectors(&home), [(json!("builtin"), made, true)]);
    let folder = own_model(&home);
    let taken = home.json(&["model", "import", folder.to_str().unwrap(), "--name", "mine"]);
    assert_eq!((&taken["check"]["ok"], &taken["check"]["repeats"]), (&json!(true), &json!(true)), "{taken}");
    home.run(&["model", "import", folder.to_str().unwrap(), "--name", "mine"]).fails(3, "of that name already");

    // Made beside the one in use, which goes on: also for what is said meanwhile.
    let beside = home.json(&["reembed", "--model", "mine"]);
    assert_eq!((beside["interrupted"].as_bool(), beside["failed"].as_u64()), (Some(false), Some(0)), "{beside}");
    assert_eq!(vectors(&home), [(json!("builtin"), made, true), (json!("dir:models/mine"), made, false)]);
    assert_eq!(home.json(&["search", "why were shoppers billed twice"])["degraded"], false);
    let _ = home.json(&["save", "said between making ready and changing 换模型之前说的"]);
    let _ = home.json(&["embed"]);
    assert_eq!(home.json(&["reembed", "--model", "mine"])["parts"], 1, "only what is new");

    let changed = home.json(&["model", "use", "mine"]);
    assert_eq!(changed, json!({ "model": "dir:models/mine", "waiting": 0 }));
    let config = std::fs::read_to_string(home.memory().join("config.toml")).unwrap();
    assert_eq!(config, "[search]\nlimit = 6\n\n[embed]\nmodel = \"dir:models/mine\"\n");
    let found = home.json(&["search", "换模型之前说的", "--mode", "semantic"]);
    assert_eq!(found["degraded"], false, "no gap: {found}");
    assert!(found["results"][0]["snippet"].as_str().unwrap().contains("换模型之前说的"), "{found}");

    // What is in use stays; what is not can go, and the way back has a gap that is said.
    home.run(&["model", "remove", "mine"]).fails(2, "in use");
    let builtin = rows(&home)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(home.json(&["model", "remove", builtin.split_at(12).0]), json!({ "vectors": made + 1, "files": false }));
    let back = home.json(&["model", "use", "builtin"]);
    assert!(back["waiting"].as_u64() > Some(50), "{back}");
    assert_eq!(home.json(&["search", "pgbouncer"])["degraded"], true);
    assert_eq!(home.json(&["model", "remove", "mine"])["files"], true);
    assert!(!home.memory().join("models/mine").exists());
    assert_eq!(vectors(&home), [(json!("builtin"), 0, true)]);
}

#[test]
fn a_model_that_does_not_work_is_not_taken_in() {
    let home = TestHome::new();
    let folder = own_model(&home);
    let tried = home.json(&["model", "check"]);
    assert_eq!((&tried["files_compared"], tried["found"].as_u64() >= Some(7)), (&json!(4), true), "{tried}");
    // Vectors of another length than it says; no model at all; nothing there.
    home.write("own/model.toml", "dimensions = 12\n");
    home.run(&["model", "import", folder.to_str().unwrap()]).fails(3, "instead of 12");
    home.write("own/model.onnx", "no model");
    home.run(&["model", "import", folder.to_str().unwrap()]).fails(3, "cannot load the embedding model");
    home.run(&["model", "import", "nowhere"]).fails(3, "nowhere");
    home.run(&["model", "use", "mine"]).fails(1, "there is no model \"mine\"");
    home.run(&["model", "use", "dir:/no/such/folder"]).fails(3, "/no/such/folder");
    home.run(&["reembed", "--model", "off"]).fails(3, "switched off");
    assert!(!home.memory().join("models").exists() && !home.memory().join("config.toml").exists(), "nothing is left");
}

#[test]
fn a_model_whose_files_changed_is_told() {
    let home = TestHome::new();
    let folder = own_model(&home);
    let _ = home.json(&["model", "import", folder.to_str().unwrap()]);
    assert_eq!(home.json(&["model", "check", "own"])["files_compared"], 3);
    home.write("memory/models/own/model.toml", "name = \"another\"\n");
    home.run(&["model", "check", "own"]).fails(3, "it is not the file that was added");
}

#[test]
fn a_model_whose_files_were_replaced_is_not_loaded() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let folder = own_model(&home);
    let name = format!("dir:{}", folder.display());
    let _ = home.json(&["model", "import", folder.to_str().unwrap(), "--name", "mine"]);
    let semantic = || home.json(&["search", "why were shoppers billed twice", "--mode", "semantic"]);
    // A model outside of the data folder gets its digest into the setting, an imported one has digests beside it.
    let used = home.json(&["model", "use", &name]);
    let (path, digest) = used["model"].as_str().unwrap().split_once("#sha256=").unwrap();
    assert_eq!((path, digest.len()), (name.as_str(), 64));
    let _ = home.json(&["embed"]);
    assert_eq!(semantic()["degraded"], false);
    let tokenizer = std::fs::read_to_string(folder.join("tokenizer.json")).unwrap();
    let replaced = tokenizer.replacen(' ', "  ", 1) + "\n";
    home.write("own/tokenizer.json", &replaced);
    let found = semantic();
    assert_eq!(found["degraded"], true, "{found}");
    assert!(found["warnings"].to_string().contains("has the digest of"), "{found}");
    // The person accepts the new files.
    let again = home.json(&["model", "use", &name]);
    assert_ne!(again["model"], used["model"]);
    let _ = home.json(&["model", "use", "mine"]);
    home.write("memory/models/mine/tokenizer.json", &replaced);
    let found = semantic();
    assert!(
        found["degraded"] == true && found["warnings"].to_string().contains("not the file that was added"),
        "{found}"
    );
}

#[test]
fn everything_that_is_made_from_texts_is_made_anew() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed"]);
    let ask = |text: &str| home.json(&["search", text])["results"].clone();
    let before = ["connection pool", "支付回调重复扣款"].map(ask);
    // Words that are gone from the index are found again.
    home.database().execute_batch("DELETE FROM postings; DELETE FROM pending_postings").unwrap();
    assert_ne!(["connection pool", "支付回调重复扣款"].map(ask), before);
    assert_eq!(home.json(&["reindex"])["messages"], 82);
    assert_eq!(["connection pool", "支付回调重复扣款"].map(ask), before);
    assert_eq!(home.run(&["doctor", "--deep"]).code, 0);
}
