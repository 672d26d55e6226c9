//! The scan: every row that is allowed is looked at, first by its signs when there are many, then by its coarse code, and the
//! best by both codes (docs/decisions/0013).

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use super::best::{Best, Found, Sums, order};
use super::codes::{Probe, f32_of};
use super::rows::View;
use super::signs::{BLOCK, distances_to, threshold, within};
use super::{Allowed, Nearest, Neighbour, Spread, dot};

/// From so many vectors on, signs are compared first; below, every coarse code is.
const SIGNS_FROM: usize = 20_000;
/// At least so many rows are compared by code after their signs were.
const CANDIDATES: usize = 1_100;
/// Candidates for each neighbour that is wanted.
const CANDIDATES_EACH: usize = 8;
/// One row of so many is a candidate in very large stores.
const CANDIDATES_OF: usize = 250;
/// More rows than are wanted are compared by both codes, because coarse codes confuse near equals.
const SPARE: usize = 30;
/// Rows whose signs tell how many rows a distance lets through.
const SIGN_SAMPLE: usize = 4_096;
/// Vectors that tell how similar unrelated ones are.
const SAMPLE: usize = 512;
/// A filter that lets fewer of the sampled rows through is answered by looking at its rows only.
const NARROW: usize = 512;
/// Rows between the one that is compared and the one that is fetched.
const AHEAD: usize = 16;

/// A row: view and row in it.
type Place = (usize, usize);

/// One search over several views.
pub(super) struct Search<'a> {
    pub(super) views: &'a [View<'a>],
    pub(super) probe: &'a Probe,
    pub(super) count: usize,
    pub(super) allowed: &'a Allowed<'a>,
    /// Labels that are in the views but count no longer.
    pub(super) gone: &'a HashSet<u32>,
}

impl Search<'_> {
    /// # Errors
    /// When a mapped row is damaged.
    pub(super) fn nearest(&self, exactly: bool) -> io::Result<Nearest> {
        if let Allowed::Only(labels) = self.allowed {
            return self.compare(&self.places_of(labels), None);
        }
        let rows: usize = self.views.iter().map(View::len).sum();
        if exactly || rows < SIGNS_FROM {
            return self.all();
        }
        let step = (rows / SIGN_SAMPLE).max(4);
        let sample = self.sample(step);
        if sample.len() < NARROW {
            return self.compare(&self.sample(1), None);
        }
        let permitted = (sample.len() * step).min(rows);
        let wanted = CANDIDATES.max(self.count * CANDIDATES_EACH).max(permitted / CANDIDATES_OF).min(permitted);
        let spread = self.spread(&sample)?;
        let candidates = self.by_signs(&sample, permitted, wanted);
        self.compare(&candidates, Some(spread))
    }

    /// The best of these ascending labels.
    ///
    /// # Errors
    /// When a mapped row is damaged.
    pub(super) fn among(&self, labels: &[u32]) -> io::Result<Nearest> {
        let rows: usize = self.views.iter().map(View::len).sum();
        let spread = self.spread(&self.sample(rows / SAMPLE))?;
        self.compare(&self.places_of(labels), Some(spread))
    }

    fn is_gone(&self, label: u32) -> bool {
        !self.gone.is_empty() && self.gone.contains(&label)
    }

    fn permits(&self, label: u32) -> bool {
        !self.is_gone(label)
            && match self.allowed {
                Allowed::All => true,
                Allowed::If(permits) => permits(label),
                Allowed::Only(labels) => labels.binary_search(&label).is_ok(),
            }
    }

    fn is_open(&self) -> bool {
        self.gone.is_empty() && matches!(self.allowed, Allowed::All)
    }

    /// Every permitted row of every `step`-th block of rows, which stand side by side in memory.
    fn sample(&self, step: usize) -> Vec<Place> {
        let mut places = Vec::new();
        for (number, view) in self.views.iter().enumerate() {
            for first in (0..view.len()).step_by(BLOCK * step.max(1)) {
                let rows = first..(first + BLOCK).min(view.len());
                if self.is_open() {
                    places.extend(rows.map(|row| (number, row)));
                } else {
                    places.extend(rows.filter(|row| self.permits(view.label(*row))).map(|row| (number, row)));
                }
            }
        }
        places
    }

    /// The rows of ascending labels.
    fn places_of(&self, labels: &[u32]) -> Vec<Place> {
        let mut places = Vec::with_capacity(labels.len());
        for (number, view) in self.views.iter().enumerate() {
            if let Some(known) = view.places {
                let found = labels.iter().filter(|label| !self.is_gone(**label)).filter_map(|label| known.get(label));
                places.extend(found.map(|row| (number, *row)));
                continue;
            }
            let (mut rest, mut passed) = (view.labels, 0);
            let first = view.labels.first().copied().unwrap_or(u32::MAX);
            for label in labels.get(labels.partition_point(|label| *label < first)..).unwrap_or(&[]) {
                let skip = gallop(rest, *label);
                rest = rest.get(skip..).unwrap_or(&[]);
                passed += skip;
                match rest.first() {
                    None => break,
                    Some(found) if found == label && !self.is_gone(*label) => places.push((number, passed)),
                    Some(_) => {}
                }
            }
        }
        places
    }

    /// The permitted rows whose signs are nearest, about `wanted` of them.
    fn by_signs(&self, sample: &[Place], permitted: usize, wanted: usize) -> Vec<Place> {
        let query = &self.probe.0.signs;
        let distances = self.sampled(sample, query);
        // The sample has its share of what is wanted, and some more because it is only a sample.
        let share = (wanted * sample.len() * 9 / 8).div_ceil(permitted.max(1));
        let mut most = threshold(&distances, share.max(8));
        loop {
            let mut places = Vec::with_capacity(wanted * 2);
            for (number, view) in self.views.iter().enumerate() {
                within(view.signs, view.len(), query, most, &mut |row| places.push((number, row)));
            }
            if !self.is_open() {
                places
                    .retain(|(number, row)| self.views.get(*number).is_some_and(|view| self.permits(view.label(*row))));
            }
            if places.len() * 5 >= wanted * 4 || usize::from(most) >= query.len() * 64 {
                return places;
            }
            most = most.saturating_add(4);
        }
    }

    /// How many signs of the sampled rows differ. They stand side by side, so whole blocks are counted.
    fn sampled(&self, sample: &[Place], query: &[u64]) -> Vec<u16> {
        let (mut distances, mut block) = (Vec::with_capacity(sample.len()), [0_u16; BLOCK]);
        let mut counted = (usize::MAX, 0);
        for (number, row) in sample {
            if counted != (*number, row / BLOCK) {
                counted = (*number, row / BLOCK);
                let signs = self.views.get(*number).map_or(&[][..], |view| view.signs);
                let rest = signs.get(row / BLOCK * BLOCK * query.len()..).unwrap_or(&[]);
                distances_to(rest.get(..BLOCK * query.len()).unwrap_or(rest), query, &mut block);
            }
            distances.extend(block.get(row % BLOCK));
        }
        distances
    }

    /// How similar the query is to some of these rows.
    fn spread(&self, sample: &[Place]) -> io::Result<Spread> {
        let mut sums = Sums::default();
        // Whole blocks, as the sample has them.
        let blocks = sample.chunks(BLOCK).step_by(sample.len() / SAMPLE + 1);
        let places: Vec<Place> = blocks.flatten().copied().collect();
        self.each(&places, |_, score| sums.add(score))?;
        Ok(sums.spread())
    }

    /// The best of these rows; the spread over all of them unless it is known.
    fn compare(&self, places: &[Place], spread: Option<Spread>) -> io::Result<Nearest> {
        let (mut best, mut sums) = (Best::new(self.count + SPARE), Sums::default());
        self.each(places, |(view, row), score| {
            if spread.is_none() {
                sums.add(score);
            }
            if score >= best.worst() {
                let label = self.views.get(view).map_or(u32::MAX, |view| view.label(row));
                best.offer(Found { label, score, view, row });
            }
        })?;
        Ok(Nearest { best: self.exact(best)?, spread: spread.unwrap_or_else(|| sums.spread()) })
    }

    /// Calls `each` with the score of every row by its coarse code.
    fn each(&self, places: &[Place], mut each: impl FnMut(Place, f32)) -> io::Result<()> {
        for (at, place) in places.iter().enumerate() {
            if let Some((number, row)) = places.get(at + AHEAD)
                && let Some(view) = self.views.get(*number)
            {
                dot::fetch(view.coarse.unverified(*row, view.dimensions));
            }
            let Some(view) = self.views.get(place.0) else { continue };
            let row = view.coarse.rows(place.1..place.1 + 1, view.dimensions)?;
            each(*place, self.probe.near(view.scale(place.1), row));
        }
        Ok(())
    }

    /// Compares every coarse code.
    fn all(&self) -> io::Result<Nearest> {
        let (mut best, mut sums) = (Best::new(self.count + SPARE), Sums::default());
        for (number, view) in self.views.iter().enumerate() {
            for first in (0..view.len()).step_by(BLOCK) {
                self.block(number, view, first..(first + BLOCK).min(view.len()), (&mut best, &mut sums))?;
            }
        }
        Ok(Nearest { best: self.exact(best)?, spread: sums.spread() })
    }

    /// Compares up to [`BLOCK`] rows that stand together.
    fn block(
        &self,
        number: usize,
        view: &View<'_>,
        rows: Range<usize>,
        (best, sums): (&mut Best, &mut Sums),
    ) -> io::Result<()> {
        let mut wanted = [true; BLOCK];
        if !self.is_open() {
            for (wanted, row) in wanted.iter_mut().zip(rows.clone()) {
                *wanted = self.permits(view.label(row));
            }
            if !wanted.iter().take(rows.len()).any(|wanted| *wanted) {
                return Ok(());
            }
        }
        let (mut dots, mut scores) = ([0_i32; BLOCK], [0.0_f32; BLOCK]);
        dot::rows(view.coarse.rows(rows.clone(), view.dimensions)?, &self.probe.0.coarse, &mut dots);
        let scales = view.scales.get(rows.clone()).unwrap_or(&[]);
        for ((score, dot), scale) in scores.iter_mut().zip(dots).zip(scales) {
            *score = f32_of(dot) * scale * self.probe.0.scale;
        }
        if self.is_open() {
            sums.add_all(scores.get(..rows.len()).unwrap_or(&[]));
        } else {
            scores
                .iter()
                .zip(wanted)
                .take(rows.len())
                .filter(|(_, wanted)| *wanted)
                .for_each(|(score, _)| sums.add(*score));
        }
        for ((row, score), _) in rows.zip(scores).zip(wanted).filter(|(_, wanted)| *wanted) {
            if score >= best.worst() {
                best.offer(Found { label: view.label(row), score, view: number, row });
            }
        }
        Ok(())
    }

    /// The best rows in the order of their exact scores. A label that has several rows counts once.
    fn exact(&self, best: Best) -> io::Result<Vec<(u32, f32)>> {
        let mut found = best.sorted();
        for one in &mut found {
            if let Some(view) = self.views.get(one.view) {
                one.score = exact_score(view, one.row, self.probe)?;
            }
        }
        found.sort_by(order);
        Ok(distinct(found.into_iter().map(|one| (one.label, one.score)), self.count))
    }
}

/// The first `count` of sorted neighbours, each label once. Rows of one label have one score, so they stand together.
pub(super) fn distinct(sorted: impl Iterator<Item = Neighbour>, count: usize) -> Vec<Neighbour> {
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

/// The dot product of the query with one row.
///
/// # Errors
/// When the row is damaged.
pub(super) fn exact_score(view: &View<'_>, row: usize, probe: &Probe) -> io::Result<f32> {
    let coarse = view.coarse.rows(row..row + 1, view.dimensions)?;
    Ok(probe.exact(view.scale(row), coarse, view.fine.rows(row..row + 1, view.dimensions)?))
}

/// How many of these ascending labels are below one: found in steps that double, because the next label is usually near.
fn gallop(labels: &[u32], label: u32) -> usize {
    let mut step = 1;
    while labels.get(step).is_some_and(|found| *found < label) {
        step *= 2;
    }
    let from = step / 2;
    let near = labels.get(from..(step + 1).min(labels.len())).unwrap_or(&[]);
    from + near.partition_point(|found| *found < label)
}
