//! `model` and `reembed`: which encoders there are, trying them, taking one in, and changing to another while searches go on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use serde::Serialize;

use super::embed::{Done, tell, with_bar};
use super::{config, grouped};
use crate::cli::error::Failure;
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, stop_on_interrupt};
use crate::cli::session::{Session, ids};
use crate::config::{EmbedSettings, Paths, Settings};
use crate::domain::Code;
use crate::embed::{Choice, Spec, Trial, shelf, try_out};
use crate::memory::Memory;
use crate::store::{Model, Open};

const BUILTIN: &str = "builtin";
const KEY: &str = "embed.model";

/// Show the models that make vectors, try them, take one in, change to another
///
/// A model is a folder with `model.onnx`, `tokenizer.json` and, where it differs from most sentence encoders, `model.toml` (name,
/// query_prefix, passage_prefix, pooling, pad_token, pad_id, max_length, dimensions). Nothing is fetched from anywhere.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory model list\n  claude-memory model import ~/models/bge-small --name bge\n  \
    claude-memory model check bge\n  claude-memory reembed --model bge\n  claude-memory model use bge\n  claude-memory model remove bge"
)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The model that comes with the program, those that were taken in, and those that made vectors here
    List,
    /// Load a model, compare its files with their digests, and ask it questions in two languages; ends with 1 if it does not work
    Check {
        /// `builtin`, the name of one that was taken in, or `dir:/path` [default: the one in use]
        model: Option<String>,
    },
    /// Copy a model into the data folder, if it works
    Import {
        /// The folder
        folder: PathBuf,
        /// What it is called here [default: the name of the folder]
        #[arg(long)]
        name: Option<String>,
    },
    /// Use a model from now on; texts without a vector of it wait for one and are found by word
    Use {
        /// `builtin`, `off`, the name of one that was taken in, or `dir:/path`
        model: String,
    },
    /// Take out the vectors of a model that is not in use, and its files if it was taken in
    Remove {
        /// The name of one that was taken in, or the beginning of its id
        model: String,
    },
}

/// Make all vectors of another model while searches go on with the one in use
///
/// Newest texts first. Ctrl-C stops at once and loses nothing; the next run continues. `claude-memory model use` then changes to it
/// without a gap.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory reembed --model bge\n  claude-memory reembed --model bge --use")]
pub(in crate::cli) struct Reembed {
    /// `builtin`, the name of one that was taken in, or `dir:/path`
    #[arg(long)]
    model: String,
    /// Change to it when nothing is missing
    #[arg(long = "use")]
    take: bool,
    /// Workers [default: setting embed.threads; every core when started on a terminal, else every core but one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

#[derive(Debug, Serialize)]
struct Row {
    /// What `embed.model` would say; `None` for one that only made vectors here.
    value: Option<String>,
    name: String,
    id: String,
    dimensions: usize,
    vectors: u64,
    in_use: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Tried {
    ok: bool,
    name: String,
    id: String,
    dimensions: usize,
    files_compared: usize,
    repeats: bool,
    found: usize,
    asked: usize,
    load_seconds: f64,
    text_ms: f64,
}

pub(in crate::cli) fn run(args: &Args, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let settings = session.settings(&paths)?.settings;
    match &args.action {
        Action::List => list(&paths, &settings, session),
        Action::Check { model } => {
            let value =
                model.as_ref().map_or_else(|| Ok(settings.embed.model.clone()), |model| value(model, &paths))?;
            let tried = check(&spec(&value, &settings, &paths)?)?;
            tell_trial(&tried, session);
            Ok(ExitCode::from(u8::from(!tried.ok)))
        }
        Action::Import { folder, name } => import(folder, name.as_deref(), &paths, &settings, session),
        Action::Use { model } => take_into_use(&value(model, &paths)?, &paths, session),
        Action::Remove { model } => remove(model, &paths, session),
    }
}

/// What `embed.model` says for a model that somebody names.
fn value(model: &str, paths: &Paths) -> Result<String, Failure> {
    if [BUILTIN, "off"].contains(&model) || model.starts_with("dir:") {
        return Ok(model.to_owned());
    }
    if shelf::names(&paths.models()).iter().any(|name| name == model) {
        return Ok(on_shelf(model));
    }
    let hint = "`claude-memory model list` shows them; `claude-memory model import FOLDER` takes one in";
    Err(Failure::new(Code::NotFound, format!("there is no model {model:?}"), Some(hint)))
}

fn on_shelf(name: &str) -> String {
    format!("dir:models/{name}")
}

fn choice(value: &str, paths: &Paths) -> Result<Choice, Failure> {
    Ok(Choice::parse(value).map_err(Failure::invalid)?.below(paths.home()))
}

fn spec(value: &str, settings: &Settings, paths: &Paths) -> Result<Spec, Failure> {
    Ok(Spec::new(choice(value, paths)?, settings.embed.runtime.clone(), paths.runtime()))
}

fn list(paths: &Paths, settings: &Settings, session: &Session) -> Result<ExitCode, Failure> {
    let mut made = session.open(Open::Create)?.models()?;
    let mut values = vec![BUILTIN.to_owned()];
    values.extend(shelf::names(&paths.models()).iter().map(|name| on_shelf(name)));
    if settings.embed.model != "off" && !values.contains(&settings.embed.model) {
        values.push(settings.embed.model.clone());
    }
    let mut rows = Vec::new();
    for value in values {
        let spec = spec(&value, settings, paths)?;
        let row = |name: String, id: String, dimensions: usize, error: Option<String>, vectors: u64| Row {
            in_use: value == settings.embed.model,
            value: Some(value.clone()),
            name,
            id,
            dimensions,
            vectors,
            error,
        };
        rows.push(match spec.describe().and_then(|(name, dimensions)| Ok((name, dimensions, spec.digest()?))) {
            Ok((name, dimensions, digest)) => {
                let known = made.iter().position(|(model, _)| model.digest == digest);
                let vectors = known.map_or(0, |place| made.remove(place).1);
                row(name, digest, dimensions, None, vectors)
            }
            Err(error) => row(String::new(), String::new(), 0, Some(error.to_string()), 0),
        });
    }
    // Whose files are elsewhere or gone.
    rows.extend(made.into_iter().map(|(Model { digest, name, dimensions }, vectors)| Row {
        value: None,
        name,
        id: digest,
        dimensions,
        vectors,
        in_use: false,
        error: None,
    }));
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "models": rows }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let mark = if row.in_use { "*" } else { " " };
        let value = row.value.as_deref().unwrap_or("(only its vectors are here)");
        let what = row.error.clone().unwrap_or_else(|| {
            let short = row.id.get(..12).unwrap_or(&row.id);
            format!("{} ({short}), {} numbers, {} vectors", row.name, row.dimensions, grouped(row.vectors))
        });
        session.output.line(&format!("{mark} {value:<28}{what}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares what can be compared and tries the encoder.
fn check(spec: &Spec) -> Result<Tried, Failure> {
    let files_compared = spec.verify().map_err(crate::memory::Error::from)?;
    let trial = try_out(spec).map_err(crate::memory::Error::from)?;
    let ok = trial.is_ok();
    let Trial { name, digest, dimensions, repeats, found, asked, load_seconds, text_ms } = trial;
    Ok(Tried { ok, name, id: digest, dimensions, files_compared, repeats, found, asked, load_seconds, text_ms })
}

fn tell_trial(tried: &Tried, session: &Session) {
    if session.output.is_json() {
        return session.output.json(tried);
    }
    let word = |ok: bool| if ok { "ok" } else { "!!" };
    let line = |ok: bool, name: &str, text: String| session.output.line(&format!("{} {name:<10}{text}", word(ok)));
    line(true, "model", format!("{} ({})", tried.name, tried.id.get(..12).unwrap_or(&tried.id)));
    let files = match tried.files_compared {
        0 => "there are no digests to compare them with".to_owned(),
        some => format!("{some} agree with their digests"),
    };
    line(true, "files", files);
    line(true, "vectors", format!("{} numbers of unit length", tried.dimensions));
    let repeats =
        if tried.repeats { "the same text has the same vector" } else { "the same text has different vectors" };
    line(tried.repeats, "repeats", repeats.to_owned());
    let half = tried.found * 2 >= tried.asked;
    line(half, "finds", format!("{} of {} answers, English and Chinese", tried.found, tried.asked));
    line(true, "speed", format!("loaded in {:.2} s, {:.1} ms a text", tried.load_seconds, tried.text_ms));
}

fn import(
    folder: &Path,
    name: Option<&str>,
    paths: &Paths,
    settings: &Settings,
    session: &Session,
) -> Result<ExitCode, Failure> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = name.map(str::to_owned).or_else(|| Some(folder.file_name()?.to_str()?.to_owned())).unwrap_or_default();
    // Not before it is known to work.
    let tried = check(&spec(&format!("dir:{}", folder.display()), settings, paths)?)?;
    if !tried.ok {
        tell_trial(&tried, session);
        return Err(Failure::invalid("this model does not work here; nothing was taken in"));
    }
    let place = shelf::take_in(&folder, &paths.models(), &name).map_err(crate::memory::Error::from)?;
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "name": name, "path": place, "check": tried }));
    } else {
        session.output.line(&place.display().to_string());
        session.output.say(&format!("next: claude-memory reembed --model {name} --use"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the memory as if another model were set.
fn open_with(value: &str, paths: &Paths, session: &Session) -> Result<Memory, Failure> {
    let settings = session.settings(paths)?.settings;
    let embed = EmbedSettings { model: value.to_owned(), ..settings.embed.clone() };
    Ok(Memory::open(paths, Settings { embed, ..settings }, Open::Create, ids(), session.now)?)
}

fn take_into_use(value: &str, paths: &Paths, session: &Session) -> Result<ExitCode, Failure> {
    let off = value == "off";
    let waiting = if off {
        0
    } else {
        // A model that cannot be had is no setting.
        let memory = open_with(value, paths, session)?;
        memory.encoder_model()?;
        memory.queue_missing_vectors()?;
        memory.stats()?.pending
    };
    config::write(paths, KEY, Some(value), session)?;
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "model": value, "waiting": waiting }));
        return Ok(ExitCode::SUCCESS);
    }
    session.output.line(&format!("{KEY} = {value:?}"));
    match waiting {
        _ if off => session.output.say("searches go by word only"),
        0 => session.output.say("every text that gets vectors has them"),
        some => session.output.say(&format!(
            "{} texts wait for a vector and are found by word only; run `claude-memory embed`",
            grouped(some)
        )),
    }
    session
        .output
        .say("sessions and services that run go on with the model they began with until they are started again");
    Ok(ExitCode::SUCCESS)
}

fn remove(model: &str, paths: &Paths, session: &Session) -> Result<ExitCode, Failure> {
    let memory = session.open(Open::Existing)?;
    let settings = memory.settings().clone();
    let taken_in = shelf::names(&paths.models()).into_iter().any(|name| name == model);
    if taken_in && settings.embed.model == on_shelf(model) {
        return Err(Failure::invalid("this model is in use; take another into use first (`claude-memory model use`)"));
    }
    let digest = if taken_in { spec(&on_shelf(model), &settings, paths)?.digest().ok() } else { None };
    let begins = |(known, _): &(Model, u64)| match &digest {
        Some(digest) => known.digest == *digest,
        None => model.len() >= 6 && known.digest.starts_with(model),
    };
    let known = memory.models()?.into_iter().find(begins);
    if known.is_none() && !taken_in {
        return Err(value(model, paths).err().unwrap_or_else(|| {
            Failure::new(Code::NotFound, format!("there is nothing of a model {model:?} to take out"), None)
        }));
    }
    let vectors = known.map_or(Ok(0), |(model, _)| memory.remove_model(&model.digest))?;
    if taken_in {
        let folder = paths.models().join(model);
        std::fs::remove_dir_all(&folder).map_err(|error| {
            Failure::new(Code::Unavailable, format!("cannot remove {}: {error}", folder.display()), None)
        })?;
    }
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "vectors": vectors, "files": taken_in }));
    } else {
        let files = if taken_in { ", and its files" } else { "" };
        session.output.line(&format!("{} vectors are gone{files}", grouped(vectors)));
    }
    Ok(ExitCode::SUCCESS)
}

pub(in crate::cli) fn reembed(args: &Reembed, session: &Session) -> Result<ExitCode, Failure> {
    let paths = session.paths()?;
    let value = value(&args.model, &paths)?;
    let memory = open_with(&value, &paths, session)?;
    let waited_for = priority::lower_in_background();
    let workers = args.threads.map_or_else(|| memory.settings().embed.workers(waited_for), usize::from);
    let stop = stop_on_interrupt(session.output);
    let begun = Instant::now();
    let turn = memory.take_turn_beside(workers)?;
    let made = with_bar(session.output, |progress| memory.make_all_vectors(&turn, &stop, progress))?;
    drop(turn);
    tell(&made, begun.elapsed(), session.output);
    if session.output.is_json() && !args.take {
        session.output.json(&Done::new(made, begun.elapsed()));
    }
    if made.interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if args.take {
        return take_into_use(&value, &paths, session);
    }
    session.output.say(&format!("`claude-memory model use {}` changes to it", args.model));
    Ok(ExitCode::SUCCESS)
}
