//! One run of git as a child: which environment and options it gets, and the bounds of its output and time.
//!
//! A repository may be hostile, and so may be the user's own setup of the moment (a hook sets `GIT_DIR`). So git reads
//! no configuration but what is given here, and nothing that a configuration can name runs.

use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{Error, Result};
use crate::disk::foreign_reads_stopped;

/// Silence after which git is ended. Blame of a long file with a long history prints nothing for a while.
const MAX_SILENCE: Duration = Duration::from_mins(1);
/// Interval at which a request to stop is looked for.
const POLL: Duration = Duration::from_millis(200);
/// Bytes of one piece of output.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes that are kept of what git says about a failure.
const MAX_MESSAGE_BYTES: u64 = 4 << 10;

/// Variables that would point git at other files or programs; hooks set some of them.
const REMOVED_VARIABLES: [&str; 27] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_ATTR_SOURCE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_TRACE",
    "GIT_TRACE2",
];

/// Variables that shut configuration, network, locks, prompts and replacements out.
const SET_VARIABLES: [(&str, &str); 13] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", NO_FILE),
    ("GIT_CONFIG_GLOBAL", NO_FILE),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_PAGER", "cat"),
    ("GIT_TRACE2_EVENT", "0"),
    ("LC_ALL", "C"),
    ("LANGUAGE", "C"),
];

/// A file without content.
const NO_FILE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Settings that name programs, or alter what is printed. They win over those of the repository.
const SETTINGS: [&str; 11] = [
    "safe.directory=*",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.quotePath=false",
    "core.pager=cat",
    "diff.external=",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
];

/// A command of git that is being put together.
#[derive(Debug)]
pub(super) struct GitCommand {
    command: Command,
    name: &'static str,
    input: Option<Vec<u8>>,
}

impl GitCommand {
    /// Prepares a subcommand in a folder.
    pub(super) fn new(name: &'static str, folder: &Path) -> Self {
        let mut command = Command::new("git");
        REMOVED_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(SET_VARIABLES).current_dir(folder);
        SETTINGS.iter().for_each(|setting| {
            command.args(["-c", setting]);
        });
        command.args(["--no-pager", "--literal-pathspecs"]);
        Self { command, name, input: None }
    }

    /// Points git at another git folder, and at a work tree if there is one.
    pub(super) fn with_folders(mut self, git_folder: &Path, work_tree: Option<&Path>) -> Self {
        self.command.arg("--git-dir").arg(git_folder);
        if let Some(tree) = work_tree {
            self.command.arg("--work-tree").arg(tree);
        }
        self
    }

    /// Sets a variable of the environment.
    pub(super) fn with_variable(mut self, name: &str, value: &Path) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds the subcommand and its arguments.
    pub(super) fn with_arguments<S: AsRef<std::ffi::OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.arg(self.name).args(arguments);
        self
    }

    /// Gives git bytes to read.
    pub(super) fn with_input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Some(bytes);
        self
    }

    /// Starts git.
    ///
    /// # Errors
    /// [`Error::NoGit`] if there is none.
    pub(super) fn start(mut self, max_bytes: u64) -> Result<GitOutput> {
        let input = self.input.take();
        self.command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|error| Error::NoGit(error.to_string()))?;
        if let (Some(bytes), Some(mut stdin)) = (input, child.stdin.take()) {
            // On a thread of its own: git prints before it has read everything. A failed write shows as its exit.
            std::thread::spawn(move || stdin.write_all(&bytes));
        }
        let (sender, chunks) = sync_channel(4);
        if let Some(mut stdout) = child.stdout.take() {
            std::thread::spawn(move || while send_chunk(&mut stdout, &sender) {});
        }
        let messages = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut kept = Vec::new();
                let _ = stderr.by_ref().take(MAX_MESSAGE_BYTES).read_to_end(&mut kept);
                let _ = io::copy(&mut stderr, &mut io::sink());
                String::from_utf8_lossy(&kept).into_owned()
            })
        });
        Ok(GitOutput {
            child,
            name: self.name,
            chunks,
            messages,
            left: max_bytes,
            chunk: Vec::new(),
            at: 0,
            fault: None,
        })
    }

    /// Runs git to its end and returns what it prints.
    ///
    /// # Errors
    /// Errors of [`Self::start`] and [`GitOutput::finish`].
    pub(super) fn read_all(self, max_bytes: u64) -> Result<Vec<u8>> {
        let mut output = self.start(max_bytes)?;
        let mut bytes = Vec::new();
        let read = output.read_to_end(&mut bytes);
        output.finish(read.map(|_| ()))?;
        Ok(bytes)
    }
}

/// Reads and sends one piece of output. False at the end, or if nobody reads any more.
fn send_chunk(stdout: &mut impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) -> bool {
    let mut chunk = vec![0; CHUNK_BYTES];
    let read = stdout.read(&mut chunk);
    let is_end = !matches!(read, Ok(bytes) if bytes > 0);
    let sent = sender.send(read.map(|bytes| {
        chunk.truncate(bytes);
        chunk
    }));
    !is_end && sent.is_ok()
}

/// Output of a running git.
#[derive(Debug)]
pub(super) struct GitOutput {
    child: Child,
    name: &'static str,
    chunks: Receiver<io::Result<Vec<u8>>>,
    messages: Option<JoinHandle<String>>,
    /// Bytes that may still come.
    left: u64,
    chunk: Vec<u8>,
    at: usize,
    /// Reason why reading ended early.
    fault: Option<Error>,
}

impl GitOutput {
    /// Waits for git to end. `read` is how reading its output went.
    ///
    /// # Errors
    /// The reason why reading ended, or what git said.
    pub(super) fn finish(mut self, read: io::Result<()>) -> Result<()> {
        if read.is_err() {
            let _ = self.child.kill();
        }
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        read.map_err(|error| self.failure(&error.to_string()))?;
        let status = self.child.wait().map_err(|error| self.failure(&error.to_string()))?;
        let messages = self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(self.failure(&messages)) }
    }

    /// Ends git without waiting for the rest of its output.
    pub(super) fn abandon(mut self) {
        let _ = self.child.kill();
    }

    fn failure(&self, messages: &str) -> Error {
        let said = |text: &str| messages.contains(text);
        let first = messages.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message");
        let first: String = first.trim_start_matches("fatal: ").chars().take(300).collect();
        if said("not a git repository") {
            return Error::NoRepository(Path::new(".").to_owned());
        }
        let is_incomplete =
            ["unable to read", "missing blob", "lazy fetching disabled", "Could not read", "bad object"];
        if is_incomplete.iter().any(|text| said(text)) {
            return Error::Incomplete(first);
        }
        Error::Failed { command: self.name, message: first }
    }

    /// Returns the next piece of output; empty at the end.
    fn next_chunk(&mut self) -> io::Result<Vec<u8>> {
        let polls = MAX_SILENCE.as_millis() / POLL.as_millis().max(1);
        for _ in 0..polls {
            if foreign_reads_stopped() {
                return Err(self.give_up(Error::Stopped));
            }
            match self.chunks.recv_timeout(POLL) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Err(self.give_up(Error::TooSlow { command: self.name, seconds: MAX_SILENCE.as_secs() }))
    }

    fn give_up(&mut self, fault: Error) -> io::Error {
        let _ = self.child.kill();
        let error = io::Error::other(fault.to_string());
        self.fault = Some(fault);
        error
    }
}

impl Read for GitOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.at = 0;
            match self.left.checked_sub(self.chunk.len() as u64) {
                Some(left) => self.left = left,
                None => return Err(self.give_up(Error::TooLarge(self.name))),
            }
        }
        let rest = self.chunk.get(self.at..).unwrap_or(&[]);
        let taken = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), rest.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.at += taken;
        Ok(taken)
    }
}

impl Drop for GitOutput {
    fn drop(&mut self) {
        // A reader that stopped early leaves git blocked on a full pipe.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
