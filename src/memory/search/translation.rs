//! Keyword evidence across languages: the question in the words of the glossary. All spellings of a word are one term:
//! their counts are added, and its weight is that of the passages that hold any of them. Scores like any other terms.

use std::borrow::Cow;

use super::corpus_stats::CorpusStats;
use super::keyword::{QueryTerms, TermPostings, number_groups, read_term_postings};
use super::weights::inverse_document_frequency;
use crate::domain::query::MinOverlap;
use crate::domain::text::Script;
use crate::domain::text::glossary::{GlossaryTerm, Translation};
use crate::memory::Result;
use crate::memory::index::doc_values::DocValues;
use crate::store::{Posting, Snapshot};

/// Factors on the overlap that a text in another script needs: a translated question has fewer words, and a word with
/// several spellings weighs less, so that a larger share of a smaller weight is required. Set on the development
/// questions: docs/decisions/0050-glossary.md.
const OVERLAP_WEIGHT_FACTOR: f32 = 0.6;
const OVERLAP_SHARE_FACTOR: f32 = 2.0;

/// Question in the words of the glossary. Without terms if no text of the store holds a spelling in the other language.
#[derive(Debug, Default)]
pub(super) struct TranslatedTerms {
    /// One term for each word of the question, with all its spellings.
    pub(super) words: QueryTerms,
    /// Index terms in the other language that occur in the store, for highlighting.
    pub(super) spellings: Vec<String>,
    /// Terms of the glossary, in the order of `words`.
    terms: Vec<GlossaryTerm>,
    /// Script of the question.
    script: Script,
}

impl TranslatedTerms {
    /// Looks up the spellings. Each of `groups` is the translation of one text; `own` has the postings of the texts as
    /// asked. `rare` as in [`QueryTerms::load_postings`].
    pub(super) fn load_postings(
        snapshot: &Snapshot<'_>,
        columns: &DocValues,
        groups: &[Translation],
        own: &QueryTerms,
        script: Script,
        rare: bool,
    ) -> Result<Self> {
        let mut spellings: Vec<String> = groups.iter().flat_map(Translation::other_terms).collect();
        spellings.sort_unstable();
        spellings.dedup();
        let postings = read_term_postings(snapshot, columns, &spellings, rare)?;
        if postings.iter().all(|term| term.count == 0) {
            return Ok(Self::default());
        }
        let lookup = SpellingLookup { spellings: &spellings, postings: &postings, own };
        let (mut terms, mut merged, mut bits, mut all_groups) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let (mut unknown, mut known) = (0.0_f32, 0.0_f32);
        let lists: Vec<Vec<GlossaryTerm>> = groups.iter().map(|group| group.terms.clone()).collect();
        for (bit, group) in number_groups(&lists) {
            all_groups |= bit;
            for term in group {
                let postings = lookup.merge_spellings(term);
                known += 1.0;
                // An English word that the glossary lacks and no text holds says nothing about Chinese texts.
                if term.other.is_empty() && postings.count == 0 {
                    unknown += 1.0;
                    continue;
                }
                terms.push(term.clone());
                merged.push(postings);
                bits.push(bit);
            }
        }
        let missing = groups.iter().map(|group| group.unknown_share).fold(0.0, f32::max);
        let names = terms.iter().map(|term| term.own.join(" ")).collect();
        let mut words = QueryTerms::from_postings(columns, names, merged, bits, all_groups);
        words.add_unknown_words((unknown + missing * known) / (known - unknown).max(1.0));
        let occurs = |(term, postings): (String, TermPostings)| (postings.count > 0).then_some(term);
        let spellings = spellings.into_iter().zip(postings).filter_map(occurs).collect();
        Ok(Self { words, spellings, terms, script })
    }

    /// Returns true if there is nothing to look for.
    pub(super) const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns true if a text of this script is searched by the translation: it is not all in the question's script.
    pub(super) fn applies_to(&self, script: Script) -> bool {
        !self.is_empty() && (script != self.script || script == Script::Mixed)
    }

    /// Returns those of these ascending passages that contain enough of the translated words.
    pub(super) fn filter_by_overlap(&self, passages: &[u32], worth: MinOverlap) -> Vec<u32> {
        let worth = MinOverlap {
            weight: worth.weight * OVERLAP_WEIGHT_FACTOR,
            share: worth.share * OVERLAP_SHARE_FACTOR,
            ..worth
        };
        if self.is_empty() { Vec::new() } else { self.words.filter_by_overlap(passages, worth) }
    }

    /// Replaces the weights by those of a corpus larger than the doc values.
    pub(super) fn with_corpus(self, wide: &CorpusStats) -> Self {
        let weight = |term: &GlossaryTerm| {
            let holding = wide.holding_any.get(&term.spellings()).copied().unwrap_or(0);
            inverse_document_frequency(wide.texts, holding)
        };
        let weights = self.terms.iter().map(weight).collect();
        Self { words: self.words.with_corpus_weights(wide, weights), ..self }
    }
}

/// Postings of the index terms that the spellings consist of.
struct SpellingLookup<'a> {
    spellings: &'a [String],
    postings: &'a [TermPostings],
    own: &'a QueryTerms,
}

impl SpellingLookup<'_> {
    fn find_spelling(&self, term: &String) -> Option<&TermPostings> {
        self.spellings.binary_search(term).ok().and_then(|at| self.postings.get(at))
    }

    fn postings_of(&self, term: &String) -> &[Posting] {
        let found = self.find_spelling(term).map(|found| found.list.as_slice());
        found.or_else(|| self.own.term_postings(term)).unwrap_or(&[])
    }

    /// Returns the passages that hold any spelling, with the sum of the counts. A spelling that was too frequent to
    /// read counts in the weight only.
    fn merge_spellings(&self, term: &GlossaryTerm) -> TermPostings {
        let mut list = Vec::new();
        for spelling in term.other.iter().chain([&term.own]) {
            let Some((first, others)) = spelling.split_first() else { continue };
            let mut together = Cow::Borrowed(self.postings_of(first));
            for other in others {
                together = Cow::Owned(intersect_postings(&together, self.postings_of(other)));
            }
            list = if list.is_empty() { together.into_owned() } else { unite_postings(&list, &together) };
        }
        let alone = term.other.iter().filter_map(|spelling| self.find_spelling(spelling.first()?));
        let unread = alone.filter(|found| found.list.is_empty()).map(|found| found.count).max().unwrap_or(0);
        TermPostings { count: list.len().max(unread), list }
    }
}

/// Returns the passages of both lists with the smaller count.
fn intersect_postings(left: &[Posting], right: &[Posting]) -> Vec<Posting> {
    let mut rest = right;
    let mut found = Vec::new();
    for (passage, count) in left {
        rest = rest.get(rest.partition_point(|(other, _)| other < passage)..).unwrap_or(&[]);
        found
            .extend(rest.first().filter(|(other, _)| other == passage).map(|(_, other)| (*passage, *count.min(other))));
    }
    found
}

/// Returns the passages of either list with the sum of the counts.
fn unite_postings(left: &[Posting], right: &[Posting]) -> Vec<Posting> {
    let mut found: Vec<Posting> = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let Some((passage, count)) = match (left.peek(), right.peek()) {
        (Some(one), Some(other)) if one.0 <= other.0 => left.next(),
        (Some(_), None) => left.next(),
        _ => right.next(),
    } {
        match found.last_mut().filter(|(last, _)| last == passage) {
            Some((_, sum)) => *sum = sum.saturating_add(*count),
            None => found.push((*passage, *count)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one_term() {
        assert_eq!(unite_postings(&[(1, 1), (3, 200)], &[(2, 1), (3, 100)]), [(1, 1), (2, 1), (3, 255)]);
        assert_eq!(unite_postings(&[], &[(2, 1)]), [(2, 1)]);
        assert_eq!(intersect_postings(&[(1, 1), (3, 2), (5, 1)], &[(3, 1), (4, 1), (5, 7)]), [(3, 1), (5, 1)]);
        assert!(intersect_postings(&[(1, 1)], &[]).is_empty());
    }
}
