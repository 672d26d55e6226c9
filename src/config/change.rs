//! Changing one setting in the text of a configuration file, with every other byte as it was. Writes no file.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table};

use super::Error;
use super::layers::{Layered, known_value, read};

/// The text of `file` with `key` (`section.key`) set to what `text` says, read as the type that the default has; without the key for
/// `None`. A file that does not exist is an empty one.
///
/// # Errors
/// A key that does not exist, a value of the wrong kind, a file that cannot be read or is no TOML.
pub fn changed(file: &Path, key: &str, text: Option<&str>) -> Result<String, Error> {
    let before = match read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|source| Error::Read { path: file.to_owned(), source })?,
    };
    let syntax = |error: toml_edit::TomlError| Error::Syntax { path: file.to_owned(), message: error.to_string() };
    let mut document: DocumentMut = before.parse().map_err(syntax)?;
    let value = known_value(key, text.unwrap_or_default())?;
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    match text {
        Some(_) => {
            let new = value.to_string().parse::<toml_edit::Value>().map_err(syntax)?;
            let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
            let shape = || Error::Value {
                key: section.to_owned(),
                origin: format!("file {}", file.display()),
                message: "it is no section".to_owned(),
            };
            let table = table.as_table_like_mut().ok_or_else(shape)?;
            match table.get_mut(name).and_then(Item::as_value_mut) {
                // What stands around it stays, a comment behind it for example.
                Some(old) => {
                    let around = old.decor().clone();
                    *old = new;
                    *old.decor_mut() = around;
                }
                None => drop(table.insert(name, Item::Value(new))),
            }
        }
        None => {
            if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
                table.remove(name);
            }
        }
    }
    let after = document.to_string();
    // A text that gives no settings is none.
    Layered::of(file, &after)?;
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, key: &str, text: Option<&str>) -> Result<String, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        crate::disk::write_atomic(&file, before.as_bytes()).unwrap();
        changed(&file, key, text)
    }

    #[test]
    fn only_the_one_value_changes() {
        let before = "# mine\n[search]\nlimit = 9 # enough\n\n[embed] # vectors\nmodel = \"off\"\n";
        let after = change(before, "search.limit", Some("7")).unwrap();
        assert_eq!(after, before.replace("limit = 9", "limit = 7"));
        assert_eq!(change(before, "embed.model", Some("builtin")).unwrap(), before.replace("off", "builtin"));
        assert_eq!(
            change("", "alerts.critical", Some("[\"/bin/true\"]")).unwrap(),
            "[alerts]\ncritical = [\"/bin/true\"]\n"
        );
        assert_eq!(change(before, "search.limit", None).unwrap(), before.replace("limit = 9 # enough\n", ""));
        assert_eq!(change(before, "log.filter", None).unwrap(), before, "it was not there");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (before, key, text, why) in [
            ("", "search.limt", "7", "did you mean search.limit?"),
            ("", "search.limit", "many", "search.limit"),
            ("", "search", "7", "there is no such setting"),
            ("[search\n", "search.limit", "7", "not valid TOML"),
            ("search = 1\n", "search.limit", "7", "it is no section"),
        ] {
            let error = change(before, key, Some(text)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
