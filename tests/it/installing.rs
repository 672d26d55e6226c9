//! `install` and `uninstall`: one key comes and goes, everything else stays byte by byte.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::home::{Ran, TestHome};

const CLIENTS: [(&str, &str); 5] = [
    ("claude-code", ".claude.json"),
    ("claude-desktop", ".config/Claude/claude_desktop_config.json"),
    ("codex", ".codex/config.toml"),
    ("cursor", ".cursor/mcp.json"),
    ("gemini", ".gemini/settings.json"),
];

fn run(home: &TestHome, arguments: &[&str]) -> Ran {
    home.run(&[arguments, &["--json"]].concat())
}

fn text(home: &TestHome, file: &str) -> Option<String> {
    std::fs::read_to_string(home.path().join(file)).ok()
}

/// Every file outside the memory.
fn files(home: &TestHome) -> BTreeMap<String, Vec<u8>> {
    fn add(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                if name != "memory" {
                    found.insert(format!("{name}/"), Vec::new());
                    add(&path, root, found);
                }
            } else {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(home.path(), home.path(), &mut found);
    found
}

#[test]
fn every_client_comes_and_goes_without_a_trace() {
    let home = TestHome::new();
    home.write(".claude.json", "{\n  \"numStartups\": 3,\n  \"mcpServers\": {\"other\": {\"command\": \"x\"}}\n}");
    home.write(".codex/config.toml", "model = \"o3\" # 快\n\n[mcp_servers.other]\ncommand = \"y\"\n");
    home.write(".cursor/mcp.json", "{}");
    home.write(".claude/settings.json", "{\"permissions\":{\"allow\":[\"Bash(ls:*)\"]},\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"say done\"}]}]}}\n");
    let before = files(&home);
    for (client, file) in CLIENTS {
        let now = files(&home);
        let dry = run(&home, &["install", client, "--hooks", "--dry-run"]);
        // Claude Desktop and Cursor have no hooks; for them the flag means nothing.
        let _ = dry.json();
        assert!(files(&home) == now, "{client}: a dry run changes nothing");
        let done = run(&home, &["install", client, "--hooks"]).json();
        assert_eq!(done["changes"][0]["changed"], true);
        let entered = text(&home, file).unwrap();
        assert!(entered.contains("claude-memory") && entered.contains("mcp"), "{entered}");
        let again = run(&home, &["install", client, "--hooks"]).json();
        assert!(again["changes"].as_array().unwrap().iter().all(|change| change["changed"] == false), "{again}");
        assert_eq!(text(&home, file).unwrap(), entered);
    }
    let settings = text(&home, ".claude/settings.json").unwrap();
    assert!(settings.contains("say done") && settings.contains("hook SessionStart"), "{settings}");
    for (client, _) in CLIENTS {
        let _ = run(&home, &["uninstall", client]).json();
    }
    let after = files(&home);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(after == before, "{:?}", text(&home, ".claude.json"));
    let _ = run(&home, &["uninstall"]).json();
    assert!(files(&home) == before, "a second time changes nothing");
}

#[test]
fn what_others_wrote_meanwhile_stays() {
    let home = TestHome::new();
    let _ = run(&home, &["install", "--hooks"]).json();
    let mut state: Value = serde_json::from_str(&text(&home, ".claude.json").unwrap()).unwrap();
    state["numStartups"] = 7.into();
    state["mcpServers"]["newer"] = serde_json::json!({ "command": "z" });
    home.write(".claude.json", state.to_string());
    let _ = run(&home, &["uninstall"]).json();
    let left: Value = serde_json::from_str(&text(&home, ".claude.json").unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({ "numStartups": 7, "mcpServers": { "newer": { "command": "z" } } }));
    assert_eq!(text(&home, ".claude/settings.json"), None);
}

#[test]
fn scopes_are_apart() {
    let home = TestHome::new();
    home.write("work/readme", "x");
    let project = home.path().join("work");
    let inside = |arguments: &[&str]| {
        let output = home.command().current_dir(&project).args(arguments).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    let before = files(&home);
    inside(&["install", "--scope", "project", "--hooks"]);
    inside(&["install", "--scope", "local"]);
    assert!(text(&home, "work/.mcp.json").unwrap().contains("claude-memory"));
    assert!(text(&home, "work/.claude/settings.json").unwrap().contains("hook Stop"));
    let state: Value = serde_json::from_str(&text(&home, ".claude.json").unwrap()).unwrap();
    let key = std::fs::canonicalize(&project).unwrap().display().to_string();
    assert!(state["projects"][&key]["mcpServers"]["claude-memory"].is_object(), "{state}");
    inside(&["uninstall", "--scope", "project"]);
    inside(&["uninstall", "--scope", "local"]);
    assert_eq!(files(&home), before);
    home.run(&["install", "codex", "--scope", "project"]).fails(2, "has no scope");
}

#[test]
fn what_cannot_be_parsed_is_left_alone() {
    let home = TestHome::new();
    for (client, file) in CLIENTS {
        for broken in ["{\"mcpServers\": {", "mcp_servers = [", "{\"mcpServers\": 3}\nmcp_servers = 3", "\u{feff}{]"] {
            home.write(file, broken);
            let failed = home.run(&["install", client]);
            assert_eq!(failed.code, 2, "{client} {broken}: {}", failed.stderr);
            assert!(failed.stderr.contains("the file was not changed"), "{}", failed.stderr);
            assert_eq!(text(&home, file).unwrap(), broken);
        }
    }
    for (file, client) in [(".gemini/settings.json", "gemini"), (".codex/hooks.json", "codex")] {
        home.write(".codex/config.toml", "");
        for broken in ["null", "{\"hooks\": 7}", "{\"hooks\": {\"SessionStart\": {}}}", "{\"a\":1}}"] {
            home.write(file, broken);
            home.run(&["install", client, "--hooks"]).fails(2, file);
            assert_eq!(text(&home, file).unwrap(), broken);
        }
        assert_eq!(text(&home, ".codex/config.toml").unwrap(), "");
    }
    home.write(".claude.json", [0xff, 0xfe, 0x00]);
    home.run(&["install"]).fails(2, "not UTF-8");
    home.write(".claude.json", "{}");
    home.write(".claude/settings.json", "{\"hooks\": []}");
    home.run(&["install", "--hooks"]).fails(2, "hooks is not an object");
    assert_eq!(text(&home, ".claude.json").unwrap(), "{}", "nothing is done by halves");
}

#[test]
#[cfg(unix)]
fn links_and_modes_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let home = TestHome::new();
    let real = home.write("dotfiles/claude.json", "{}\n");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, home.path().join(".claude.json")).unwrap();
    let _ = run(&home, &["install"]).json();
    assert!(std::fs::symlink_metadata(home.path().join(".claude.json")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    let _ = run(&home, &["uninstall"]).json();
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "{}\n");
}

#[test]
fn a_diff_shows_no_keys_of_others() {
    let home = TestHome::new();
    let key = format!("sk-ant-{}-{}", "api03", "q7Zx".repeat(20));
    home.write(
        ".cursor/mcp.json",
        format!(
            "{{\n  \"mcpServers\": {{\n    \"o\": {{\"command\": \"x\", \"env\": {{\"K\": \"{key}\"}}}}\n  }}\n}}\n"
        ),
    );
    let done = home.run(&["install", "cursor", "--verbose"]);
    assert!(
        done.code == 0 && !done.stdout.contains(&key) && done.stdout.contains("+    \"claude-memory\""),
        "{}",
        done.stdout
    );
}

const ODD_FILES: [&str; 5] =
    [".claude.json", ".cursor/mcp.json", ".claude/settings.json", ".gemini/settings.json", ".codex/hooks.json"];

/// What clients read and strict parsers refuse.
#[test]
fn every_byte_of_an_odd_file_comes_back() {
    let home = TestHome::new();
    let odd: [&[u8]; 9] = [
        br#"{"history":[{"display":"fix \ud83d it \ud83d\ude00 \uDE00"}],"numStartups":3}"#,
        b"\xef\xbb\xbf{\r\n  \"a\": 1\r\n}\r\n",
        b"{\"history\":[\"bad \xff\xfe byte\"],\"mcpServers\":{}}",
        br#"{"mcpServers":null,"hooks":null}"#,
        br#"{"mcpServers":{"first":{"command":"x"}},"a":1,"mcpServers":{"last":{"command":"y"}},"hooks":{},"hooks":{"Stop":null}}"#,
        br#"{"mcpServers":{"first":{"command":"x"}},"mcpServers":{}}"#,
        b"\xef\xbb\xbf",
        b"",
        br#"{"a":"C:\\ud83d","mcpServers":{"o":{"command":"x","args":null}}}"#,
    ];
    for before in odd {
        let shown = before.escape_ascii().to_string();
        home.write(".claude.json", before);
        home.write(".claude/settings.json", before);
        home.write(".cursor/mcp.json", before);
        home.write(".gemini/settings.json", before);
        home.write(".codex/hooks.json", before);
        for client in ["claude-code", "cursor", "gemini", "codex"] {
            let done = run(&home, &["install", client, "--hooks"]);
            assert_eq!(done.code, 0, "{shown}: {}", done.stdout);
            let again = run(&home, &["install", client, "--hooks"]).json();
            assert!(again["changes"].as_array().unwrap().iter().all(|change| change["changed"] == false), "{again}");
        }
        let bytes = |name: &str| std::fs::read(home.path().join(name)).unwrap();
        for name in ODD_FILES {
            let read = claude_memory::testing::domain::json::parse_lenient(&bytes(name));
            let text = String::from_utf8_lossy(&bytes(name)).into_owned();
            assert!(read.is_ok() && text.contains("claude-memory"), "{shown}: {text}");
            if before.windows(6).any(|part| part == br"\ud83d") {
                assert!(text.contains(r"\ud83d"), "{text}");
            }
        }
        // Clients read the last of two keys.
        let last = String::from_utf8_lossy(&bytes(".claude.json")).into_owned();
        let (ours, key) = (last.find("claude-memory").unwrap(), last.rfind("\"mcpServers\"").unwrap());
        assert!(ours > key, "{last}");
        for client in ["claude-code", "cursor", "gemini", "codex"] {
            let _ = run(&home, &["uninstall", client]).json();
        }
        for name in ODD_FILES {
            assert_eq!(bytes(name).escape_ascii().to_string(), shown, "{name}");
        }
    }
}

#[test]
fn every_byte_of_an_odd_toml_comes_back() {
    let home = TestHome::new();
    for before in [
        &b""[..],
        b"\xef\xbb\xbfmodel = \"o3\"\n",
        b"model = \"o3\"\r\n\r\n[mcp_servers.other]\r\ncommand = \"x\"\r\n",
        b"mcp_servers = {}\n",
        b"[mcp_servers]\n# none yet\n\n[hooks.state]\n\"x\" = { trusted_hash = \"1\" }",
        b"mcp_servers.other = { command = \"x\" }\n",
    ] {
        let path = home.write(".codex/config.toml", before);
        let _ = run(&home, &["install", "codex", "--hooks"]).json();
        let entered = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&entered).into_owned();
        let table: toml::Table = text.trim_start_matches('\u{feff}').parse().unwrap();
        assert!(table["mcp_servers"]["claude-memory"]["command"].is_str(), "{text}");
        let again = run(&home, &["install", "codex", "--hooks"]).json();
        assert!(again["changes"].as_array().unwrap().iter().all(|change| change["changed"] == false), "{again}");
        let _ = run(&home, &["uninstall", "codex"]).json();
        assert_eq!(std::fs::read(&path).unwrap().escape_ascii().to_string(), before.escape_ascii().to_string());
        assert_eq!(text_of_hooks(&home), None);
    }
}

fn text_of_hooks(home: &TestHome) -> Option<String> {
    text(home, ".codex/hooks.json")
}

#[test]
fn what_was_odd_stays_when_others_wrote_meanwhile() {
    let home = TestHome::new();
    home.write(".claude.json", "\u{feff}{\"a\":\"\\ud83d\",\"mcpServers\":{\"x\":{}},\"mcpServers\":{}}");
    let _ = run(&home, &["install"]).json();
    let entered = text(&home, ".claude.json").unwrap();
    home.write(".claude.json", entered.replace("\"a\"", "\"b\""));
    let _ = run(&home, &["uninstall"]).json();
    let left = text(&home, ".claude.json").unwrap();
    assert!(left.starts_with("\u{feff}{\"b\":\"\\ud83d\"") && !left.contains("claude-memory"), "{left}");
    // Without the last one the first one would count.
    assert_eq!(left.matches("mcpServers").count(), 2, "{left}");
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_nowhere_is_refused_and_left() {
    let home = TestHome::new();
    std::fs::create_dir(home.path().join("folder")).unwrap();
    for target in [".claude.json", "folder"] {
        let link = home.path().join(".claude.json");
        std::os::unix::fs::symlink(target, &link).unwrap();
        home.run(&["install", "--hooks"]).fails(3, "cannot read");
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(target));
        std::fs::remove_file(link).unwrap();
    }
    assert!(!home.path().join(".claude").exists());
}

#[test]
#[cfg(unix)]
fn a_link_to_nothing_stays_one() {
    let home = TestHome::new();
    let links = [(".claude.json", "dotfiles/new/claude.json"), (".cursor/mcp.json", "../dots/mcp.json")];
    std::fs::create_dir(home.path().join(".cursor")).unwrap();
    for (link, target) in links {
        std::os::unix::fs::symlink(target, home.path().join(link)).unwrap();
    }
    let before = files_and_links(&home);
    let _ = run(&home, &["install", "claude-code", "cursor"]).json();
    for (link, target) in links {
        assert_eq!(std::fs::read_link(home.path().join(link)).unwrap(), Path::new(target));
        assert!(text(&home, link).unwrap().contains("claude-memory"));
    }
    assert!(text(&home, "dotfiles/new/claude.json").is_some() && text(&home, "dots/mcp.json").is_some());
    let _ = run(&home, &["uninstall", "claude-code", "cursor"]).json();
    assert_eq!(files_and_links(&home), before);
}

/// Every name outside the memory; links are not followed.
#[cfg(unix)]
fn files_and_links(home: &TestHome) -> Vec<String> {
    let listed = std::process::Command::new("find").arg(home.path()).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    let mut names: Vec<String> = listed.lines().filter(|name| !name.contains("/memory")).map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn a_tilde_that_no_shell_expanded_is_the_home_folder() {
    let home = TestHome::new();
    let with = |value: &str| {
        let mut command = home.command();
        let output = command.env("CLAUDE_CONFIG_DIR", value).args(["install", "--hooks", "--json"]).output().unwrap();
        Ran::new(output)
    };
    let done = with("~/claude-work, ~/other").json();
    let path = done["changes"][0]["path"].as_str().unwrap();
    assert!(path.ends_with("claude-work/.claude.json") && !path.contains('~'), "{path}");
    assert!(home.path().join("claude-work/settings.json").is_file() && !home.path().join("other").exists());
    with("~somebody/claude").fails(2, "CLAUDE_CONFIG_DIR");
    assert!(!home.path().join("~").exists() && !home.path().join("~somebody").exists());
}

#[test]
fn hooks_of_an_earlier_version_give_way_to_those_of_now() {
    let home = TestHome::new();
    let old = |event: &str| {
        serde_json::json!([{ "hooks": [{ "type": "command",
        "command": format!("/opt/old/claude-memory hook {event}"), "timeout": 5 }] }])
    };
    let mut hooks = serde_json::Map::new();
    for event in ["SessionStart", "UserPromptSubmit", "Stop", "SubagentStop", "PreCompact", "SessionEnd"] {
        hooks.insert(event.to_owned(), old(event));
    }
    let theirs = serde_json::json!({ "hooks": [{ "type": "command", "command": "say done" }] });
    hooks["Stop"].as_array_mut().unwrap().insert(0, theirs.clone());
    home.write(".claude/settings.json", serde_json::json!({ "hooks": hooks }).to_string());
    let _ = run(&home, &["install", "--hooks"]).json();
    let settings: Value = serde_json::from_str(&text(&home, ".claude/settings.json").unwrap()).unwrap();
    assert!(!settings.to_string().contains("/opt/old"), "{settings}");
    assert_eq!(settings["hooks"]["Stop"][0], theirs);
    let mut entered = Vec::new();
    for (event, entries) in settings["hooks"].as_object().unwrap() {
        for hook in entries.as_array().unwrap().iter().map(|entry| &entry["hooks"][0]) {
            let line = hook["command"].as_str().unwrap();
            if let Some((_, rest)) = line.split_once(" hook ") {
                let argument = rest.split(' ').next().unwrap().to_owned();
                entered.push((event.clone(), argument, hook["async"] == true, hook["timeout"].as_u64()));
            }
        }
    }
    let mut wanted = claude_memory::testing::clients::HOOKS
        .map(|hook| (hook.event.to_owned(), hook.argument.to_owned(), hook.background, Some(u64::from(hook.timeout))));
    // New events come behind those that were there.
    entered.sort();
    wanted.sort();
    assert_eq!(entered, wanted);
    // Nobody waits for what is kept; what is handed out must be there when the session goes on.
    assert!(entered.iter().all(|(_, argument, background, _)| {
        *background
            != ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUseFailure", "SubagentStart"]
                .contains(&argument.as_str())
    }));
    let again = run(&home, &["install", "--hooks"]).json();
    assert!(again["changes"].as_array().unwrap().iter().all(|change| change["changed"] == false), "{again}");
    let _ = run(&home, &["uninstall"]).json();
    let left: Value = serde_json::from_str(&text(&home, ".claude/settings.json").unwrap()).unwrap();
    assert_eq!(left, serde_json::json!({ "hooks": { "Stop": [theirs] } }));
}
