//! `config`: shows and changes settings.

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::invocation::Invocation;
use crate::config::{LayeredSettings, Paths, SettingOrigin, SettingValue, edit_setting, env};
use crate::disk;
use crate::domain::{Failure, FailureCode};
use crate::memory::check_search_settings;

/// Show and change settings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory config show --origin\n  claude-memory config set search.limit 8\n  \
    claude-memory config unset search.limit"
)]
pub(in crate::cli) struct ConfigArgs {
    #[command(subcommand)]
    action: ConfigAction,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Print every setting
    Show {
        /// Also print where each value comes from: default, file or environment
        #[arg(long)]
        origin: bool,
    },
    /// Set a value in the configuration file; everything else in it stays as it is
    Set {
        /// Setting, for example search.limit
        key: String,
        /// Value as written in the file; text needs no quotes
        value: String,
    },
    /// Remove a value from the configuration file, so that the default applies
    Unset {
        /// Setting, for example search.limit
        key: String,
    },
    /// Print the path of the configuration file, which may not exist yet
    Path,
    /// Print every environment variable that claude-memory reads
    Environment,
}

pub(in crate::cli) fn run(args: &ConfigArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let (paths, output) = (session.resolve_paths()?, session.output);
    match &args.action {
        ConfigAction::Set { key, value } => change_setting(&paths, key, Some(value), session)?,
        ConfigAction::Unset { key } => change_setting(&paths, key, None, session)?,
        ConfigAction::Path if output.is_json() => {
            output.print_json(&serde_json::json!({ "path": paths.config_file() }));
        }
        ConfigAction::Path => output.print_line(&paths.config_file().display().to_string()),
        ConfigAction::Environment if output.is_json() => {
            output.print_json(
                &env::ALL
                    .iter()
                    .map(|v| serde_json::json!({ "name": v.name, "meaning": v.meaning }))
                    .collect::<Vec<_>>(),
            );
        }
        ConfigAction::Environment => {
            env::ALL
                .iter()
                .for_each(|variable| output.print_line(&format!("{:<31}{}", variable.name, variable.meaning)));
        }
        ConfigAction::Show { origin } => {
            let values = session.load_settings(&paths)?.values;
            if output.is_json() {
                output.print_json(&values.iter().map(setting_to_json).collect::<Vec<_>>());
            } else {
                for value in values {
                    let origin = if *origin { format!("  # {}", value.origin) } else { String::new() };
                    output.print_line(&format!("{} = {}{origin}", value.key, value.value));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn change_setting(paths: &Paths, key: &str, value: Option<&str>, session: &Invocation) -> Result<(), Failure> {
    let values = write_setting(paths, key, value, session)?.values;
    let Some(now) = values.iter().find(|known| known.key == key) else { return Ok(()) };
    if session.output.is_json() {
        session.output.print_json(&setting_to_json(now));
    } else {
        session.output.print_line(&format!("{key} = {}  # {}", now.value, now.origin));
    }
    Ok(())
}

fn setting_to_json(value: &SettingValue) -> serde_json::Value {
    serde_json::json!({ "key": value.key, "value": value.value, "origin": value.origin.to_string() })
}

/// Sets or removes a value in the configuration file, if the settings stay valid. Returns those now in force.
pub(super) fn write_setting(
    paths: &Paths,
    key: &str,
    value: Option<&str>,
    session: &Invocation,
) -> Result<LayeredSettings, Failure> {
    let file = paths.config_file();
    let text = edit_setting(&file, key, value)?;
    check_search_settings(&LayeredSettings::from_text(&file, &text)?.settings.search)?;
    disk::create_private_folder(paths.home()).and_then(|()| disk::write_atomic(&file, text.as_bytes())).map_err(
        |error| Failure::new(FailureCode::Unavailable, format!("cannot write {}: {error}", file.display()), None),
    )?;
    let layered = session.load_settings(paths)?;
    // An environment variable still overrides the file; the user should know.
    if let Some(above) =
        layered.values.iter().find(|known| known.key == key && matches!(known.origin, SettingOrigin::Environment(_)))
    {
        session
            .output
            .print_message(&format!("note: {key} is still {}: the {} overrides the file", above.value, above.origin));
    }
    Ok(layered)
}
