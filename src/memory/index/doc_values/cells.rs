//! Row layout of the doc values, and the file in which all processes share them (docs/decisions/0013). Every row is
//! stored at the index of its row number in the store, so lookups need no search.

use std::io;
use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Passage;
use crate::disk::{SectionFile, VerifiedSectionFile};
use crate::domain::text::{Script, passages::Purpose};
use crate::domain::{PartKind, Role, Timestamp};
use crate::store::{MessageRow, PassageRow};

const TAG: [u8; 8] = *b"columns1";
/// Value of a kind or role that marks a missing row.
const ABSENT: u8 = u8::MAX;

/// Ranking data of one passage.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct PassageValues {
    message: u32,
    /// Index among the prose of its conversation.
    pub(super) place: u32,
    words: f32,
    kind: u8,
    purpose: u8,
    asks: u8,
    script: u8,
}

fn to_byte(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(ABSENT)
}

impl PassageValues {
    pub(super) const NONE: Self =
        Self { message: 0, place: 0, words: 0.0, kind: ABSENT, purpose: 0, asks: 0, script: 0 };

    pub(super) fn new(row: &PassageRow, message: u32, words: f32) -> Self {
        Self {
            message,
            place: 0,
            words,
            kind: to_byte(row.kind.number()),
            purpose: to_byte(row.purpose.number()),
            asks: u8::from(row.asks),
            script: to_byte(row.script.number()),
        }
    }

    pub(super) fn to_passage(self) -> Option<Passage> {
        Some(Passage {
            message: self.message,
            place: self.place,
            words: self.words,
            kind: PartKind::from_number(self.kind.into())?,
            purpose: Purpose::from_number(self.purpose.into())?,
            asks: self.asks != 0,
            script: Script::from_number(self.script.into()),
        })
    }
}

/// Ranking data of one message.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct MessageValues {
    at: i64,
    conversation: u32,
    project: u32,
    role: u8,
    padding: [u8; 7],
}

impl MessageValues {
    pub(super) const NONE: Self = Self { at: 0, conversation: 0, project: 0, role: ABSENT, padding: [0; 7] };

    /// Returns `None` if a row number does not fit into 32 bits; a store has far fewer rows.
    pub(super) fn new(row: &MessageRow) -> Option<Self> {
        Some(Self {
            at: row.at.to_milliseconds(),
            conversation: u32::try_from(row.conversation).ok()?,
            project: u32::try_from(row.project).ok()?,
            role: to_byte(row.role.number()),
            padding: [0; 7],
        })
    }

    pub(super) fn to_message_row(self, id: u32) -> Option<MessageRow> {
        Some(MessageRow {
            id: id.into(),
            conversation: self.conversation.into(),
            project: self.project.into(),
            role: Role::from_number(self.role.into())?,
            at: Timestamp::from_milliseconds(self.at),
        })
    }
}

/// Range of one conversation in the list of all prose, with its word counts.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct ConversationValues {
    pub(super) start: u32,
    pub(super) count: u32,
    pub(super) words: f32,
    /// Sum of the window lengths (terms of a passage with its neighbours) over its prose.
    pub(super) window_words: f32,
}

/// Sums over all rows, and the last rows that the doc values cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct DocValueTotals {
    pub(super) generation: i64,
    pub(super) last_message: i64,
    pub(super) last_passage: i64,
    pub(super) texts: u64,
    pub(super) prose: u64,
    pub(super) words: f64,
    pub(super) window_words: f64,
}

/// Contents of a doc values file.
#[derive(Debug, Default)]
pub(super) struct DocValueSections {
    pub(super) totals: DocValueTotals,
    /// Id of the last message; distinguishes another store with the same row numbers.
    pub(super) witness: [u8; 16],
    pub(super) passages: Vec<PassageValues>,
    pub(super) lengths: Vec<f32>,
    pub(super) messages: Vec<MessageValues>,
    pub(super) conversations: Vec<ConversationValues>,
    pub(super) prose: Vec<u32>,
    pub(super) keys: Vec<u32>,
    /// Start of each project's passages in `by_project`; one more at the end.
    pub(super) projects: Vec<u32>,
    pub(super) by_project: Vec<u32>,
}

impl DocValueSections {
    pub(super) fn write_file(&self, path: &Path) -> io::Result<()> {
        let sections = [
            self.totals.as_bytes(),
            &self.witness,
            self.passages.as_bytes(),
            self.lengths.as_bytes(),
            self.messages.as_bytes(),
            self.conversations.as_bytes(),
            self.prose.as_bytes(),
            self.keys.as_bytes(),
            self.projects.as_bytes(),
            self.by_project.as_bytes(),
        ];
        SectionFile::write_sections(path, TAG, &sections)
    }
}

/// Memory-mapped doc values file; all slices are empty without one.
#[derive(Debug, Default)]
pub(super) struct MappedBase(Option<VerifiedSectionFile>);

impl MappedBase {
    /// Maps and verifies the file; `None` if it does not exist.
    ///
    /// # Errors
    /// `InvalidData` if the file is damaged; any other I/O error.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match SectionFile::open(path, TAG) {
            Ok(file) => Ok(Some(Self(Some(file.verify_all()?)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns one section as rows. The checksum was verified, so the section holds whole rows.
    fn read_section<T: FromBytes + Immutable + KnownLayout>(&self, number: usize) -> &[T] {
        self.0.as_ref().and_then(|file| <[T]>::ref_from_bytes(file.section_bytes(number)).ok()).unwrap_or(&[])
    }

    pub(super) fn stored_totals(&self) -> DocValueTotals {
        self.read_section(0).first().copied().unwrap_or_default()
    }

    pub(super) fn witness_id(&self) -> &[u8] {
        self.read_section(1)
    }

    pub(super) fn passage_rows(&self) -> &[PassageValues] {
        self.read_section(2)
    }

    pub(super) fn passage_lengths(&self) -> &[f32] {
        self.read_section(3)
    }

    pub(super) fn message_rows(&self) -> &[MessageValues] {
        self.read_section(4)
    }

    pub(super) fn conversation_rows(&self) -> &[ConversationValues] {
        self.read_section(5)
    }

    pub(super) fn prose_rows(&self) -> &[u32] {
        self.read_section(6)
    }

    pub(super) fn key_passages(&self) -> &[u32] {
        self.read_section(7)
    }

    /// Passages of a project, ascending by row.
    pub(super) fn project_passages(&self, project: i64) -> &[u32] {
        let at = |project: i64| self.read_section::<u32>(8).get(usize::try_from(project).ok()?).copied();
        let range = at(project).zip(at(project + 1)).map_or(0..0, |(from, to)| from..to);
        let index = |row: u32| usize::try_from(row).unwrap_or(usize::MAX);
        self.read_section::<u32>(9).get(index(range.start)..index(range.end)).unwrap_or(&[])
    }
}
