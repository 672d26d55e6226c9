//! What `install` enters, and what it says about it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{Ran, TestHome};

const FILES: [(&str, &str, Option<&str>); 5] = [
    ("claude-code", ".claude.json", Some(".claude/settings.json")),
    ("claude-desktop", ".config/Claude/claude_desktop_config.json", None),
    ("codex", ".codex/config.toml", Some(".codex/hooks.json")),
    ("cursor", ".cursor/mcp.json", None),
    ("gemini", ".gemini/settings.json", Some(".gemini/settings.json")),
];

fn read(home: &TestHome, file: &str) -> Value {
    let text = std::fs::read_to_string(home.path().join(file)).unwrap();
    if file == ".codex/config.toml" { toml::from_str(&text).unwrap() } else { serde_json::from_str(&text).unwrap() }
}

/// Command and arguments of the server's entry.
fn server(home: &TestHome, file: &str) -> Vec<String> {
    let settings = read(home, file);
    let entry = settings.get("mcpServers").or_else(|| settings.get("mcp_servers")).unwrap()["claude-memory"].clone();
    let words = std::iter::once(&entry["command"]).chain(entry["args"].as_array().unwrap());
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// Every hook: its event and its fields.
fn hooks(home: &TestHome, file: &str) -> Vec<(String, Value)> {
    let settings = read(home, file);
    let events = settings["hooks"].as_object().unwrap().iter();
    let entries =
        events.flat_map(|(event, entries)| entries.as_array().unwrap().iter().map(move |entry| (event, entry)));
    entries.map(|(event, entry)| (event.clone(), entry["hooks"][0].clone())).collect()
}

/// A way to choose the data folder: flags, variables, and what is entered then.
type Way<'a> = (&'a [&'a str], &'a [(&'a str, &'a Path)], Option<&'a str>);

/// A data folder that is chosen somehow: the flag, variables, or nothing.
fn install(home: &TestHome, arguments: &[&str], variables: &[(&str, &Path)]) {
    let mut command = home.command();
    command.env_remove("CLAUDE_MEMORY_HOME").envs(variables.iter().copied());
    let _ = Ran::new(command.args(arguments).arg("--json").output().unwrap()).json();
}

/// Codex starts servers without the variables of its user; the others may be started from elsewhere.
#[test]
fn a_data_folder_that_is_not_the_default_is_entered() {
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_claude-memory")).unwrap().display().to_string();
    for (client, file, hooks_file) in FILES {
        let home = TestHome::new();
        let folder = home.path().join("my memory");
        let name = folder.to_str().unwrap();
        let data = home.path().join("data");
        let moved = data.join("claude-memory").display().to_string();
        let usual = home.path().join(".local/share/claude-memory");
        let ways: [Way<'_>; 5] = [
            (&["--home", name], &[], Some(name)),
            (&[], &[("CLAUDE_MEMORY_HOME", &folder)], Some(name)),
            (&[], &[("XDG_DATA_HOME", &data)], Some(&moved)),
            (&[], &[("CLAUDE_MEMORY_HOME", &usual)], None),
            (&[], &[], None),
        ];
        for (flags, variables, entered) in ways {
            install(&home, &[flags, &["install", client, "--hooks"]].concat(), variables);
            let mut wanted = vec![program.as_str()];
            wanted.extend(entered.iter().flat_map(|folder| ["--home", folder]));
            wanted.push("mcp");
            assert_eq!(server(&home, file), wanted, "{client} {flags:?} {variables:?}");
            for (_, hook) in hooks_file.map(|file| hooks(&home, file)).unwrap_or_default() {
                let line = hook["command"].as_str().unwrap();
                assert_eq!(line.contains(" --home "), entered.is_some(), "{line}");
                assert!(entered.is_none_or(|folder| line.contains(folder)), "{line}");
            }
            // The next way replaces the entries of this one.
            let known = hooks_file.map(|file| hooks(&home, file).len());
            assert!(
                known.is_none_or(|known| known <= claude_memory::testing::clients::HOOKS.len()),
                "{client}: {known:?}"
            );
        }
    }
}

#[test]
fn files_of_a_project_name_no_path_of_this_machine() {
    let home = TestHome::new();
    let done = home.run(&["install", "--scope", "project", "--hooks"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("must be on PATH") && done.stdout.contains("CLAUDE_MEMORY_HOME"), "{}", done.stdout);
    assert_eq!(server(&home, ".mcp.json"), ["claude-memory", "mcp"]);
    for (_, hook) in hooks(&home, ".claude/settings.json") {
        let line = hook["command"].as_str().unwrap();
        assert!(line.starts_with("claude-memory hook "), "{line}");
    }
    for file in [".mcp.json", ".claude/settings.json"] {
        let text = std::fs::read_to_string(home.path().join(file)).unwrap();
        assert!(!text.contains(home.path().to_str().unwrap()) && !text.contains("/target/"), "{text}");
    }
    let _ = home.json(&["uninstall", "--scope", "project"]);
    assert!(!home.path().join(".mcp.json").exists() && !home.path().join(".claude").exists());
}

#[test]
fn each_client_gets_its_own_hooks() {
    let home = TestHome::new();
    let entered = |file: &str| -> Vec<(String, String, Value, bool)> {
        let of = |(event, hook): (String, Value)| {
            let line = hook["command"].as_str().unwrap();
            let argument = line.split_once(" hook ").unwrap().1.split_once(" 2>").unwrap().0.to_owned();
            (event, argument, hook["timeout"].clone(), hook["async"] == true)
        };
        hooks(&home, file).into_iter().map(of).collect()
    };
    let of = |event: &str, argument: &str, timeout: u32, background: bool| {
        (event.to_owned(), argument.to_owned(), json!(timeout), background)
    };
    let _ = home.json(&["install", "codex", "gemini", "--hooks"]);
    let mut codex = [
        of("SessionStart", "--client codex SessionStart", 5, false),
        of("UserPromptSubmit", "--client codex UserPromptSubmit", 5, false),
        of("Stop", "--client codex Stop", 60, true),
        of("SessionEnd", "--client codex SessionEnd", 3, false),
    ];
    let mut gemini = [
        of("SessionStart", "--client gemini SessionStart", 5000, false),
        of("BeforeAgent", "--client gemini UserPromptSubmit", 5000, false),
        of("SessionEnd", "--client gemini SessionEnd", 5000, false),
    ];
    for (file, wanted) in [(".codex/hooks.json", &mut codex[..]), (".gemini/settings.json", &mut gemini[..])] {
        let mut found = entered(file);
        found.sort_by(|a, b| a.0.cmp(&b.0));
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, wanted);
    }
    let _ = home.json(&["uninstall", "codex", "gemini"]);
    assert!(!home.path().join(".codex").exists() && !home.path().join(".gemini").exists());
}

/// Where the program is gone a session starts with one line for its user, and nothing else happens.
#[test]
#[cfg(unix)]
fn a_program_that_is_gone_is_one_calm_line() {
    let home = TestHome::new();
    let copy = home.path().join("bin/claude-memory");
    std::fs::create_dir(home.path().join("bin")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_claude-memory"), &copy).unwrap();
    let mut command = Command::new(&copy);
    command.env_clear().env("HOME", home.path()).current_dir(home.path());
    let installed = command.args(["install", "claude-code", "codex", "gemini", "--hooks"]).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    std::fs::remove_file(&copy).unwrap();
    for (_, _, file) in FILES {
        let Some(file) = file else { continue };
        let mut said = 0;
        for (event, hook) in hooks(&home, file) {
            let line = hook["command"].as_str().unwrap();
            let ran = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().unwrap();
            assert!(ran.status.success() && ran.stderr.is_empty(), "{line}: {ran:?}");
            if !ran.stdout.is_empty() {
                let answer: Value = serde_json::from_slice(&ran.stdout).unwrap();
                assert!(
                    answer["systemMessage"].as_str().unwrap().starts_with("claude-memory was not found"),
                    "{answer}"
                );
                assert_eq!(event, "SessionStart");
                said += 1;
            }
        }
        assert_eq!(said, 1, "{file}");
    }
}

#[test]
fn the_output_is_short_and_says_what_comes_next() {
    let home = TestHome::new();
    for (client, title) in [
        ("claude-code", "Claude Code"),
        ("claude-desktop", "Claude Desktop"),
        ("codex", "Codex"),
        ("cursor", "Cursor"),
        ("gemini", "Gemini CLI"),
    ] {
        let dry = home.run(&["install", client, "--hooks", "--dry-run"]).stdout;
        assert!(dry.contains("@@") && !dry.contains("Done."), "{dry}");
        let done = home.run(&["install", client, "--hooks"]).stdout;
        assert!(done.lines().count() <= 6 && !done.contains("@@"), "{done}");
        assert_eq!(done.matches("MCP server claude-memory: ").count(), 1, "{done}");
        let has_hooks = !["claude-desktop", "cursor"].contains(&client);
        assert_eq!(done.matches(" hooks for ").count(), usize::from(has_hooks), "{done}");
        assert_eq!(done.contains("has no hooks"), !has_hooks, "{done}");
        assert_eq!(done.contains("trust"), client == "codex", "{done}");
        let last = done.lines().last().unwrap();
        assert_eq!(last, format!("Done. Restart {title} and ask: \"What did we work on last?\""));
        assert_eq!(done.contains("Claude Code"), client == "claude-code", "{done}");
        let again = home.run(&["install", client, "--hooks"]).stdout;
        assert!(!again.contains("Done.") && again.contains("is already up to date"), "{again}");
        let verbose = home.run(&["uninstall", client, "--verbose"]).stdout;
        assert!(verbose.contains("@@") && !verbose.contains("Done."), "{verbose}");
    }
}

#[test]
fn beside_the_plugin_nothing_is_entered() {
    let home = TestHome::new();
    let plugin = "memory-recall@claude-memory-local";
    let set = |file: &str, value: bool| {
        home.write(file, json!({ "enabledPlugins": { plugin: value, "other@x": true } }).to_string());
    };
    set(".claude/settings.json", true);
    home.run(&["install", "claude-code", "codex", "--hooks"]).fails(2, plugin);
    assert!(!home.path().join(".claude.json").exists() && !home.path().join(".codex").exists());
    // Other clients do not see it.
    let _ = home.json(&["install", "codex"]);
    set(".claude/settings.json", false);
    let _ = home.json(&["install"]);

    // Enabled afterwards: the doctor sees it.
    let diagnosis = |home: &TestHome| home.run(&["doctor"]).stdout;
    let _ = home.json(&["save", "the gateway listens on 6543"]);
    assert!(!diagnosis(&home).contains(plugin));
    set(".claude/settings.json", true);
    let found = diagnosis(&home);
    assert!(found.contains(plugin) && found.contains("claude-memory uninstall --scope user"), "{found}");
    let _ = home.json(&["uninstall"]);
    assert!(!diagnosis(&home).contains(plugin));
    // A project may switch off what its user has switched on.
    home.write("work/.claude/settings.json", json!({ "enabledPlugins": { plugin: false } }).to_string());
    let inside = home.command().current_dir(home.path().join("work")).args(["install", "--json"]).output().unwrap();
    let _ = Ran::new(inside).json();
}
