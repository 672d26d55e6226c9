//! What a person sees on the command line: numbers and short ids, exit codes, colours, usage errors, periods in a question.

use serde_json::Value;

use crate::home::{Ran, TestHome};

fn home_with_samples() -> TestHome {
    let home = TestHome::new();
    let _ = home.import_samples();
    home
}

#[test]
fn numbers_open_the_last_results() {
    let home = home_with_samples();
    home.run(&["show", "1"]).fails(1, "no results");
    let found = home.run(&["search", "bcrypt connection pool"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(found.stdout.contains("\n1  Grafana") && found.stdout.contains("orders"), "{}", found.stdout);
    let shown = home.run(&["show", "1"]);
    assert!(shown.code == 0 && shown.stdout.contains("bcrypt"), "{}{}", shown.stdout, shown.stderr);
    home.run(&["show", "40"]).fails(1, "the last results end with number");
    let exported = home.run(&["export", "1"]);
    assert!(exported.code == 0 && exported.stdout.contains("max_connections"), "{}", exported.stdout);
    assert_eq!(home.run(&["handoff", "1"]).code, 0);
    for short in ["5453", "0a81"] {
        assert_eq!(home.run(&["show", short]).code, 0, "{short}");
    }
    let listed = home.run(&["timeline", "--after", "2026-04-01"]);
    assert!(listed.stdout.contains("Thursday 9 April"), "{}", listed.stdout);
    assert!(home.run(&["show", "1"]).stdout.contains("admin"), "a list of sessions has numbers too");
}

#[test]
fn results_of_one_session_are_one_block_within_the_width() {
    let home = home_with_samples();
    let found = home.run(&["search", "bcrypt connection pool", "-n", "20", "--mode", "keyword"]).stdout;
    assert_eq!(found.matches("Grafana shows").count(), 1, "{found}");
    assert!(found.contains("matches") && found.contains("(8 months ago)"), "{found}");
    let wide = |line: &&str| line.chars().count() > 80;
    assert_eq!(found.lines().find(wide), None, "{found}");
}

#[test]
fn a_limit_wins_over_the_token_budget() {
    let home = home_with_samples();
    let count = |arguments: &[&str]| home.json(arguments)["results"].as_array().unwrap().len();
    let wanted = ["search", "the", "--mode", "exact", "-n", "25"];
    assert_eq!(count(&wanted), 25);
    let budget = [&wanted[..], &["--max-tokens", "600"]].concat();
    assert!(count(&budget) < 25);
}

#[test]
fn nothing_found_ends_with_one() {
    let home = home_with_samples();
    for arguments in [
        &["search", "how to bake sourdough bread"][..],
        &["fix", "QuantumFluxError: the flux is inverted"],
        &["blame", "src/no/such/file.rs"],
        &["timeline", "--after", "2026-11-01"],
        &["decisions", "--since", "2026-11-01"],
        &["search", "what did I do yesterday"],
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.code, 1, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        let json = home.run(&[arguments, &["--json"]].concat());
        assert_eq!(json.code, 0, "with --json an empty answer is an answer: {arguments:?}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let home = home_with_samples();
    let run = |variables: &[(&str, &str)]| {
        let mut command = home.command();
        command.args(["search", "connection pool"]).envs(variables.iter().copied());
        Ran::new(command.output().unwrap()).stdout
    };
    assert!(!run(&[]).contains('\u{1b}'));
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}[1m"));
    assert!(run(&[("CLICOLOR_FORCE", "1"), ("TERM", "xterm-256color")]).contains("38;5;"));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains('\u{1b}'));
    assert!(!run(&[("CLICOLOR_FORCE", "0")]).contains('\u{1b}'));
}

#[test]
fn usage_errors_are_json_where_json_is_asked_for() {
    let home = TestHome::new();
    for arguments in [&["search", "x", "-n", "many"][..], &["serch"], &["search"], &["export", "--format", "pdf"]] {
        let ran = home.run(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, 2);
        let error: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(error["error"]["code"], "invalid_input", "{error}");
        let text = home.run(arguments).stderr;
        assert!(text.starts_with("error: ") && !text.contains("digit"), "{text}");
    }
    home.run(&["config", "set", "search.limit", "many"]).fails(2, "expected a whole number");
}

#[test]
fn mistyped_names_are_corrected() {
    let home = home_with_samples();
    home.run(&["search", "pool", "--source", "chatgtp"]).fails(2, "did you mean chatgpt?");
    home.run(&["search", "pool", "--project", "ordres"]).fails(1, "did you mean orders?");
    home.run(&["save", "x", "--project", "paymnet"]).fails(1, "did you mean payment?");
    assert_eq!(home.run(&["save", "the gateway listens on 8443", "--project", "payment"]).code, 0);
    let found = home.json(&["search", "gateway listens", "--project", "payment", "--mode", "keyword"]);
    assert!(found["results"].to_string().contains("8443"), "{found}");
}

#[test]
fn a_bare_import_and_a_dash_do_the_obvious() {
    let home = TestHome::new();
    home.run(&["import"]).fails(1, "no history found");
    home.keep_samples("");
    let imported = home.json(&["import"]);
    assert_eq!(imported["imports"][0]["source"], "claude-code");
    assert_eq!(imported["imports"][0]["import"]["new"], 82, "{imported}");
    let lines = home.run(&["export", "-", "--format", "jsonl"]).stdout;
    assert!(lines.lines().count() > 80 && lines.starts_with('{'));
    let markdown = home.run(&["export", "--project", "orders", "--output", "-"]).stdout;
    assert!(markdown.contains("max_connections") && !markdown.contains("退款"), "{markdown}");
    assert!(!home.path().join("-").exists());
}

#[test]
fn a_time_in_a_question_is_a_period() {
    let home = home_with_samples();
    let day = home.run(&["search", "what did I do on 9 April"]);
    assert!(day.code == 0 && day.stdout.starts_with("Thursday 9 April"), "{}{}", day.stdout, day.stderr);
    for question in ["四月份我们做了什么", "what happened in April?"] {
        let found = home.json(&["search", question]);
        assert_eq!(found["period"]["usage"], "timeline", "{found}");
        assert_eq!(found["period"]["after"], "2026-04-01T00:00:00.000Z");
        assert_eq!(found["period"]["sessions"].as_array().unwrap().len(), 3, "{found}");
    }
    // Something else is asked: the period is a filter while it answers.
    let found = home.json(&["search", "connection pool exhausted in March", "--mode", "keyword"]);
    assert_eq!(found["period"]["usage"], "filter", "{found}");
    let found = home.json(&["search", "connection pool exhausted in April", "--mode", "keyword"]);
    assert_eq!(found["period"]["usage"], "unused", "{found}");
    assert!(found["results"][0]["ts"].as_str().unwrap().starts_with("2026-03"), "{found}");
    // What is given as a filter wins, and a question about somebody else has no period.
    let found = home.json(&["search", "what did I do in April", "--since", "2026-03-01"]);
    assert!(found.get("period").is_none(), "{found}");
    assert!(home.json(&["search", "What did Caroline do in April?"]).get("period").is_none());
}

#[test]
fn a_setup_without_a_terminal_asks_nothing_and_changes_no_client() {
    let home = TestHome::new();
    home.keep_samples("");
    let first = home.json(&["setup"]);
    assert_eq!((&first["new"], &first["pending"]), (&Value::from(82), &Value::from(0)), "{first}");
    assert_eq!(first["found"][0]["source"], "claude-code");
    assert!(first["highlights"].as_array().unwrap().len() >= 2, "{first}");
    let again = home.run(&["setup"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("nothing new") && again.stdout.contains("claude-memory install"), "{}", again.stdout);
    assert!(!home.path().join(".claude.json").exists() && !home.path().join(".claude/settings.json").exists());
    // What it proposes works.
    for one in first["highlights"].as_array().unwrap() {
        let command = one["command"].as_str().unwrap().trim_start_matches("claude-memory ");
        let (name, rest) = command.split_once(' ').unwrap();
        assert_eq!(home.run(&[name, rest.trim_matches('"')]).code, 0, "{command}");
    }
    let status = home.run(&["status"]);
    assert!(
        status.stdout.contains("13 sessions are saved") && status.stdout.contains("all embedded"),
        "{}",
        status.stdout
    );
}

#[test]
fn a_setup_without_a_history_says_where_it_looked() {
    let home = TestHome::new();
    let ran = home.run(&["setup"]);
    assert!(ran.code == 0 && ran.stdout.contains("No history found"), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("~/.claude/projects"), "{}", ran.stdout);
}

#[test]
fn a_renamed_folder_is_offered_for_a_merge() {
    let home = TestHome::new();
    let session = |id: &str, folder: &str, day: &str| -> String {
        let edit = |at: usize, file: &str| {
            serde_json::json!({ "type": "assistant", "uuid": format!("{id}-{at}"), "sessionId": id, "cwd": folder,
                "timestamp": format!("{day}T08:0{at}:00.000Z"), "message": { "role": "assistant", "content": [
                    { "type": "tool_use", "id": format!("t{id}{at}"), "name": "Edit", "input": {
                        "file_path": format!("{folder}/{file}"), "old_string": "a", "new_string": "b" } }] } })
            .to_string()
        };
        ["src/a.rs", "src/b.rs", "src/c.rs"].iter().enumerate().map(|(at, file)| edit(at, file) + "\n").collect()
    };
    home.write("t/p/s1.jsonl", session("s1", "/gone/work/shop-old", "2026-05-01"));
    home.write("t/p/s2.jsonl", session("s2", "/gone/work/shop", "2026-06-01"));
    let _ = home.json(&["import", "claude-code", home.path().join("t").to_str().unwrap()]);
    let listed = home.run(&["projects"]).stdout;
    assert!(listed.contains("shop has its files") && listed.contains("projects merge"), "{listed}");
    let entries = home.json(&["projects"]);
    let old = entries["projects"].as_array().unwrap().iter().find(|one| one["name"] == "shop-old").unwrap();
    let merged = home.run(&["projects", "merge", old["id"].as_str().unwrap(), old["renamed_to"].as_str().unwrap()]);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
}
