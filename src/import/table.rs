//! The table of importers, one line each, in the order of the command line's help. A new importer is a file with its row
//! and its reader, a line here, and a test.

use super::importer::{Importer, ImporterHelp, ImporterKind, Source, SpecialRules};
use super::record_source::source_of_record;
use super::{agents, chatgpt, claude_ai, claude_code, claude_files, claude_history, codex, gemini, generic, peers};

impl Source {
    /// All importers.
    pub const ALL: &'static [Self] = &[
        Self::CLAUDE_CODE,
        Self::CLAUDE_HISTORY,
        Self::CLAUDE_FILES,
        Self::CODEX,
        Self::GEMINI,
        Self(&agents::PI),
        Self(&agents::QWEN_CODE),
        Self(&agents::COPILOT_CLI),
        Self(&agents::OPENCODE),
        Self(&agents::KILO),
        Self(&agents::DROID),
        Self(&agents::CONTINUE),
        Self(&agents::CLINE),
        Self(&agents::ROO_CODE),
        Self(&agents::AIDER),
        Self(&agents::GOOSE),
        Self(&agents::VSCODE_CHAT),
        Self(&agents::CURSOR),
        Self(&agents::ZED),
        Self(&agents::AMP),
        Self(&claude_ai::IMPORTER),
        Self(&chatgpt::IMPORTER),
        Self(&peers::CLAUDE_MEM),
        Self(&peers::MEMORY_SERVICE),
        Self(&peers::MEMPALACE),
        Self(&peers::ENGRAM),
        Self(&peers::EPISODIC_MEMORY),
        Self::JSONL,
    ];
    /// Transcripts of Claude Code.
    pub const CLAUDE_CODE: Self = Self(&claude_code::IMPORTER);
    /// Prompts in Claude Code's `history.jsonl`.
    pub const CLAUDE_HISTORY: Self = Self(&claude_history::IMPORTER);
    /// Memory files, plans and task lists of Claude Code.
    pub const CLAUDE_FILES: Self = Self(&claude_files::IMPORTER);
    /// Transcripts of OpenAI Codex.
    pub const CODEX: Self = Self(&codex::IMPORTER);
    /// Transcripts of Gemini CLI.
    pub const GEMINI: Self = Self(&gemini::IMPORTER);
    /// JSON lines from any program.
    pub const JSONL: Self = Self(&JSONL);

    /// Returns the importers that have a command.
    pub fn with_command() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|source| source.0.kind != ImporterKind::Companion)
    }

    /// Returns the importers of transcripts, which grow while people work.
    pub fn growing() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|source| source.is_growing())
    }

    /// Returns the importers that read databases: of other memory tools, and of agents that keep transcripts in one.
    pub fn databases() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|source| source.is_database())
    }

    /// Finds the importer of this name that has a command.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::with_command().find(|source| source.name() == name)
    }
}

/// The one format that belongs to no program: it leaves alone what the programs of this table write.
static JSONL: Importer = Importer {
    name: "jsonl",
    kind: ImporterKind::Files,
    help: ImporterHelp {
        command: "Import JSON Lines, one message per line: `role`, `text`, and optionally `session`, `ts`, `id`, \
                  `project`, `title`",
        path: "File, or folder with .jsonl files",
        hint: "name a file, or a folder with files that end with .jsonl",
    },
    default_folder: None,
    owns_file: |path| path.extension().is_some_and(|kind| kind == "jsonl"),
    is_own_record: |_| false,
    reader_version: 2,
    open: |transcript, _, options| {
        generic::open(transcript, options, |record| source_of_record(record).map(Source::name))
    },
    special: SpecialRules::NONE,
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_importer_has_a_name_of_its_own_and_is_documented() {
        let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/importing.md")).unwrap();
        let names: HashSet<&str> = Source::ALL.iter().map(|source| source.name()).collect();
        assert_eq!(names.len(), Source::ALL.len());
        for source in Source::ALL {
            assert!(guide.contains(&format!("| {} ", source.name())), "{source:?} is not in the table of importing.md");
            assert!(!source.help().hint.is_empty(), "{source:?} has no hint");
        }
        for source in Source::with_command() {
            assert!(guide.contains(&format!("claude-memory import {} ", source.name())), "{source:?} has no example");
            assert!(!source.help().command.is_empty() && !source.help().path.is_empty(), "{source:?} has no help");
        }
    }
}
