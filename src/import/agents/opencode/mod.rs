//! Reads the sessions of opencode, and of Kilo, whose CLI is made from it: an SQLite database, and in versions before it
//! a file for each session, message and part ([`files`]).

mod files;
mod parts;

use std::io;
use std::path::Path;

use serde_json::Value;

use super::cline;
use crate::config::env;
use crate::domain::json;
use crate::import::draft_builder::{first_time_field, text_field};
use crate::import::importer::{Importer, ImporterHelp, ImporterKind, SpecialRules};
use crate::import::tables::{self, RowConverter, TableQuery};
use crate::import::{Item, ReadOptions, RecordStream, TranscriptFile};

use parts::Conversation;

/// Tables that a database of these programs has.
const OWN_TABLES: &[&[&str]] = &[&["session", "message", "part"]];

/// The importer of opencode's sessions.
pub(in crate::import) static OPENCODE: Importer = Importer {
    name: "opencode",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import opencode's sessions",
        path: "Database, or the folder with it [default: ~/.local/share/opencode]",
        hint: "name opencode's folder, usually ~/.local/share/opencode",
    },
    default_folder: Some(|| env::xdg_data_folder().map(|folder| folder.join("opencode"))),
    owns_file: |path| is_database(path, "opencode") || files::is_piece(path),
    is_own_record,
    reader_version: 1,
    open: |transcript, _, options| open_session(transcript, options),
    special: SpecialRules {
        find: Some(|path| files::find_sessions(path, "opencode")),
        tables: OWN_TABLES,
        ..SpecialRules::NONE
    },
};

/// The importer of Kilo's sessions: of its CLI, and of its extension for VS Code, which was made from Roo Code.
pub(in crate::import) static KILO: Importer = Importer {
    name: "kilo",
    kind: ImporterKind::Transcripts,
    help: ImporterHelp {
        command: "Import Kilo's sessions, from its CLI or its extension for VS Code",
        path: "Database, or the folder with it or with tasks [default: ~/.local/share/kilo]",
        hint: "name Kilo's folder, usually ~/.local/share/kilo",
    },
    default_folder: Some(|| env::xdg_data_folder().map(|folder| folder.join("kilo"))),
    owns_file: |path| is_database(path, "kilo") || files::is_piece(path) || cline::is_task(path),
    is_own_record: |_| false,
    reader_version: 1,
    open: |transcript, from, options| {
        if cline::is_task(&transcript.path) {
            return (cline::CLINE.open)(transcript, from, options);
        }
        open_session(transcript, options)
    },
    special: SpecialRules {
        find: Some(|path| files::find_sessions(path, "kilo")),
        default_folders: Some(|| {
            let own = env::xdg_data_folder().map(|folder| folder.join("kilo"));
            let found = own.into_iter().chain(cline::extension_folders("kilocode.kilo-code"));
            found.filter(|folder| folder.is_dir()).collect()
        }),
        // Its database has the tables of opencode's, and is known by its name.
        tables: &[&["session", "message", "part", "kilo"]],
        ..SpecialRules::NONE
    },
};

/// Opens a database, or a session that is files.
fn open_session(transcript: &TranscriptFile, options: ReadOptions) -> io::Result<Box<dyn RecordStream>> {
    if transcript.path.is_dir() {
        return Ok(files::open_files(transcript, options));
    }
    tables::open(transcript, options, Rows::default())
}

/// Returns true for the database of a program; a channel may be part of the name: `opencode-dev.db`.
fn is_database(path: &Path, program: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rest = name.strip_prefix(program).and_then(|rest| rest.strip_suffix(".db"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn is_own_record(value: &Value) -> bool {
    let is = |name: &str, prefix: &str| text_field(value, name).is_some_and(|id| id.starts_with(prefix));
    is("id", "ses_") || is("sessionID", "ses_")
}

const TABLES: &[TableQuery] = &[
    TableQuery { name: "session", sql: "SELECT * FROM session ORDER BY rowid" },
    TableQuery { name: "message", sql: "SELECT * FROM message ORDER BY rowid" },
    TableQuery { name: "part", sql: "SELECT * FROM part ORDER BY session_id, message_id, id" },
];

/// Converter of the rows of a database.
#[derive(Debug, Default)]
struct Rows(Conversation);

impl RowConverter for Rows {
    fn table_queries(&self) -> &'static [TableQuery] {
        TABLES
    }

    fn convert_row(&mut self, table: &str, row: &Value, count: u64) -> Result<Vec<Item>, String> {
        if table == "session" {
            return self.0.read_session(row);
        }
        let id = text_field(row, "id").ok_or("no `id`, skipped")?;
        let session = text_field(row, "session_id").ok_or("no `session_id`, skipped")?;
        let data = text_field(row, "data").unwrap_or("");
        let (data, _) = json::parse_lenient(data.as_bytes()).map_err(|error| format!("`data` is not JSON: {error}"))?;
        if table == "message" {
            let created = first_time_field(row, &["time_created"]);
            return Ok(vec![self.0.read_message(id, session, created, &data, count)]);
        }
        let message = text_field(row, "message_id").ok_or("no `message_id`, skipped")?;
        Ok(vec![self.0.read_part(id, message, session, &data, count)])
    }
}
