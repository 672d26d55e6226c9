//! Merges defaults, file and environment, and records the origin of each value.

use std::fmt;
use std::path::Path;

use toml::Table;

use super::guarded::is_guarded;
use super::suggestion::{describe_wrong_value, suggest_name};
use super::{Error, Settings, env};
use crate::disk::{self, checkout};
use crate::domain::limits;

const DEFAULTS: &str = include_str!("defaults.toml");

/// Place where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingOrigin {
    /// The compiled-in defaults.
    Default,
    /// The configuration file.
    File(String),
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "file {path}"),
            Self::Environment(name) => write!(formatter, "environment {name}"),
        }
    }
}

/// Reads the text of a configuration file, up to [`limits::CONFIG_BYTES`].
pub(super) fn read_config_file(file: &Path) -> std::io::Result<String> {
    // People keep it elsewhere and link to it.
    disk::read_foreign_text(file, limits::CONFIG_BYTES as u64)
}

/// One setting with its origin.
#[derive(Debug, Clone)]
pub struct SettingValue {
    /// Name of the setting, `section.key`.
    pub key: String,
    /// The value in force.
    pub value: toml::Value,
    /// Place where it was set.
    pub origin: SettingOrigin,
}

/// Resolved settings with their origins.
#[derive(Debug, Clone)]
pub struct LayeredSettings {
    /// The values in force.
    pub settings: Settings,
    /// Each value with its origin, in the order of the defaults.
    pub values: Vec<SettingValue>,
    /// Warnings to show once, for example of unknown keys.
    pub warnings: Vec<String>,
}

impl LayeredSettings {
    /// Resolves defaults, then `file` if it exists, then the environment.
    ///
    /// # Errors
    /// An unreadable or malformed file, or a value of the wrong kind; the message names key and origin.
    pub fn load_file(file: &Path) -> Result<Self, Error> {
        match read_config_file(file) {
            Ok(text) => Self::from_text(file, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::from_text(file, ""),
            Err(source) => Err(Error::Read { path: file.to_owned(), source }),
        }
    }

    /// Resolves defaults, then the text of a file, then the environment. `file` is its name.
    ///
    /// # Errors
    /// A malformed text, or a value of the wrong kind; the message names key and origin.
    pub fn from_text(file: &Path, text: &str) -> Result<Self, Error> {
        let mut values = flatten_table(&parse_toml(Path::new("defaults.toml"), DEFAULTS)?, &SettingOrigin::Default);
        let mut warnings = Vec::new();
        let from_file = flatten_table(&parse_toml(file, text)?, &SettingOrigin::File(file.display().to_string()));
        let planted = from_file.iter().any(|set| is_guarded(&set.key, &set.value)) && is_planted(file);
        for set in from_file {
            match values.iter_mut().find(|known| known.key == set.key) {
                Some(_) if planted && is_guarded(&set.key, &set.value) => warnings.push(planted_setting_warning(&set)),
                Some(known) => *known = set,
                None => warnings.push(unknown_setting_warning(&set, &values)),
            }
        }
        let allowed = allowed_variables(&values);
        for known in &mut values {
            let Some((name, text)) = env::setting_override(&known.key) else { continue };
            let value = parse_as_default(&known.value, &text);
            if is_guarded(&known.key, &value) && !allowed.contains(&known.key) {
                warnings.push(guarded_variable_warning(&name, &known.key));
                continue;
            }
            known.value = value;
            known.origin = SettingOrigin::Environment(name);
        }
        Ok(Self { settings: build_settings(&values)?, values, warnings })
    }
}

/// Returns true for the configuration file of a data folder in a checkout that the environment names. The author of
/// the repository may have written both.
fn is_planted(file: &Path) -> bool {
    let folder = file.parent().unwrap_or(Path::new("."));
    let named = env::memory_home().is_some_and(|home| std::path::absolute(home).is_ok_and(|home| home == folder));
    named && checkout::is_in_checkout(folder)
}

fn planted_setting_warning(set: &SettingValue) -> String {
    let name = env::HOME.name;
    format!(
        "{} in {} is ignored: {name} names a data folder in a checkout, which others may have written; \
        name the folder with --home instead if it is yours",
        set.key, set.origin
    )
}

fn guarded_variable_warning(name: &str, key: &str) -> String {
    format!(
        "{name} is ignored: a cloned folder can set variables. Set {key} with `claude-memory config set`, or allow the \
        variable with `claude-memory config set environment.allow '[\"{key}\"]'`"
    )
}

/// Returns the guarded settings that variables may set, as the configuration file says.
fn allowed_variables(values: &[SettingValue]) -> Vec<String> {
    let allow = values.iter().find(|known| known.key == "environment.allow").and_then(|known| known.value.as_array());
    allow.into_iter().flatten().filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

pub(super) fn parse_toml(path: &Path, text: &str) -> Result<Table, Error> {
    text.parse().map_err(|error: toml::de::Error| Error::Syntax {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}

pub(super) fn flatten_table(table: &Table, origin: &SettingOrigin) -> Vec<SettingValue> {
    let mut values = Vec::new();
    for (section, inner) in table {
        match inner {
            toml::Value::Table(inner) => values.extend(inner.iter().map(|(key, value)| SettingValue {
                key: format!("{section}.{key}"),
                value: value.clone(),
                origin: origin.clone(),
            })),
            other => values.push(SettingValue { key: section.clone(), value: other.clone(), origin: origin.clone() }),
        }
    }
    values
}

fn unknown_setting_warning(set: &SettingValue, known: &[SettingValue]) -> String {
    format!("unknown setting {} in {}{}", set.key, set.origin, suggest_key(&set.key, known))
}

/// Returns `; did you mean …?` for a misspelt key, else an empty text.
fn suggest_key(key: &str, known: &[SettingValue]) -> String {
    suggest_name(key, known.iter().map(|value| value.key.as_str()))
}

/// Parses text as the value of a setting, by the type of its default.
///
/// # Errors
/// [`Error::Value`] when there is no such setting.
pub(super) fn parse_known_value(key: &str, text: &str) -> Result<toml::Value, Error> {
    let defaults = flatten_table(&parse_toml(Path::new("defaults.toml"), DEFAULTS)?, &SettingOrigin::Default);
    match defaults.iter().find(|value| value.key == key) {
        Some(known) => Ok(parse_as_default(&known.value, text)),
        None => Err(Error::Value {
            key: key.to_owned(),
            origin: "the command line".to_owned(),
            message: format!("there is no such setting{}", suggest_key(key, &defaults)),
        }),
    }
}

/// Parses text as the type of a default; text of another type stays a string, which [`build_settings`] rejects.
fn parse_as_default(default: &toml::Value, text: &str) -> toml::Value {
    let text = text.trim();
    let parsed = match default {
        toml::Value::Integer(_) => text.parse().ok().map(toml::Value::Integer),
        toml::Value::Boolean(_) => match text {
            "1" | "true" | "yes" | "on" => Some(toml::Value::Boolean(true)),
            "0" | "false" | "no" | "off" => Some(toml::Value::Boolean(false)),
            _ => None,
        },
        toml::Value::Array(_) => {
            format!("list = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("list"))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// Builds the typed settings. On failure it finds the key to blame by trying each value alone over the defaults.
fn build_settings(values: &[SettingValue]) -> Result<Settings, Error> {
    let assemble = |values: &[SettingValue]| -> Result<Settings, toml::de::Error> {
        let mut table = Table::new();
        for value in values {
            let Some((section, key)) = value.key.split_once('.') else { continue };
            let inner = table.entry(section).or_insert_with(|| toml::Value::Table(Table::new()));
            if let Some(inner) = inner.as_table_mut() {
                inner.insert(key.to_owned(), value.value.clone());
            }
        }
        toml::Value::Table(table).try_into()
    };
    assemble(values).map_err(|whole| {
        let defaults = parse_toml(Path::new("defaults.toml"), DEFAULTS)
            .map(|table| flatten_table(&table, &SettingOrigin::Default));
        let blamed = defaults.ok().and_then(|defaults| {
            values.iter().find(|value| {
                let mut alone = defaults.clone();
                alone.iter_mut().filter(|known| known.key == value.key).for_each(|known| *known = (*value).clone());
                assemble(&alone).is_err()
            })
        });
        let message = describe_wrong_value(whole.message());
        match blamed {
            Some(value) => Error::Value { key: value.key.clone(), origin: value.origin.to_string(), message },
            None => Error::Value { key: "?".to_owned(), origin: "defaults".to_owned(), message },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<LayeredSettings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        disk::write_atomic(&file, text.as_bytes()).unwrap();
        LayeredSettings::load_file(&file)
    }

    #[test]
    fn defaults_resolve_and_files_override() {
        let layered = load("[search]\nlimit = 9\n").unwrap();
        assert_eq!(layered.settings.search.limit, 9);
        assert_eq!(layered.settings.embed.model, "builtin");
        let limit = layered.values.iter().find(|value| value.key == "search.limit").unwrap();
        assert!(matches!(limit.origin, SettingOrigin::File(_)));
        assert!(layered.warnings.is_empty());
    }

    #[test]
    fn mistakes_name_the_key_and_suggest() {
        let layered = load("[search]\nlimits = 9\n").unwrap();
        assert!(layered.warnings[0].contains("did you mean search.limit?"), "{:?}", layered.warnings);
        let error = load("[vector]\nindex = \"fast\"\n").unwrap_err().to_string();
        assert!(error.contains("vector.index") && error.contains("scan"), "{error}");
        let error = load("[search]\nglossary = [\"k8s = kubernetes\"]\n").unwrap_err().to_string();
        assert!(error.contains("search.glossary") && error.contains("not a Chinese word"), "{error}");
        assert!(load("[search\n").unwrap_err().to_string().contains("not valid TOML"));
    }
}
