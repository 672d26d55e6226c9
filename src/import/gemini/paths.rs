//! Paths of Gemini CLI's transcripts, and the folder of a project.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::disk;
use crate::domain::hash::to_hex;
use crate::domain::json;

/// Folder that holds a project's sessions.
const CHATS: &str = "chats";
/// File that holds the path of the project folder.
const ROOT: &str = ".project_root";
/// Maximum bytes of that file, and of the list of all projects.
const MAX_ROOT_BYTES: u64 = 64 << 10;
const MAX_PROJECTS_BYTES: u64 = 16 << 20;

/// Returns true for transcripts of sessions and sub-agents, and for checkpoints.
pub(in super::super) fn is_transcript(path: &Path) -> bool {
    let is_json = path.extension().is_some_and(|kind| kind == "json" || kind == "jsonl");
    let mut folders = path.ancestors().skip(1).take(2).filter_map(Path::file_name);
    (is_json && folders.any(|folder| folder == CHATS)) || is_checkpoint(path)
}

/// Returns true for copies of conversations that a user saved (`/chat save`).
pub(super) fn is_checkpoint(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_json = path.extension().is_some_and(|kind| kind == "json");
    let in_chats = path.ancestors().skip(1).any(|folder| folder.file_name().is_some_and(|name| name == CHATS));
    is_json && name.starts_with("checkpoint-") && !in_chats
}

/// Returns the session that started a sub-agent: `chats/<session>/<sub-agent>.jsonl`.
pub(super) fn parent_session(transcript: &Path) -> Option<String> {
    let folder = transcript.parent()?;
    let in_chats = folder.parent()?.file_name()? == CHATS;
    let is_chats = folder.file_name()? == CHATS;
    (in_chats && !is_chats).then(|| folder.file_name().map(|name| name.to_string_lossy().into_owned()))?
}

/// Returns the directory of a project below `tmp`, which holds its `chats`.
pub(super) fn project_directory(transcript: &Path) -> Option<&Path> {
    let chats =
        transcript.ancestors().skip(1).take(2).find(|folder| folder.file_name().is_some_and(|name| name == CHATS));
    chats.map_or_else(|| transcript.parent(), Path::parent)
}

/// Finds the folder of a project. Its directory below `tmp` names it (`.project_root`, or its name in `projects.json`),
/// or is named by the SHA-256 of the folder, which is then searched for among the known folders and the parents of
/// `files`, which the session names.
pub(super) fn find_project_folder(
    transcript: &Path,
    hash: Option<&str>,
    candidates: &[String],
    files: &[String],
) -> Option<String> {
    let place = project_directory(transcript)?;
    if let Some(root) = read_root(place) {
        return Some(root);
    }
    let name = place.file_name()?.to_string_lossy();
    let tmp = place.parent();
    let projects = tmp.and_then(Path::parent).map(read_projects).unwrap_or_default();
    if let Some((folder, _)) = projects.iter().find(|(_, known)| *known == name) {
        return Some(folder.clone());
    }
    let hash = Some(name.as_ref()).filter(|name| is_hash(name)).or(hash.filter(|hash| is_hash(hash)));
    let Some(hash) = hash else { return candidates.first().cloned() };
    let is_it = |folder: &str| to_hex(&Sha256::digest(folder.as_bytes())) == hash;
    let known = candidates.iter().cloned().chain(projects.into_iter().map(|(folder, _)| folder));
    let mut known = known.chain(tmp.into_iter().flat_map(read_all_roots));
    let around = || {
        let folders = files.iter().flat_map(|file| Path::new(file).ancestors().skip(1));
        let mut folders = folders.map(|folder| folder.to_string_lossy().into_owned());
        folders.find(|folder| is_it(folder))
    };
    known.find(|folder| is_it(folder)).or_else(around)
}

/// Returns the folders that the first message of a session names.
pub(super) fn workspace_folders(context: &str) -> Vec<String> {
    let headings = ["**Workspace Directories:**", "working in the following directories:"];
    let listed = headings.iter().find_map(|heading| context.split_once(heading)).map_or("", |(_, rest)| rest);
    let listed = listed.lines().map(str::trim).skip_while(|line| line.is_empty());
    let listed = listed.map_while(|line| line.strip_prefix("- ")).filter(|line| !line.starts_with("**"));
    let single = context.split_once("working in the directory: ").and_then(|(_, rest)| rest.lines().next());
    listed.chain(single).map(|folder| folder.trim().to_owned()).filter(|folder| !folder.is_empty()).collect()
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read_root(place: &Path) -> Option<String> {
    let root = disk::read_foreign_text(&place.join(ROOT), MAX_ROOT_BYTES).ok()?;
    Some(root.trim().to_owned()).filter(|root| !root.is_empty())
}

/// Returns the project folders of all directories below `tmp`.
fn read_all_roots(tmp: &Path) -> Vec<String> {
    let places = std::fs::read_dir(tmp).into_iter().flatten().flatten().map(|entry| entry.path());
    places.filter_map(|place: PathBuf| read_root(&place)).collect()
}

/// Reads folders and names from `projects.json`.
fn read_projects(home: &Path) -> Vec<(String, String)> {
    let known = disk::read_foreign_file(&home.join("projects.json"), MAX_PROJECTS_BYTES).ok();
    let Some((known, _)) = known.and_then(|known| json::parse_lenient(&known).ok()) else { return Vec::new() };
    let projects = known.get("projects").unwrap_or(&known).as_object();
    let named = projects.into_iter().flatten();
    named.filter_map(|(folder, name)| Some((folder.clone(), Value::as_str(name)?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_atomic;

    #[test]
    fn transcripts_subagents_and_checkpoints_are_told_from_other_files() {
        for path in ["tmp/p/chats/session-1.json", "tmp/p/chats/s1/a.jsonl", "tmp/p/checkpoint-x.json"] {
            assert!(is_transcript(Path::new(path)), "{path}");
        }
        for path in ["tmp/p/logs.json", "tmp/p/chats/notes.txt", "tmp/p/chats/a/b/c.json", "settings.json"] {
            assert!(!is_transcript(Path::new(path)), "{path}");
        }
        assert_eq!(parent_session(Path::new("tmp/p/chats/s1/a.jsonl")).as_deref(), Some("s1"));
        assert_eq!(parent_session(Path::new("tmp/p/chats/a.jsonl")), None);
        assert_eq!(project_directory(Path::new("tmp/p/chats/s1/a.jsonl")), Some(Path::new("tmp/p")));
    }

    #[test]
    fn the_folder_of_a_project_is_found_by_name_root_and_hash() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_atomic(&path, text.as_bytes()).unwrap();
        };
        let hash = |folder: &str| to_hex(&Sha256::digest(folder.as_bytes()));
        write("projects.json", r#"{"projects":{"/work/garden":"garden","/work/tools":"other"}}"#);
        write("tmp/shop/.project_root", "/work/shop\n");
        let of = |place: &str, candidates: &[String]| {
            find_project_folder(&home.path().join("tmp").join(place).join("chats/s.jsonl"), None, candidates, &[])
        };
        assert_eq!(of("garden", &[]).as_deref(), Some("/work/garden"));
        assert_eq!(of("shop", &[]).as_deref(), Some("/work/shop"));
        assert_eq!(of(&hash("/work/tools"), &[]).as_deref(), Some("/work/tools"));
        assert_eq!(of(&hash("/work/shop"), &[]).as_deref(), Some("/work/shop"));
        assert_eq!(
            of(&hash("/work/cellar"), &["/x".to_owned(), "/work/cellar".to_owned()]).as_deref(),
            Some("/work/cellar")
        );
        assert_eq!(of(&hash("/work/attic"), &["/x".to_owned()]), None);
        let hashed = home.path().join("tmp").join(hash("/work/barn")).join("chats/s.json");
        let files = ["/etc/hosts".to_owned(), "/work/barn/doors/a.rs".to_owned()];
        assert_eq!(find_project_folder(&hashed, None, &[], &files).as_deref(), Some("/work/barn"));
        assert_eq!(of("unknown", &["/work/attic".to_owned()]).as_deref(), Some("/work/attic"));
    }

    #[test]
    fn the_first_message_names_the_workspace() {
        let context = "<session_context>\n- **Workspace Directories:**\n  - /work/garden\n  - /work/shed\n- **Directory Structure:**\n";
        assert_eq!(workspace_folders(context), ["/work/garden", "/work/shed"]);
        assert_eq!(workspace_folders("I'm currently working in the directory: /work/x\nmore"), ["/work/x"]);
        assert_eq!(workspace_folders("working in the following directories:\n  - /a\n  - /b\nx"), ["/a", "/b"]);
        assert_eq!(workspace_folders("nothing"), Vec::<String>::new());
    }
}
