//! docs/reference is generated and compared: run with `UPDATE_REFERENCE=1 cargo test reference` to write it anew.

use std::fmt::Write as _;
use std::path::Path;

use claude_memory::testing::config::env;
use claude_memory::testing::domain::FailureCode;
use claude_memory::testing::mcp::Profile;

#[track_caller]
fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference").join(name);
    let update = std::env::var_os("UPDATE_REFERENCE").is_some();
    if update {
        std::fs::write(&path, generated).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, generated, "docs/reference/{name} is stale: UPDATE_REFERENCE=1 cargo test reference");
}

#[test]
fn errors() {
    let mut text = String::from(
        "# Errors\n\nEvery failure has one of these codes, on the command line (exit code) and in JSON.\n\n| code | exit | try again | meaning |\n| --- | --- | --- | --- |\n",
    );
    for code in FailureCode::ALL {
        let _ = writeln!(
            text,
            "| `{}` | {} | {:?} | {} |",
            code.name(),
            code.exit_code(),
            code.retry_advice(),
            code.short_explanation()
        );
    }
    text.push_str("\nAn interrupted command ends with 130.\n");
    compare("errors.md", &text);
}

#[test]
fn environment() {
    let mut text = String::from("# Environment variables\n\n| name | meaning |\n| --- | --- |\n");
    for variable in env::ALL {
        let _ = writeln!(text, "| `{}` | {} |", variable.name, variable.meaning);
    }
    compare("environment.md", &text);
}

#[test]
fn settings() {
    let defaults = include_str!("../../src/config/defaults.toml");
    compare("settings.md", &format!("# Settings\n\n```toml\n{defaults}```\n"));
}

#[test]
fn commands() {
    fn add(command: &clap::Command, path: &str, text: &mut String) {
        let mut shown = command.clone().bin_name(path).term_width(100);
        let _ = writeln!(text, "## {path}\n\n```text\n{}\n```\n", shown.render_long_help().to_string().trim_end());
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            add(inner, &format!("{path} {}", inner.get_name()), text);
        }
    }
    let mut text = String::from("# Commands\n\n");
    let mut command = claude_memory::testing::cli::command();
    command.build();
    add(&command, "claude-memory", &mut text);
    let clean: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    compare("commands.md", &clean);
}

#[test]
fn tools() {
    let mut text = String::from("# MCP tools\n\n");
    let profile_of = |name: &str| {
        let offers = |profile: &&Profile| {
            claude_memory::testing::mcp::tools::define_tools(**profile, true).iter().any(|tool| tool.name == name)
        };
        Profile::ALL.iter().find(offers).map_or("", |profile| profile.name())
    };
    for tool in claude_memory::testing::mcp::tools::define_tools(Profile::Admin, true) {
        let _ = writeln!(
            text,
            "## {}\n\nProfile {}. {}\n",
            tool.name,
            profile_of(&tool.name),
            tool.description.as_deref().unwrap_or("")
        );
        let schemas = serde_json::json!({ "input": *tool.input_schema, "output": tool.output_schema });
        let _ = writeln!(text, "```json\n{}\n```\n", serde_json::to_string_pretty(&schemas).unwrap());
    }
    compare("tools.md", &text);
}
