//! Linear scan: compares every permitted row, first by its signs when there are many, then by its coarse code, and the
//! best by both codes (docs/decisions/0013).

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use super::codes::{QueryCode, dot_to_f32};
use super::rows::RowView;
use super::signs::{BLOCK, count_distances, distance_threshold, for_each_within};
use super::top_k::{ScoreSums, ScoredRow, TopK, compare_rows};
use super::{LabelFilter, NearestResult, Neighbour, ScoreSpread, dot};

/// Number of vectors from which signs are compared first; below it, every coarse code is.
const SIGNS_MIN_ROWS: usize = 20_000;
/// Least number of rows that are compared by code after the comparison of signs.
const MIN_CANDIDATES: usize = 1_100;
/// Candidates for each requested neighbour.
const CANDIDATES_PER_NEIGHBOUR: usize = 8;
/// Rows per candidate in very large stores: one in 250.
const ROWS_PER_CANDIDATE: usize = 250;
/// Extra rows that are compared by both codes, because coarse codes confuse near equals.
const RESCORE_EXTRA: usize = 30;
/// Sampled rows from which the sign distance of the candidates is estimated.
const SIGN_SAMPLE: usize = 4_096;
/// Sampled vectors from which the similarity of unrelated vectors is estimated.
const SPREAD_SAMPLE: usize = 512;
/// Sampled rows below which a filter is narrow: then only its own rows are compared.
const NARROW_FILTER_ROWS: usize = 512;
/// Prefetch distance in rows.
const PREFETCH_ROWS: usize = 16;

/// Number of a view and row in it.
type RowRef = (usize, usize);

/// One search over several views.
pub(super) struct LinearScan<'a> {
    pub(super) views: &'a [RowView<'a>],
    pub(super) probe: &'a QueryCode,
    pub(super) count: usize,
    pub(super) allowed: &'a LabelFilter<'a>,
    /// Hidden labels: still in the views, never returned.
    pub(super) gone: &'a HashSet<u32>,
}

impl LinearScan<'_> {
    /// Finds the best rows. `exactly` compares every permitted row instead of preselecting by signs.
    ///
    /// # Errors
    /// When a mapped row is damaged.
    pub(super) fn find_nearest(&self, exactly: bool) -> io::Result<NearestResult> {
        if let LabelFilter::Only(labels) = self.allowed {
            return self.rank_rows(&self.find_rows(labels), None);
        }
        let rows: usize = self.views.iter().map(RowView::len).sum();
        if exactly || rows < SIGNS_MIN_ROWS {
            return self.rank_all_rows();
        }
        let step = (rows / SIGN_SAMPLE).max(4);
        let sample = self.sample_rows(step);
        if sample.len() < NARROW_FILTER_ROWS {
            return self.rank_rows(&self.sample_rows(1), None);
        }
        let permitted = (sample.len() * step).min(rows);
        let wanted = MIN_CANDIDATES
            .max(self.count * CANDIDATES_PER_NEIGHBOUR)
            .max(permitted / ROWS_PER_CANDIDATE)
            .min(permitted);
        let spread = self.estimate_spread(&sample)?;
        let candidates = self.preselect_by_signs(&sample, permitted, wanted);
        self.rank_rows(&candidates, Some(spread))
    }

    /// Finds the best of these ascending labels.
    pub(super) fn rank_labels(&self, labels: &[u32]) -> io::Result<NearestResult> {
        let rows: usize = self.views.iter().map(RowView::len).sum();
        let spread = self.estimate_spread(&self.sample_rows(rows / SPREAD_SAMPLE))?;
        self.rank_rows(&self.find_rows(labels), Some(spread))
    }

    fn is_hidden(&self, label: u32) -> bool {
        !self.gone.is_empty() && self.gone.contains(&label)
    }

    fn permits_label(&self, label: u32) -> bool {
        !self.is_hidden(label)
            && match self.allowed {
                LabelFilter::All => true,
                LabelFilter::If(permits) => permits(label),
                LabelFilter::Only(labels) => labels.binary_search(&label).is_ok(),
            }
    }

    fn is_unfiltered(&self) -> bool {
        self.gone.is_empty() && matches!(self.allowed, LabelFilter::All)
    }

    /// Returns every permitted row of every `step`-th block of rows, which are adjacent in memory.
    fn sample_rows(&self, step: usize) -> Vec<RowRef> {
        let mut places = Vec::new();
        for (number, view) in self.views.iter().enumerate() {
            for first in (0..view.len()).step_by(BLOCK * step.max(1)) {
                let rows = first..(first + BLOCK).min(view.len());
                if self.is_unfiltered() {
                    places.extend(rows.map(|row| (number, row)));
                } else {
                    places.extend(rows.filter(|row| self.permits_label(view.label_at(*row))).map(|row| (number, row)));
                }
            }
        }
        places
    }

    /// Returns the rows of ascending labels.
    fn find_rows(&self, labels: &[u32]) -> Vec<RowRef> {
        let mut places = Vec::with_capacity(labels.len());
        for (number, view) in self.views.iter().enumerate() {
            if let Some(known) = view.places {
                let found = labels.iter().filter(|label| !self.is_hidden(**label)).filter_map(|label| known.get(label));
                places.extend(found.map(|row| (number, *row)));
                continue;
            }
            let (mut rest, mut passed) = (view.labels, 0);
            let first = view.labels.first().copied().unwrap_or(u32::MAX);
            for label in labels.get(labels.partition_point(|label| *label < first)..).unwrap_or(&[]) {
                let skip = count_below(rest, *label);
                rest = rest.get(skip..).unwrap_or(&[]);
                passed += skip;
                match rest.first() {
                    None => break,
                    Some(found) if found == label && !self.is_hidden(*label) => places.push((number, passed)),
                    Some(_) => {}
                }
            }
        }
        places
    }

    /// Returns the permitted rows whose signs are nearest, about `wanted` of them.
    fn preselect_by_signs(&self, sample: &[RowRef], permitted: usize, wanted: usize) -> Vec<RowRef> {
        let query = &self.probe.0.signs;
        let distances = self.sample_distances(sample, query);
        // The sample has its share of the wanted rows, and some more because it is only a sample.
        let share = (wanted * sample.len() * 9 / 8).div_ceil(permitted.max(1));
        let mut most = distance_threshold(&distances, share.max(8));
        loop {
            let mut places = Vec::with_capacity(wanted * 2);
            for (number, view) in self.views.iter().enumerate() {
                for_each_within(view.signs, view.len(), query, most, &mut |row| places.push((number, row)));
            }
            if !self.is_unfiltered() {
                places.retain(|(number, row)| {
                    self.views.get(*number).is_some_and(|view| self.permits_label(view.label_at(*row)))
                });
            }
            if places.len() * 5 >= wanted * 4 || usize::from(most) >= query.len() * 64 {
                return places;
            }
            most = most.saturating_add(4);
        }
    }

    /// Counts the differing signs of the sampled rows. They are adjacent, so whole blocks are counted.
    fn sample_distances(&self, sample: &[RowRef], query: &[u64]) -> Vec<u16> {
        let (mut distances, mut block) = (Vec::with_capacity(sample.len()), [0_u16; BLOCK]);
        let mut counted = (usize::MAX, 0);
        for (number, row) in sample {
            if counted != (*number, row / BLOCK) {
                counted = (*number, row / BLOCK);
                let signs = self.views.get(*number).map_or(&[][..], |view| view.signs);
                let rest = signs.get(row / BLOCK * BLOCK * query.len()..).unwrap_or(&[]);
                count_distances(rest.get(..BLOCK * query.len()).unwrap_or(rest), query, &mut block);
            }
            distances.extend(block.get(row % BLOCK));
        }
        distances
    }

    /// Estimates the distribution of scores from some of these rows.
    fn estimate_spread(&self, sample: &[RowRef]) -> io::Result<ScoreSpread> {
        let mut sums = ScoreSums::default();
        // Whole blocks, as the sample has them.
        let blocks = sample.chunks(BLOCK).step_by(sample.len() / SPREAD_SAMPLE + 1);
        let places: Vec<RowRef> = blocks.flatten().copied().collect();
        self.for_each_score(&places, |_, score| sums.add_score(score))?;
        Ok(sums.to_spread())
    }

    /// Finds the best of these rows; computes the spread over all of them unless it is known.
    fn rank_rows(&self, places: &[RowRef], spread: Option<ScoreSpread>) -> io::Result<NearestResult> {
        let (mut best, mut sums) = (TopK::new(self.count + RESCORE_EXTRA), ScoreSums::default());
        self.for_each_score(places, |(view, row), score| {
            if spread.is_none() {
                sums.add_score(score);
            }
            if score >= best.min_score() {
                let label = self.views.get(view).map_or(u32::MAX, |view| view.label_at(row));
                best.offer_row(ScoredRow { label, score, view, row });
            }
        })?;
        Ok(NearestResult { best: self.rescore_exactly(best)?, spread: spread.unwrap_or_else(|| sums.to_spread()) })
    }

    /// Calls `each` with the approximate score of every row, from its coarse code.
    fn for_each_score(&self, places: &[RowRef], mut each: impl FnMut(RowRef, f32)) -> io::Result<()> {
        for (at, place) in places.iter().enumerate() {
            if let Some((number, row)) = places.get(at + PREFETCH_ROWS)
                && let Some(view) = self.views.get(*number)
            {
                dot::prefetch_row(view.coarse.unverified_row(*row, view.dimensions));
            }
            let Some(view) = self.views.get(place.0) else { continue };
            let row = view.coarse.read_rows(place.1..place.1 + 1, view.dimensions)?;
            each(*place, self.probe.approximate_dot(view.scale_at(place.1), row));
        }
        Ok(())
    }

    /// Compares the coarse codes of all permitted rows.
    fn rank_all_rows(&self) -> io::Result<NearestResult> {
        let (mut best, mut sums) = (TopK::new(self.count + RESCORE_EXTRA), ScoreSums::default());
        for (number, view) in self.views.iter().enumerate() {
            for first in (0..view.len()).step_by(BLOCK) {
                self.rank_block(number, view, first..(first + BLOCK).min(view.len()), (&mut best, &mut sums))?;
            }
        }
        Ok(NearestResult { best: self.rescore_exactly(best)?, spread: sums.to_spread() })
    }

    /// Compares up to [`BLOCK`] adjacent rows.
    fn rank_block(
        &self,
        number: usize,
        view: &RowView<'_>,
        rows: Range<usize>,
        (best, sums): (&mut TopK, &mut ScoreSums),
    ) -> io::Result<()> {
        let mut wanted = [true; BLOCK];
        if !self.is_unfiltered() {
            for (wanted, row) in wanted.iter_mut().zip(rows.clone()) {
                *wanted = self.permits_label(view.label_at(row));
            }
            if !wanted.iter().take(rows.len()).any(|wanted| *wanted) {
                return Ok(());
            }
        }
        let (mut dots, mut scores) = ([0_i32; BLOCK], [0.0_f32; BLOCK]);
        dot::dot_rows(view.coarse.read_rows(rows.clone(), view.dimensions)?, &self.probe.0.coarse, &mut dots);
        let scales = view.scales.get(rows.clone()).unwrap_or(&[]);
        for ((score, dot), scale) in scores.iter_mut().zip(dots).zip(scales) {
            *score = dot_to_f32(dot) * scale * self.probe.0.scale;
        }
        if self.is_unfiltered() {
            sums.add_scores(scores.get(..rows.len()).unwrap_or(&[]));
        } else {
            scores
                .iter()
                .zip(wanted)
                .take(rows.len())
                .filter(|(_, wanted)| *wanted)
                .for_each(|(score, _)| sums.add_score(*score));
        }
        for ((row, score), _) in rows.zip(scores).zip(wanted).filter(|(_, wanted)| *wanted) {
            if score >= best.min_score() {
                best.offer_row(ScoredRow { label: view.label_at(row), score, view: number, row });
            }
        }
        Ok(())
    }

    /// Rescores the best rows with both codes and sorts them. A label that has several rows counts once.
    fn rescore_exactly(&self, best: TopK) -> io::Result<Vec<(u32, f32)>> {
        let mut found = best.into_sorted();
        for one in &mut found {
            if let Some(view) = self.views.get(one.view) {
                one.score = exact_score(view, one.row, self.probe)?;
            }
        }
        found.sort_by(compare_rows);
        Ok(distinct_labels(found.into_iter().map(|one| (one.label, one.score)), self.count))
    }
}

/// Returns the first `count` of sorted neighbours, each label once. Rows of one label have one score, so they are
/// adjacent.
pub(super) fn distinct_labels(sorted: impl Iterator<Item = Neighbour>, count: usize) -> Vec<Neighbour> {
    let mut best: Vec<Neighbour> = Vec::with_capacity(count.min(4096));
    for one in sorted {
        if best.len() == count {
            break;
        }
        if best.last().is_none_or(|last| last.0 != one.0) {
            best.push(one);
        }
    }
    best
}

/// Returns the dot product of the query with one row, from both codes.
///
/// # Errors
/// When the row is damaged.
pub(super) fn exact_score(view: &RowView<'_>, row: usize, probe: &QueryCode) -> io::Result<f32> {
    let coarse = view.coarse.read_rows(row..row + 1, view.dimensions)?;
    Ok(probe.exact_dot(view.scale_at(row), coarse, view.fine.read_rows(row..row + 1, view.dimensions)?))
}

/// Counts the ascending labels below `label`, by galloping search, because the next label is usually near.
fn count_below(labels: &[u32], label: u32) -> usize {
    let mut step = 1;
    while labels.get(step).is_some_and(|found| *found < label) {
        step *= 2;
    }
    let from = step / 2;
    let near = labels.get(from..(step + 1).min(labels.len())).unwrap_or(&[]);
    from + near.partition_point(|found| *found < label)
}
