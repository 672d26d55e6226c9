//! `config`: the settings in force.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::env;

/// Show the settings in force and where they come from
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  claude-memory config show --origin")]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every setting
    Show {
        /// With the layer that set it: default, file or environment
        #[arg(long)]
        origin: bool,
    },
    /// Print the path of the configuration file, which need not exist
    Path,
    /// Print every environment variable that is read
    Environment,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let (paths, output) = (session.paths()?, session.output);
    match args.action {
        Action::Path if output.is_json() => output.json(&serde_json::json!({ "path": paths.config() })),
        Action::Path => output.line(&paths.config().display().to_string()),
        Action::Environment if output.is_json() => {
            output.json(
                &env::ALL
                    .iter()
                    .map(|v| serde_json::json!({ "name": v.name, "meaning": v.meaning }))
                    .collect::<Vec<_>>(),
            );
        }
        Action::Environment => {
            env::ALL.iter().for_each(|variable| output.line(&format!("{:<31}{}", variable.name, variable.meaning)));
        }
        Action::Show { origin } => {
            let values = session.settings(&paths)?.values;
            if output.is_json() {
                let values = values.iter().map(|value| {
                    serde_json::json!({ "key": value.key, "value": value.value, "origin": value.origin.to_string() })
                });
                output.json(&values.collect::<Vec<_>>());
            } else {
                for value in values {
                    let origin = if origin { format!("  # {}", value.origin) } else { String::new() };
                    output.line(&format!("{} = {}{origin}", value.key, value.value));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
