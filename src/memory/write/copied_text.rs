//! Trust follows the text: what a model says or saves has the origin of the tool output that it was copied from.
//!
//! Sources are the outputs of one session, its subagents included, that others wrote: of the web, of MCP servers, of
//! commands that fetch. A project's own files are not among them: what is said about them is injected in that project
//! only, where every session reads them anyway.

use std::collections::VecDeque;

use crate::domain::text::word_runs::WordRuns;
use crate::domain::{Draft, DraftPart, Origin, PartKind};
use crate::memory::{Memory, Result};

/// Sessions whose sources an import keeps in memory.
const MAX_SESSIONS: usize = 8;
/// Newest stored outputs of a session that are looked at.
const MAX_OUTPUTS: usize = 200;

/// Sources of the sessions that an import is reading, the latest first.
#[derive(Debug, Default)]
pub(in crate::memory) struct CopySources {
    sessions: VecDeque<(String, WordRuns)>,
}

impl CopySources {
    /// Adds the sources in a draft, and gives what a model copied from earlier ones their origin.
    pub(in crate::memory) fn mark_copies(&mut self, memory: &Memory, draft: &mut Draft) -> Result<()> {
        let has_source = draft.parts.iter().any(is_source);
        let has_copy = draft.parts.iter().any(may_be_copied);
        if !has_source && !has_copy {
            return Ok(());
        }
        // A subagent works with what its session found, and the other way round.
        let session = draft.parent_session.clone().unwrap_or_else(|| draft.session.clone());
        let runs = self.runs_of_session(memory, session)?;
        for part in &mut draft.parts {
            if is_source(part) {
                runs.add_source(&part.text, part.origin);
            } else if may_be_copied(part)
                && let Some(origin) = runs.origin_of_copy(&part.text)
            {
                part.origin = origin;
            }
        }
        Ok(())
    }

    fn runs_of_session(&mut self, memory: &Memory, session: String) -> Result<&mut WordRuns> {
        if let Some(at) = self.sessions.iter().position(|(known, _)| *known == session) {
            self.sessions.swap(0, at);
        } else {
            let mut runs = WordRuns::default();
            memory.add_stored_sources(&session, &mut runs)?;
            self.sessions.truncate(MAX_SESSIONS - 1);
            self.sessions.push_front((session, runs));
        }
        match self.sessions.front_mut() {
            Some((_, runs)) => Ok(runs),
            None => Err(crate::memory::Error::invalid_input("no session is being read")),
        }
    }
}

impl Memory {
    /// Adds the sources of a session that are stored.
    pub(in crate::memory) fn add_stored_sources(&self, session: &str, runs: &mut WordRuns) -> Result<()> {
        let outputs = self.store.snapshot()?.tool_outputs(session, MAX_OUTPUTS)?;
        for (origin, tool, text) in outputs {
            if is_written_by_others(origin, tool.as_deref()) {
                runs.add_source(&text, origin);
            }
        }
        Ok(())
    }
}

/// Returns true for a part that a model may copy from and that others wrote.
pub(in crate::memory) fn is_source(part: &DraftPart) -> bool {
    part.kind == PartKind::ToolResult && is_written_by_others(part.origin, part.tool.as_deref())
}

/// Returns true for the output of a tool that others wrote: pages, and what an MCP server returns.
fn is_written_by_others(origin: Origin, tool: Option<&str>) -> bool {
    origin == Origin::Web || (origin == Origin::Tool && tool.is_some_and(|tool| tool.starts_with("mcp_")))
}

/// Returns true for what a model wrote and hooks may inject.
fn may_be_copied(part: &DraftPart) -> bool {
    match part.kind {
        PartKind::Text | PartKind::Note => part.origin == Origin::Model,
        // The client keeps it, a model wrote it.
        PartKind::Summary => matches!(part.origin, Origin::Model | Origin::Client),
        // Its open steps are injected at the start of the next session.
        PartKind::ToolUse => part.tool.as_deref() == Some("TodoWrite"),
        _ => false,
    }
}
