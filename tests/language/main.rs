//! The language of names, comments and documents, measured. Each number is held at or below a recorded value that may
//! only fall; docs/GLOSSARY.md has the words.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Recorded values, in percent. Lower them when the code does better.
const ONE_WORD_FUNCTIONS: f64 = 15.0;
const REUSED_TYPE_NAMES: f64 = 2.0;
const RIDDLE_OPENERS: f64 = 1.5;
const SHORT_DOCS: f64 = 1.5;

/// Words that the glossary replaced, as they would stand in help, messages and documents.
const RETIRED: &[&str] = &[
    "by meaning",
    "both ways",
    "made anew",
    "make anew",
    "making anew",
    "kept out of answers",
    "keep out of answers",
    "wait for their vectors",
    "whoever",
    "telephone",
    "nobody was told",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The Rust of `src/` without the test module at the end of a file.
fn sources() -> Vec<(PathBuf, String)> {
    let without_tests = |text: String| match text.find("#[cfg(test)]\nmod tests {") {
        Some(end) => text.get(..end).unwrap_or("").to_owned(),
        None => text,
    };
    files("src", &["rs"]).into_iter().map(|(path, text)| (path, without_tests(text))).collect()
}

/// Documents without what their code blocks quote.
fn documents() -> Vec<(PathBuf, String)> {
    let mut all = files("docs", &["md"]);
    for name in ["README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        all.push((root().join(name), fs::read_to_string(root().join(name)).unwrap()));
    }
    let blocks = Regex::new(r"(?s)```.*?```|`[^`\n]*`").unwrap();
    let without_blocks = |(path, text): (PathBuf, String)| {
        // The reference is generated from help and settings: its blocks are our own words.
        let is_reference = path.starts_with(root().join("docs/reference"));
        let text = if is_reference { text } else { blocks.replace_all(&text, "").into_owned() };
        (path, text)
    };
    all.into_iter().map(without_blocks).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

fn hold(what: &str, is: f64, most: f64, examples: &[String]) {
    let some = examples.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(is <= most, "{what}: {is:.1} %, at most {most} % are recorded; among them:\n{some}");
}

#[test]
fn functions_are_verbs_with_objects() {
    let function = Regex::new(r"\bfn ([a-z_0-9]+)").unwrap();
    let (mut all, mut one_word) = (0, Vec::new());
    for (path, text) in sources() {
        for found in function.captures_iter(&text) {
            all += 1;
            if !found[1].trim_matches('_').contains('_') {
                one_word.push(format!("{}: {}", path.display(), &found[1]));
            }
        }
    }
    hold("functions of one word", percent(one_word.len(), all), ONE_WORD_FUNCTIONS, &one_word);
}

#[test]
fn a_type_has_a_name_of_its_own() {
    let type_of =
        Regex::new(r"(?m)\b(?:struct|enum|trait|union) ([A-Z]\w*)|^\s*(?:pub(?:\([^)]*\))? )?type ([A-Z]\w*)\b[^;]*= ");
    let type_of = type_of.unwrap();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    // What stands in for a part that a build leaves out has the names of that part.
    let stands_in = |path: &Path| path.to_string_lossy().ends_with("absent.rs");
    for (_, text) in sources().into_iter().filter(|(path, _)| !stands_in(path)) {
        for found in type_of.captures_iter(&text) {
            let name = found.get(1).or(found.get(2)).unwrap().as_str();
            *names.entry(name.to_owned()).or_default() += 1;
        }
    }
    let reused: Vec<String> = names.iter().filter(|(_, count)| **count > 1).map(|(name, _)| name.clone()).collect();
    hold("type names of more than one type", percent(reused.len(), names.len()), REUSED_TYPE_NAMES, &reused);
}

/// Collects the first lines of all documentation comments, with their files.
fn first_doc_lines() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let docs: Vec<Option<&str>> = text.lines().map(|line| line.trim().strip_prefix("///")).collect();
        let starts =
            docs.iter().enumerate().filter(|(at, _)| *at == 0 || docs.get(at - 1).is_some_and(Option::is_none));
        found.extend(starts.filter_map(|(_, doc)| Some((path.clone(), (*doc)?.trim().to_owned()))));
    }
    found
}

#[test]
fn documentation_comments_say_something() {
    let riddle = Regex::new(r"^(What|Whether|Who|How|Those|It|Its|Whoever|Where|When|Why)\b").unwrap();
    let all = first_doc_lines();
    let place = |(path, doc): &(PathBuf, String)| format!("{}: {doc}", path.display());
    let riddles: Vec<String> = all.iter().filter(|(_, doc)| riddle.is_match(doc)).map(place).collect();
    let short: Vec<String> = all.iter().filter(|(_, doc)| doc.split_whitespace().count() <= 2).map(place).collect();
    hold("comments that open as riddles", percent(riddles.len(), all.len()), RIDDLE_OPENERS, &riddles);
    hold("comments of one or two words", percent(short.len(), all.len()), SHORT_DOCS, &short);
}

#[test]
fn retired_words_are_not_used() {
    let mut texts = documents();
    texts.extend(files("data/page", &["js", "html"]));
    for (path, text) in texts {
        let text = text.to_lowercase();
        for word in RETIRED {
            assert!(!text.contains(word), "{} says {word:?}; docs/GLOSSARY.md has the word for it", path.display());
        }
    }
}

#[test]
fn chinese_is_set_in_full_width() {
    let half = Regex::new(r"[\u{4e00}-\u{9fff}][,:;?!]").unwrap();
    let mut texts = documents();
    texts.extend(files("data/page", &["js", "html"]));
    texts.extend(files("src/monitor", &["rs"]));
    for (path, text) in texts {
        // Console output in a document is quoted as it is.
        for line in text.lines().filter(|line| half.is_match(line)) {
            assert!(line.starts_with("    "), "{}: half-width punctuation in {line:?}", path.display());
        }
    }
}

#[test]
fn numbers_agree_with_their_nouns() {
    let wrong = Regex::new(r"\b1 (messages|sessions|files|results|notes|minutes|days|times|texts|alerts)\b").unwrap();
    for (path, text) in documents().into_iter().chain(files("docs/guides", &["md"])) {
        let found = wrong.find(&text).map(|found| found.as_str().to_owned());
        assert!(found.is_none(), "{} says {found:?}", path.display());
    }
}
