//! Finds folders of editors that are made from VS Code, and paths in their URIs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::env;
use crate::disk;
use crate::domain::json;
use crate::import::draft_builder::text_field;

/// Names of the configuration folders of VS Code and the editors made from it.
const EDITORS: [&str; 5] = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"];

/// Maximum bytes of `workspace.json`.
const MAX_WORKSPACE_BYTES: u64 = 1 << 20;

/// Returns the folders with the data of the user, of the editors named; on a machine that is worked on from another one
/// too. They need not exist.
pub(super) fn editor_folders(editors: &[&str]) -> Vec<PathBuf> {
    let here = env::application_folder().into_iter();
    let here = here.flat_map(|folder| editors.iter().map(move |editor| folder.join(editor).join("User")));
    let remote = env::user_home().map(|home| home.join(".vscode-server/data/User"));
    here.chain(remote.filter(|_| editors.contains(&"Code"))).collect()
}

/// Returns the folders of an extension in every editor that has it.
pub(super) fn extension_folders(extension: &str) -> Vec<PathBuf> {
    let folders = editor_folders(&EDITORS).into_iter().map(|user| user.join("globalStorage").join(extension));
    folders.filter(|folder| folder.is_dir()).collect()
}

/// Returns the path in a `file:` URI; any other text is returned as it is.
pub(super) fn path_of_uri(text: &str) -> String {
    let Some(path) = text.strip_prefix("file://") else { return text.to_owned() };
    let path = decode_percent(path);
    // `/c:/work` is a path of Windows.
    let is_drive = path.as_bytes().get(2) == Some(&b':');
    if is_drive { path.trim_start_matches('/').to_owned() } else { path }
}

fn decode_percent(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or(&[]);
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns the folder that a workspace of an editor stands for, from the `workspace.json` in its storage.
pub(super) fn workspace_folder(storage: &Path) -> Option<String> {
    let bytes = disk::read_foreign_file(&storage.join("workspace.json"), MAX_WORKSPACE_BYTES).ok()?;
    let (value, _) = json::parse_lenient(&bytes).ok()?;
    let named = |name: &str| match value.get(name) {
        Some(Value::Object(fields)) => fields.get("configPath").and_then(Value::as_str).map(str::to_owned),
        _ => text_field(&value, name).map(str::to_owned),
    };
    if let Some(folder) = named("folder") {
        return Some(path_of_uri(&folder));
    }
    // A workspace of several folders is a file beside them.
    let file = path_of_uri(&named("workspace")?);
    Path::new(&file).parent().map(|folder| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_paths() {
        let cases = [
            ("file:///work/shop", "/work/shop"),
            ("file:///work/%E6%B0%B4%20shop", "/work/水 shop"),
            ("file:///c%3A/work", "c:/work"),
            ("/work/100%", "/work/100%"),
            ("file:///work/%zz", "/work/%zz"),
        ];
        for (uri, path) in cases {
            assert_eq!(path_of_uri(uri), path);
        }
    }
}
