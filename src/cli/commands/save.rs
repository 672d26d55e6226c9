//! `save`: saves a note.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::tz::TimeZone;

use crate::cli::invocation::Invocation;
use crate::config::env;
use crate::domain::text::outgoing::SafeText;
use crate::domain::{DraftNote, Failure, MessageId, date_bound};
use crate::mcp::wire::SaveAnswer;
use crate::memory::Memory;
use crate::store::OpenMode;

/// Save a note: a decision, a preference, a fact
///
/// The note is on disk when this returns. Keyword search finds it at once, semantic search when it is embedded. Notes
/// that it repeats, or contradicts (the opposite, or another value), are listed below its id.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory save \"We deploy on Fridays only after the smoke test\" --kind decision\n  \
    git log -1 --format=%B | claude-memory save - --topic last-release"
)]
pub(in crate::cli) struct SaveArgs {
    /// Text of the note, or - to read it from stdin
    text: String,
    /// Kind: decision, fact, preference, instruction, todo or your own word
    #[arg(long)]
    kind: Option<String>,
    /// Title of the note
    #[arg(long)]
    title: Option<String>,
    /// Topic; saving again under the same topic replaces the earlier note
    #[arg(long, value_name = "KEY")]
    topic: Option<String>,
    /// Tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project it belongs to: a folder, or the name of a project [default: current folder]
    #[arg(long, short, value_name = "PROJECT")]
    project: Option<String>,
    /// Id of a note that it replaces; may be given several times
    #[arg(long, value_name = "ID")]
    supersedes: Vec<String>,
    /// Pin the note, so that sessions start with it
    #[arg(long)]
    pin: bool,
    /// Time after which the note is no longer returned
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// Returns the folder of the project that an argument names: a folder, or a known project.
///
/// # Errors
/// If it is neither, with the nearest known name.
fn resolve_folder(memory: &Memory, wanted: &str) -> Result<String, Failure> {
    let here = env::project_folder();
    let path = here.as_ref().map_or_else(|| PathBuf::from(wanted), |here| here.join(wanted));
    if path.is_dir() {
        return Ok(path.display().to_string());
    }
    Ok(memory.project_folder(wanted, here.as_deref())?)
}

pub(in crate::cli) fn run(args: SaveArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let text = if args.text == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::invalid_input(format!("cannot read stdin: {error}")))?;
        text.trim_end().to_owned()
    } else {
        args.text
    };
    let supersedes: Result<Vec<MessageId>, String> = args.supersedes.iter().map(|id| id.parse()).collect();
    let expires_at = match args.expires {
        Some(time) => Some(
            date_bound::parse_date_bound(&time, session.now, &TimeZone::system()).map_err(Failure::invalid_input)?,
        ),
        None => None,
    };
    let memory = session.open_memory(OpenMode::Create)?;
    let folder = match &args.project {
        Some(wanted) => Some(resolve_folder(&memory, wanted)?),
        None => env::project_folder().map(|folder| folder.display().to_string()),
    };
    let mut note = DraftNote {
        text,
        kind: args.kind,
        title: args.title,
        topic_key: args.topic,
        tags: args.tags,
        files: Vec::new(),
        cwd: folder,
        supersedes: supersedes.map_err(Failure::invalid_input)?,
        pin: args.pin,
        expires_at,
        // An agent may run this command.
        by_model: env::runs_in_agent(),
        copied_from: None,
    };
    if note.by_model {
        let text = format!("{}\n{}", note.title.as_deref().unwrap_or(""), note.text);
        let transcripts = env::claude_folder().map(|folder| folder.join("projects"));
        let agent = env::session_id();
        let directory = note.cwd.clone().unwrap_or_default();
        let source = (agent.as_deref(), transcripts.as_deref());
        note.copied_from = memory.origin_of_saved_text(&text, source, &directory, session.now)?;
    }
    let text = note.text.clone();
    let saved = memory.save(note, session.now)?;
    let related = memory.find_related_notes(saved.id, &text, &saved.replaced, session.now)?;
    let saved = SaveAnswer::from(saved).with_related(related);
    if session.output.is_json() {
        session.output.print_json(&saved);
    } else {
        session.output.print_line(&format!("{} {}", saved.status, saved.id));
        for id in &saved.replaced {
            session.output.print_line(&format!("replaced {id}"));
        }
        for note in &saved.related {
            let (relation, id) = (&note.relation, &note.id);
            session.output.print_line(&format!("{relation} {id}: {}", SafeText::single_line(&note.text, 160)));
        }
        if let Some(other) = saved.contradicts.first() {
            let hint = format!("if that no longer holds, run the same command again with --supersedes {other}");
            session.output.print_message(&hint);
        }
    }
    Ok(ExitCode::SUCCESS)
}
