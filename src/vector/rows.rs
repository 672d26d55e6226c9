//! Coded vectors, column by column: in the memory of this process while they are new, in a mapped file that all processes
//! share afterwards. Rows of a file are sorted by label.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes as _, KnownLayout};

use super::codes::{Code, sign_words};
use super::signs;
use crate::disk::Snapshot;

const TAG: [u8; 8] = *b"vecrows2";

/// Rows in memory.
#[derive(Debug)]
pub(super) struct Rows {
    dimensions: usize,
    labels: Vec<u32>,
    /// Where each label is: rows stand in the order in which they came.
    places: HashMap<u32, usize>,
    scales: Vec<f32>,
    signs: Vec<u64>,
    coarse: Vec<i8>,
    fine: Vec<i8>,
}

impl Rows {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            labels: Vec::new(),
            places: HashMap::new(),
            scales: Vec::new(),
            signs: Vec::new(),
            coarse: Vec::new(),
            fine: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn push(&mut self, label: u32, code: &Code) {
        self.places.insert(label, self.labels.len());
        self.labels.push(label);
        self.scales.push(code.scale);
        signs::push(&mut self.signs, self.labels.len() - 1, &code.signs);
        self.coarse.extend_from_slice(&code.coarse);
        self.fine.extend_from_slice(&code.fine);
    }

    /// The row of a label.
    pub(super) fn position(&self, label: u32) -> Option<usize> {
        self.places.get(&label).copied()
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            dimensions: self.dimensions,
            places: Some(&self.places),
            labels: &self.labels,
            scales: &self.scales,
            signs: &self.signs,
            coarse: Codes::Own(&self.coarse),
            fine: Codes::Own(&self.fine),
        }
    }

    /// The rows of several views in one, sorted by label. Of rows with the same label the last one stays; `keep` says which
    /// labels stay at all.
    ///
    /// # Errors
    /// When a mapped row is damaged.
    pub(super) fn merged(dimensions: usize, views: &[View<'_>], keep: &dyn Fn(u32) -> bool) -> io::Result<Self> {
        let mut order: Vec<(u32, usize, usize)> = Vec::new();
        for (number, view) in views.iter().enumerate() {
            let rows = view.labels.iter().enumerate().filter(|(_, label)| keep(**label));
            order.extend(rows.map(|(row, label)| (*label, number, row)));
        }
        order.sort_unstable();
        let mut merged = Self::new(dimensions);
        for (at, (label, number, row)) in order.iter().enumerate() {
            let Some(view) = views.get(*number) else { continue };
            if order.get(at + 1).is_none_or(|(next, ..)| next != label) {
                merged.labels.push(*label);
                merged.scales.push(view.scales.get(*row).copied().unwrap_or_default());
                signs::push(&mut merged.signs, merged.labels.len() - 1, &view.signs_of(*row));
                merged.coarse.extend_from_slice(view.coarse.rows(*row..row + 1, dimensions)?);
                merged.fine.extend_from_slice(view.fine.rows(*row..row + 1, dimensions)?);
            }
        }
        Ok(merged)
    }

    /// Writes the rows, which are sorted by label, to a new file.
    ///
    /// # Errors
    /// Any I/O error.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let sections = [
            self.labels.as_bytes(),
            self.scales.as_bytes(),
            self.signs.as_bytes(),
            self.coarse.as_bytes(),
            self.fine.as_bytes(),
        ];
        Snapshot::write(path, TAG, &sections)
    }
}

/// Rows in a file.
#[derive(Debug)]
pub(super) struct Mapped {
    dimensions: usize,
    rows: usize,
    file: Snapshot,
}

impl Mapped {
    /// # Errors
    /// `InvalidData` when the file is damaged or holds something else.
    pub(super) fn open(path: &Path, dimensions: usize) -> io::Result<Self> {
        let file = Snapshot::open(path, TAG)?;
        let labels: &[u32] = cast(file.section(0)?)?;
        let rows = labels.len();
        let mapped = Self { dimensions, rows, file };
        let view = mapped.view()?;
        // Once the lengths are known to agree, no row can lie outside.
        let whole = view.scales.len() == rows
            && view.signs.len() == signs::words_for(rows, sign_words(dimensions))
            && mapped.file.part(3, rows * dimensions..rows * dimensions).is_ok()
            && mapped.file.part(4, rows * dimensions..rows * dimensions).is_ok();
        if whole { Ok(mapped) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "the columns differ in length")) }
    }

    pub(super) const fn len(&self) -> usize {
        self.rows
    }

    /// # Errors
    /// When labels, scales or signs are damaged. Codes are verified as they are read.
    pub(super) fn view(&self) -> io::Result<View<'_>> {
        Ok(View {
            dimensions: self.dimensions,
            places: None,
            labels: cast(self.file.section(0)?)?,
            scales: cast(self.file.section(1)?)?,
            signs: cast(self.file.section(2)?)?,
            coarse: Codes::Mapped(&self.file, 3),
            fine: Codes::Mapped(&self.file, 4),
        })
    }
}

fn cast<T>(bytes: &[u8]) -> io::Result<&[T]>
where
    T: FromBytes + Immutable + KnownLayout,
{
    <[T]>::ref_from_bytes(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a column is not a whole number of rows"))
}

/// The codes of all rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Codes<'a> {
    Own(&'a [i8]),
    Mapped(&'a Snapshot, usize),
}

impl<'a> Codes<'a> {
    /// Where a row will be read, to be asked for and not to be looked at.
    pub(super) fn unverified(&self, row: usize, dimensions: usize) -> &'a [u8] {
        let range = row * dimensions..(row + 1) * dimensions;
        match self {
            Self::Own(codes) => codes.get(range).map_or(&[], zerocopy::IntoBytes::as_bytes),
            Self::Mapped(file, section) => file.place(*section, range),
        }
    }

    /// # Errors
    /// When they are damaged, or there are no such rows.
    pub(super) fn rows(&self, rows: Range<usize>, dimensions: usize) -> io::Result<&'a [i8]> {
        let range = rows.start * dimensions..rows.end * dimensions;
        match self {
            Self::Own(codes) => codes.get(range).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Self::Mapped(file, section) => cast(file.part(*section, range)?),
        }
    }
}

/// Rows, wherever they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) dimensions: usize,
    /// Where each label is; `None` when labels ascend.
    pub(super) places: Option<&'a HashMap<u32, usize>>,
    pub(super) labels: &'a [u32],
    pub(super) scales: &'a [f32],
    pub(super) signs: &'a [u64],
    pub(super) coarse: Codes<'a>,
    pub(super) fine: Codes<'a>,
}

impl View<'_> {
    pub(super) const fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn signs_of(&self, row: usize) -> Vec<u64> {
        signs::of(self.signs, row, sign_words(self.dimensions))
    }

    pub(super) fn label(&self, row: usize) -> u32 {
        self.labels.get(row).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn scale(&self, row: usize) -> f32 {
        self.scales.get(row).copied().unwrap_or_default()
    }
}
