//! Doc values: per-row arrays for ranking (author, time, project, neighbours). A cache of the store: most of it in a
//! file that all processes map, the newest rows in the memory of this process.

mod cells;
mod follow;
mod permit;

use std::collections::HashMap;
use std::path::Path;

use crate::domain::PartKind;
use crate::domain::text::{Script, passages::Purpose};
use crate::memory::Result;
use crate::store::{MessageRow, NewDocRows, PassageRow, Store};
use cells::{ConversationValues, DocValueSections, DocValueTotals, MappedBase, MessageValues, PassageValues};

pub(in crate::memory) use permit::{PassageFilter, needs_store_lookup};

/// Terms of a neighbour that count towards a window; longer neighbours are scaled down to it.
pub(in crate::memory) const WINDOW_WORDS: f32 = 30.0;

/// Passages that are looked at to estimate which scripts the texts are in.
const SCRIPT_SAMPLES: usize = 1_000;

/// Decoded ranking data of one passage.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory) struct Passage {
    /// Row of its message.
    pub(in crate::memory) message: u32,
    /// Index among the prose of its conversation; meaningless for other passages.
    place: u32,
    /// Number of terms.
    pub(in crate::memory) words: f32,
    pub(in crate::memory) kind: PartKind,
    pub(in crate::memory) purpose: Purpose,
    pub(in crate::memory) asks: bool,
    pub(in crate::memory) script: Script,
}

/// Conversation with prose that the file lacks: all of its prose, ordered by time.
#[derive(Debug, Default)]
struct ConversationTail {
    prose: Vec<u32>,
    places: HashMap<u32, u32>,
    words: f32,
    window_words: f32,
    sorted: bool,
}

/// Doc values of all passages and messages: the mapped file and the rows after it.
#[derive(Debug, Default)]
pub(in crate::memory) struct DocValues {
    base: MappedBase,
    /// Modification time and length of the file when this process last checked it.
    seen: Option<(std::time::SystemTime, u64)>,
    totals: DocValueTotals,
    /// This and the fields below hold the rows that the file lacks.
    messages: Vec<MessageValues>,
    passages: Vec<PassageValues>,
    lengths: Vec<f32>,
    grown: HashMap<u32, ConversationTail>,
    keys: Vec<u32>,
}

/// Number of terms of every passage by row; negative if the row is not a text passage.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory) struct PassageLengths<'a> {
    base: &'a [f32],
    newer: &'a [f32],
}

impl PassageLengths<'_> {
    pub(in crate::memory) fn get(&self, row: usize) -> Option<f32> {
        self.base.get(row).or_else(|| self.newer.get(row.checked_sub(self.base.len())?)).copied()
    }
}

fn row_index(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

impl DocValues {
    fn with_base(base: MappedBase) -> Self {
        Self { totals: base.stored_totals(), base, ..Self::default() }
    }

    /// Reads the rows added to the store since the last update; `None` if there are none.
    fn read_new_rows(&self, store: &Store) -> Result<Option<NewDocRows>> {
        let snapshot = store.snapshot()?;
        let rows = snapshot.rows_after(self.totals.last_message, self.totals.last_passage)?;
        if rows.generation != self.totals.generation {
            return Ok(Some(snapshot.rows_after(0, 0)?));
        }
        Ok((!rows.messages.is_empty() || !rows.passages.is_empty()).then_some(rows))
    }

    /// Adds the rows that [`DocValues::read_new_rows`] read. Skips rows that are already present: another thread may have been
    /// first.
    fn add_rows(&mut self, rows: NewDocRows) {
        if rows.generation != self.totals.generation {
            *self = Self::default();
            self.totals.generation = rows.generation;
        }
        for row in rows.messages {
            let index = usize::try_from(row.id).ok().and_then(|row| row.checked_sub(self.base.message_rows().len()));
            let cell = MessageValues::new(&row);
            if let (Some(index), Some(cell)) = (index, cell)
                && row.id > self.totals.last_message
            {
                self.totals.last_message = row.id;
                set_row(&mut self.messages, index, cell, MessageValues::NONE);
            }
        }
        for row in rows.passages {
            if row.id > self.totals.last_passage {
                self.totals.last_passage = row.id;
                self.add_passage(&row);
            }
        }
        self.sort_new_prose();
    }

    fn add_passage(&mut self, row: &PassageRow) {
        let Ok(id) = u32::try_from(row.id) else { return };
        let Some(index) = row_index(id).checked_sub(self.base.passage_rows().len()) else { return };
        let Ok(message) = u32::try_from(row.message) else { return };
        let Some(said) = self.message_at(message) else { return };
        #[expect(clippy::cast_precision_loss, reason = "a count of words, exact below 2^24")]
        let words = row.words as f32;
        set_row(&mut self.passages, index, PassageValues::new(row, message, words), PassageValues::NONE);
        let is_text = row.purpose == Purpose::Text;
        set_row(&mut self.lengths, index, if is_text { words } else { -1.0 }, -1.0);
        if !is_text {
            self.keys.push(id);
            return;
        }
        self.totals.texts += 1;
        self.totals.words += f64::from(words);
        let Ok(conversation) = u32::try_from(said.conversation) else { return };
        if row.kind.is_prose() {
            let base = &self.base;
            let totals = &mut self.totals;
            let grown = self.grown.entry(conversation).or_insert_with(|| {
                let cell = base.conversation_rows().get(row_index(conversation)).copied().unwrap_or_default();
                totals.window_words -= f64::from(cell.window_words);
                let prose = prose_range(base, cell).to_vec();
                ConversationTail { prose, words: cell.words, ..ConversationTail::default() }
            });
            totals.window_words -= f64::from(grown.window_words);
            grown.window_words = 0.0;
            grown.prose.push(id);
            grown.words += words;
            grown.sorted = false;
            totals.prose += 1;
        }
    }

    /// Sorts the prose of conversations that grew by time, and updates the window lengths.
    fn sort_new_prose(&mut self) {
        let mut grown = std::mem::take(&mut self.grown);
        for conversation in grown.values_mut().filter(|conversation| !conversation.sorted) {
            conversation.prose.sort_by_cached_key(|id| {
                let message = self.passage_at(*id).and_then(|passage| self.message_at(passage.message));
                (message.map(|row| (row.at, row.id)), *id)
            });
            conversation.places = (0..).zip(&conversation.prose).map(|(place, id)| (*id, place)).collect();
            let words: Vec<f32> =
                conversation.prose.iter().filter_map(|id| Some(self.passage_at(*id)?.words)).collect();
            let near = |place: Option<usize>| {
                place.and_then(|place| words.get(place)).map_or(0.0, |words| words.min(WINDOW_WORDS))
            };
            let windows =
                words.iter().enumerate().map(|(place, own)| own + near(place.checked_sub(1)) + near(Some(place + 1)));
            conversation.window_words = windows.sum();
            self.totals.window_words += f64::from(conversation.window_words);
            conversation.sorted = true;
        }
        self.grown = grown;
    }

    /// Returns one past the highest passage row.
    pub(in crate::memory) fn len(&self) -> usize {
        self.base.passage_rows().len() + self.passages.len()
    }

    pub(in crate::memory) fn passage_at(&self, id: u32) -> Option<Passage> {
        let base = self.base.passage_rows();
        base.get(row_index(id)).or_else(|| self.passages.get(row_index(id).checked_sub(base.len())?))?.to_passage()
    }

    pub(in crate::memory) fn message_at(&self, id: u32) -> Option<MessageRow> {
        let base = self.base.message_rows();
        base.get(row_index(id))
            .or_else(|| self.messages.get(row_index(id).checked_sub(base.len())?))?
            .to_message_row(id)
    }

    /// Returns the number of terms of every passage by row.
    pub(in crate::memory) fn passage_lengths(&self) -> PassageLengths<'_> {
        PassageLengths { base: self.base.passage_lengths(), newer: &self.lengths }
    }

    /// Returns the passages that are standing instructions or preferences, ascending.
    pub(in crate::memory) fn key_passages(&self) -> impl Iterator<Item = u32> {
        self.base.key_passages().iter().chain(&self.keys).copied()
    }

    /// Returns the passages of these projects, ascending.
    fn passages_in_projects(&self, projects: &[i64]) -> Vec<u32> {
        let mut passages: Vec<u32> =
            projects.iter().flat_map(|project| self.base.project_passages(*project)).copied().collect();
        if projects.len() > 1 {
            passages.sort_unstable();
        }
        let newer = (0_u32..).skip(self.base.passage_rows().len()).take(self.passages.len());
        passages.extend(newer.filter(|id| {
            let message = self.passage_at(*id).and_then(|passage| self.message_at(passage.message));
            message.is_some_and(|message| projects.contains(&message.project))
        }));
        passages
    }

    /// Returns the number of text passages.
    #[expect(clippy::cast_precision_loss, reason = "a count of passages; its logarithm does not need the last digit")]
    pub(in crate::memory) const fn text_count(&self) -> f32 {
        self.totals.texts as f32
    }

    /// Returns the share of the text passages that are in this script or in several, from evenly spaced samples.
    pub(in crate::memory) fn sample_script_share(&self, script: Script) -> f32 {
        let step = self.len().div_ceil(SCRIPT_SAMPLES).max(1);
        let (mut texts, mut matching) = (0.0_f32, 0.0_f32);
        let ids = (0..self.len()).step_by(step).filter_map(|id| u32::try_from(id).ok());
        for passage in ids.filter_map(|id| self.passage_at(id)).filter(|passage| passage.purpose == Purpose::Text) {
            texts += 1.0;
            matching += if script.is_foreign_to(passage.script) { 0.0 } else { 1.0 };
        }
        if texts > 0.0 { matching / texts } else { 0.0 }
    }

    /// Returns the mean number of terms of a passage, at least 1.
    pub(in crate::memory) fn mean_words(&self) -> f32 {
        mean_at_least_one(self.totals.words, self.totals.texts)
    }

    /// Returns the mean number of terms of a passage with its neighbours, at least 1.
    pub(in crate::memory) fn mean_window(&self) -> f32 {
        mean_at_least_one(self.totals.window_words, self.totals.prose)
    }

    /// Returns the number of terms in all prose of a conversation, at least 1.
    pub(in crate::memory) fn words_of_conversation(&self, conversation: i64) -> f32 {
        u32::try_from(conversation).map_or(1.0, |conversation| self.conversation_prose(conversation).2.max(1.0))
    }

    /// Returns the prose of a conversation, the indexes that replace those in the rows, and the number of terms.
    fn conversation_prose(&self, conversation: u32) -> (&[u32], Option<&HashMap<u32, u32>>, f32) {
        if let Some(grown) = self.grown.get(&conversation) {
            return (&grown.prose, Some(&grown.places), grown.words);
        }
        let cell = self.base.conversation_rows().get(row_index(conversation)).copied().unwrap_or_default();
        (prose_range(&self.base, cell), None, cell.words)
    }

    /// Returns the prose passages directly before and after a passage in its conversation.
    pub(in crate::memory) fn adjacent_passages(&self, id: u32) -> [Option<u32>; 2] {
        let Some((prose, place)) = self.prose_position(id) else { return [None, None] };
        [place.checked_sub(1).and_then(|before| prose.get(before)).copied(), prose.get(place + 1).copied()]
    }

    /// Returns the last passage of the previous message and the first of the next one in the conversation.
    pub(in crate::memory) fn adjacent_messages(&self, id: u32) -> [Option<u32>; 2] {
        let Some((prose, place)) = self.prose_position(id) else { return [None, None] };
        let own = self.passage_at(id).map(|passage| passage.message);
        let other = |id: &&u32| self.passage_at(**id).map(|passage| passage.message) != own;
        let before = prose.get(..place).and_then(|before| before.iter().rev().find(other));
        let after = prose.get(place + 1..).and_then(|after| after.iter().find(other));
        [before.copied(), after.copied()]
    }

    fn prose_position(&self, id: u32) -> Option<(&[u32], usize)> {
        let passage =
            self.passage_at(id).filter(|passage| passage.purpose == Purpose::Text && passage.kind.is_prose())?;
        let conversation = u32::try_from(self.message_at(passage.message)?.conversation).ok()?;
        let (prose, places, _) = self.conversation_prose(conversation);
        Some((prose, row_index(places.map_or(Some(passage.place), |places| places.get(&id).copied())?)))
    }

    /// Returns the number of rows that the file lacks.
    const fn unshared_rows(&self) -> usize {
        self.messages.len() + self.passages.len()
    }

    /// Writes all rows into a new file.
    fn write_file(&self, path: &Path, witness: [u8; 16]) -> std::io::Result<()> {
        let joined = |base: &[f32], newer: &[f32]| [base, newer].concat();
        let mut parts = DocValueSections {
            totals: self.totals,
            witness,
            passages: [self.base.passage_rows(), &self.passages].concat(),
            lengths: joined(self.base.passage_lengths(), &self.lengths),
            messages: [self.base.message_rows(), &self.messages].concat(),
            keys: self.key_passages().collect(),
            ..DocValueSections::default()
        };
        let count =
            self.grown.keys().map(|id| row_index(*id) + 1).max().unwrap_or(0).max(self.base.conversation_rows().len());
        for id in (0_u32..).take(count) {
            let (prose, places, words) = self.conversation_prose(id);
            let start = u32::try_from(parts.prose.len()).unwrap_or(u32::MAX);
            let window_words = match self.grown.get(&id) {
                Some(grown) => grown.window_words,
                None => self.base.conversation_rows().get(row_index(id)).map_or(0.0, |cell| cell.window_words),
            };
            let count = u32::try_from(prose.len()).unwrap_or(u32::MAX);
            parts.conversations.push(ConversationValues { start, count, words, window_words });
            parts.prose.extend_from_slice(prose);
            for (id, at) in places.into_iter().flatten() {
                if let Some(cell) = parts.passages.get_mut(row_index(*id)) {
                    cell.place = *at;
                }
            }
        }
        let mut by_project: Vec<(u32, u32)> = Vec::with_capacity(parts.passages.len());
        for id in (0_u32..).take(parts.passages.len()) {
            let message = self.passage_at(id).and_then(|passage| self.message_at(passage.message));
            by_project.extend(message.and_then(|message| Some((u32::try_from(message.project).ok()?, id))));
        }
        by_project.sort_unstable();
        let projects = by_project.last().map_or(0, |(project, _)| *project + 1);
        let start = |project: u32| by_project.partition_point(|(of, _)| *of < project);
        parts.projects = (0..=projects).filter_map(|project| u32::try_from(start(project)).ok()).collect();
        parts.by_project = by_project.into_iter().map(|(_, id)| id).collect();
        parts.write_file(path)
    }
}

fn set_row<T: Clone>(column: &mut Vec<T>, index: usize, cell: T, none: T) {
    column.resize(index.max(column.len()), none);
    column.truncate(index);
    column.push(cell);
}

fn prose_range(base: &MappedBase, cell: ConversationValues) -> &[u32] {
    base.prose_rows().get(row_index(cell.start)..row_index(cell.start) + row_index(cell.count)).unwrap_or(&[])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a mean of small counts")]
fn mean_at_least_one(sum: f64, count: u64) -> f32 {
    (sum / count.max(1) as f64).max(1.0) as f32
}
