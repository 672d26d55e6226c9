//! The guides show what really comes out: every command in a `console` block is run, in order, and what it prints is compared with what
//! stands below it. Numbers may differ, and lines that a guide leaves out with `…`. `UPDATE_GUIDES=1` writes the outputs anew.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::{NOW, TestHome};
use crate::postgres::Postgres;

/// A piece of a guide: a command with what stands below it, or text.
enum Piece {
    Text(String),
    Run { machine: String, shown: Vec<String>, output: Vec<String> },
}

/// `$ command` in the home of the user, `name$ command` on another machine; `> ` goes on.
fn prompt(line: &str) -> Option<(&str, &str)> {
    let (machine, command) = line.split_once("$ ")?;
    machine.chars().all(|character| character.is_ascii_lowercase()).then_some((machine, command))
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        inside = if line.starts_with("```") { line == "```console" } else { inside };
        match pieces.last_mut() {
            _ if inside && prompt(line).is_some() => {
                let machine = prompt(line).unwrap().0.to_owned();
                pieces.push(Piece::Run { machine, shown: vec![line.to_owned()], output: Vec::new() });
            }
            Some(Piece::Run { shown, output, .. }) if inside => {
                let goes_on = output.is_empty() && line.starts_with("> ");
                if goes_on { shown } else { output }.push(line.to_owned());
            }
            _ => pieces.push(Piece::Text(line.to_owned())),
        }
    }
    pieces
}

/// Numbers and the widths that depend on them are not compared.
fn comparable(line: &str) -> String {
    let mut plain = String::new();
    for character in line.trim_end().chars() {
        let character =
            if character.is_ascii_digit() || character == '.' || character == ',' { '#' } else { character };
        let repeated = plain.ends_with(character) && (character == '#' || character == ' ');
        if !repeated {
            plain.push(character);
        }
    }
    plain
}

/// Whether lines are those that are shown; `…` stands for any.
fn agrees(shown: &[String], came: &[String]) -> bool {
    let mut came = came.iter().map(|line| comparable(line));
    let mut skipping = false;
    for line in shown.iter().map(|line| comparable(line)) {
        if line == "…" {
            skipping = true;
        } else if skipping {
            skipping = false;
            if !came.any(|other| other == line) {
                return false;
            }
        } else if came.next().as_ref() != Some(&line) {
            return false;
        }
    }
    skipping || came.next().is_none()
}

fn run(home: &TestHome, machine: &str, command: &str, postgres: Option<&str>) -> Vec<String> {
    let folder = if machine.is_empty() { home.path().to_owned() } else { home.path().join(machine) };
    // Somebody works in a project.
    let project = folder.join("shop");
    std::fs::create_dir_all(&project).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_claude-memory")).parent().unwrap().display().to_string();
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().current_dir(&project).env("HOME", &folder).env("PATH", format!("{programs}:/usr/bin:/bin"));
    shell.env("TZ", "UTC").env("CLAUDE_MEMORY_TEST_NOW", NOW).env("CLAUDE_MEMORY_TEST_SEED", "7");
    shell.env("CLAUDE_MEMORY_TEST_READINGS", "disk=10,memory=10,cpu=10").env("LANG", "C.UTF-8");
    if let Some(url) = postgres {
        let memory = folder.join(".local/share/claude-memory");
        let _ = home.json(&["config", "set", "sync.postgres", url, "--home", memory.to_str().unwrap()]);
    }
    let ran = shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap().replace(&folder.display().to_string(), "~");
    let said = said.replace(&programs, "~/.local/bin");
    // Where two projects have one name, the folder above tells them apart.
    let above = folder.file_name().unwrap().to_string_lossy().into_owned();
    let said = said.replace(&format!("{above}/shop"), "me/shop");
    let said = postgres.map_or_else(|| said.clone(), |url| said.replace(url, "postgresql://db.example.org/memory"));
    said.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn follow(name: &str, postgres: Option<&str>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let home = TestHome::new();
    for machine in ["", "laptop/"] {
        home.keep_samples(machine);
    }
    let update = std::env::var_os("UPDATE_GUIDES").is_some();
    let (mut written, mut commands) = (Vec::new(), 0);
    for piece in pieces(&text) {
        match piece {
            Piece::Text(line) => written.push(line),
            Piece::Run { machine, shown, output } => {
                let first = prompt(&shown[0]).unwrap().1.to_owned();
                let rest = shown[1..].iter().map(|line| line.trim_start_matches("> ").to_owned());
                let command = std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n");
                let came = run(&home, &machine, &command, postgres);
                commands += 1;
                let same = agrees(&output, &came);
                assert!(
                    same || update,
                    "{name}: `{command}` prints\n{}\nand not\n{}",
                    came.join("\n"),
                    output.join("\n")
                );
                written.extend(shown);
                // What a guide has cut stays cut as long as it agrees.
                let is_cut = output.iter().any(|line| line.trim() == "…");
                written.extend(if same && is_cut { output } else { came });
            }
        }
    }
    assert!(commands > 3, "{name} shows {commands} commands");
    if update {
        claude_memory::testing::disk::write_atomic(&path, (written.join("\n") + "\n").as_bytes()).unwrap();
    }
}

#[test]
fn the_guide_for_a_laptop_shows_what_comes_out() {
    follow("laptop.md", None);
}

#[test]
fn the_guide_for_a_laptop_says_the_same_in_chinese() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides");
    let runs = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let runs = pieces(&text).into_iter().filter_map(|piece| match piece {
            Piece::Run { shown, output, .. } => Some([shown, output].concat().join("\n")),
            Piece::Text(_) => None,
        });
        runs.collect()
    };
    assert_eq!(runs("laptop.md"), runs("laptop.zh-CN.md"));
}

#[test]
fn the_guide_for_an_operator_shows_what_comes_out() {
    follow("operator.md", None);
}

#[test]
fn the_guide_for_comparing_shows_what_comes_out() {
    follow("comparing.md", None);
}

#[test]
fn the_guide_for_a_team_shows_what_comes_out() {
    let Some(postgres) = Postgres::start() else { return };
    follow("team.md", Some(&postgres.url()));
}
