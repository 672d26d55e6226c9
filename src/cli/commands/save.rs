//! `save`: keeps something on purpose.

use std::io::Read as _;
use std::process::ExitCode;

use jiff::tz::TimeZone;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::config::env;
use crate::domain::{MessageId, Note, moment};
use crate::mcp::wire::SaveAnswer;
use crate::store::Open;

/// Save a text on purpose: a decision, a preference, a fact
///
/// It is on disk when this returns, found by word at once and by meaning when its vector is made.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory save \"We deploy on Fridays only after the smoke test\" --kind decision\n  \
    git log -1 --format=%B | claude-memory save - --topic last-release"
)]
pub(in crate::cli) struct Args {
    /// The text, or - to read it from stdin
    text: String,
    /// decision, fact, preference, instruction, todo or your own word
    #[arg(long)]
    kind: Option<String>,
    /// A heading
    #[arg(long)]
    title: Option<String>,
    /// Saving again under the same topic replaces the earlier text
    #[arg(long, value_name = "KEY")]
    topic: Option<String>,
    /// A label; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Folder whose project it belongs to [default: this folder]
    #[arg(long, short, value_name = "DIR")]
    project: Option<String>,
    /// Id of a memory that it replaces; may be given several times
    #[arg(long, value_name = "ID")]
    supersedes: Vec<String>,
    /// Keep at hand
    #[arg(long)]
    pin: bool,
    /// Not returned after this time
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

pub(in crate::cli) fn run(args: Args, session: &Session) -> Result<ExitCode, Failure> {
    let text = if args.text == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::invalid(format!("cannot read stdin: {error}")))?;
        text.trim_end().to_owned()
    } else {
        args.text
    };
    let supersedes: Result<Vec<MessageId>, String> = args.supersedes.iter().map(|id| id.parse()).collect();
    let expires_at = match args.expires {
        Some(time) => Some(moment::parse(&time, session.now, &TimeZone::system()).map_err(Failure::invalid)?),
        None => None,
    };
    let here = env::project_folder().map(|folder| folder.display().to_string());
    let note = Note {
        text,
        kind: args.kind,
        title: args.title,
        topic_key: args.topic,
        tags: args.tags,
        files: Vec::new(),
        cwd: args.project.or(here),
        supersedes: supersedes.map_err(Failure::invalid)?,
        pin: args.pin,
        expires_at,
        by_model: false,
    };
    let saved = SaveAnswer::from(session.open(Open::Create)?.save(note, session.now)?);
    if session.output.is_json() {
        session.output.json(&saved);
    } else {
        session.output.line(&format!("{} {}", saved.status, saved.id));
    }
    Ok(ExitCode::SUCCESS)
}
