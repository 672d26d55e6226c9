//! Settings that choose what is executed, whom this machine talks to, or that switch a protection off. Only a
//! configuration file of the user sets them: an archive, a cloned folder and what either puts into the environment do
//! not. Owns the list; the layers apply it.

use toml::Value;

/// Settings that name a program, a library, a file that is read, a server, or keys, or that can silence a search. All
/// their values are guarded.
const GUARDED: [&str; 17] = [
    "embed.runtime",
    "environment.allow",
    "redact.allow",
    "search.reranker",
    "search.weights",
    "backup.recipients",
    "backup.identity_file",
    "alerts.critical",
    "alerts.warning",
    "alerts.info",
    "sync.postgres",
    "sync.postgres_password_file",
    "sync.postgres_password_command",
    "sync.postgres_ca_file",
    "sync.qdrant",
    "sync.qdrant_key_file",
    "sync.qdrant_key_command",
];

/// Returns true if only the user's own configuration file may give a setting this value.
pub(super) fn is_guarded(key: &str, value: &Value) -> bool {
    match key {
        "embed.model" => !matches!(value.as_str(), Some("builtin" | "off")),
        "redact.enabled" | "redact.personal_data" => value.as_bool() != Some(true),
        "sync.allow_plaintext" => value.as_bool() != Some(false),
        // Maintenance deletes what is older.
        "schedule.cleanup_days" => value.as_integer() != Some(0),
        _ => GUARDED.contains(&key),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::LayeredSettings;

    /// Settings with a text or a list as value that name nothing outside of this program.
    const HARMLESS: [&str; 9] = [
        "store.durability",
        "vector.index",
        "search.mode",
        "search.tier",
        "search.glossary",
        "mcp.profile",
        "serve.backend",
        "log.filter",
        "embed.model",
    ];

    #[test]
    fn every_setting_with_a_text_or_a_list_is_guarded_or_known_as_harmless() {
        let defaults = LayeredSettings::from_text(Path::new("config.toml"), "").unwrap().values;
        for set in defaults.iter().filter(|set| set.value.is_str() || is_list_of_texts(set)) {
            let (guarded, harmless) = (GUARDED.contains(&set.key.as_str()), HARMLESS.contains(&set.key.as_str()));
            assert!(guarded != harmless, "{}: decide who may set it", set.key);
        }
        for key in GUARDED {
            assert!(defaults.iter().any(|set| set.key == key), "{key} is no setting");
        }
    }

    /// Thresholds are lists of numbers.
    fn is_list_of_texts(set: &crate::config::SettingValue) -> bool {
        set.value.as_array().is_some_and(|values| values.iter().all(Value::is_str))
    }

    #[test]
    fn values_that_protect_are_free_and_those_that_do_not_are_guarded() {
        for (key, text, expected) in [
            ("embed.model", "\"off\"", false),
            ("embed.model", "\"builtin\"", false),
            ("embed.model", "\"dir:/clone/model\"", true),
            ("redact.enabled", "true", false),
            ("redact.enabled", "false", true),
            ("redact.personal_data", "false", true),
            ("sync.allow_plaintext", "false", false),
            ("sync.allow_plaintext", "true", true),
            ("schedule.cleanup_days", "0", false),
            ("schedule.cleanup_days", "1", true),
            ("search.limit", "9", false),
            ("embed.runtime", "\"evil.so\"", true),
        ] {
            let table: toml::Table = format!("value = {text}").parse().unwrap();
            assert_eq!(is_guarded(key, &table["value"]), expected, "{key} = {text}");
        }
    }
}
