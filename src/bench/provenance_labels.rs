//! Labels of commits: the sessions that trailers of their messages name, directly or through a checkpoint that another
//! branch explains. Measuring only: the linking never sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use crate::repository::{Repository, Result};

/// Endings of trailers: one names a session, the other a checkpoint.
const SESSION_TRAILER: &str = "-session";
const CHECKPOINT_TRAILER: &str = "-checkpoint";
/// First word of a message that explains a checkpoint.
const CHECKPOINT_SUBJECT: &str = "Checkpoint: ";
/// Ending of the names of refs with checkpoints, and of files that describe one.
const CHECKPOINT_REF: &str = "/checkpoints/v1";
const CHECKPOINT_FILE: &str = "metadata.json";

/// Sessions by commit.
pub(super) type Labels = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct CheckpointFile {
    session_id: Option<String>,
}

/// Reads the labels of the commits of HEAD.
///
/// # Errors
/// Those of git.
pub(super) fn read_labels(repository: &Repository) -> Result<Labels> {
    let refs = repository.list_refs()?;
    let explaining: BTreeSet<String> =
        refs.into_iter().filter(|(name, _)| name.ends_with(CHECKPOINT_REF)).map(|(_, id)| id).collect();
    let messages = repository.read_messages(&[repository.head().to_owned()])?;
    let trailers: Vec<(String, Vec<(String, String)>)> =
        messages.into_iter().map(|(id, body)| (id, read_trailers(&body))).collect();
    let named = trailers.iter().flat_map(|(_, all)| all).filter(|(name, _)| name.ends_with(CHECKPOINT_TRAILER));
    let wanted: BTreeSet<&str> = named.map(|(_, value)| value.as_str()).collect();
    let mut checkpoints: HashMap<String, BTreeSet<String>> = HashMap::new();
    for id in &explaining {
        read_checkpoint_messages(repository, id, &mut checkpoints)?;
        read_checkpoint_files(repository, id, &wanted, &mut checkpoints)?;
    }
    let mut labels = Labels::new();
    for (commit, trailers) in &trailers {
        let sessions = labels.entry(commit.clone()).or_default();
        for (name, value) in trailers {
            if name.ends_with(SESSION_TRAILER) {
                sessions.insert(strip_date(value).to_owned());
            } else if name.ends_with(CHECKPOINT_TRAILER) {
                sessions.extend(checkpoints.get(value).into_iter().flatten().cloned());
            }
        }
    }
    labels.retain(|_, sessions| !sessions.is_empty());
    Ok(labels)
}

fn read_checkpoint_messages(
    repository: &Repository,
    reference: &str,
    checkpoints: &mut HashMap<String, BTreeSet<String>>,
) -> Result<()> {
    for (_, body) in repository.read_messages(&[reference.to_owned()])? {
        let Some(id) = body.lines().next().and_then(|subject| subject.strip_prefix(CHECKPOINT_SUBJECT)) else {
            continue;
        };
        let trailers = read_trailers(&body).into_iter().filter(|(name, _)| name.ends_with(SESSION_TRAILER));
        checkpoints
            .entry(id.trim().to_owned())
            .or_default()
            .extend(trailers.map(|(_, value)| strip_date(&value).to_owned()));
    }
    Ok(())
}

/// Reads the files of checkpoints: `ab/cdef012345/metadata.json` describes the checkpoint `abcdef012345`.
fn read_checkpoint_files(
    repository: &Repository,
    reference: &str,
    wanted: &BTreeSet<&str>,
    checkpoints: &mut HashMap<String, BTreeSet<String>>,
) -> Result<()> {
    let checkpoint_of = |path: &str| {
        let mut names = path.split('/');
        Some(format!("{}{}", names.next()?, names.next()?))
    };
    let mut paths = repository.list_files(reference)?;
    paths.retain(|path| {
        path.ends_with(CHECKPOINT_FILE) && checkpoint_of(path).is_some_and(|id| wanted.contains(id.as_str()))
    });
    for (path, bytes) in repository.read_files(reference, &paths)? {
        let described = serde_json::from_slice::<CheckpointFile>(&bytes).ok().and_then(|file| file.session_id);
        if let (Some(id), Some(session)) = (checkpoint_of(&path), described) {
            checkpoints.entry(id).or_default().insert(strip_date(&session).to_owned());
        }
    }
    Ok(())
}

/// Returns the trailers of a message, names in lower case.
fn read_trailers(body: &str) -> Vec<(String, String)> {
    let split = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let is_name = name.contains('-') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    body.lines().skip(1).filter_map(split).collect()
}

/// Returns the id of a session without the day that some programs put before it: `2026-01-06-<id>`.
fn strip_date(session: &str) -> &str {
    let is_date = session.len() > 11
        && session.bytes().take(11).enumerate().all(|(at, byte)| match at {
            4 | 7 | 10 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_date { session.get(11..).unwrap_or(session) } else { session }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_name_sessions_and_checkpoints() {
        let body = "Fix: retry\n\nText: with a colon\nEntire-Checkpoint: 0a1b2c3d4e5f\nX-Session: 2026-01-06-abc\nSigned-off-by: A <a@b>";
        let trailers = read_trailers(body);
        assert_eq!(trailers[0], ("entire-checkpoint".to_owned(), "0a1b2c3d4e5f".to_owned()));
        assert_eq!(trailers[1].0, "x-session");
        assert_eq!(strip_date(&trailers[1].1), "abc");
        assert_eq!(strip_date("3a782158-6c7c-4d4d-9c73-eae031da5b18"), "3a782158-6c7c-4d4d-9c73-eae031da5b18");
    }
}
