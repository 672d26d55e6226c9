//! `token`: lists the tokens of the HTTP server and replaces them. Never prints one.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::invocation::Invocation;
use crate::domain::Failure;
use crate::domain::{FailureCode, Timestamp};
use crate::http::{Scope, rotate_token};

/// List and replace the tokens of the HTTP server
///
/// Each scope has a token in a file of the data folder that only you can read: metrics (for Prometheus and probes),
/// webhook (for Alertmanager), read, write and admin (for programs that use the memory). Give each program the narrowest
/// that is enough for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory token list\n  claude-memory token rotate metrics\n  \
    curl -H \"Authorization: Bearer $(cat ~/.local/share/claude-memory/http.metrics.token)\" http://127.0.0.1:8080/metrics")]
pub(in crate::cli) struct TokenArgs {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// List scopes, what each opens, the file of its token, and since when it is valid
    List,
    /// Replace the token of a scope; a running service refuses the old one within a second
    Rotate {
        /// Scope: metrics, webhook, read, write or admin
        #[arg(value_parser = ["metrics", "webhook", "read", "write", "admin"])]
        scope: String,
    },
}

pub(in crate::cli) fn run(args: &TokenArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    match &args.action {
        TokenAction::List => list_tokens(session),
        TokenAction::Rotate { scope } => {
            let scope = Scope::from_name(scope)
                .ok_or_else(|| Failure::invalid_input(format!("there is no scope {scope:?}")))?;
            rotate_scope(scope, session)
        }
    }
}

fn list_tokens(session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let tokens = Scope::ALL.map(|scope| {
        let file = scope.token_file(&paths);
        let since = valid_since(&file);
        (scope, file, since)
    });
    if session.output.is_json() {
        let tokens = tokens.iter().map(|(scope, file, since)| {
            serde_json::json!({ "scope": scope.name(), "opens": scope.describe(), "file": file, "since": since })
        });
        session.output.print_json(&serde_json::json!({ "tokens": tokens.collect::<Vec<_>>() }));
        return Ok(ExitCode::SUCCESS);
    }
    for (scope, file, since) in &tokens {
        let since = since.as_deref().map_or_else(
            || "not created yet; `claude-memory serve` does".to_owned(),
            |since| format!("since {}", since.get(..10).unwrap_or(since)),
        );
        session.output.print_line(&format!("{:<9}{}", scope.name(), scope.describe()));
        session.output.print_line(&format!("         {} ({since})", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the time at which a file was written.
fn valid_since(file: &Path) -> Option<String> {
    let modified = std::fs::metadata(file).ok()?.modified().ok()?;
    let age = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_milliseconds(i64::try_from(age.as_millis()).ok()?).to_string())
}

fn rotate_scope(scope: Scope, session: &Invocation) -> Result<ExitCode, Failure> {
    let file = rotate_token(&session.resolve_paths()?, scope).map_err(|error| {
        let what = format!("cannot replace the token of scope {}: {error}", scope.name());
        Failure::new(FailureCode::Unavailable, what, None)
    })?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "scope": scope.name(), "file": file }));
    } else {
        session.output.print_line(&file.display().to_string());
        let next = match scope {
            Scope::Metrics => "if Prometheus reads a copy of the file, copy it again",
            Scope::Webhook => "if Alertmanager reads a copy of the file, copy it again",
            Scope::Read | Scope::Write => "give the new token to the programs that use it",
            Scope::Admin => "give the new token to the programs that use it; the page needs `claude-memory open` again",
        };
        session.output.print_message(&format!("replaced the token of scope {}; {next}", scope.name()));
    }
    Ok(ExitCode::SUCCESS)
}
