//! The sources that can be read: their names, their files, where they lie by themselves, and how a file is opened.

use std::io;
use std::path::{Path, PathBuf};

use super::chatgpt::ChatGpt;
use super::claude_ai::ClaudeAi;
use super::claude_code::Reader;
use super::claude_files::{ClaudeFile, is_claude_file};
use super::claude_history::History;
use super::dating::Dated;
use super::discover::{Transcript, discover};
use super::export::{Export, Service, is_export};
use super::jsonl::Lined;
use super::peers::{ClaudeMem, Engram, EpisodicMemory, MemPalace, MemoryService, Peer, Tables};
use super::{BadLine, Position, ReadOptions, Records, chatgpt, claude_ai, codex, gemini, generic};
use crate::domain::Timestamp;

/// Where history comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Claude Code's transcripts.
    ClaudeCode,
    /// The prompts in Claude Code's `history.jsonl`.
    ClaudeHistory,
    /// Memory files, plans and lists of tasks of Claude Code.
    ClaudeFiles,
    /// Codex's transcripts.
    Codex,
    /// Gemini CLI's transcripts.
    Gemini,
    /// The export of claude.ai.
    ClaudeAi,
    /// The export of ChatGPT.
    ChatGpt,
    /// Lines of JSON.
    Jsonl,
    /// claude-mem's database.
    ClaudeMem,
    /// mcp-memory-service's database.
    McpMemoryService,
    /// MemPalace's database.
    MemPalace,
    /// engram's database.
    Engram,
    /// episodic-memory's index; its archive is [`Self::ClaudeCode`]'s.
    EpisodicMemory,
}

impl Source {
    /// Those whose files lie in a folder that grows while people work.
    pub const GROWING: [Self; 3] = [Self::ClaudeCode, Self::Codex, Self::Gemini];

    /// Other memory tools, whose stores lie in a known place.
    pub const PEERS: [Self; 5] =
        [Self::ClaudeMem, Self::McpMemoryService, Self::MemPalace, Self::Engram, Self::EpisodicMemory];

    /// What is read when this source is imported from a path: it may stand for several sources.
    pub fn steps(self, path: &Path) -> Vec<(Self, PathBuf)> {
        let is_folder = path.is_dir();
        match self {
            Self::ClaudeCode if is_folder && path.join("projects").is_dir() => {
                let projects = path.join("projects");
                let files = ["plans", "todos", "tasks", "CLAUDE.md"].map(|name| (Self::ClaudeFiles, path.join(name)));
                let steps = [(Self::ClaudeCode, projects.clone()), (Self::ClaudeFiles, projects)];
                let history = (Self::ClaudeHistory, path.join("history.jsonl"));
                steps.into_iter().chain(files).chain([history]).filter(|(_, path)| path.exists()).collect()
            }
            Self::ClaudeCode if is_folder => vec![(self, path.to_owned()), (Self::ClaudeFiles, path.to_owned())],
            Self::ClaudeCode if is_prompt_history(path) => vec![(Self::ClaudeHistory, path.to_owned())],
            Self::ClaudeCode if is_claude_file(path) => vec![(Self::ClaudeFiles, path.to_owned())],
            // Its archive holds transcripts of Claude Code.
            Self::EpisodicMemory if is_folder => vec![(Self::ClaudeCode, path.to_owned()), (self, path.to_owned())],
            _ => vec![(self, path.to_owned())],
        }
    }

    /// Its name in the store and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => super::claude_code::SOURCE,
            Self::ClaudeHistory => "claude-history",
            Self::ClaudeFiles => "claude-files",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::ClaudeAi => "claude-ai",
            Self::ChatGpt => "chatgpt",
            Self::Jsonl => "jsonl",
            Self::ClaudeMem => "claude-mem",
            Self::McpMemoryService => "mcp-memory-service",
            Self::MemPalace => "mempalace",
            Self::Engram => "engram",
            Self::EpisodicMemory => "episodic-memory",
        }
    }

    /// Whether a file of a folder is one of its.
    pub fn has(self, path: &Path) -> bool {
        let named = |wanted: &str| path.file_name().is_some_and(|name| name == wanted);
        let kind = |wanted: &str| path.extension().is_some_and(|kind| kind == wanted);
        match self {
            Self::ClaudeCode => kind("jsonl") && !is_prompt_history(path),
            Self::ClaudeHistory => is_prompt_history(path),
            Self::ClaudeFiles => is_claude_file(path),
            Self::Jsonl => kind("jsonl"),
            Self::Codex => codex::is_transcript(path),
            Self::Gemini => gemini::is_transcript(path),
            Self::ClaudeAi => {
                named("projects.json") || named("memories.json") || is_export(path, claude_ai::recognizes)
            }
            Self::ChatGpt => is_export(path, chatgpt::recognizes),
            Self::ClaudeMem => named("claude-mem.db"),
            Self::McpMemoryService => named("sqlite_vec.db"),
            Self::MemPalace => named("chroma.sqlite3") || named("sqlite_exact.sqlite3"),
            Self::Engram => named("engram.db"),
            Self::EpisodicMemory => named("db.sqlite"),
        }
    }

    /// What a person is told who named a place where nothing is.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::ClaudeCode | Self::ClaudeHistory | Self::ClaudeFiles => {
                "name Claude Code's folder, usually ~/.claude, or its transcripts, usually ~/.claude/projects"
            }
            Self::Codex => "name the folder that holds Codex's transcripts, usually ~/.codex/sessions",
            Self::Gemini => "name the folder that holds Gemini's transcripts, usually ~/.gemini/tmp",
            Self::ClaudeAi => "name the file that claude.ai sent (Settings, Privacy, Export data), zipped or not",
            Self::ChatGpt => "name the file that ChatGPT sent (Settings, Data controls, Export), zipped or not",
            Self::Jsonl => "name a file, or a folder with files that end with .jsonl",
            Self::ClaudeMem => "name claude-mem's database, usually ~/.claude-mem/claude-mem.db",
            Self::McpMemoryService => {
                "name mcp-memory-service's database, usually ~/.local/share/mcp-memory/sqlite_vec.db"
            }
            Self::MemPalace => "name the palace, usually ~/.mempalace/palace",
            Self::Engram => "name engram's database, usually ~/.engram/engram.db",
            Self::EpisodicMemory => "name episodic-memory's folder, usually ~/.config/superpowers",
        }
    }

    /// All its files below a file or folder, newest first, and what could not be looked at. A file that is named is taken whatever its
    /// name.
    ///
    /// # Errors
    /// When `path` itself does not exist or cannot be read.
    pub fn discover(self, path: &Path) -> io::Result<(Vec<Transcript>, Vec<BadLine>)> {
        if self == Self::Codex {
            return codex::discover(path);
        }
        let (mut found, bad) = discover(path, &|path| self.has(path))?;
        if Self::PEERS.contains(&self) {
            found = found.into_iter().map(Transcript::with_log).collect();
        }
        Ok((found, bad))
    }

    /// Version of its reader. Files that an older one read are read again from their start.
    pub const fn reader_version(self) -> u32 {
        match self {
            Self::ClaudeCode | Self::Codex | Self::Gemini | Self::ClaudeAi | Self::ChatGpt | Self::Jsonl => 2,
            _ => 1,
        }
    }

    /// Whether what comes after a position can be read without what is before it.
    pub const fn resumes(self) -> bool {
        matches!(self, Self::ClaudeCode)
    }

    /// Opens a file. Records longer than the bound are reported and passed over.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(self, transcript: &Transcript, from: Position, options: ReadOptions) -> io::Result<Box<dyn Records>> {
        let inner = self.open_undated(transcript, from, options)?;
        let modified = Timestamp::from_milliseconds(transcript.modified);
        let file_time = if modified.milliseconds() > 0 { modified } else { options.now };
        Ok(Box::new(Dated { inner, file_time }))
    }

    fn open_undated(
        self,
        transcript: &Transcript,
        from: Position,
        options: ReadOptions,
    ) -> io::Result<Box<dyn Records>> {
        let longest = options.longest;
        let export = |service: Box<dyn Service>| Box::new(Export { path: transcript.path.clone(), longest, service });
        Ok(match self {
            Self::ClaudeCode => Box::new(Reader::open(transcript, from, options)?),
            Self::ClaudeHistory => Box::new(Lined::open(transcript, options, History::new(transcript))?),
            Self::ClaudeFiles => Box::new(ClaudeFile { transcript: transcript.clone(), options }),
            Self::Codex => codex::open(transcript, options)?,
            Self::Gemini => gemini::open(transcript, options)?,
            Self::ClaudeAi => export(Box::new(ClaudeAi::new(transcript))),
            Self::ChatGpt => export(Box::<ChatGpt>::default()),
            Self::Jsonl => generic::open(transcript, options)?,
            Self::ClaudeMem => tables(transcript, longest, ClaudeMem::default())?,
            Self::McpMemoryService => tables(transcript, longest, MemoryService)?,
            Self::MemPalace => tables(transcript, longest, MemPalace)?,
            Self::Engram => tables(transcript, longest, Engram::default())?,
            Self::EpisodicMemory => tables(transcript, longest, EpisodicMemory::new(transcript))?,
        })
    }
}

/// Whether a file is the list of all prompts of a Claude home.
fn is_prompt_history(path: &Path) -> bool {
    let in_projects =
        path.parent().and_then(Path::parent).and_then(Path::file_name).is_some_and(|name| name == "projects");
    path.file_name().is_some_and(|name| name == "history.jsonl") && !in_projects
}

fn tables<P: Peer + 'static>(transcript: &Transcript, longest: usize, peer: P) -> io::Result<Box<dyn Records>> {
    Ok(Box::new(Tables::open(transcript, longest, peer)?))
}
