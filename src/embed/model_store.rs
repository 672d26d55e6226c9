//! User's own models below the data folder: adding, listing and verifying them. Does not own the choice of a model, nor
//! the test of its quality (see `trial`).

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;
use crate::disk;
use crate::domain::hash::sha256_hex;
use crate::domain::limits;

/// File with the digests of a model's files, as `sha256sum` writes them.
const DIGESTS_FILE: &str = "SHA256SUMS";
/// Files of a model; the last one is optional.
const MODEL_FILES: [&str; 3] = ["model.onnx", "tokenizer.json", "model.toml"];
/// Bytes of the file with the digests: a line for each file.
const MAX_DIGESTS_BYTES: u64 = 4 << 10;

/// Lists the models of a folder by name, sorted. A folder that does not exist holds none.
pub fn list_models(shelf: &Path) -> Vec<String> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let models = entries.filter(|entry| entry.path().join(MODEL_FILES[0]).is_file());
    let mut names: Vec<String> = models.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| is_model_name(name));
    names.sort();
    names
}

/// Returns true if `name` is a valid model name and thereby a folder name on every system: at most 64 letters, digits,
/// `-`, `_` and `.`, the first a letter or digit.
pub fn is_model_name(name: &str) -> bool {
    let letter = |character: char| character.is_ascii_alphanumeric();
    name.len() <= 64
        && name.starts_with(letter)
        && name.chars().all(|character| letter(character) || "-_.".contains(character))
}

/// Copies the files of a model to a folder of models, with their digests; `write_measured` adds what was measured on the
/// model. It appears there whole or not at all.
///
/// # Errors
/// When a file cannot be read or written, or the name is taken or invalid.
pub fn add_model(
    from: &Path,
    shelf: &Path,
    name: &str,
    write_measured: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<PathBuf, Error> {
    let place = shelf.join(name);
    let failed = |path: &Path, why: String| Error::Asset { path: path.to_owned(), why };
    if !is_model_name(name) {
        return Err(failed(&place, format!("{name:?} is not a valid model name; use letters, digits, - _ .")));
    }
    if place.exists() {
        return Err(failed(&place, "there is a model of that name already; choose another with --name".to_owned()));
    }
    let work = shelf.join(format!(".{name}-{}", crate::domain::hash::random_hex()));
    let copied = (|| {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| failed(&path, error.to_string())
        };
        disk::create_private_folder(&work).map_err(io(&work))?;
        let mut sums = String::new();
        for file in MODEL_FILES {
            let source = from.join(file);
            if file == "model.toml" && !source.exists() {
                continue;
            }
            let bytes = disk::read_foreign_file(&source, limits::MODEL_BYTES as u64).map_err(io(&source))?;
            disk::write_atomic(&work.join(file), &bytes).map_err(io(&work))?;
            sums.extend([&sha256_hex(&bytes), "  ", file, "\n"]);
        }
        disk::write_atomic(&work.join(DIGESTS_FILE), sums.as_bytes()).map_err(io(&work))?;
        write_measured(&work).map_err(io(&work))?;
        disk::publish_path(&work, &place).map_err(io(&place))
    })();
    if copied.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_dir_all(&work);
    }
    copied.map(|()| place)
}

/// Compares the files of a folder with the digests recorded beside them; returns the number of files, 0 without
/// digests.
///
/// # Errors
/// [`Error::Asset`] for a file that is missing or differs.
pub fn verify_model(folder: &Path) -> Result<usize, Error> {
    let recorded = recorded_digests(folder)?;
    for (_, file) in &recorded {
        read_model_file(folder, file)?;
    }
    Ok(recorded.len())
}

/// Reads one file of a model. It must have the digest that was recorded when the model was imported, if one was.
///
/// # Errors
/// [`Error::Asset`] if the file cannot be read or is not the recorded one.
pub(super) fn read_model_file(folder: &Path, file: &str) -> Result<Vec<u8>, Error> {
    let path = folder.join(file);
    let failed = |why: String| Error::Asset { path: path.clone(), why };
    let bytes =
        disk::read_foreign_file(&path, limits::MODEL_BYTES as u64).map_err(|error| failed(error.to_string()))?;
    match recorded_digests(folder)?.into_iter().find(|(_, name)| *name == file) {
        Some((digest, _)) if digest != sha256_hex(&bytes) => {
            Err(failed("it is not the file that was added".to_owned()))
        }
        _ => Ok(bytes),
    }
}

/// Reads the digests of a folder, each with the file that it belongs to; none if nothing was recorded.
fn recorded_digests(folder: &Path) -> Result<Vec<(String, &'static str)>, Error> {
    let path = folder.join(DIGESTS_FILE);
    let sums = match disk::read_foreign_text(&path, MAX_DIGESTS_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| Error::Asset { path: path.clone(), why: error.to_string() })?,
    };
    let rows = sums.lines().filter_map(|line| line.split_once("  "));
    let known =
        |(digest, name): (&str, &str)| Some((digest.to_owned(), MODEL_FILES.into_iter().find(|file| *file == name)?));
    Ok(rows.filter_map(known).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_appears_whole_and_changes_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = |_: &Path| Ok(());
        let (from, shelf) = (folder.path().join("from"), folder.path().join("models"));
        fs::create_dir(&from).unwrap();
        disk::write_atomic(&from.join("model.onnx"), b"weights").unwrap();
        assert!(add_model(&from, &shelf, "mine", nothing).is_err(), "there is no tokenizer");
        assert!(list_models(&shelf).is_empty() && fs::read_dir(&shelf).unwrap().next().is_none(), "nothing is left");
        disk::write_atomic(&from.join("tokenizer.json"), b"{}").unwrap();
        let place = add_model(&from, &shelf, "mine", nothing).unwrap();
        assert_eq!((list_models(&shelf), verify_model(&place).unwrap()), (vec!["mine".to_owned()], 2));
        assert!(
            add_model(&from, &shelf, "mine", nothing).is_err() && add_model(&from, &shelf, "../mine", nothing).is_err()
        );
        disk::write_atomic(&place.join("model.onnx"), b"others").unwrap();
        assert!(verify_model(&place).unwrap_err().to_string().contains("not the file"));
        assert!(read_model_file(&place, "model.onnx").unwrap_err().to_string().contains("not the file"));
        assert_eq!(read_model_file(&place, "tokenizer.json").unwrap(), b"{}");
        assert_eq!(verify_model(&from).unwrap(), 0, "nobody wrote digests there");
    }
}
