//! Commands that documents name exist and take the arguments that are shown.

use std::path::Path;

use crate::home::TestHome;

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
    for (document, least) in [
        ("README.md", 18),
        ("README.zh-CN.md", 18),
        ("data/plugin/README.md", 0),
        ("docs/importing.md", 16),
        ("docs/guides/operator.md", 2),
        ("docs/guides/comparing.md", 4),
    ] {
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
            if let Err(error) = claude_memory::testing::cli::command().try_get_matches_from(&arguments) {
                panic!("{document}: {arguments:?}: {error}");
            }
        }
        assert!(own >= least, "{document} shows {own} commands");
    }
}

/// Every command shows how it is used, and what it shows is understood.
#[test]
fn every_command_has_examples_that_are_understood() {
    let program = claude_memory::testing::cli::command();
    for command in program.get_subcommands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let name = command.get_name();
        let mut shown = 0;
        for line in after.lines().filter(|line| line.starts_with("  claude-memory ")) {
            // A pipe or a file is the shell's.
            let arguments: Vec<String> = words(line.trim())
                .into_iter()
                .take_while(|word| !["|", "<", ">", "&"].contains(&word.as_str()))
                .collect();
            if let Err(error) = program.clone().try_get_matches_from(&arguments) {
                panic!("{name}: {arguments:?}: {error}");
            }
            shown += 1;
        }
        assert!(shown > 0, "`claude-memory {name} --help` shows no example");
    }
}

/// What both READMEs have, in order: headings, commands without what is written in a language, pictures, links, rows of tables, numbers of rows.
fn shape(text: &str) -> Vec<String> {
    let (mut shape, mut block) = (Vec::new(), None);
    for line in text.lines() {
        if line.starts_with("```") {
            block = if block.is_some() { None } else { Some(line.to_owned()) };
            shape.push(line.to_owned());
        } else if let Some(kind) = &block {
            let words = words(line);
            let plain = words.iter().filter(|word| word.is_ascii() && !word.contains(' '));
            shape.extend((kind != "```text").then(|| plain.cloned().collect::<Vec<_>>().join(" ")));
        } else if line.starts_with('#') || line.starts_with('|') {
            let links = line.matches("](").count();
            shape.push(format!("{} {links}", line.split(' ').next().unwrap_or("")));
        }
        if block.is_none() {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            shape.extend(targets.filter(|target| !target.starts_with("README")).map(str::to_owned));
        }
    }
    shape
}

#[test]
fn both_readmes_have_the_same_chapters_commands_pictures_and_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (english, chinese) = (read("README.md"), read("README.zh-CN.md"));
    let (one, other) = (shape(&english), shape(&chinese));
    let differs = one.iter().zip(&other).position(|(one, other)| one != other);
    let at = differs.unwrap_or(one.len().min(other.len()));
    assert_eq!(one.get(at), other.get(at), "after {:?}", one.get(at.saturating_sub(3)..at));
    // Figures of the table are the same ones, in whatever order a language has them; ten myriads are 100,000.
    let figures = |text: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| line.starts_with("| ")).map(|row| row.replace("100,000", "10"));
        let digits = rows.map(|row| {
            let mut digits: Vec<char> = row.chars().filter(char::is_ascii_digit).collect();
            digits.sort_unstable();
            digits.into_iter().collect()
        });
        digits.filter(|digits: &String| !digits.is_empty()).collect()
    };
    assert_eq!(figures(&english), figures(&chinese));
    for target in one.iter().filter(|item| item.starts_with("docs/")) {
        assert!(root.join(target).exists(), "{target} is not there");
    }
}

#[test]
fn every_decision_has_one_row_with_its_status_and_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/decisions");
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with('0')).collect();
    names.sort();
    let rows = names.iter().map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let (number, title) = text.lines().next().unwrap().trim_start_matches("# ").split_once(". ").unwrap();
        let (head, _) = text.split_once("- Date: ").unwrap();
        let (_, status) = head.split_once("- Status: ").unwrap();
        let status = status.split_whitespace().collect::<Vec<_>>().join(" ");
        let date = text.split_once("- Date: ").unwrap().1.lines().next().unwrap();
        assert!(name.starts_with(&format!("{number:0>4}-")), "{name} is number {number}");
        format!("| {number} | [{title}]({name}) | {status} | {date} |")
    });
    let rows: Vec<String> = rows.collect();
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let listed: Vec<&str> = index.lines().filter(|line| line.starts_with("| ") && line.contains(".md)")).collect();
    assert_eq!(listed, rows);
}

#[test]
fn the_plugin_enters_the_hooks_that_install_enters() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/plugin/hooks/hooks.json");
    let plugin: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    // Both are for every machine: they name the program without its folder.
    let home = TestHome::new();
    let _ = home.json(&["install", "--scope", "project", "--hooks"]);
    let settings = std::fs::read(home.path().join(".claude/settings.json")).unwrap();
    let entered: serde_json::Value = serde_json::from_slice(&settings).unwrap();
    assert_eq!(plugin["hooks"], entered["hooks"]);
    let version =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/plugin/.claude-plugin/plugin.json"))
            .unwrap();
    assert!(version.contains(&format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"))), "{version}");
}
