//! Merging defaults, file, environment and flags, remembering where each value came from.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use toml::Table;

use super::{Error, Settings, env};
use crate::domain::limits;

const DEFAULTS: &str = include_str!("defaults.toml");

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The compiled-in defaults.
    Default,
    /// The configuration file.
    File(String),
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "file {path}"),
            Self::Environment(name) => write!(formatter, "environment {name}"),
        }
    }
}

/// The text of a file of settings, which is never large.
pub(super) fn read(file: &Path) -> std::io::Result<String> {
    let (mut text, most) = (String::new(), limits::CONFIG_BYTES as u64);
    std::fs::File::open(file)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() > limits::CONFIG_BYTES {
        let why = format!("it is larger than {most} bytes, which no configuration is");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
    }
    Ok(text)
}

/// One setting with its origin.
#[derive(Debug, Clone)]
pub struct Value {
    /// `section.key`.
    pub key: String,
    /// The value in force.
    pub value: toml::Value,
    /// Where it was set.
    pub origin: Origin,
}

/// Resolved settings with their origins.
#[derive(Debug, Clone)]
pub struct Layered {
    /// The values in force.
    pub settings: Settings,
    /// Each of them, with its origin, in the order of the defaults.
    pub values: Vec<Value>,
    /// Unknown keys and the like; to be shown once.
    pub warnings: Vec<String>,
}

impl Layered {
    /// Resolves defaults, then `file` if it exists, then the environment.
    ///
    /// # Errors
    /// An unreadable or malformed file, or a value of the wrong kind; the message names key and origin.
    pub fn load(file: &Path) -> Result<Self, Error> {
        match read(file) {
            Ok(text) => Self::of(file, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::of(file, ""),
            Err(source) => Err(Error::Read { path: file.to_owned(), source }),
        }
    }

    /// Resolves defaults, then the text of a file, then the environment. `file` is its name.
    ///
    /// # Errors
    /// A malformed text, or a value of the wrong kind; the message names key and origin.
    pub fn of(file: &Path, text: &str) -> Result<Self, Error> {
        let mut values = flatten(&parse(Path::new("defaults.toml"), DEFAULTS)?, &Origin::Default);
        let mut warnings = Vec::new();
        let from_file = flatten(&parse(file, text)?, &Origin::File(file.display().to_string()));
        for set in from_file {
            match values.iter_mut().find(|known| known.key == set.key) {
                Some(known) => *known = set,
                None => warnings.push(unknown(&set, &values)),
            }
        }
        for known in &mut values {
            if let Some((name, text)) = env::setting(&known.key) {
                known.value = like(&known.value, &text);
                known.origin = Origin::Environment(name);
            }
        }
        Ok(Self { settings: resolve(&values)?, values, warnings })
    }
}

fn parse(path: &Path, text: &str) -> Result<Table, Error> {
    text.parse().map_err(|error: toml::de::Error| Error::Syntax {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}

fn flatten(table: &Table, origin: &Origin) -> Vec<Value> {
    let mut values = Vec::new();
    for (section, inner) in table {
        match inner {
            toml::Value::Table(inner) => values.extend(inner.iter().map(|(key, value)| Value {
                key: format!("{section}.{key}"),
                value: value.clone(),
                origin: origin.clone(),
            })),
            other => values.push(Value { key: section.clone(), value: other.clone(), origin: origin.clone() }),
        }
    }
    values
}

fn unknown(set: &Value, known: &[Value]) -> String {
    format!("unknown setting {} in {}{}", set.key, set.origin, suggestion(&set.key, known))
}

/// `; did you mean …?` for a key that is nearly one.
fn suggestion(key: &str, known: &[Value]) -> String {
    let nearest = known
        .iter()
        .map(|value| (strsim::jaro_winkler(&value.key, key), &value.key))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    nearest.map(|(_, key)| format!("; did you mean {key}?")).unwrap_or_default()
}

/// A text as the value of a setting, by the type that the default has.
///
/// # Errors
/// [`Error::Value`] when there is no such setting.
pub(super) fn known_value(key: &str, text: &str) -> Result<toml::Value, Error> {
    let defaults = flatten(&parse(Path::new("defaults.toml"), DEFAULTS)?, &Origin::Default);
    match defaults.iter().find(|value| value.key == key) {
        Some(known) => Ok(like(&known.value, text)),
        None => Err(Error::Value {
            key: key.to_owned(),
            origin: "the command line".to_owned(),
            message: format!("there is no such setting{}", suggestion(key, &defaults)),
        }),
    }
}

/// Reads text from the environment as the type that the default has.
fn like(default: &toml::Value, text: &str) -> toml::Value {
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

/// Builds the typed settings; on failure finds the one key that is to blame by trying each alone over the defaults.
fn resolve(values: &[Value]) -> Result<Settings, Error> {
    let assemble = |values: &[Value]| -> Result<Settings, toml::de::Error> {
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
        let defaults = parse(Path::new("defaults.toml"), DEFAULTS).map(|table| flatten(&table, &Origin::Default));
        let blamed = defaults.ok().and_then(|defaults| {
            values.iter().find(|value| {
                let mut alone = defaults.clone();
                alone.iter_mut().filter(|known| known.key == value.key).for_each(|known| *known = (*value).clone());
                assemble(&alone).is_err()
            })
        });
        let message = whole.message().to_owned();
        match blamed {
            Some(value) => Error::Value { key: value.key.clone(), origin: value.origin.to_string(), message },
            None => Error::Value { key: "?".to_owned(), origin: "defaults".to_owned(), message },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Layered, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        crate::disk::write_atomic(&file, text.as_bytes()).unwrap();
        Layered::load(&file)
    }

    #[test]
    fn defaults_resolve_and_files_override() {
        let layered = load("[search]\nlimit = 9\n").unwrap();
        assert_eq!(layered.settings.search.limit, 9);
        assert_eq!(layered.settings.embed.model, "builtin");
        let limit = layered.values.iter().find(|value| value.key == "search.limit").unwrap();
        assert!(matches!(limit.origin, Origin::File(_)));
        assert!(layered.warnings.is_empty());
    }

    #[test]
    fn mistakes_name_the_key_and_suggest() {
        let layered = load("[search]\nlimits = 9\n").unwrap();
        assert!(layered.warnings[0].contains("did you mean search.limit?"), "{:?}", layered.warnings);
        let error = load("[vector]\nindex = \"fast\"\n").unwrap_err().to_string();
        assert!(error.contains("vector.index") && error.contains("scan"), "{error}");
        assert!(load("[search\n").unwrap_err().to_string().contains("not valid TOML"));
    }
}
