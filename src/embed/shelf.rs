//! Models of the user below the data folder: taking one in, listing and verifying them. Does not own which one is used, nor whether it
//! is any good (see `trial`).

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;
use crate::disk;
use crate::domain::hash::sha256_hex;

/// Digests of the files of a model, as `sha256sum` writes them.
const SUMS: &str = "SHA256SUMS";
/// What a model consists of; the last one may be missing.
const FILES: [&str; 3] = ["model.onnx", "tokenizer.json", "model.toml"];

/// The models of a shelf by name, sorted. A shelf that does not exist holds none.
pub fn names(shelf: &Path) -> Vec<String> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let models = entries.filter(|entry| entry.path().join(FILES[0]).is_file());
    let mut names: Vec<String> = models.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| is_name(name));
    names.sort();
    names
}

/// Letters, digits, `-`, `_` and `.`, not at the beginning; so that it is a name of a folder everywhere.
pub fn is_name(name: &str) -> bool {
    let letter = |character: char| character.is_ascii_alphanumeric();
    name.len() <= 64
        && name.starts_with(letter)
        && name.chars().all(|character| letter(character) || "-_.".contains(character))
}

/// Copies the files of a model to the shelf, with their digests. It appears there whole or not at all.
///
/// # Errors
/// A file that cannot be read or written; a name that is taken or is none.
pub fn take_in(from: &Path, shelf: &Path, name: &str) -> Result<PathBuf, Error> {
    let place = shelf.join(name);
    let failed = |path: &Path, why: String| Error::Asset { path: path.to_owned(), why };
    if !is_name(name) {
        return Err(failed(&place, format!("{name:?} is no name for a model: letters, digits, - _ .")));
    }
    if place.exists() {
        return Err(failed(&place, "there is a model of that name already; choose another with --name".to_owned()));
    }
    let work = shelf.join(format!(".{name}-{}", crate::domain::hash::nonce()));
    let copied = (|| {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| failed(&path, error.to_string())
        };
        disk::create_private_folder(&work).map_err(io(&work))?;
        let mut sums = String::new();
        for file in FILES {
            let source = from.join(file);
            if file == "model.toml" && !source.exists() {
                continue;
            }
            let bytes = fs::read(&source).map_err(io(&source))?;
            disk::write_atomic(&work.join(file), &bytes).map_err(io(&work))?;
            sums.extend([&sha256_hex(&bytes), "  ", file, "\n"]);
        }
        disk::write_atomic(&work.join(SUMS), sums.as_bytes()).map_err(io(&work))?;
        disk::publish(&work, &place).map_err(io(&place))
    })();
    if copied.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_dir_all(&work);
    }
    copied.map(|()| place)
}

/// Compares the files of a folder with the digests beside them; says how many were compared, 0 where there are no digests.
///
/// # Errors
/// [`Error::Asset`] for a file that is missing or differs.
pub fn verify(folder: &Path) -> Result<usize, Error> {
    let sums = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let rows: Vec<(&str, &str)> = sums.lines().filter_map(|line| line.split_once("  ")).collect();
    for (digest, file) in &rows {
        let path = folder.join(file);
        let bytes = fs::read(&path).map_err(|error| Error::Asset { path: path.clone(), why: error.to_string() })?;
        if sha256_hex(&bytes) != *digest {
            return Err(Error::Asset { path, why: "it is not the file that was taken in".to_owned() });
        }
    }
    Ok(rows.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_appears_whole_and_changes_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (from, shelf) = (folder.path().join("from"), folder.path().join("models"));
        fs::create_dir(&from).unwrap();
        disk::write_atomic(&from.join("model.onnx"), b"weights").unwrap();
        assert!(take_in(&from, &shelf, "mine").is_err(), "there is no tokenizer");
        assert!(names(&shelf).is_empty() && fs::read_dir(&shelf).unwrap().next().is_none(), "nothing is left");
        disk::write_atomic(&from.join("tokenizer.json"), b"{}").unwrap();
        let place = take_in(&from, &shelf, "mine").unwrap();
        assert_eq!((names(&shelf), verify(&place).unwrap()), (vec!["mine".to_owned()], 2));
        assert!(take_in(&from, &shelf, "mine").is_err() && take_in(&from, &shelf, "../mine").is_err());
        disk::write_atomic(&place.join("model.onnx"), b"others").unwrap();
        assert!(verify(&place).unwrap_err().to_string().contains("not the file"));
        assert_eq!(verify(&from).unwrap(), 0, "nobody wrote digests there");
    }
}
