//! Finds the task of a subagent that starts. Its hook gets the id of the subagent but not its task: that is at the end
//! of the transcript of the session that called it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::Value;

use crate::disk::ForeignFile;
use crate::domain::json;

/// Bytes at the end of a transcript that are searched.
const TAIL_BYTES: u64 = 256 << 10;
/// Tools that start subagents.
const SUBAGENT_TOOLS: [&str; 2] = ["Task", "Agent"];

/// Returns the prompt of the last call that starts a subagent.
pub(super) fn last_task(transcript: &Path) -> Option<String> {
    let mut file = ForeignFile::open(transcript).ok()?;
    let length = file.size().ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    bytes.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty()).find_map(find_task)
}

fn find_task(line: &[u8]) -> Option<String> {
    // Most lines are something else, and large.
    memchr::memmem::find(line, b"\"tool_use\"")?;
    let (record, _) = json::parse_lenient(line).ok()?;
    let blocks = record.get("message")?.get("content")?.as_array()?;
    let starts = |block: &&Value| {
        let name = block.get("name").and_then(Value::as_str);
        block.get("type").is_some_and(|kind| kind == "tool_use")
            && name.is_some_and(|name| SUBAGENT_TOOLS.contains(&name))
    };
    let input = blocks.iter().rev().find(starts)?.get("input")?;
    input.get("prompt").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_counts() {
        let call = |prompt: &str| {
            format!(
                r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"x"}},{{"type":"tool_use","name":"Task","input":{{"prompt":"{prompt}"}}}}]}}}}"#
            )
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.jsonl");
        let lines = format!("{}\n{}\n{{\"type\":\"user\"}}\ncut off", call("first"), call("second"));
        crate::disk::write_atomic(&path, lines.as_bytes()).unwrap();
        assert_eq!(last_task(&path).as_deref(), Some("second"));
        crate::disk::write_atomic(&path, b"nothing\n").unwrap();
        assert_eq!((last_task(&path), last_task(folder.path())), (None, None));
    }
}
