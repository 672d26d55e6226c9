//! Quantised vectors, column by column: in the memory of this process while they are new, then in a mapped file that
//! all processes share. Rows of a file are sorted by label.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes as _, KnownLayout};

use super::codes::{VectorCode, sign_word_count};
use super::signs;
use crate::disk::SectionFile;

const TAG: [u8; 8] = *b"vecrows2";

/// Rows in memory.
#[derive(Debug)]
pub(super) struct RowBuffer {
    dimensions: usize,
    labels: Vec<u32>,
    /// Row of each label; rows are in the order of insertion.
    places: HashMap<u32, usize>,
    scales: Vec<f32>,
    signs: Vec<u64>,
    coarse: Vec<i8>,
    fine: Vec<i8>,
}

impl RowBuffer {
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

    pub(super) fn push(&mut self, label: u32, code: &VectorCode) {
        self.places.insert(label, self.labels.len());
        self.labels.push(label);
        self.scales.push(code.scale);
        signs::push_signs(&mut self.signs, self.labels.len() - 1, &code.signs);
        self.coarse.extend_from_slice(&code.coarse);
        self.fine.extend_from_slice(&code.fine);
    }

    /// Returns the row of a label.
    pub(super) fn find_row(&self, label: u32) -> Option<usize> {
        self.places.get(&label).copied()
    }

    pub(super) fn as_view(&self) -> RowView<'_> {
        RowView {
            dimensions: self.dimensions,
            places: Some(&self.places),
            labels: &self.labels,
            scales: &self.scales,
            signs: &self.signs,
            coarse: CodeColumn::Own(&self.coarse),
            fine: CodeColumn::Own(&self.fine),
        }
    }

    /// Merges the rows of several views, sorted by label. Of rows with the same label the last one stays; labels for
    /// which `keep` returns false are dropped.
    ///
    /// # Errors
    /// When a mapped row is damaged.
    pub(super) fn merge_views(
        dimensions: usize,
        views: &[RowView<'_>],
        keep: &dyn Fn(u32) -> bool,
    ) -> io::Result<Self> {
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
                signs::push_signs(&mut merged.signs, merged.labels.len() - 1, &view.signs_of(*row));
                merged.coarse.extend_from_slice(view.coarse.read_rows(*row..row + 1, dimensions)?);
                merged.fine.extend_from_slice(view.fine.read_rows(*row..row + 1, dimensions)?);
            }
        }
        Ok(merged)
    }

    /// Writes the rows, which are sorted by label, to a new file.
    pub(super) fn write_file(&self, path: &Path) -> io::Result<()> {
        let sections = [
            self.labels.as_bytes(),
            self.scales.as_bytes(),
            self.signs.as_bytes(),
            self.coarse.as_bytes(),
            self.fine.as_bytes(),
        ];
        SectionFile::write_sections(path, TAG, &sections)
    }
}

/// Rows in a mapped file.
#[derive(Debug)]
pub(super) struct MappedRows {
    dimensions: usize,
    rows: usize,
    file: SectionFile,
}

impl MappedRows {
    /// Maps a file of rows and checks that its columns agree in length.
    ///
    /// # Errors
    /// `InvalidData` when the file is damaged or holds something else.
    pub(super) fn open(path: &Path, dimensions: usize) -> io::Result<Self> {
        let file = SectionFile::open(path, TAG)?;
        let labels: &[u32] = cast_column(file.read_section(0)?)?;
        let rows = labels.len();
        let mapped = Self { dimensions, rows, file };
        let view = mapped.read_view()?;
        // Once the lengths agree, no row can lie outside.
        let whole = view.scales.len() == rows
            && view.signs.len() == signs::word_count(rows, sign_word_count(dimensions))
            && mapped.file.read_part(3, rows * dimensions..rows * dimensions).is_ok()
            && mapped.file.read_part(4, rows * dimensions..rows * dimensions).is_ok();
        if whole { Ok(mapped) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "the columns differ in length")) }
    }

    pub(super) const fn len(&self) -> usize {
        self.rows
    }

    /// Returns the columns. Labels, scales and signs are verified here, codes as they are read.
    ///
    /// # Errors
    /// When labels, scales or signs are damaged.
    pub(super) fn read_view(&self) -> io::Result<RowView<'_>> {
        Ok(RowView {
            dimensions: self.dimensions,
            places: None,
            labels: cast_column(self.file.read_section(0)?)?,
            scales: cast_column(self.file.read_section(1)?)?,
            signs: cast_column(self.file.read_section(2)?)?,
            coarse: CodeColumn::Mapped(&self.file, 3),
            fine: CodeColumn::Mapped(&self.file, 4),
        })
    }
}

fn cast_column<T>(bytes: &[u8]) -> io::Result<&[T]>
where
    T: FromBytes + Immutable + KnownLayout,
{
    <[T]>::ref_from_bytes(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a column is not a whole number of rows"))
}

/// Codes of all rows, in memory or in a mapped file.
#[derive(Debug, Clone, Copy)]
pub(super) enum CodeColumn<'a> {
    Own(&'a [i8]),
    Mapped(&'a SectionFile, usize),
}

impl<'a> CodeColumn<'a> {
    /// Returns the bytes of a row without verifying them: for prefetching, not for reading.
    pub(super) fn unverified_row(&self, row: usize, dimensions: usize) -> &'a [u8] {
        let range = row * dimensions..(row + 1) * dimensions;
        match self {
            Self::Own(codes) => codes.get(range).map_or(&[], zerocopy::IntoBytes::as_bytes),
            Self::Mapped(file, section) => file.unverified_part(*section, range),
        }
    }

    /// Returns the codes of some rows, verified.
    ///
    /// # Errors
    /// When a block is damaged, or there are no such rows.
    pub(super) fn read_rows(&self, rows: Range<usize>, dimensions: usize) -> io::Result<&'a [i8]> {
        let range = rows.start * dimensions..rows.end * dimensions;
        match self {
            Self::Own(codes) => codes.get(range).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Self::Mapped(file, section) => cast_column(file.read_part(*section, range)?),
        }
    }
}

/// Borrowed columns of rows in memory or in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowView<'a> {
    pub(super) dimensions: usize,
    /// Row of each label; `None` when labels ascend.
    pub(super) places: Option<&'a HashMap<u32, usize>>,
    pub(super) labels: &'a [u32],
    pub(super) scales: &'a [f32],
    pub(super) signs: &'a [u64],
    pub(super) coarse: CodeColumn<'a>,
    pub(super) fine: CodeColumn<'a>,
}

impl RowView<'_> {
    pub(super) const fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn signs_of(&self, row: usize) -> Vec<u64> {
        signs::signs_of_row(self.signs, row, sign_word_count(self.dimensions))
    }

    pub(super) fn label_at(&self, row: usize) -> u32 {
        self.labels.get(row).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn scale_at(&self, row: usize) -> f32 {
        self.scales.get(row).copied().unwrap_or_default()
    }
}
