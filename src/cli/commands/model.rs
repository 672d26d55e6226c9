//! `model` and `reembed`: lists, tests, imports and switches embedding models; search keeps working meanwhile. Does not
//! own what is done with `--reranker`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Subcommand;
use serde::Serialize;

use super::embed::{EmbedSummary, print_embed_summary, run_with_bar};
use super::{config, group_digits, rerankers};
use crate::cli::invocation::{Invocation, id_generator};
use crate::cli::priority;
use crate::cli::progress::{INTERRUPTED, stop_on_interrupt};
use crate::config::{EmbedSettings, Paths, Settings};
use crate::domain::{Failure, FailureCode};
use crate::embed::{CosineScale, ModelChoice, ModelSpec, ModelTrial, model_store, try_model};
use crate::memory::Memory;
use crate::store::{OpenMode, StoredModel};

const BUILTIN: &str = "builtin";
const MODEL_SETTING: &str = "embed.model";

/// List, test, import and switch embedding models and rerankers
///
/// A model is a folder with `model.onnx`, `tokenizer.json` and, where it differs from most sentence encoders,
/// `model.toml` (name, query_prefix, passage_prefix, pooling, pad_token, pad_id, max_length, dimensions). Nothing is
/// downloaded.
///
/// A reranker is a folder of the same form with a cross-encoder: a model that reads a query and a text together and
/// returns one number. `--reranker` makes an action about rerankers; `search --tier rerank` uses the one that is set.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  claude-memory model list\n  claude-memory model import ~/models/bge-small --name bge\n  \
    claude-memory model check bge\n  claude-memory reembed --model bge\n  claude-memory model use bge\n  claude-memory model remove bge\n  claude-memory model import --reranker ~/models/ms-marco"
)]
pub(in crate::cli) struct ModelArgs {
    #[command(subcommand)]
    action: ModelAction,
}

#[derive(Debug, Subcommand)]
enum ModelAction {
    /// List the built-in model, imported models, models with embeddings in this memory, and rerankers
    List,
    /// Test a model: load it, compare its files with their digests, run queries in two languages; exits with 1 on
    /// failure
    Check {
        /// Model: `builtin`, the name of an imported one, or `dir:/path` [default: the model in use]
        model: Option<String>,
        /// Test a reranker: an imported one, or `dir:/path` [default: the one that is set]
        #[arg(long)]
        reranker: bool,
    },
    /// Test a model and copy it into the data folder
    Import {
        /// Folder with the model files
        folder: PathBuf,
        /// Name of the model [default: name of the folder]
        #[arg(long)]
        name: Option<String>,
        /// Import a reranker, and set it if none is set
        #[arg(long)]
        reranker: bool,
    },
    /// Switch to a model; texts not embedded with it yet are found by keyword search only. The setting gets the digest of
    /// the files of a `dir:/path`, so that other files are refused later
    Use {
        /// Model: `builtin`, `off`, the name of an imported one, or `dir:/path`
        model: String,
        /// Set the reranker: the name of an imported one, `dir:/path`, or `off`
        #[arg(long)]
        reranker: bool,
    },
    /// Delete the embeddings of a model that is not in use, and its files if it was imported
    Remove {
        /// Name of an imported model, or the beginning of a model id
        model: String,
        /// Delete the files of an imported reranker
        #[arg(long)]
        reranker: bool,
    },
}

/// Compute all embeddings with another model while search keeps using the current one
///
/// Newest texts first. Ctrl-C stops at once and loses nothing; the next run continues. `claude-memory model use` then
/// switches without a gap.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  claude-memory reembed --model bge\n  claude-memory reembed --model bge --use")]
pub(in crate::cli) struct ReembedArgs {
    /// Model: `builtin`, the name of an imported one, or `dir:/path`
    #[arg(long)]
    model: String,
    /// Switch to it when all embeddings are done
    #[arg(long = "use")]
    take: bool,
    /// Worker threads [default: setting embed.threads; on a terminal every core, else every core but one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

#[derive(Debug, Serialize)]
struct ModelRow {
    /// Value for the setting `embed.model`; `None` if only embeddings of the model are here.
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
struct ModelCheckSummary {
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
    /// True if the model's cosines can be compared with the built-in ones, so that answers tell how sure they are.
    calibrated: bool,
    #[serde(skip)]
    scale: Option<CosineScale>,
}

pub(in crate::cli) fn run(args: &ModelArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let settings = session.load_settings(&paths)?.settings;
    match &args.action {
        ModelAction::List => list_models(&paths, &settings, session),
        ModelAction::Check { model, reranker: true } => {
            rerankers::check_reranker(model.as_deref(), (&paths, &settings), session)
        }
        ModelAction::Import { folder, name, reranker: true } => {
            rerankers::import_reranker((folder, name.as_deref()), (&paths, &settings), session)
        }
        ModelAction::Use { model, reranker: true } => rerankers::use_reranker(model, (&paths, &settings), session),
        ModelAction::Remove { model, reranker: true } => {
            rerankers::remove_reranker(model, (&paths, &settings), session)
        }
        ModelAction::Check { model, reranker: false } => {
            let value = model
                .as_ref()
                .map_or_else(|| Ok(settings.embed.model.clone()), |model| resolve_model_value(model, &paths))?;
            let tried = check_model(&build_spec(&value, &settings, &paths)?)?;
            print_trial(&tried, session);
            Ok(ExitCode::from(u8::from(!tried.ok)))
        }
        ModelAction::Import { folder, name, reranker: false } => {
            import_model(folder, name.as_deref(), &paths, &settings, session)
        }
        ModelAction::Use { model, reranker: false } => {
            switch_model(&resolve_model_value(model, &paths)?, &paths, session)
        }
        ModelAction::Remove { model, reranker: false } => remove_model(model, &paths, session),
    }
}

/// Resolves a model named on the command line to a value of the setting `embed.model`.
fn resolve_model_value(model: &str, paths: &Paths) -> Result<String, Failure> {
    if [BUILTIN, "off"].contains(&model) || model.starts_with("dir:") {
        return Ok(model.to_owned());
    }
    if model_store::list_models(&paths.models_folder()).iter().any(|name| name == model) {
        return Ok(imported_model_value(model));
    }
    let hint = "`claude-memory model list` shows the models; `claude-memory model import FOLDER` adds one";
    Err(Failure::new(FailureCode::NotFound, format!("there is no model {model:?}"), Some(hint)))
}

fn imported_model_value(name: &str) -> String {
    format!("dir:models/{name}")
}

fn parse_choice(value: &str, paths: &Paths) -> Result<ModelChoice, Failure> {
    Ok(ModelChoice::parse(value).map_err(Failure::invalid_input)?.resolve_below(paths.home()))
}

fn build_spec(value: &str, settings: &Settings, paths: &Paths) -> Result<ModelSpec, Failure> {
    Ok(ModelSpec::new(parse_choice(value, paths)?, settings.embed.runtime.clone(), paths.runtime_folder()))
}

fn list_models(paths: &Paths, settings: &Settings, session: &Invocation) -> Result<ExitCode, Failure> {
    let mut made = session.open_memory(OpenMode::Create)?.snapshot()?.list_models()?;
    let mut values = vec![BUILTIN.to_owned()];
    values.extend(model_store::list_models(&paths.models_folder()).iter().map(|name| imported_model_value(name)));
    if settings.embed.model != "off" && !values.contains(&settings.embed.model) {
        values.push(settings.embed.model.clone());
    }
    let mut rows = Vec::new();
    for value in values {
        let spec = build_spec(&value, settings, paths)?;
        let row = |name: String, id: String, dimensions: usize, error: Option<String>, vectors: u64| ModelRow {
            in_use: value == settings.embed.model,
            value: Some(value.clone()),
            name,
            id,
            dimensions,
            vectors,
            error,
        };
        rows.push(
            match spec.describe_model().and_then(|(name, dimensions)| Ok((name, dimensions, spec.model_digest()?))) {
                Ok((name, dimensions, digest)) => {
                    let known = made.iter().position(|(model, _)| model.digest == digest);
                    let vectors = known.map_or(0, |place| made.remove(place).1);
                    row(name, digest, dimensions, None, vectors)
                }
                Err(error) => row(String::new(), String::new(), 0, Some(error.to_string()), 0),
            },
        );
    }
    // Models with embeddings here whose files are elsewhere or deleted.
    rows.extend(made.into_iter().map(|(StoredModel { digest, name, dimensions }, vectors)| ModelRow {
        value: None,
        name,
        id: digest,
        dimensions,
        vectors,
        in_use: false,
        error: None,
    }));
    let rerankers = rerankers::describe_rerankers(paths, settings);
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "models": rows, "rerankers": rerankers }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let mark = if row.in_use { "*" } else { " " };
        let value = row.value.as_deref().unwrap_or("(only its embeddings are here)");
        let what = row.error.clone().unwrap_or_else(|| {
            let short = row.id.get(..12).unwrap_or(&row.id);
            format!("{} ({short}), {} dimensions, embeddings: {}", row.name, row.dimensions, group_digits(row.vectors))
        });
        session.output.print_line(&format!("{mark} {value:<28}{what}"));
    }
    rerankers::print_rerankers(&rerankers, session);
    Ok(ExitCode::SUCCESS)
}

/// Verifies the files of a model against their digests and runs trial queries.
fn check_model(spec: &ModelSpec) -> Result<ModelCheckSummary, Failure> {
    let files_compared = spec.verify_files().map_err(crate::memory::Error::from)?;
    let trial = try_model(spec).map_err(crate::memory::Error::from)?;
    let (ok, scale) = (trial.is_usable(), trial.cosine_scale());
    let ModelTrial { name, digest, dimensions, repeats, found, asked, load_seconds, text_ms, .. } = trial;
    Ok(ModelCheckSummary {
        ok,
        name,
        id: digest,
        dimensions,
        files_compared,
        repeats,
        found,
        asked,
        load_seconds,
        text_ms,
        calibrated: scale.is_some(),
        scale,
    })
}

fn print_trial(tried: &ModelCheckSummary, session: &Invocation) {
    if session.output.is_json() {
        return session.output.print_json(tried);
    }
    let word = |ok: bool| if ok { "ok" } else { "!!" };
    let line =
        |ok: bool, name: &str, text: String| session.output.print_line(&format!("{} {name:<10}{text}", word(ok)));
    line(true, "model", format!("{} ({})", tried.name, tried.id.get(..12).unwrap_or(&tried.id)));
    let files = match tried.files_compared {
        0 => "no digests to compare the files with".to_owned(),
        some => format!("files that match their digest: {some}"),
    };
    line(true, "files", files);
    line(true, "vectors", format!("{} dimensions, unit length", tried.dimensions));
    let repeats =
        if tried.repeats { "the same text gets the same embedding" } else { "the same text gets different embeddings" };
    line(tried.repeats, "repeats", repeats.to_owned());
    let half = tried.found * 2 >= tried.asked;
    line(half, "finds", format!("{} of {} answers, English and Chinese", tried.found, tried.asked));
    let calibrated = if tried.calibrated {
        "answers are nearer than other texts: results say how clearly they match"
    } else {
        "answers are no nearer than other texts: only words decide how clearly results match"
    };
    line(tried.calibrated, "cosines", calibrated.to_owned());
    line(true, "speed", format!("loaded in {:.2} s, {:.1} ms per text", tried.load_seconds, tried.text_ms));
}

fn import_model(
    folder: &Path,
    name: Option<&str>,
    paths: &Paths,
    settings: &Settings,
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = name.map(str::to_owned).or_else(|| Some(folder.file_name()?.to_str()?.to_owned())).unwrap_or_default();
    // Only copy a model that works.
    let tried = check_model(&build_spec(&format!("dir:{}", folder.display()), settings, paths)?)?;
    if !tried.ok {
        print_trial(&tried, session);
        return Err(Failure::invalid_input("this model does not work here; nothing was imported"));
    }
    let write_scale = |work: &Path| tried.scale.map_or(Ok(()), |scale| scale.write_file(work));
    let place = model_store::add_model(&folder, &paths.models_folder(), &name, write_scale)
        .map_err(crate::memory::Error::from)?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "name": name, "path": place, "check": tried }));
    } else {
        session.output.print_line(&place.display().to_string());
        session.output.print_message(&format!("next: claude-memory reembed --model {name} --use"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the memory with another model than the configured one.
fn open_with(value: &str, paths: &Paths, session: &Invocation) -> Result<Memory, Failure> {
    let settings = session.load_settings(paths)?.settings;
    let embed = EmbedSettings { model: value.to_owned(), ..settings.embed.clone() };
    Ok(Memory::open(paths, Settings { embed, ..settings }, OpenMode::Create, id_generator(), session.now)?)
}

fn switch_model(value: &str, paths: &Paths, session: &Invocation) -> Result<ExitCode, Failure> {
    let off = value == "off";
    let waiting = if off {
        0
    } else {
        // Do not store a setting that names a model which cannot be loaded.
        let memory = open_with(value, paths, session)?;
        memory.embedding_model()?;
        memory.queue_missing_embeddings()?;
        memory.snapshot()?.collect_stats()?.pending
    };
    let value = &add_digest(value, paths, session)?;
    config::write_setting(paths, MODEL_SETTING, Some(value), session)?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "model": value, "waiting": waiting }));
        return Ok(ExitCode::SUCCESS);
    }
    session.output.print_line(&format!("{MODEL_SETTING} = {value:?}"));
    match waiting {
        _ if off => session.output.print_message("semantic search is off; only keyword search is used"),
        0 => session.output.print_message("all embeddings of this model are ready"),
        some => session.output.print_message(&format!(
            "texts not embedded yet, found by keyword search only: {}; run `claude-memory embed`",
            group_digits(some)
        )),
    }
    session.output.print_message("running sessions and services keep using the old model until they are restarted");
    Ok(ExitCode::SUCCESS)
}

/// Adds the digest of its files to the value of a model outside of the data folder. An imported one has digests beside it.
fn add_digest(value: &str, paths: &Paths, session: &Invocation) -> Result<String, Failure> {
    let settings = session.load_settings(paths)?.settings;
    let is_elsewhere = match parse_choice(value, paths)? {
        ModelChoice::Folder { path, digest: None } => !path.starts_with(paths.models_folder()),
        ModelChoice::Folder { .. } | ModelChoice::Off | ModelChoice::Builtin => false,
    };
    let digest = if is_elsewhere { build_spec(value, &settings, paths)?.files_digest() } else { Ok(None) };
    let digest = digest.map_err(crate::memory::Error::from)?;
    Ok(digest.map_or_else(|| value.to_owned(), |digest| format!("{value}#sha256={digest}")))
}

fn remove_model(model: &str, paths: &Paths, session: &Invocation) -> Result<ExitCode, Failure> {
    let memory = session.open_memory(OpenMode::Existing)?;
    let settings = memory.settings().clone();
    let taken_in = model_store::list_models(&paths.models_folder()).into_iter().any(|name| name == model);
    if taken_in && settings.embed.model == imported_model_value(model) {
        return Err(Failure::invalid_input(
            "this model is in use; switch to another one first (`claude-memory model use`)",
        ));
    }
    let digest =
        if taken_in { build_spec(&imported_model_value(model), &settings, paths)?.model_digest().ok() } else { None };
    let begins = |(known, _): &(StoredModel, u64)| match &digest {
        Some(digest) => known.digest == *digest,
        None => model.len() >= 6 && known.digest.starts_with(model),
    };
    let known = memory.snapshot()?.list_models()?.into_iter().find(begins);
    if known.is_none() && !taken_in {
        return Err(resolve_model_value(model, paths).err().unwrap_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("there is nothing of a model {model:?} to delete"), None)
        }));
    }
    let vectors = known.map_or(Ok(0), |(model, _)| memory.remove_model(&model.digest))?;
    if taken_in {
        let folder = paths.models_folder().join(model);
        std::fs::remove_dir_all(&folder).map_err(|error| {
            Failure::new(FailureCode::Unavailable, format!("cannot remove {}: {error}", folder.display()), None)
        })?;
    }
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "vectors": vectors, "files": taken_in }));
    } else {
        let files = if taken_in { "; deleted its files" } else { "" };
        session.output.print_line(&format!("deleted embeddings: {}{files}", group_digits(vectors)));
    }
    Ok(ExitCode::SUCCESS)
}

pub(in crate::cli) fn run_reembed(args: &ReembedArgs, session: &Invocation) -> Result<ExitCode, Failure> {
    let paths = session.resolve_paths()?;
    let value = resolve_model_value(&args.model, &paths)?;
    let memory = open_with(&value, &paths, session)?;
    let waited_for = priority::lower_in_background();
    let workers = args.threads.map_or_else(|| memory.settings().embed.worker_count(waited_for), usize::from);
    let stop = stop_on_interrupt(session.output);
    let begun = Instant::now();
    let turn = memory.acquire_reembed_lease(workers)?;
    let made = run_with_bar(session.output, |progress| memory.embed_all(&turn, &stop, progress))?;
    drop(turn);
    print_embed_summary(&made, begun.elapsed(), session.output);
    if session.output.is_json() && !args.take {
        session.output.print_json(&EmbedSummary::new(made, begun.elapsed()));
    }
    if made.interrupted {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if args.take {
        return switch_model(&value, &paths, session);
    }
    session.output.print_message(&format!("`claude-memory model use {}` switches to it", args.model));
    Ok(ExitCode::SUCCESS)
}
