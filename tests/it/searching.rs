//! Search over the sample conversations: words, meaning, both, filters, budgets, degraded answers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::home::TestHome;
use crate::models::own_model;

/// Imported and embedded once for all tests of this file.
static SAMPLES: LazyLock<TestHome> = LazyLock::new(|| {
    let home = TestHome::new();
    let _ = home.import_samples();
    let made = home.json(&["embed", "--threads", "2"]);
    assert!(made["vectors"].as_u64() > Some(50) && made["failed"] == 0, "{made}");
    home
});

fn search(arguments: &[&str]) -> Value {
    SAMPLES.json(&[&["search"], arguments].concat())
}

fn results(answer: &Value) -> &Vec<Value> {
    answer["results"].as_array().unwrap()
}

/// People type words without quotes; what is put in quotes is a query of its own.
#[test]
fn words_without_quotes_are_one_query() {
    for words in [["pool", "size"].as_slice(), &["支付网关", "回调"]] {
        let (apart, joined) = (search(&[&["--mode", "keyword"], words].concat()), words.join(" "));
        assert!(!results(&apart).is_empty(), "{words:?}");
        assert_eq!(results(&apart), results(&search(&["--mode", "keyword", &joined])), "{words:?}");
    }
    let both = search(&["--mode", "exact", "the pool", "bcrypt holds"]);
    let either = search(&["--mode", "exact", "the pool"]);
    assert!(results(&both).len() < results(&either).len(), "{both}");
}

#[test]
fn words_in_two_languages_and_identifiers() {
    // Query, and what the snippet of the first hit must hold.
    for (query, expect) in [
        ("堆", "堆"),
        ("幂等", "幂等"),
        ("懒加载", "懒加载"),
        ("OOMKilled 的原因", "OOMKilled"),
        ("修复 E0382", "E0382"),
        ("READ_SPLIT_NAMES", "READ_SPLIT_NAMES"),
        ("payment_events", "payment_events"),
        ("onPaymentNotify", "onPaymentNotify"),
        ("tests/reconnect.rs", "tests/reconnect.rs"),
        ("exhausted pools", "pool"),
        ("ＷＡＬ 归档", "WAL 归档"),
    ] {
        let found = search(&[query, "--mode", "keyword"]);
        let first = results(&found).first().unwrap_or_else(|| panic!("nothing for {query}"));
        assert!(first["snippet"].as_str().unwrap().contains(expect), "{query}: {first}");
        assert!(first["match"]["semantic_rank"].is_null());
    }
}

#[test]
fn words_across_languages() {
    for (query, session, marked) in [
        ("payment callback idempotency", "同一笔订单被扣了两次", "幂等"),
        ("connection pool exhausted", "Grafana shows request latency", "pool"),
        ("请求延迟", "Grafana shows request latency", "latenc"),
    ] {
        let found = search(&[query, "--mode", "keyword", "--limit", "3"]);
        let hit = results(&found).iter().find(|hit| hit["title"].as_str().unwrap().contains(session));
        let hit = hit.unwrap_or_else(|| panic!("{query}: {found}"));
        let terms = hit["match"]["terms"].as_array().unwrap();
        assert!(terms.iter().any(|term| term == marked), "{query}: {hit}");
    }
}

#[test]
fn own_words_of_the_glossary_are_searched_and_a_wrong_line_is_named() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let titles = |home: &TestHome| {
        let found = home.json(&["search", "慢吞吞", "--mode", "keyword"]);
        results(&found).iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(titles(&home).iter().all(|title| !title.contains("Grafana")));
    let _ = home.run(&["config", "set", "search.glossary", "[\"慢吞吞 = Grafana\"]"]);
    assert!(titles(&home).iter().any(|title| title.contains("Grafana")), "{:?}", titles(&home));
    let refused = || home.run(&["config", "set", "search.glossary", "[\"k8s = kubernetes\"]"]);
    refused().fails(2, "search.glossary");
    refused().fails(2, "\"k8s = kubernetes\" has \"k8s\" on the left, which is not a Chinese word");
}

#[test]
fn meaning_across_languages() {
    for (query, session) in [
        ("container was killed by the kernel because of memory", "order-consumer"),
        ("数据库放在桌面端用什么", "For the desktop edition"),
        ("the spring clock change broke our statistics", "Since Sunday the daily sales report"),
    ] {
        let found = search(&[query, "--mode", "semantic", "--limit", "3"]);
        let titles: Vec<&str> = results(&found).iter().map(|hit| hit["title"].as_str().unwrap()).collect();
        assert!(titles.iter().any(|title| title.contains(session)), "{query}: {titles:?}");
        assert_eq!(found["degraded"], false);
    }
}

#[test]
fn a_frame_around_nothing_is_searched_itself() {
    let home = TestHome::new();
    home.write("chat.jsonl", "{\"role\":\"user\",\"content\":\"ok do that\",\"timestamp\":\"2026-03-01T10:00:00Z\"}\n");
    let report = home.json(&["import", "jsonl", home.path().join("chat.jsonl").to_str().unwrap()]);
    assert_eq!(report["new"], 1, "{report}");
    let found = |query| home.json(&["search", query, "--mode", "keyword"]);
    assert_eq!(results(&found("ok do that"))[0]["snippet"], "ok do that");
    let nothing = found("do that");
    assert!(results(&nothing).is_empty() && nothing["warnings"].to_string().contains("exact mode"), "{nothing}");
}

#[test]
fn pages_of_exact_hits_go_on_behind_repetitions() {
    let home = TestHome::new();
    let line = |number: u32| {
        let text =
            if number.is_multiple_of(3) { "run the walrus".to_owned() } else { format!("run the walrus {number}") };
        format!("{{\"role\":\"user\",\"content\":\"{text}\",\"timestamp\":\"2026-03-01T10:00:{number:02}Z\"}}\n")
    };
    home.write("chat.jsonl", (0..30).map(line).collect::<String>());
    let _ = home.json(&["import", "jsonl", home.path().join("chat.jsonl").to_str().unwrap()]);
    let (mut found, mut cursor) = (BTreeSet::new(), None::<String>);
    loop {
        let from = cursor.iter().flat_map(|cursor| ["--cursor", cursor]);
        let page = home.json(
            &["search", "the walrus", "--mode", "exact", "--limit", "5"].into_iter().chain(from).collect::<Vec<_>>(),
        );
        assert!(page["warnings"].as_array().unwrap().is_empty(), "{page}");
        found.extend(results(&page).iter().map(|hit| hit["snippet"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 21, "{found:?}");
}

#[test]
fn several_queries_must_all_match() {
    let both = search(&["幂等键", "FOR UPDATE", "--mode", "keyword"]);
    assert_eq!(results(&both).len(), 1);
    let none = search(&["幂等键", "pgbouncer pgbouncer", "--mode", "keyword"]);
    assert!(results(&none).is_empty());
}

#[test]
fn exact_finds_literal_text_anywhere() {
    let found = search(&["Reason: OOMKilled\n  Exit Code: 137", "--mode", "exact"]);
    assert_eq!(results(&found).len(), 1);
    assert_eq!(results(&found)[0]["kind"], "tool_result");
    assert_eq!(results(&found)[0]["trust"], "untrusted");
    assert!(results(&search(&["oomkilled\n", "--mode", "exact"])).is_empty(), "exact means exact");
}

#[test]
fn filters_are_applied_inside_the_search() {
    let all = |found: &Value, field: &str, value: &str| {
        assert!(!results(found).is_empty());
        results(found).iter().for_each(|hit| assert_eq!(hit[field], value));
    };
    for mode in ["hybrid", "semantic", "keyword"] {
        // A broad question whose best answers lie elsewhere still fills its page from what is allowed.
        let found = search(&["数据库 database pool 备份", "--mode", mode, "--project", "notes-app"]);
        all(&found, "project", "notes-app");
        let found = search(&["test pool 备份 build", "--mode", mode, "--role", "user"]);
        all(&found, "role", "user");
        let found = search(&["test pool 备份 build", "--mode", mode, "--before", "2026-03-06"]);
        assert!(
            results(&found).iter().all(|hit| hit["ts"].as_str() < Some("2026-03-06")) && !results(&found).is_empty()
        );
        let found = search(&["test pool 备份 build", "--mode", mode, "--after", "2026-04-01"]);
        assert!(
            results(&found).iter().all(|hit| hit["ts"].as_str() > Some("2026-04-01")) && !results(&found).is_empty()
        );
    }
    let session = "545308f1-0771-4ddd-a91a-88de4ebeda3a";
    all(&search(&["pool", "--session", session]), "session_id", session);
    all(&search(&["what changed", "--file", "src/db/pool.ts"]), "session_id", session);
    all(&search(&["cache", "--branch", "ci/cache"]), "project", "platform");
    all(&search(&["pool", "--kind", "tool_use", "--mode", "keyword"]), "kind", "tool_use");
}

#[test]
fn pages_do_not_overlap_and_the_budget_holds() {
    let first = search(&["test", "--mode", "keyword", "--limit", "3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = search(&["test", "--mode", "keyword", "--limit", "3", "--cursor", cursor]);
    for hit in results(&second) {
        assert!(results(&first).iter().all(|other| other["id"] != hit["id"]));
    }
    SAMPLES.run(&["search", "another", "--cursor", cursor]).fails(2, "belongs to another query");
    let tight = search(&["备份 test pool", "--limit", "20", "--max-tokens", "300", "--detail", "full"]);
    assert!(tight["tokens"].as_u64() <= Some(300) && !results(&tight).is_empty(), "{}", tight["tokens"]);
    let index = search(&["备份", "--detail", "index"]);
    assert!(results(&index).iter().all(|hit| hit["snippet"] == ""));
}

#[test]
fn explanations_are_sentences() {
    let found = search(&["ERR_POOL_EXHAUSTED", "--explain"]);
    let text = results(&found)[0]["explanation"].as_str().unwrap();
    assert!(text.contains("keyword (rank") && text.contains("semantic (rank"), "{text}");
}

#[test]
fn hostile_queries_are_only_words() {
    for query in [
        "\" OR 1=1 --",
        "NEAR(a b)",
        "pool*",
        "col:pool",
        "AND OR NOT",
        "'); DROP TABLE parts; --",
        "\u{0}",
        "((((",
        "^pool",
    ] {
        let ran = SAMPLES.run(&["search", "--mode", "keyword", "--", query.replace('\u{0}', "nul").as_str()]);
        // Found, or nothing speaks of it; never an error.
        assert!(ran.code <= 1, "{query}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
#[cfg(feature = "graph")]
fn the_graph_answers_like_the_scan() {
    let ask = |index: &str| {
        let mut command = SAMPLES.command();
        command.env("CLAUDE_MEMORY_VECTOR_INDEX", index);
        let output = command.args(["search", "--json", "--mode", "semantic", "slow page on phones"]).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        results(&answer).iter().map(|hit| hit["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ask("hnsw"), ask("scan"));
}

#[test]
fn a_degraded_answer_says_so() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let before = home.json(&["search", "pgbouncer"]);
    assert_eq!(before["degraded"], true);
    assert!(before["warnings"][0].as_str().unwrap().contains("claude-memory embed"), "{before}");
    assert!(!results(&before).is_empty(), "words find it at once");
    let off = home
        .command()
        .args(["search", "pgbouncer", "--json"])
        .env("CLAUDE_MEMORY_EMBED_MODEL", "off")
        .output()
        .unwrap();
    let off: Value = serde_json::from_slice(&off.stdout).unwrap();
    assert_eq!((&off["degraded"], results(&off).is_empty()), (&Value::Bool(true), false));
}

#[test]
fn another_model_never_mixes_with_the_first() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let _ = home.json(&["embed"]);
    let folder = own_model(&home);
    home.write("memory/config.toml", format!("[embed]\nmodel = \"dir:{}\"\n", folder.display()));
    let found = home.json(&["search", "pgbouncer"]);
    assert_eq!(found["degraded"], true, "vectors of the other model are not used");
    assert!(
        found["results"].as_array().is_some_and(|hits| hits.iter().all(|hit| hit["match"]["semantic_rank"].is_null()))
    );
    let made = home.json(&["embed"]);
    assert!(made["parts"].as_u64() > Some(50), "everything is queued for the new model: {made}");
    let found = home.json(&["search", "pgbouncer"]);
    assert_eq!(found["degraded"], false);
    home.write("memory/config.toml", "[embed]\nmodel = \"dir:/no/such/folder\"\n");
    let found = home.json(&["search", "pgbouncer"]);
    assert_eq!(found["degraded"], true);
    home.write("memory/config.toml", "[embed]\nmodel = \"e5\"\n");
    home.run(&["search", "x"]).fails(2, "\"builtin\", \"off\" or \"dir:/path\"");
}

#[test]
fn what_was_said_here_comes_first_among_equals() {
    let home = TestHome::new();
    for name in ["alpha", "beta"] {
        std::fs::create_dir_all(home.path().join(name)).unwrap();
        let cwd = home.path().join(name).display().to_string();
        let line = crate::home::user(
            &format!("u-{name}"),
            &format!("s-{name}"),
            &format!("the release of {name} is signed by hand"),
        );
        home.write(&format!("t/{name}.jsonl"), line.replace("/work/project", &cwd) + "\n");
    }
    let _ = home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()]);
    for name in ["alpha", "beta"] {
        let arguments = ["search", "who signs the release", "--mode", "keyword", "--explain", "--json"];
        let output = home.command().current_dir(home.path().join(name)).args(arguments).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(results(&found).len(), 2, "the other project is not hidden");
        assert!(results(&found)[0]["snippet"].as_str().unwrap().contains(name), "{found}");
        assert!(results(&found)[0]["explanation"].as_str().unwrap().contains("from this project"));
    }
}

/// One saved note answers nothing but what it speaks of.
#[test]
fn one_note_is_silent_on_other_questions() {
    let home = TestHome::new();
    let _ = home.json(&["save", "Release notes are written in English"]);
    for embedded in [false, true] {
        if embedded {
            let _ = home.json(&["embed"]);
        }
        for question in ["asdf qwer zxcv", "how do I bake sourdough bread", "blorptang vizzle mup", "阿斯顿发的撒"]
        {
            let ran = home.run(&["search", question]);
            assert_eq!(ran.code, 1, "{question}: {}", ran.stdout);
            assert_eq!(ran.stdout.lines().next(), Some("··· Nothing in your history speaks of that."), "{question}");
            let answer = home.json(&["search", question]);
            assert_eq!(answer["confidence"], "none", "{question}");
            let score = answer["results"][0]["score"].as_f64().unwrap_or(0.0);
            assert!(score < 0.5, "{question}: {score}");
        }
        let found = home.json(&["search", "release notes"]);
        assert_eq!((&found["confidence"], found["results"].as_array().map(Vec::len)), (&json!("strong"), Some(1)));
    }
}

/// A filter that permits no answer: the answer says what there is without it.
#[test]
fn nothing_since_a_day_says_what_was_before() {
    let home = TestHome::new();
    home.write(
        "h/old.jsonl",
        r#"{"role":"user","text":"The staging database runs PostgreSQL 16 on port 5433","session":"old","ts":"2026-05-01T08:00:00Z"}
{"role":"user","text":"Sourdough needs flour and water","session":"new","ts":"2026-11-01T08:00:00Z"}
"#,
    );
    let _ = home.json(&["import", "jsonl", home.path().join("h").to_str().unwrap(), "--embed"]);
    let question = ["search", "staging database PostgreSQL port", "--after", "2026-10-01"];
    let ran = home.run(&question);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("Nothing since 1 Oct") && ran.stdout.contains("before that:"), "{}", ran.stdout);
    let answer = home.json(&question);
    assert_eq!((&answer["confidence"], &answer["beyond"]["lifted"]), (&json!("none"), &json!("after")));
    assert!(answer["beyond"]["results"][0]["snippet"].as_str().unwrap().contains("5433"), "{answer}");
}

/// Of several decisions on one thing the newest comes first, and an ordinary question names the later one.
#[test]
fn a_changed_decision_is_marked() {
    let home = TestHome::new();
    let line = |session: &str, text: &str, ts: &str| {
        json!({ "role": "user", "text": text, "session": session, "ts": ts }).to_string() + "\n"
    };
    home.write(
        "h/x.jsonl",
        [
            line("a", "We decided that telemetry is on by default for new users", "2026-05-01T08:00:00Z"),
            line("b", "We decided that telemetry is off by default for new users", "2026-05-09T08:00:00Z"),
            line("c", "The parser reads dates in three formats", "2026-05-10T08:00:00Z"),
        ]
        .concat(),
    );
    let _ = home.json(&["import", "jsonl", home.path().join("h").to_str().unwrap(), "--embed"]);
    let asked = home.json(&["search", "what did we decide about the telemetry default", "--explain"]);
    let [first, second] = [0, 1].map(|at| &asked["results"][at]);
    assert!(first["snippet"].as_str().unwrap().contains("off by default"), "{asked}");
    assert_eq!(second["later_changed"]["id"], first["id"], "{asked}");
    let explained = asked["explanation"].to_string();
    assert!(explained.contains("confidence") && explained.contains("newest first"), "{explained}");
    let text = home.run(&["search", "what did we decide about the telemetry default"]).stdout;
    assert!(text.contains("later changed, see 1"), "{text}");
    let other = home.json(&["search", "telemetry on by default for new users"]);
    if other["results"][0]["id"] == second["id"] {
        assert_eq!(other["results"][0]["later_on_this"]["id"], first["id"], "{other}");
    }
}
