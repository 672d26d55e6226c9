//! Commands that documents name exist and take the arguments that are shown.

use std::path::Path;

/// Splits like a shell as far as our examples need it: spaces, double and single quotes, comments.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (character, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn commands(text: &str) -> Vec<Vec<String>> {
    let mut shell = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            shell = line == "```sh";
        } else if shell {
            found.push(words(line));
        }
    }
    found
}

#[test]
fn every_command_in_the_readmes_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (document, least) in
        [("README.md", 18), ("README.zh-CN.md", 18), ("data/plugin/README.md", 0), ("docs/importing.md", 12)]
    {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let mut own = 0;
        for command in commands(&text) {
            let arguments = match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["claude-memory", ..] => command.clone(),
                ["cargo", "run", "--release", "--", rest @ ..] => {
                    [&["claude-memory"], rest].concat().iter().map(ToString::to_string).collect()
                }
                ["cargo", "test"] | ["cargo", "install", "--path", "."] => continue,
                // Run by the test of the plugin.
                ["claude", "plugin", "marketplace", "add", "."]
                | ["claude", "plugin", "install", "memory-recall@claude-memory-local"] => continue,
                other => panic!("{document} names {other:?}, which nothing checks"),
            };
            own += 1;
            if let Err(error) = claude_memory::cli::command().try_get_matches_from(&arguments) {
                panic!("{document}: {arguments:?}: {error}");
            }
        }
        assert!(own >= least, "{document} shows {own} commands");
    }
}

#[test]
fn the_plugin_enters_the_hooks_that_install_enters() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/plugin/hooks/hooks.json");
    let plugin: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let events: Vec<&String> = plugin["hooks"].as_object().unwrap().keys().collect();
    assert_eq!(events, claude_memory::clients::EVENTS);
    for event in events {
        let line = plugin["hooks"][event][0]["hooks"][0]["command"].as_str().unwrap();
        assert_eq!(line, format!("claude-memory hook {event} || true"));
    }
    let version =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/plugin/.claude-plugin/plugin.json"))
            .unwrap();
    assert!(version.contains(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"))), "{version}");
}
