//! The scan: every row that is allowed is looked at, first by its signs when there are many, then by its coarse code, and the
//! best by both codes (docs/decisions/0013).

use std::collections::HashSet;
use std::io;

use super::best::{Best, Found, Sums, order};
use super::codes::{Probe, f32_of};
use super::rows::View;
use super::signs::{distances_to, threshold, within};
use super::{Allowed, Nearest, Neighbour, Spread, dot};

/// From so many vectors on, signs are compared first; below, every coarse code is.
pub(super) const SIGNS_FROM: usize = 20_000;
/// At least so many rows are compared by code after their signs were.
const CANDIDATES: usize = 1_000;
/// Candidates for each neighbour that is wanted.
const CANDIDATES_EACH: usize = 8;
/// One row of so many is a candidate in very large stores.
const CANDIDATES_OF: usize = 250;
/// More rows than are wanted are compared by both codes, because coarse codes confuse near equals.
const SPARE: usize = 30;
/// Rows whose signs tell how many rows a distance lets through.
const SIGN_SAMPLE: usize = 8_192;
/// Vectors that tell how similar unrelated ones are.
const SAMPLE: usize = 1_024;
/// A filter that lets fewer of the sampled rows through is answered by looking at its rows only.
const NARROW: usize = 512;
/// Rows that are compared at once: their codes fit the first cache.
const BLOCK: usize = 64;
/// Rows between the one that is compared and the one that is fetched.
const AHEAD: usize = 8;

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
        let sample = self.sample(rows / SIGN_SAMPLE.min(rows / 4).max(1));
        if sample.len() < NARROW {
            return self.compare(&self.every_place(), None);
        }
        let permitted = sample.len().saturating_mul(rows / SIGN_SAMPLE.min(rows / 4).max(1));
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

    /// Every permitted row of every `step`-th.
    fn sample(&self, step: usize) -> Vec<Place> {
        let rows = |(number, view): (usize, &View<'_>)| {
            let labels = view.labels.iter().enumerate().step_by(step.max(1));
            let wanted = labels.filter(|(_, label)| self.permits(**label));
            wanted.map(|(row, _)| (number, row)).collect::<Vec<Place>>()
        };
        self.views.iter().enumerate().flat_map(rows).collect()
    }

    fn every_place(&self) -> Vec<Place> {
        self.sample(1)
    }

    /// The rows of ascending labels.
    fn places_of(&self, labels: &[u32]) -> Vec<Place> {
        let mut places = Vec::with_capacity(labels.len());
        for (number, view) in self.views.iter().enumerate() {
            if !view.sorted {
                let wanted = |label: u32| labels.binary_search(&label).is_ok() && !self.is_gone(label);
                let rows = view.labels.iter().enumerate().filter(|(_, label)| wanted(**label));
                places.extend(rows.map(|(row, _)| (number, row)));
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
        let mut distances = vec![0_u16; sample.len()];
        for ((number, row), distance) in sample.iter().zip(&mut distances) {
            let signs = self.views.get(*number).map_or(&[][..], |view| view.signs_of(*row));
            distances_to(signs, query, std::slice::from_mut(distance));
        }
        // The sample has its share of what is wanted, and some more because it is only a sample.
        let share = (wanted * sample.len() * 9 / 8).div_ceil(permitted.max(1));
        let mut most = threshold(&distances, share.max(8));
        loop {
            let mut places = Vec::with_capacity(wanted * 2);
            for (number, view) in self.views.iter().enumerate() {
                within(view.signs, query, most, &mut |row, _| places.push((number, row)));
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

    /// How similar the query is to some of these rows.
    fn spread(&self, sample: &[Place]) -> io::Result<Spread> {
        let mut sums = Sums::default();
        let places: Vec<Place> = sample.iter().step_by(sample.len() / SAMPLE + 1).copied().collect();
        self.each(&places, &mut |_, score| sums.add(score))?;
        Ok(sums.spread())
    }

    /// The best of these rows; the spread over all of them unless it is known.
    fn compare(&self, places: &[Place], spread: Option<Spread>) -> io::Result<Nearest> {
        let (mut best, mut sums) = (Best::new(self.count + SPARE), Sums::default());
        self.each(places, &mut |(view, row), score| {
            sums.add(score);
            let label = self.views.get(view).map_or(u32::MAX, |view| view.label(row));
            best.offer(Found { label, score, view, row });
        })?;
        Ok(Nearest { best: self.exact(best)?, spread: spread.unwrap_or_else(|| sums.spread()) })
    }

    /// Calls `each` with the score of every row by its coarse code.
    fn each(&self, places: &[Place], each: &mut dyn FnMut(Place, f32)) -> io::Result<()> {
        let codes = |(view, row): &Place| {
            let view = self.views.get(*view)?;
            Some((view, view.coarse.rows(*row..row + 1, view.dimensions)))
        };
        for (at, place) in places.iter().enumerate() {
            if let Some((_, Ok(row))) = places.get(at + AHEAD).and_then(codes) {
                dot::fetch(row);
            }
            let Some((view, row)) = codes(place) else { continue };
            each(*place, self.probe.near(view.scale(place.1), row?));
        }
        Ok(())
    }

    /// Compares every coarse code, block by block.
    fn all(&self) -> io::Result<Nearest> {
        let (mut best, mut sums) = (Best::new(self.count + SPARE), Sums::default());
        let mut dots = [0_i32; BLOCK];
        for (number, view) in self.views.iter().enumerate() {
            for first in (0..view.len()).step_by(BLOCK) {
                let rows = first..(first + BLOCK).min(view.len());
                let wanted = |row: &usize| self.is_open() || self.permits(view.label(*row));
                if !rows.clone().any(|row| wanted(&row)) {
                    continue;
                }
                dot::rows(view.coarse.rows(rows.clone(), view.dimensions)?, &self.probe.0.coarse, &mut dots);
                for (row, dot) in rows.zip(dots).filter(|(row, _)| wanted(row)) {
                    let score = f32_of(dot) * view.scale(row) * self.probe.0.scale;
                    sums.add(score);
                    best.offer(Found { label: view.label(row), score, view: number, row });
                }
            }
        }
        Ok(Nearest { best: self.exact(best)?, spread: sums.spread() })
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
