//! The demo shows what it promises.

use crate::home::{TestHome, samples};

/// The session that answers each search of the demo, in its order.
const ANSWERS: [&str; 5] = [
    "94368bcc-3ac4-402f-93f4-ade5c7e3e748",
    "34640467-d70a-4771-9745-734b3344b5e2",
    "664956b5-45a4-4252-b992-092880acd0fe",
    "f60a0f1e-24f7-4090-9be1-b36df4d4be6b",
    "545308f1-0771-4ddd-a91a-88de4ebeda3a",
];

#[test]
fn every_search_finds_its_session_first() {
    let home = TestHome::new();
    let shown = home.json(&["demo"]);
    assert_eq!(shown["sessions"].as_u64(), Some(13));
    let searches = shown["searches"].as_array().unwrap();
    assert_eq!(searches.len(), ANSWERS.len());
    for (search, answer) in searches.iter().zip(ANSWERS) {
        assert_eq!(search["answer"]["results"][0]["session_id"], *answer, "{}", search["query"]);
        assert_eq!(search["answer"]["degraded"], false);
    }
    let by_meaning = &searches[0]["answer"]["results"][0]["match"];
    assert_eq!(by_meaning["terms"].as_array().map(Vec::len), Some(0), "it shares no word with its question");
    assert!(by_meaning["keyword_rank"].is_null());
    assert!(!home.memory().exists(), "the demo leaves the user's own folder alone");
}

#[test]
fn the_built_in_model_needs_no_runtime_and_without_a_model_the_demo_goes_on_by_word() {
    let demo = |variable: &str, value: &str| {
        let home = TestHome::new();
        let ran = home.command().arg("demo").env(variable, value).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        (text(&ran.stdout), text(&ran.stderr))
    };
    let (out, err) = demo("CLAUDE_MEMORY_EMBED_RUNTIME", "/no/such/library.so");
    assert!(!out.contains("keyword search only") && !err.contains("library.so"), "{out}{err}");
    let (out, err) = demo("CLAUDE_MEMORY_EMBED_MODEL", "off");
    assert!(out.contains("keyword search only"), "{out}{err}");
    assert!(out.contains("ERR_POOL_EXHAUSTED in ten minutes"));
}

#[test]
fn the_sample_list_is_complete() {
    let listed = std::fs::read_to_string(samples().join("list.in")).unwrap();
    for entry in std::fs::read_dir(samples()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "list.in" || listed.contains(&name), "{name} is not in data/demo/list.in");
    }
}
