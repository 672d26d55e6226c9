//! Changes settings in the text of a configuration file and keeps every other byte. Writes no file.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table};

use super::Error;
use super::guarded::is_guarded;
use super::layers::{LayeredSettings, SettingOrigin, flatten_table, parse_known_value, parse_toml, read_config_file};

/// Returns the text of `file` with `key` (`section.key`) set to `text`, or without the key for `None`.
///
/// `text` is parsed as the type of the default. A file that does not exist counts as empty.
///
/// # Errors
/// A key that does not exist, a value of the wrong kind, a file that cannot be read or is not TOML.
pub fn edit_setting(file: &Path, key: &str, text: Option<&str>) -> Result<String, Error> {
    let before = match read_config_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|source| Error::Read { path: file.to_owned(), source })?,
    };
    let syntax = |error: toml_edit::TomlError| Error::Syntax { path: file.to_owned(), message: error.to_string() };
    let mut document: DocumentMut = before.parse().map_err(syntax)?;
    let value = parse_known_value(key, text.unwrap_or_default())?;
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    match text {
        Some(_) => {
            let new = value.to_string().parse::<toml_edit::Value>().map_err(syntax)?;
            let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
            let shape = || Error::Value {
                key: section.to_owned(),
                origin: format!("file {}", file.display()),
                message: "it is not a section".to_owned(),
            };
            let table = table.as_table_like_mut().ok_or_else(shape)?;
            match table.get_mut(name).and_then(Item::as_value_mut) {
                // Keeps the text around the value, for example a comment after it.
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
    // Rejects a text that does not resolve to settings.
    LayeredSettings::from_text(file, &after)?;
    Ok(after)
}

/// Removes the guarded settings from the text of a configuration file that someone else may have written.
///
/// Returns the rest and the keys that were removed. `None` if the text is no valid configuration file.
pub fn remove_guarded_settings(text: &str) -> Option<(String, Vec<String>)> {
    let name = Path::new("config.toml");
    let mut document: DocumentMut = text.parse().ok()?;
    let mut removed = Vec::new();
    for set in flatten_table(&parse_toml(name, text).ok()?, &SettingOrigin::Default) {
        if is_guarded(&set.key, &set.value) {
            let (section, key) = set.key.split_once('.')?;
            document.get_mut(section).and_then(Item::as_table_like_mut)?.remove(key)?;
            removed.push(set.key);
        }
    }
    let rest = document.to_string();
    LayeredSettings::from_text(name, &rest).ok()?;
    Some((rest, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, key: &str, text: Option<&str>) -> Result<String, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        crate::disk::write_atomic(&file, before.as_bytes()).unwrap();
        edit_setting(&file, key, text)
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
            ("search = 1\n", "search.limit", "7", "it is not a section"),
        ] {
            let error = change(before, key, Some(text)).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_rest_of_a_file_stays_as_it_is() {
        let text = "# mine\n[search]\nlimit = 7 # enough\n\n[embed]\nmodel = \"off\"\nruntime = \"evil.so\"\n\n\
            [sync]\npostgres_password_command = [\"./evil\"]\n";
        let (rest, removed) = remove_guarded_settings(text).unwrap();
        assert_eq!(rest, "# mine\n[search]\nlimit = 7 # enough\n\n[embed]\nmodel = \"off\"\n\n[sync]\n");
        assert_eq!(removed, ["embed.runtime", "sync.postgres_password_command"]);
        for spelled in
            ["embed.runtime = \"evil.so\"\n", "embed = { runtime = \"evil.so\" }\n", "[\"embed\"]\n'runtime' = 'x'\n"]
        {
            let (rest, removed) = remove_guarded_settings(spelled).unwrap();
            assert_eq!(removed, ["embed.runtime"], "{spelled}");
            assert!(!rest.contains("evil") && !rest.contains("'x'"), "{rest}");
        }
        for broken in ["[embed\n", "search.limit = \"many\"\n"] {
            assert_eq!(remove_guarded_settings(broken), None, "{broken}");
        }
    }
}
