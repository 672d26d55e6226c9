//! What ranking needs of every passage and message, column by column: who spoke, when, where, what came before and after. A
//! cache of the store: most of it in a file that all processes map, the newest rows in the memory of this process.

mod cells;
mod follow;
mod permit;

use std::collections::HashMap;
use std::path::Path;

use super::Result;
use crate::domain::Kind;
use crate::domain::text::{Script, passages::Purpose};
use crate::store::{MessageRow, NewRows, PassageRow, Store};
use cells::{Base, ConversationCell, MessageCell, Parts, PassageCell, Totals};

pub(super) use permit::{Permit, needs_store};

/// Words of a neighbour that count when a passage is looked at together with its neighbours; more are scaled down to it.
pub(super) const WINDOW_WORDS: f32 = 30.0;

/// One passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    /// Row of its message.
    pub(super) message: u32,
    /// Place among the prose of its conversation; of no meaning for others.
    place: u32,
    /// How many terms it has.
    pub(super) words: f32,
    pub(super) kind: Kind,
    pub(super) purpose: Purpose,
    pub(super) asks: bool,
    pub(super) script: Script,
}

/// A conversation that has prose beyond the file: all of its prose in the order in which it was said.
#[derive(Debug, Default)]
struct Grown {
    prose: Vec<u32>,
    places: HashMap<u32, u32>,
    words: f32,
    window_words: f32,
    sorted: bool,
}

/// All columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    base: Base,
    /// Time and length of the file when this process last looked at it.
    seen: Option<(std::time::SystemTime, u64)>,
    totals: Totals,
    /// From here on what the file does not hold.
    messages: Vec<MessageCell>,
    passages: Vec<PassageCell>,
    lengths: Vec<f32>,
    grown: HashMap<u32, Grown>,
    keys: Vec<u32>,
}

/// Terms of every passage by row; negative where there is no text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths<'a> {
    base: &'a [f32],
    newer: &'a [f32],
}

impl Lengths<'_> {
    pub(super) fn get(&self, row: usize) -> Option<f32> {
        self.base.get(row).or_else(|| self.newer.get(row.checked_sub(self.base.len())?)).copied()
    }
}

fn place(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

impl Columns {
    fn over(base: Base) -> Self {
        Self { totals: base.totals(), base, ..Self::default() }
    }

    /// Reads what is new in the store; `None` when nothing is.
    fn newer(&self, store: &Store) -> Result<Option<NewRows>> {
        let rows = store.rows_after(self.totals.last_message, self.totals.last_passage)?;
        if rows.generation != self.totals.generation {
            return Ok(Some(store.rows_after(0, 0)?));
        }
        Ok((!rows.messages.is_empty() || !rows.passages.is_empty()).then_some(rows))
    }

    /// Takes in what [`Columns::newer`] read. Rows that are already here are passed over: another thread may have been
    /// first.
    fn take_in(&mut self, rows: NewRows) {
        if rows.generation != self.totals.generation {
            *self = Self::default();
            self.totals.generation = rows.generation;
        }
        for row in rows.messages {
            let index = usize::try_from(row.id).ok().and_then(|row| row.checked_sub(self.base.messages().len()));
            let cell = MessageCell::new(&row);
            if let (Some(index), Some(cell)) = (index, cell)
                && row.id > self.totals.last_message
            {
                self.totals.last_message = row.id;
                put(&mut self.messages, index, cell, MessageCell::NONE);
            }
        }
        for row in rows.passages {
            if row.id > self.totals.last_passage {
                self.totals.last_passage = row.id;
                self.add(&row);
            }
        }
        self.sort();
    }

    fn add(&mut self, row: &PassageRow) {
        let Ok(id) = u32::try_from(row.id) else { return };
        let Some(index) = place(id).checked_sub(self.base.passages().len()) else { return };
        let Ok(message) = u32::try_from(row.message) else { return };
        let Some(said) = self.message(message) else { return };
        #[expect(clippy::cast_precision_loss, reason = "a count of words, exact below 2^24")]
        let words = row.words as f32;
        put(&mut self.passages, index, PassageCell::new(row, message, words), PassageCell::NONE);
        let is_text = row.purpose == Purpose::Text;
        put(&mut self.lengths, index, if is_text { words } else { -1.0 }, -1.0);
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
                let cell = base.conversations().get(place(conversation)).copied().unwrap_or_default();
                totals.window_words -= f64::from(cell.window_words);
                let prose = prose_of(base, cell).to_vec();
                Grown { prose, words: cell.words, ..Grown::default() }
            });
            totals.window_words -= f64::from(grown.window_words);
            grown.window_words = 0.0;
            grown.prose.push(id);
            grown.words += words;
            grown.sorted = false;
            totals.prose += 1;
        }
    }

    /// Puts the prose of the conversations that grew into the order of time, and knows again how long a window is.
    fn sort(&mut self) {
        let mut grown = std::mem::take(&mut self.grown);
        for conversation in grown.values_mut().filter(|conversation| !conversation.sorted) {
            conversation.prose.sort_by_cached_key(|id| {
                let message = self.passage(*id).and_then(|passage| self.message(passage.message));
                (message.map(|row| (row.at, row.id)), *id)
            });
            conversation.places = (0..).zip(&conversation.prose).map(|(place, id)| (*id, place)).collect();
            let words: Vec<f32> = conversation.prose.iter().filter_map(|id| Some(self.passage(*id)?.words)).collect();
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

    /// One past the highest row of a passage.
    pub(super) fn len(&self) -> usize {
        self.base.passages().len() + self.passages.len()
    }

    pub(super) fn passage(&self, id: u32) -> Option<Passage> {
        let base = self.base.passages();
        base.get(place(id)).or_else(|| self.passages.get(place(id).checked_sub(base.len())?))?.read()
    }

    pub(super) fn message(&self, id: u32) -> Option<MessageRow> {
        let base = self.base.messages();
        base.get(place(id)).or_else(|| self.messages.get(place(id).checked_sub(base.len())?))?.read(id)
    }

    /// Terms of every passage by row.
    pub(super) fn lengths(&self) -> Lengths<'_> {
        Lengths { base: self.base.lengths(), newer: &self.lengths }
    }

    /// Standing instructions and preferences, ascending.
    pub(super) fn keys(&self) -> impl Iterator<Item = u32> {
        self.base.keys().iter().chain(&self.keys).copied()
    }

    /// Passages of these projects, ascending.
    fn passages_of(&self, projects: &[i64]) -> Vec<u32> {
        let mut passages: Vec<u32> =
            projects.iter().flat_map(|project| self.base.passages_of(*project)).copied().collect();
        if projects.len() > 1 {
            passages.sort_unstable();
        }
        let newer = (0_u32..).skip(self.base.passages().len()).take(self.passages.len());
        passages.extend(newer.filter(|id| {
            let message = self.passage(*id).and_then(|passage| self.message(passage.message));
            message.is_some_and(|message| projects.contains(&message.project))
        }));
        passages
    }

    /// How many passages of text there are.
    #[expect(clippy::cast_precision_loss, reason = "a count of passages; its logarithm does not need the last digit")]
    pub(super) const fn texts(&self) -> f32 {
        self.totals.texts as f32
    }

    /// Mean number of terms of a passage, at least 1.
    pub(super) fn mean_words(&self) -> f32 {
        mean(self.totals.words, self.totals.texts)
    }

    /// Mean number of terms of a passage with its neighbours, at least 1.
    pub(super) fn mean_window(&self) -> f32 {
        mean(self.totals.window_words, self.totals.prose)
    }

    /// Terms of all prose of a conversation, at least 1.
    pub(super) fn words_of_conversation(&self, conversation: i64) -> f32 {
        u32::try_from(conversation).map_or(1.0, |conversation| self.conversation(conversation).2.max(1.0))
    }

    /// Prose, places that differ from those in the cells, and words of a conversation.
    fn conversation(&self, conversation: u32) -> (&[u32], Option<&HashMap<u32, u32>>, f32) {
        if let Some(grown) = self.grown.get(&conversation) {
            return (&grown.prose, Some(&grown.places), grown.words);
        }
        let cell = self.base.conversations().get(place(conversation)).copied().unwrap_or_default();
        (prose_of(&self.base, cell), None, cell.words)
    }

    /// The prose just before and just after a passage in its conversation.
    pub(super) fn around(&self, id: u32) -> [Option<u32>; 2] {
        let Some((prose, place)) = self.prose_and_place(id) else { return [None, None] };
        [place.checked_sub(1).and_then(|before| prose.get(before)).copied(), prose.get(place + 1).copied()]
    }

    /// The last passage of the message before, and the first of the message after, the message of this passage.
    pub(super) fn messages_around(&self, id: u32) -> [Option<u32>; 2] {
        let Some((prose, place)) = self.prose_and_place(id) else { return [None, None] };
        let own = self.passage(id).map(|passage| passage.message);
        let other = |id: &&u32| self.passage(**id).map(|passage| passage.message) != own;
        let before = prose.get(..place).and_then(|before| before.iter().rev().find(other));
        let after = prose.get(place + 1..).and_then(|after| after.iter().find(other));
        [before.copied(), after.copied()]
    }

    fn prose_and_place(&self, id: u32) -> Option<(&[u32], usize)> {
        let passage = self.passage(id).filter(|passage| passage.purpose == Purpose::Text && passage.kind.is_prose())?;
        let conversation = u32::try_from(self.message(passage.message)?.conversation).ok()?;
        let (prose, places, _) = self.conversation(conversation);
        Some((prose, place(places.map_or(Some(passage.place), |places| places.get(&id).copied())?)))
    }

    /// How many rows the file lacks.
    const fn beyond(&self) -> usize {
        self.messages.len() + self.passages.len()
    }

    /// Writes everything into a new file.
    ///
    /// # Errors
    /// Any I/O error.
    fn write(&self, path: &Path, witness: [u8; 16]) -> std::io::Result<()> {
        let joined = |base: &[f32], newer: &[f32]| [base, newer].concat();
        let mut parts = Parts {
            totals: self.totals,
            witness,
            passages: [self.base.passages(), &self.passages].concat(),
            lengths: joined(self.base.lengths(), &self.lengths),
            messages: [self.base.messages(), &self.messages].concat(),
            keys: self.keys().collect(),
            ..Parts::default()
        };
        let count = self.grown.keys().map(|id| place(*id) + 1).max().unwrap_or(0).max(self.base.conversations().len());
        for id in (0_u32..).take(count) {
            let (prose, places, words) = self.conversation(id);
            let start = u32::try_from(parts.prose.len()).unwrap_or(u32::MAX);
            let window_words = match self.grown.get(&id) {
                Some(grown) => grown.window_words,
                None => self.base.conversations().get(place(id)).map_or(0.0, |cell| cell.window_words),
            };
            let count = u32::try_from(prose.len()).unwrap_or(u32::MAX);
            parts.conversations.push(ConversationCell { start, count, words, window_words });
            parts.prose.extend_from_slice(prose);
            for (id, at) in places.into_iter().flatten() {
                if let Some(cell) = parts.passages.get_mut(place(*id)) {
                    cell.place = *at;
                }
            }
        }
        let mut by_project: Vec<(u32, u32)> = Vec::with_capacity(parts.passages.len());
        for id in (0_u32..).take(parts.passages.len()) {
            let message = self.passage(id).and_then(|passage| self.message(passage.message));
            by_project.extend(message.and_then(|message| Some((u32::try_from(message.project).ok()?, id))));
        }
        by_project.sort_unstable();
        let projects = by_project.last().map_or(0, |(project, _)| *project + 1);
        let start = |project: u32| by_project.partition_point(|(of, _)| *of < project);
        parts.projects = (0..=projects).filter_map(|project| u32::try_from(start(project)).ok()).collect();
        parts.by_project = by_project.into_iter().map(|(_, id)| id).collect();
        parts.write(path)
    }
}

fn put<T: Clone>(column: &mut Vec<T>, index: usize, cell: T, none: T) {
    column.resize(index.max(column.len()), none);
    column.truncate(index);
    column.push(cell);
}

fn prose_of(base: &Base, cell: ConversationCell) -> &[u32] {
    base.prose().get(place(cell.start)..place(cell.start) + place(cell.count)).unwrap_or(&[])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a mean of small counts")]
fn mean(sum: f64, count: u64) -> f32 {
    (sum / count.max(1) as f64).max(1.0) as f32
}
