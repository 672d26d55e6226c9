//! `open`: opens the page of the service in the browser.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::cli::invocation::Invocation;
use crate::domain::{Failure, FailureCode};
use crate::system::ticket::request_ticket;

/// Open the page of the running service in the browser
///
/// The page searches, shows sessions, days, projects and health, and edits saved notes. The address contains a ticket
/// that is valid once, for one minute; the token itself stays in its file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory serve &\n  claude-memory open\n  \
    claude-memory open --print          # on a machine without a browser: through an SSH tunnel")]
pub(in crate::cli) struct OpenArgs {
    /// Address of `serve`
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Print the address, open no browser
    #[arg(long)]
    print: bool,
}

pub(in crate::cli) fn run(args: &OpenArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let refused = |why: &str| {
        let hint = "start it with `claude-memory serve` or `claude-memory service start`";
        Failure::new(FailureCode::Unavailable, format!("no page at http://{}: {why}", args.http), Some(hint))
    };
    let file = session.resolve_paths()?.http_token_file();
    let token = std::fs::read_to_string(&file).map_err(|_| refused("no service has run here yet"))?;
    let ticket = request_ticket(&args.http.to_string(), token.trim()).map_err(|why| refused(&why))?;
    let address = format!("http://{}/#ticket={ticket}", args.http);
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "url": address }));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.print {
        match open::that_detached(&address) {
            Ok(()) => {
                session.output.print_message("opened; if no browser appears, the address below works for a minute");
            }
            Err(error) => {
                session.output.print_message(&format!(
                    "cannot start a browser ({error}); open the address below within a minute"
                ));
            }
        }
    }
    session.output.print_line(&address);
    Ok(ExitCode::SUCCESS)
}
