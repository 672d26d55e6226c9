//! The sources that can be read: their names, their files, where they lie by themselves, and how a file is opened.

use std::io;
use std::path::Path;

use super::claude_code::Reader;
use super::codex::Codex;
use super::discover::{Transcript, discover};
use super::export::{Export, is_export};
use super::gemini::{Gemini, Older};
use super::jsonl::{Generic, Lined};
use super::peers::{ClaudeMem, Engram, EpisodicMemory, MemPalace, MemoryService, Peer, Tables};
use super::{BadLine, Position, Records, chatgpt, claude_ai};

/// Where history comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Claude Code's transcripts.
    ClaudeCode,
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

    /// What lies in the same folder and is read before it.
    pub const fn beside(self) -> Option<Self> {
        match self {
            Self::EpisodicMemory => Some(Self::ClaudeCode),
            _ => None,
        }
    }

    /// Its name in the store and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => super::claude_code::SOURCE,
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
            Self::ClaudeCode | Self::Codex | Self::Jsonl => kind("jsonl"),
            Self::Gemini => {
                let in_chats = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "chats");
                in_chats && (kind("jsonl") || kind("json"))
            }
            Self::ClaudeAi | Self::ChatGpt => is_export(path),
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
            Self::ClaudeCode => "name the folder that holds Claude Code's transcripts, usually ~/.claude/projects",
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
        let (mut found, bad) = discover(path, &|path| self.has(path))?;
        if Self::PEERS.contains(&self) {
            found = found.into_iter().map(Transcript::with_log).collect();
        }
        Ok((found, bad))
    }

    /// Whether what comes after a position can be read without what is before it.
    pub const fn resumes(self) -> bool {
        matches!(self, Self::ClaudeCode)
    }

    /// Opens a file. Records longer than `longest` bytes are reported and passed over.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(self, transcript: &Transcript, from: Position, longest: usize) -> io::Result<Box<dyn Records>> {
        let export = |conversation| Box::new(Export { path: transcript.path.clone(), longest, conversation });
        Ok(match self {
            Self::ClaudeCode => Box::new(Reader::open(transcript, from, longest)?),
            Self::Codex => Box::new(Lined::open(transcript, longest, Codex::new(transcript))?),
            Self::Gemini if transcript.path.extension().is_some_and(|kind| kind == "json") => {
                Box::new(Older { transcript: transcript.clone(), longest })
            }
            Self::Gemini => Box::new(Lined::open(transcript, longest, Gemini::new(transcript))?),
            Self::ClaudeAi => export(claude_ai::conversation),
            Self::ChatGpt => export(chatgpt::conversation),
            Self::Jsonl => Box::new(Lined::open(transcript, longest, Generic::new(transcript))?),
            Self::ClaudeMem => tables(transcript, longest, ClaudeMem::default())?,
            Self::McpMemoryService => tables(transcript, longest, MemoryService)?,
            Self::MemPalace => tables(transcript, longest, MemPalace)?,
            Self::Engram => tables(transcript, longest, Engram::default())?,
            Self::EpisodicMemory => tables(transcript, longest, EpisodicMemory::new(transcript))?,
        })
    }
}

fn tables<P: Peer + 'static>(transcript: &Transcript, longest: usize, peer: P) -> io::Result<Box<dyn Records>> {
    Ok(Box::new(Tables::open(transcript, longest, peer)?))
}
