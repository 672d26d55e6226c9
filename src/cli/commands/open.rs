//! `open`: the page in the browser.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::ops::ticket::ticket;

/// Open the page of the running service in the browser
///
/// The page searches, reads conversations, shows days, projects and health, and changes what was saved. The address holds a ticket that is
/// good once and for a minute; the token itself stays in its file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory serve &\n  claude-memory open\n  \
    claude-memory open --print          # on a machine without a browser: through an SSH tunnel")]
pub(in crate::cli) struct Args {
    /// Where `serve` listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Print the address, open nothing
    #[arg(long)]
    print: bool,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let refused = |why: &str| {
        let hint = "start it with `claude-memory serve` or `claude-memory service start`";
        Failure::new(Code::Unavailable, format!("no page at http://{}: {why}", args.http), Some(hint))
    };
    let file = session.paths()?.http_token();
    let token = std::fs::read_to_string(&file).map_err(|_| refused("no service has run here yet"))?;
    let ticket = ticket(&args.http.to_string(), token.trim()).map_err(|why| refused(&why))?;
    let address = format!("http://{}/#ticket={ticket}", args.http);
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "url": address }));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.print {
        match open::that_detached(&address) {
            Ok(()) => session.output.say("opened; if no browser appears, the address below works for a minute"),
            Err(error) => session
                .output
                .say(&format!("no browser could be started ({error}); open the address below within a minute")),
        }
    }
    session.output.line(&address);
    Ok(ExitCode::SUCCESS)
}
