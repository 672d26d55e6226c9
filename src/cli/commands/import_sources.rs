//! The commands below `import`, one for each importer of the table that has a command.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Subcommand};

use crate::import::Source;

#[derive(Debug, Default, Clone, clap::Args)]
pub(super) struct ImportFlags {
    /// Also compute embeddings, so that semantic search is ready when the import ends
    #[arg(long)]
    pub(super) embed: bool,
    /// Read every file from its start again; known messages are not duplicated
    #[arg(long)]
    pub(super) rescan: bool,
    /// Read and count, but store nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Longest accepted line in MiB [default: setting import.max_line_mib]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=900))]
    pub(super) max_line_mib: Option<u32>,
}

/// What to import: `import SOURCE [PATH]`.
#[derive(Debug)]
pub(super) struct SourceCommand {
    pub(super) source: Source,
    pub(super) path: Option<PathBuf>,
    /// True to go on with what is written later.
    pub(super) follow: bool,
    pub(super) how: ImportFlags,
}

impl Subcommand for SourceCommand {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(Source::with_command().map(build_command))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Source::from_name(name).is_some()
    }
}

fn build_command(source: Source) -> Command {
    let path = Arg::new("path")
        .value_name("PATH")
        .help(source.help().path)
        .value_parser(clap::value_parser!(PathBuf))
        .required(source.needs_path());
    let command = Command::new(source.name()).about(source.help().command).arg(path);
    let command = if source.is_growing() { command.arg(follow_flag()) } else { command };
    ImportFlags::augment_args(command)
}

fn follow_flag() -> Arg {
    Arg::new("follow")
        .long("follow")
        .action(ArgAction::SetTrue)
        .help("Keep running and import what is written from now on, until Ctrl-C")
}

impl FromArgMatches for SourceCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let chosen = matches.subcommand().and_then(|(name, matches)| Some((Source::from_name(name)?, matches)));
        let (source, matches) = chosen.ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        Ok(Self {
            source,
            path: matches.get_one("path").cloned(),
            follow: source.is_growing() && matches.get_flag("follow"),
            how: ImportFlags::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
