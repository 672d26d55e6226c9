//! The layout of the columns, and the file in which all processes share them (docs/decisions/0013). Every cell stands at the
//! place of its row in the store, so that nothing has to be looked up.

use std::io;
use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Passage;
use crate::disk::{Snapshot, Whole};
use crate::domain::text::{Script, passages::Purpose};
use crate::domain::{Kind, Role, Timestamp};
use crate::store::{MessageRow, PassageRow};

const TAG: [u8; 8] = *b"columns1";
/// In the place of a kind or a role: there is no such row.
const NONE: u8 = u8::MAX;

/// One passage.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct PassageCell {
    message: u32,
    /// Among the prose of its conversation.
    pub(super) place: u32,
    words: f32,
    kind: u8,
    purpose: u8,
    asks: u8,
    script: u8,
}

fn byte(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(NONE)
}

impl PassageCell {
    pub(super) const NONE: Self = Self { message: 0, place: 0, words: 0.0, kind: NONE, purpose: 0, asks: 0, script: 0 };

    pub(super) fn new(row: &PassageRow, message: u32, words: f32) -> Self {
        Self {
            message,
            place: 0,
            words,
            kind: byte(row.kind.number()),
            purpose: byte(row.purpose.number()),
            asks: u8::from(row.asks),
            script: byte(row.script.number()),
        }
    }

    pub(super) fn read(&self) -> Option<Passage> {
        Some(Passage {
            message: self.message,
            place: self.place,
            words: self.words,
            kind: Kind::from_number(self.kind.into())?,
            purpose: Purpose::from_number(self.purpose.into())?,
            asks: self.asks != 0,
            script: Script::from_number(self.script.into()),
        })
    }
}

/// One message.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct MessageCell {
    at: i64,
    conversation: u32,
    project: u32,
    role: u8,
    padding: [u8; 7],
}

impl MessageCell {
    pub(super) const NONE: Self = Self { at: 0, conversation: 0, project: 0, role: NONE, padding: [0; 7] };

    /// `None` when a row number does not fit: a store has far fewer.
    pub(super) fn new(row: &MessageRow) -> Option<Self> {
        Some(Self {
            at: row.at.milliseconds(),
            conversation: u32::try_from(row.conversation).ok()?,
            project: u32::try_from(row.project).ok()?,
            role: byte(row.role.number()),
            padding: [0; 7],
        })
    }

    pub(super) fn read(&self, id: u32) -> Option<MessageRow> {
        Some(MessageRow {
            id: id.into(),
            conversation: self.conversation.into(),
            project: self.project.into(),
            role: Role::from_number(self.role.into())?,
            at: Timestamp::from_milliseconds(self.at),
        })
    }
}

/// One conversation: where its prose stands in the list of all prose.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct ConversationCell {
    pub(super) start: u32,
    pub(super) count: u32,
    pub(super) words: f32,
    /// Sum over its prose of the words of each passage with its neighbours.
    pub(super) window_words: f32,
}

/// Sums over everything, and up to where the columns go.
#[derive(Debug, Clone, Copy, Default, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Totals {
    pub(super) generation: i64,
    pub(super) last_message: i64,
    pub(super) last_passage: i64,
    pub(super) texts: u64,
    pub(super) prose: u64,
    pub(super) words: f64,
    pub(super) window_words: f64,
}

/// Everything that goes into a file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) totals: Totals,
    /// Id of the last message: tells another store with the same numbers apart.
    pub(super) witness: [u8; 16],
    pub(super) passages: Vec<PassageCell>,
    pub(super) lengths: Vec<f32>,
    pub(super) messages: Vec<MessageCell>,
    pub(super) conversations: Vec<ConversationCell>,
    pub(super) prose: Vec<u32>,
    pub(super) keys: Vec<u32>,
    /// By project: where its passages begin in the list below; one more at the end.
    pub(super) projects: Vec<u32>,
    pub(super) by_project: Vec<u32>,
}

impl Parts {
    /// # Errors
    /// Any I/O error.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
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
        Snapshot::write(path, TAG, &sections)
    }
}

/// The shared file; without one everything is empty.
#[derive(Debug, Default)]
pub(super) struct Base(Option<Whole>);

impl Base {
    /// Maps and verifies the file; `None` when there is none.
    ///
    /// # Errors
    /// `InvalidData` when it is damaged; any other I/O error.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match Snapshot::open(path, TAG) {
            Ok(file) => Ok(Some(Self(Some(file.whole()?)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes were verified against what was written, so they are whole cells.
    fn cells<T: FromBytes + Immutable + KnownLayout>(&self, number: usize) -> &[T] {
        self.0.as_ref().and_then(|file| <[T]>::ref_from_bytes(file.section(number)).ok()).unwrap_or(&[])
    }

    pub(super) fn totals(&self) -> Totals {
        self.cells(0).first().copied().unwrap_or_default()
    }

    pub(super) fn witness(&self) -> &[u8] {
        self.cells(1)
    }

    pub(super) fn passages(&self) -> &[PassageCell] {
        self.cells(2)
    }

    pub(super) fn lengths(&self) -> &[f32] {
        self.cells(3)
    }

    pub(super) fn messages(&self) -> &[MessageCell] {
        self.cells(4)
    }

    pub(super) fn conversations(&self) -> &[ConversationCell] {
        self.cells(5)
    }

    pub(super) fn prose(&self) -> &[u32] {
        self.cells(6)
    }

    pub(super) fn keys(&self) -> &[u32] {
        self.cells(7)
    }

    /// Passages of a project, ascending.
    pub(super) fn passages_of(&self, project: i64) -> &[u32] {
        let at = |project: i64| self.cells::<u32>(8).get(usize::try_from(project).ok()?).copied();
        let range = at(project).zip(at(project + 1)).map_or(0..0, |(from, to)| from..to);
        let index = |row: u32| usize::try_from(row).unwrap_or(usize::MAX);
        self.cells::<u32>(9).get(index(range.start)..index(range.end)).unwrap_or(&[])
    }
}
