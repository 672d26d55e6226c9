//! `model --reranker`: lists, tests, imports, sets and removes the user's rerankers. Does not own what search does with
//! the one that is set.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::config::write_setting;
use crate::cli::invocation::Invocation;
use crate::config::{Paths, Settings};
use crate::domain::{Failure, FailureCode};
use crate::embed::{self, RankedLanguages, RerankerSpec, RerankerTrial, model_store, try_reranker};

const RERANKER_SETTING: &str = "search.reranker";
/// Value on the command line that sets none.
const NONE: &str = "off";

#[derive(Debug, Serialize)]
pub(super) struct RerankerRow {
    /// Value for the setting `search.reranker`.
    value: String,
    name: String,
    id: String,
    #[serde(flatten)]
    languages: Option<RankedLanguages>,
    in_use: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct RerankerCheckSummary {
    ok: bool,
    name: String,
    id: String,
    files_compared: usize,
    repeats: bool,
    found_english: usize,
    found_chinese: usize,
    asked: usize,
    load_seconds: f64,
    pair_ms: f64,
    #[serde(flatten)]
    languages: RankedLanguages,
}

/// Describes the imported rerankers and the one that is set.
pub(super) fn describe_rerankers(paths: &Paths, settings: &Settings) -> Vec<RerankerRow> {
    let set = &settings.search.reranker;
    let imported = model_store::list_models(&paths.rerankers_folder());
    let mut values: Vec<String> = imported.iter().map(|name| imported_value(name)).collect();
    if !set.is_empty() && !values.contains(set) {
        values.push(set.clone());
    }
    let row = |value: String| {
        let described = build_spec(&value, settings, paths).and_then(|spec| {
            let (name, id) = spec.describe_reranker().map_err(to_failure)?;
            Ok((name, id, spec.ranked_languages().map_err(to_failure)?))
        });
        let in_use = value == *set;
        match described {
            Ok((name, id, languages)) => {
                RerankerRow { value, name, id, languages: Some(languages), in_use, error: None }
            }
            Err(failure) => RerankerRow {
                value,
                name: String::new(),
                id: String::new(),
                languages: None,
                in_use,
                error: Some(failure.message),
            },
        }
    };
    values.into_iter().map(row).collect()
}

/// Prints a line for each reranker.
pub(super) fn print_rerankers(rows: &[RerankerRow], session: &Invocation) {
    for row in rows {
        let mark = if row.in_use { "*" } else { " " };
        let what = row.error.clone().unwrap_or_else(|| {
            let short = row.id.get(..12).unwrap_or(&row.id);
            format!("{} ({short}), reranker for {}", row.name, row.languages.map_or("", name_languages))
        });
        session.output.print_line(&format!("{mark} {:<28}{what}", row.value));
    }
}

/// Tests a reranker: the one of this name, or the one that is set. Exits with 1 if it does not work.
pub(super) fn check_reranker(
    name: Option<&str>,
    (paths, settings): (&Paths, &Settings),
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let value = match name {
        Some(name) => resolve_value(name, paths)?,
        None if settings.search.reranker.is_empty() => return Err(not_found("no reranker is set".to_owned())),
        None => settings.search.reranker.clone(),
    };
    let tried = try_files(&build_spec(&value, settings, paths)?)?;
    print_trial(&tried, session);
    Ok(ExitCode::from(u8::from(!tried.ok)))
}

/// Tests a reranker and copies it into the data folder. It becomes the one that is set if there is none.
pub(super) fn import_reranker(
    (folder, name): (&Path, Option<&str>),
    (paths, settings): (&Paths, &Settings),
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = name.map(str::to_owned).or_else(|| Some(folder.file_name()?.to_str()?.to_owned())).unwrap_or_default();
    // Only copy one that works.
    let tried = try_files(&build_spec(&format!("dir:{}", folder.display()), settings, paths)?)?;
    if !tried.ok {
        print_trial(&tried, session);
        let why = "this reranker puts the right answer first neither in English nor in Chinese; nothing was imported";
        return Err(Failure::invalid_input(why));
    }
    let languages = tried.languages;
    let place = model_store::add_model(&folder, &paths.rerankers_folder(), &name, |work| languages.write_file(work))
        .map_err(to_failure)?;
    let value = imported_value(&name);
    let is_first = settings.search.reranker.is_empty();
    if is_first {
        write_setting(paths, RERANKER_SETTING, Some(&value), session)?;
    }
    if session.output.is_json() {
        let set = if is_first { &value } else { &settings.search.reranker };
        let report = serde_json::json!({ "name": name, "path": place, "reranker": set, "check": tried });
        session.output.print_json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    session.output.print_line(&place.display().to_string());
    session.output.print_message(&format!("it ranks {}", name_languages(languages)));
    session.output.print_message(&if is_first {
        format!("{RERANKER_SETTING} = {value:?}; `claude-memory search --tier rerank QUERY` uses it")
    } else {
        format!("next: claude-memory model use --reranker {name}")
    });
    Ok(ExitCode::SUCCESS)
}

/// Sets the reranker; `off` sets none.
pub(super) fn use_reranker(
    name: &str,
    (paths, settings): (&Paths, &Settings),
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let value = if name == NONE {
        String::new()
    } else {
        let value = resolve_value(name, paths)?;
        let spec = build_spec(&value, settings, paths)?;
        // Do not store a setting that names a reranker which cannot be loaded.
        spec.load_reranker().map_err(to_failure)?;
        let (_, digest) = spec.describe_reranker().map_err(to_failure)?;
        // An imported one has digests beside it.
        let is_pinned = value.contains("#sha256=") || !value.starts_with("dir:/");
        if is_pinned { value } else { format!("{value}#sha256={digest}") }
    };
    write_setting(paths, RERANKER_SETTING, (!value.is_empty()).then_some(value.as_str()), session)?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "reranker": value }));
    } else {
        session.output.print_line(&format!("{RERANKER_SETTING} = {value:?}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes the files of an imported reranker that is not set.
pub(super) fn remove_reranker(
    name: &str,
    (paths, settings): (&Paths, &Settings),
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    if !model_store::list_models(&paths.rerankers_folder()).iter().any(|known| known == name) {
        return Err(not_found(format!("there is no imported reranker {name:?}")));
    }
    if settings.search.reranker == imported_value(name) {
        let why = "this reranker is in use; `claude-memory model use --reranker off` first";
        return Err(Failure::invalid_input(why));
    }
    let folder = paths.rerankers_folder().join(name);
    std::fs::remove_dir_all(&folder).map_err(|error| {
        Failure::new(FailureCode::Unavailable, format!("cannot remove {}: {error}", folder.display()), None)
    })?;
    if session.output.is_json() {
        session.output.print_json(&serde_json::json!({ "files": true }));
    } else {
        session.output.print_line("deleted its files");
    }
    Ok(ExitCode::SUCCESS)
}

/// Resolves a reranker named on the command line to a value of the setting.
fn resolve_value(name: &str, paths: &Paths) -> Result<String, Failure> {
    if name.starts_with("dir:") {
        return Ok(name.to_owned());
    }
    if model_store::list_models(&paths.rerankers_folder()).iter().any(|known| known == name) {
        return Ok(imported_value(name));
    }
    Err(not_found(format!("there is no imported reranker {name:?}")))
}

/// Reports a reranker that cannot be used, with advice about rerankers instead of the embedding model.
fn to_failure(error: embed::Error) -> Failure {
    let is_of_files = matches!(error, embed::Error::Asset { .. } | embed::Error::Load(_) | embed::Error::Encode(_));
    let failure = Failure::from(crate::memory::Error::from(error));
    let hint = "a reranker is a folder with model.onnx, a cross-encoder, and tokenizer.json";
    if is_of_files { Failure { hint: Some(hint.to_owned()), ..failure } } else { failure }
}

fn not_found(message: String) -> Failure {
    let hint =
        "`claude-memory model list` shows the rerankers; `claude-memory model import --reranker FOLDER` adds one";
    Failure::new(FailureCode::NotFound, message, Some(hint))
}

fn imported_value(name: &str) -> String {
    format!("dir:rerankers/{name}")
}

/// Returns a value of the setting with an absolute path, for a memory in another folder.
pub(super) fn absolute_value(value: &str, paths: &Paths) -> String {
    let named = value.strip_prefix("dir:");
    named.map_or_else(|| value.to_owned(), |named| format!("dir:{}", paths.home().join(named).display()))
}

fn build_spec(value: &str, settings: &Settings, paths: &Paths) -> Result<RerankerSpec, Failure> {
    let runtime = (settings.embed.runtime.as_str(), paths.runtime_folder());
    let spec = RerankerSpec::parse(value, paths.home(), runtime).map_err(Failure::invalid_input)?;
    spec.ok_or_else(|| not_found("no reranker is named".to_owned()))
}

/// Compares the files of a reranker with their digests and runs trial queries.
fn try_files(spec: &RerankerSpec) -> Result<RerankerCheckSummary, Failure> {
    let files_compared = spec.verify_files().map_err(to_failure)?;
    let trial = try_reranker(spec).map_err(to_failure)?;
    let (ok, languages) = (trial.is_usable(), trial.ranked_languages());
    let RerankerTrial { name, digest, repeats, found_english, found_chinese, asked, load_seconds, pair_ms } = trial;
    Ok(RerankerCheckSummary {
        ok,
        name,
        id: digest,
        files_compared,
        repeats,
        found_english,
        found_chinese,
        asked,
        load_seconds,
        pair_ms,
        languages,
    })
}

fn print_trial(tried: &RerankerCheckSummary, session: &Invocation) {
    if session.output.is_json() {
        return session.output.print_json(tried);
    }
    let line = |ok: bool, name: &str, text: String| {
        session.output.print_line(&format!("{} {name:<10}{text}", if ok { "ok" } else { "!!" }));
    };
    line(true, "reranker", format!("{} ({})", tried.name, tried.id.get(..12).unwrap_or(&tried.id)));
    let files = match tried.files_compared {
        0 => "no digests to compare the files with".to_owned(),
        some => format!("files that match their digest: {some}"),
    };
    line(true, "files", files);
    let repeats =
        if tried.repeats { "the same pair gets the same score" } else { "the same pair gets different scores" };
    line(tried.repeats, "repeats", repeats.to_owned());
    line(tried.languages.english, "English", format!("{} of {} answers first", tried.found_english, tried.asked));
    line(tried.languages.chinese, "Chinese", format!("{} of {} answers first", tried.found_chinese, tried.asked));
    line(true, "speed", format!("loaded in {:.2} s, {:.1} ms per text", tried.load_seconds, tried.pair_ms));
}

const fn name_languages(languages: RankedLanguages) -> &'static str {
    match (languages.english, languages.chinese) {
        (true, true) => "English and Chinese",
        (true, false) => "English",
        (false, true) => "Chinese",
        (false, false) => "neither English nor Chinese",
    }
}
