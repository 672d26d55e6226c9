//! Finds the places of a text that a query marks, by the terms of the keyword index: `policy` marks "policies", an
//! identifier marks itself and not its parts, 连接池 marks itself and not every 连. One function for the page, the command
//! line and the terminal UI. Owns no colours.

use std::collections::HashSet;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

use super::is_cjk;
use super::terms::{
    TermExtractor, is_joiner_char, is_word_char, lowercase_word, normalise_compatibility, simplify_chinese,
    take_identifier, take_plain_word, take_run,
};

/// Most terms of a query that are looked for.
const MAX_TERMS: usize = 64;

/// Terms of a query, which find the places to mark.
#[derive(Debug, Default)]
pub struct Highlighter {
    terms: TermExtractor,
    wanted: HashSet<String>,
}

/// A word, an identifier or a run of CJK characters in a text, with its bytes in the folded text.
enum TextRun<'t> {
    Word(&'t str, usize),
    Identifier(&'t str, usize),
    Cjk(&'t str, usize),
}

impl Highlighter {
    /// Creates a highlighter for a query. `matched` are the terms by which results were found: if there are any, words
    /// of the query that found nothing mark nothing, and translations mark too.
    pub fn from_query(query: &str, matched: &[String]) -> Self {
        let terms = TermExtractor::default();
        let mut own = HashSet::new();
        visit_runs(&normalise_compatibility(query), &mut |run| match run {
            TextRun::Word(word, _) => {
                own.insert(terms.word_term(word));
            }
            TextRun::Identifier(run, _) => {
                let segments = run.split('/').filter(|segment| segment.contains(is_joiner_char));
                own.extend(segments.chain([run]).map(|run| lowercase_word(run).into_owned()));
            }
            TextRun::Cjk(run, _) => own.extend(cjk_pairs(&simplify_chinese(run))),
        });
        own.remove("");
        let all: HashSet<String> = terms.query_terms(query, MAX_TERMS).into_iter().collect();
        let found = |term: &String| matched.iter().any(|known| known == term);
        let mut wanted: HashSet<String> = own.iter().filter(|term| found(term)).cloned().collect();
        wanted.extend(matched.iter().filter(|term| !all.contains(*term)).cloned());
        if query.trim().is_empty() {
            // The parts of an identifier, and single characters beside pairs, are terms of the index only.
            let is_part = |term: &String| {
                wanted.iter().any(|other| other != term && terms.join_terms(other).split(' ').any(|part| part == term))
            };
            let parts: Vec<String> = wanted.iter().filter(|term| is_part(term)).cloned().collect();
            wanted.retain(|term| !parts.contains(term));
        } else if wanted.is_empty() {
            wanted = own;
        }
        Self { terms, wanted }
    }

    /// Returns true if nothing is marked in any text.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Returns the byte ranges to mark, in order, without overlap.
    pub fn find_marks(&self, text: &str) -> Vec<Range<usize>> {
        self.find_ranges(text).0
    }

    /// Returns the ranges to mark in an excerpt: where nothing else is marked, whole identifiers that have a wanted word
    /// as a part.
    pub fn find_excerpt_marks(&self, text: &str) -> Vec<Range<usize>> {
        let (marks, identifiers) = self.find_ranges(text);
        if marks.is_empty() { identifiers } else { marks }
    }

    fn find_ranges(&self, text: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
        if self.wanted.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let folded = FoldedText::fold_text(text);
        let (mut marks, mut identifiers) = (Vec::new(), Vec::new());
        visit_runs(&folded.text, &mut |run| match run {
            TextRun::Word(word, at) if self.wanted.contains(&self.terms.word_term(word)) => {
                marks.push(at..at + word.len());
            }
            TextRun::Word(word, at) => {
                if self.has_wanted_part(word) {
                    identifiers.push(at..at + word.len());
                }
            }
            TextRun::Identifier(run, at) => self.mark_identifier(run, at, &mut marks, &mut identifiers),
            TextRun::Cjk(run, at) => self.mark_cjk(run, at, &mut marks),
        });
        let original =
            |ranges: Vec<Range<usize>>| ranges.into_iter().map(|range| folded.original_range(&range)).collect();
        (original(marks), original(identifiers))
    }

    fn mark_identifier(
        &self,
        run: &str,
        at: usize,
        marks: &mut Vec<Range<usize>>,
        identifiers: &mut Vec<Range<usize>>,
    ) {
        if self.wanted.contains(lowercase_word(run).as_ref()) {
            return marks.push(at..at + run.len());
        }
        let (mut start, mut is_marked) = (at, false);
        for segment in run.split('/') {
            if segment.len() < run.len() && self.wanted.contains(lowercase_word(segment).as_ref()) {
                marks.push(start..start + segment.len());
                is_marked = true;
            }
            start += segment.len() + 1;
        }
        if is_marked {
            return;
        }
        // Words that prose joins: rate-limit, gateway/history.
        if run.chars().all(|character| character.is_alphabetic() || matches!(character, '-' | '/')) {
            let mut start = at;
            for word in run.split(['-', '/']) {
                if self.wanted.contains(&self.terms.word_term(word)) {
                    marks.push(start..start + word.len());
                }
                start += word.len() + 1;
            }
        } else if self.has_wanted_part(run) {
            identifiers.push(at..at + run.len());
        }
    }

    fn has_wanted_part(&self, run: &str) -> bool {
        let mut has = false;
        self.terms.for_each_term(run, &mut |term| has |= self.wanted.contains(term));
        has
    }

    fn mark_cjk(&self, run: &str, at: usize, marks: &mut Vec<Range<usize>>) {
        let simplified: Vec<char> = simplify_chinese(run).chars().collect();
        let places: Vec<usize> = run.char_indices().map(|(place, _)| at + place).chain([at + run.len()]).collect();
        let mut last: Option<Range<usize>> = None;
        for number in 0..simplified.len() {
            let is_wanted = |length: usize| {
                let text = simplified.get(number..number + length);
                text.is_some_and(|text| self.wanted.contains(&text.iter().collect::<String>()))
            };
            let length = if is_wanted(2) { 2 } else { usize::from(is_wanted(1)) };
            if length == 0 {
                continue;
            }
            let range = bounds(&places, number, number + length);
            match &mut last {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => marks.extend(last.replace(range)),
            }
        }
        marks.extend(last);
    }
}

fn bounds(places: &[usize], from: usize, until: usize) -> Range<usize> {
    places.get(from).copied().unwrap_or(0)..places.get(until).copied().unwrap_or(0)
}

/// Returns the pairs of a run of CJK characters; its only character if it has one.
fn cjk_pairs(run: &str) -> Vec<String> {
    let characters: Vec<char> = run.chars().collect();
    match characters.as_slice() {
        [only] => vec![only.to_string()],
        all => all.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

/// Calls `visit` with the runs of a folded text, cut as the index cuts them.
fn visit_runs<'t>(folded: &'t str, visit: &mut impl FnMut(TextRun<'t>)) {
    let mut at = 0;
    while let Some(start) = folded.get(at..).and_then(|rest| rest.find(is_word_char)).map(|found| at + found) {
        let rest = folded.get(start..).unwrap_or("");
        let length = if let Some(word) = take_plain_word(rest) {
            visit(TextRun::Word(word, start));
            word.len()
        } else if rest.starts_with(is_cjk) {
            let run = take_run(rest, is_cjk);
            visit(TextRun::Cjk(run, start));
            run.len()
        } else {
            let run = take_identifier(rest);
            visit(if run.contains(is_joiner_char) {
                TextRun::Identifier(run, start)
            } else {
                TextRun::Word(run, start)
            });
            run.len()
        };
        at = start + length.max(1);
    }
}

/// A text as the index reads it, and where its bytes come from.
struct FoldedText<'t> {
    text: std::borrow::Cow<'t, str>,
    /// Places in the folded and in the original text at which a group of characters begins; empty if both are equal.
    starts: Vec<(usize, usize)>,
    length: usize,
}

impl<'t> FoldedText<'t> {
    fn fold_text(text: &'t str) -> Self {
        let whole = normalise_compatibility(text);
        if whole.as_ref() == text {
            return Self { text: whole, starts: Vec::new(), length: text.len() };
        }
        // A character and the marks upon it are folded together.
        let (mut folded, mut starts) = (String::with_capacity(text.len()), Vec::new());
        let mut begun = 0;
        let ends = text.char_indices().skip(1).filter(|(_, next)| canonical_combining_class(*next) == 0);
        for end in ends.map(|(at, _)| at).chain([text.len()]) {
            starts.push((folded.len(), begun));
            folded.extend(text.get(begun..end).unwrap_or("").nfkc());
            begun = end;
        }
        Self { text: folded.into(), starts, length: text.len() }
    }

    fn original_range(&self, range: &Range<usize>) -> Range<usize> {
        if self.starts.is_empty() {
            return range.clone();
        }
        let first = self.starts.partition_point(|(folded, _)| *folded <= range.start).saturating_sub(1);
        let after = self.starts.partition_point(|(folded, _)| *folded < range.end);
        let start = self.starts.get(first).map_or(0, |(_, original)| *original);
        start..self.starts.get(after).map_or(self.length, |(_, original)| *original)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked<'t>(query: &str, text: &'t str) -> Vec<&'t str> {
        let found = Highlighter::from_query(query, &[]).find_marks(text);
        found.into_iter().filter_map(|range| text.get(range)).collect()
    }

    #[test]
    fn words_mark_what_has_their_stem() {
        assert_eq!(
            marked("retry policy", "Retries, and the policies to retry; retrying."),
            ["Retries", "policies", "retry", "retrying"]
        );
        assert_eq!(marked("why is telemetry opt-in", "Telemetry is opt-in"), ["Telemetry", "opt-in"]);
        assert_eq!(marked("history", "the history-service, histories and prehistory"), ["history", "histories"]);
        assert_eq!(marked("the of and", "the of and"), Vec::<&str>::new());
    }

    #[test]
    fn an_identifier_marks_itself_and_not_its_parts() {
        let text = "set pool_size in src/db/pool.ts: the pool has a size, see pool.ts";
        assert_eq!(marked("pool_size", text), ["pool_size"]);
        assert_eq!(marked("src/db/pool.ts", text), ["src/db/pool.ts", "pool.ts"]);
        assert_eq!(marked("getUserName", "getUserName gets the user name"), ["getUserName"]);
        assert_eq!(marked("pool", "the pool, pool_size"), ["pool"]);
        let excerpt = Highlighter::from_query("pool", &[]).find_excerpt_marks("set pool_size and getPool()");
        assert_eq!(excerpt, [4..13, 18..25]);
    }

    #[test]
    fn chinese_marks_pairs_and_joins_them() {
        assert_eq!(marked("连接池", "数据库连接池的大小，接口不算"), ["连接池"]);
        assert_eq!(marked("數據庫 pool", "数据库 Pool 与 pools"), ["数据库", "Pool", "pools"]);
        assert_eq!(marked("库", "数据库和库存"), ["库", "库"]);
        assert_eq!(marked("数据库", "數據庫連接"), ["數據庫"]);
        assert_eq!(marked("pool size", "Ｐｏｏｌ　ｓｉｚｅ e\u{301} pool"), ["Ｐｏｏｌ", "ｓｉｚｅ", "pool"]);
    }

    #[test]
    fn terms_that_found_something_decide() {
        let terms = |list: &[&str]| list.iter().map(|term| (*term).to_owned()).collect::<Vec<_>>();
        let marks = |query: &str, matched: &[&str], text: &str| -> usize {
            Highlighter::from_query(query, &terms(matched)).find_marks(text).len()
        };
        assert_eq!(marks("why change the pool", &["pool"], "pool change"), 1);
        assert_eq!(marks("connection pool", &["pool", "连接"], "连接 pool"), 2);
        assert_eq!(marks("src/db.rs", &["src/db.rs", "db.rs", "src", "db", "rs"], "src db rs"), 0);
        assert_eq!(marks("", &["连接", "连", "接", "src/db.rs", "db"], "连 接 db 连接 src/db.rs"), 2);
        assert!(Highlighter::from_query("", &[]).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn ranges_are_in_order_and_inside_the_text(text in "[a-e数据库ＡÅÅe\u{301}ﬁ_./ -]{0,60}", query in "[a-e数据ﬁ_./ -]{1,12}") {
            let found = Highlighter::from_query(&query, &[]);
            for ranges in [found.find_marks(&text), found.find_excerpt_marks(&text)] {
                let mut end = 0;
                for range in ranges {
                    proptest::prop_assert!(range.start >= end && range.end > range.start && text.get(range.clone()).is_some(), "{range:?}");
                    end = range.end;
                }
            }
        }
    }
}
