//! `config`: the settings in force.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::{Layered, Origin, Paths, Value, changed, env};
use crate::disk;
use crate::domain::Code;

/// Show the settings in force and where they come from, and change them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory config show --origin\n  claude-memory config set search.limit 8\n  \
    claude-memory config unset search.limit"
)]
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
    /// Set a value in the configuration file; everything else in it stays as it is
    Set {
        /// For example search.limit
        key: String,
        /// As in the file; text needs no quotes
        value: String,
    },
    /// Take a value out of the configuration file, so that the default is in force
    Unset {
        /// For example search.limit
        key: String,
    },
    /// Print the path of the configuration file, which need not exist
    Path,
    /// Print every environment variable that is read
    Environment,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let (paths, output) = (session.paths()?, session.output);
    match &args.action {
        Action::Set { key, value } => set(&paths, key, Some(value), session)?,
        Action::Unset { key } => set(&paths, key, None, session)?,
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
                output.json(&values.iter().map(json).collect::<Vec<_>>());
            } else {
                for value in values {
                    let origin = if *origin { format!("  # {}", value.origin) } else { String::new() };
                    output.line(&format!("{} = {}{origin}", value.key, value.value));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn set(paths: &Paths, key: &str, value: Option<&str>, session: &Session) -> Result<(), Failure> {
    let values = write(paths, key, value, session)?.values;
    let Some(now) = values.iter().find(|known| known.key == key) else { return Ok(()) };
    if session.output.is_json() {
        session.output.json(&json(now));
    } else {
        session.output.line(&format!("{key} = {}  # {}", now.value, now.origin));
    }
    Ok(())
}

fn json(value: &Value) -> serde_json::Value {
    serde_json::json!({ "key": value.key, "value": value.value, "origin": value.origin.to_string() })
}

/// Sets or takes out a value in the configuration file, if the settings are then still good ones; returns those in force now.
pub(super) fn write(paths: &Paths, key: &str, value: Option<&str>, session: &Session) -> Result<Layered, Failure> {
    let file = paths.config();
    let text = changed(&file, key, value)?;
    disk::create_private_folder(paths.home())
        .and_then(|()| disk::write_atomic(&file, text.as_bytes()))
        .map_err(|error| Failure::new(Code::Unavailable, format!("cannot write {}: {error}", file.display()), None))?;
    let layered = session.settings(paths)?;
    // What stands above the file goes on counting, and whoever set the file should know.
    if let Some(above) =
        layered.values.iter().find(|known| known.key == key && matches!(known.origin, Origin::Environment(_)))
    {
        session
            .output
            .say(&format!("note: {key} is {} from the {}, which counts more than the file", above.value, above.origin));
    }
    Ok(layered)
}
