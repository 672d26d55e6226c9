//! Help of the command line: commands in groups, options of every command apart, a line an option, so that it fits a
//! screen. Does not own the commands; their doc comments are the texts.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use console::Term;

use super::layout::{pad_text, wrap_text};

/// Heading of the options that every command has.
pub(super) const GLOBAL_OPTIONS: &str = "Global options";
/// Heading of the options about what is searched.
pub(super) const FILTERS: &str = "Search";
/// Heading of the options about what is printed.
pub(super) const OUTPUT: &str = "Output";

/// Commands by what they are for, in the order of the help.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Start", &["setup", "demo", "init", "import", "embed", "install", "uninstall", "open"]),
    ("Find", &["search", "show", "timeline", "fix", "blame", "why", "context", "handoff", "decisions"]),
    (
        "Memory",
        &["save", "projects", "export", "restore-transcript", "forget", "quarantine", "redact", "hooks", "injections"],
    ),
    (
        "Operate",
        &[
            "status",
            "doctor",
            "config",
            "serve",
            "service",
            "mcp",
            "hook",
            "token",
            "backup",
            "restore",
            "maintain",
            "schedule",
            "sync",
            "migrate",
            "model",
            "reembed",
            "reindex",
            "report",
            "logs",
            "alerts",
            "monitoring",
            "bench",
            "completions",
            "man",
        ],
    ),
];

/// Columns of a command's name in the list.
const NAME_COLUMNS: usize = 20;
/// Columns of help where no terminal says how many it has, and the most that are used.
const MAX_HELP_COLUMNS: usize = 100;

/// Returns the command tree with help as this file lays it out.
pub(super) fn arrange_help(command: Command) -> Command {
    let columns = Term::stdout().size_checked().map_or(MAX_HELP_COLUMNS, |(_, columns)| usize::from(columns));
    let columns = columns.clamp(60, MAX_HELP_COLUMNS);
    let list = list_commands(&command, columns);
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{{options}}\n{{after-help}}");
    let own = arrange_command(command.max_term_width(MAX_HELP_COLUMNS), false);
    // The list replaces that of the parser; options of the program itself are all global.
    own.help_template(template).subcommand_help_heading("Commands")
}

/// Lists the commands of each group with the first line of their help.
fn list_commands(command: &Command, columns: usize) -> String {
    let mut list = String::new();
    for (heading, names) in GROUPS {
        let _ = writeln!(list, "\u{1b}[1m\u{1b}[4m{heading}:\u{1b}[0m");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            for (at, line) in wrap_text(&about, columns - NAME_COLUMNS - 2).iter().enumerate() {
                let name = if at == 0 { pad_text(name, NAME_COLUMNS) } else { " ".repeat(NAME_COLUMNS) };
                let name = if at == 0 { format!("\u{1b}[1m{name}\u{1b}[0m") } else { name };
                let _ = writeln!(list, "  {name}{line}");
            }
        }
        list.push('\n');
    }
    let _ = writeln!(list, "\u{1b}[1m\u{1b}[4m{GLOBAL_OPTIONS}:\u{1b}[0m");
    list
}

/// Gives a command and those below it one form of help, whole with `-h` and with `--help`.
fn arrange_command(command: Command, is_inner: bool) -> Command {
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    // Not in the template: what stands in braces there is a tag.
    let template = "{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print help");
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help("Print version");
    command
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(help.help_heading(GLOBAL_OPTIONS).display_order(1000))
        .arg(version.help_heading(GLOBAL_OPTIONS).display_order(1001).hide(is_inner))
        .before_help(about)
        .help_template(template)
        .mut_subcommands(|inner| arrange_command(inner, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let command = crate::cli::command();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let times = grouped.iter().filter(|name| **name == inner.get_name()).count();
            assert_eq!(times, 1, "{} is in {times} groups of the help", inner.get_name());
        }
        for name in grouped {
            assert!(command.find_subcommand(name).is_some(), "{name} is no command");
        }
    }

    #[test]
    fn the_help_of_a_search_fits_a_screen() {
        let mut command = crate::cli::command().term_width(80);
        command.build();
        let search = command.find_subcommand_mut("search").unwrap();
        let lines = search.render_help().to_string().lines().count();
        assert!((24..=40).contains(&lines), "{lines} lines");
    }
}
