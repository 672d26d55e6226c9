//! Detection of the plugin of Claude Code, which has the same server and hooks as `install`.

use std::path::PathBuf;

use serde_json::Value;

use super::{ClientPaths, InstallScope, MAX_CONFIG_BYTES};
use crate::disk;
use crate::domain::json;

/// Prefix of the plugin's key; the name of a marketplace follows.
const PLUGIN: &str = "memory-recall@";

/// Returns the enabled plugin and the settings file that enables it. Settings of a project take precedence over those
/// of the user, as in Claude Code. Files that cannot be read enable nothing.
pub fn enabled_plugin(places: &ClientPaths) -> Option<(String, PathBuf)> {
    let mut known: Vec<(String, bool, PathBuf)> = Vec::new();
    for scope in [InstallScope::Local, InstallScope::Project, InstallScope::User] {
        let path = places.settings_file(scope);
        let Ok(bytes) = disk::read_foreign_file(&path, MAX_CONFIG_BYTES) else { continue };
        let Ok((settings, _)) = json::parse_lenient(&bytes) else { continue };
        for (name, value) in settings.get("enabledPlugins").and_then(Value::as_object).into_iter().flatten() {
            if name.starts_with(PLUGIN) && !known.iter().any(|(known, ..)| known == name) {
                known.push((name.clone(), value == true, path.clone()));
            }
        }
    }
    known.into_iter().find(|(_, enabled, _)| *enabled).map(|(name, _, path)| (name, path))
}
