//! Ranking rules and pages over small corpora. What a rule adds is read from the explanation, so that a test fails for
//! the rule it names.

use crate::domain::{Detail, SearchResults};
use crate::memory::test_corpus::{DAY, TestCorpus};

/// Returns the explanation of the hit that begins so.
fn explanation<'a>(results: &'a SearchResults, opening: &str) -> &'a str {
    let hit = results.hits.iter().find(|hit| hit.snippet.starts_with(opening));
    hit.and_then(|hit| hit.explanation.as_deref())
        .unwrap_or_else(|| panic!("no hit begins with {opening:?}: {results:?}"))
}

#[test]
fn more_words_of_the_question_rank_higher() {
    let corpus = TestCorpus::new(&[
        ("a", "assistant", 10, "walnut tables are oiled"),
        ("b", "assistant", 10, "walnut veneer splits when the glue dries too fast"),
        ("c", "assistant", 10, "the glue pot is on the shelf"),
    ]);
    let results = corpus.search("walnut veneer glue", |_| {});
    assert_eq!(TestCorpus::openings(&results).first().map(String::as_str), Some("walnut veneer"));
    assert_eq!(results.hits.len(), 3);
}

#[test]
fn an_answer_ranks_above_the_question_it_answers() {
    let corpus = TestCorpus::new(&[
        ("a", "assistant", 20, "Which lathe speed do you want for maple?"),
        ("a", "user", 19, "maple at 900 rounds, lathe speed never higher"),
    ]);
    let results = corpus.search("lathe speed for maple", |_| {});
    assert_eq!(TestCorpus::openings(&results).first().map(String::as_str), Some("maple at"));
    assert!(explanation(&results, "maple at").contains("answers a question"), "{results:?}");
    assert!(explanation(&results, "Which lathe").contains("asks and does not"), "{results:?}");
}

#[test]
fn of_two_equal_texts_the_newer_comes_first_and_a_better_old_one_before_both() {
    let corpus = TestCorpus::new(&[
        ("old", "assistant", 40 * DAY, "the chisel angle is thirty degrees for paring"),
        ("mid", "assistant", 20 * DAY, "a chisel was bought"),
        ("new", "assistant", DAY, "one chisel was sold"),
    ]);
    let results = corpus.search("chisel angle for paring", |_| {});
    assert_eq!(TestCorpus::openings(&results), ["the chisel", "one chisel", "a chisel"]);
}

#[test]
fn the_session_that_speaks_most_of_it_lifts_its_messages() {
    let corpus = TestCorpus::new(&[
        ("many", "user", 50 * DAY, "dovetail joints: mark the tails first"),
        ("many", "assistant", 50 * DAY, "dovetail joints need a marking gauge"),
        ("many", "user", 50 * DAY, "then dovetail joints are cut to the line"),
        ("one", "assistant", 50 * DAY, "dovetail joints in a drawer"),
    ]);
    let results = corpus.search("dovetail joints", |_| {});
    let sessions: Vec<&str> = results.hits.iter().map(|hit| hit.session.as_str()).collect();
    assert_eq!(sessions.last(), Some(&"one"), "{results:?}");
    assert!(explanation(&results, "dovetail joints need").contains("rest of its session"));
}

#[test]
fn a_project_in_which_one_searches_lifts_its_messages_a_little() {
    let mut corpus = TestCorpus::new(&[("a", "assistant", 3 * DAY, "varnish dries overnight in the shop")]);
    corpus.import("/home/dev/boat", &[("b", "assistant", 3 * DAY, "varnish dries overnight on the boat")]);
    let here = corpus.memory.resolve_projects("boat", None).unwrap().unwrap();
    let results = corpus.search("varnish dries overnight", |query| query.here = here);
    assert_eq!(results.hits.iter().map(|hit| hit.project.as_str()).collect::<Vec<_>>(), ["boat", "shop"]);
    assert!(explanation(&results, "varnish").contains("from this project"), "{results:?}");
}

#[test]
fn a_named_day_lifts_the_messages_of_that_day() {
    let corpus = TestCorpus::new(&[
        ("a", "user", DAY, "sanded the oak door with grain"),
        ("b", "user", 9 * DAY, "sanded the oak stair with grain"),
    ]);
    for question in ["oak sanded yesterday", "昨天 oak sanded"] {
        let results = corpus.search(question, |_| {});
        assert!(explanation(&results, "sanded the oak door").contains("the time you name"), "{question}: {results:?}");
        assert!(
            !explanation(&results, "sanded the oak stair").contains("the time you name"),
            "{question}: {results:?}"
        );
    }
}

#[test]
fn chinese_texts_are_ranked_by_their_words_too() {
    let corpus = TestCorpus::new(&[
        ("a", "assistant", 10, "榫卯结构不用钉子，也很牢固"),
        ("b", "assistant", 10, "钉子放在左边的抽屉里"),
    ]);
    let results = corpus.search("榫卯结构 钉子", |_| {});
    assert_eq!(results.hits.len(), 2);
    assert!(results.hits.first().is_some_and(|hit| hit.snippet.starts_with("榫卯")), "{results:?}");
}

#[test]
fn texts_that_differ_only_in_spaces_and_case_are_one_hit() {
    let corpus = TestCorpus::new(&[
        ("a", "assistant", 10, "The Plane iron is dull."),
        ("b", "assistant", 9, "the plane  iron is dull"),
        ("c", "assistant", 8, "the plane iron is sharp again"),
    ]);
    assert_eq!(corpus.search("plane iron", |_| {}).hits.len(), 2);
}

#[test]
fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    let texts: Vec<String> = (0..23).map(|index| format!("clamp number{index} holds the board")).collect();
    let lines: Vec<_> = texts.iter().map(|text| ("a", "assistant", 10, text.as_str())).collect();
    let corpus = TestCorpus::new(&lines);
    let (mut offset, mut seen) = (Some(0), Vec::new());
    while let Some(from) = offset {
        let page = corpus.search("clamp board", |query| (query.offset, query.limit) = (from, 5));
        assert!(page.hits.len() <= 5);
        seen.extend(page.hits.iter().map(|hit| hit.id));
        offset = page.next;
        assert!(seen.len() <= 23, "the pages do not end");
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (23, 23));
}

#[test]
fn a_budget_of_tokens_cuts_the_page_and_says_where_it_goes_on() {
    let texts: Vec<String> =
        (0..9).map(|index| format!("rasp{index} {}", "shapes the wood quickly ".repeat(40))).collect();
    let lines: Vec<_> = texts.iter().map(|text| ("a", "assistant", 10, text.as_str())).collect();
    let corpus = TestCorpus::new(&lines);
    let page = corpus.search("shapes the wood", |query| (query.max_tokens, query.detail) = (900, Detail::Full));
    assert!(page.tokens <= 900 && !page.hits.is_empty() && page.hits.len() < 9, "{}", page.tokens);
    assert_eq!(page.next, Some(page.hits.len()));
    assert!(page.warnings.iter().any(|warning| warning.contains("budget of 900 tokens")), "{:?}", page.warnings);
    // The first hit is shortened rather than left out.
    let narrow = corpus.search("shapes the wood", |query| (query.max_tokens, query.detail) = (260, Detail::Full));
    assert_eq!(narrow.hits.len(), 1);
    assert!(narrow.tokens <= 260 && narrow.hits.iter().all(|hit| hit.snippet.ends_with('…')), "{narrow:?}");
}

#[test]
fn index_detail_returns_no_text_and_full_detail_all_of_it() {
    let long = format!("tenon {}", "and mortise ".repeat(120));
    let corpus = TestCorpus::new(&[("a", "assistant", 10, &long)]);
    let text = |detail| corpus.search("tenon", |query| query.detail = detail).hits.remove(0).snippet;
    assert_eq!(text(Detail::Index), "");
    assert_eq!(text(Detail::Full), long);
    assert!(text(Detail::Snippet).chars().count() < 400);
}

/// Sessions about two subjects in two languages.
const TWO_LANGUAGES: [(&str, &str, i64, &str); 4] = [
    ("tele", "assistant", 10, "telemetry is disabled by default now, the flag became opt-in"),
    ("pool", "assistant", 10, "the connection pool was too small for the workers"),
    ("pay", "assistant", 10, "支付回调重复处理，现在按订单号做幂等"),
    ("food", "assistant", 10, "午饭吃了红烧肉和米饭"),
];

#[test]
fn a_question_finds_texts_in_the_other_language() {
    let corpus = TestCorpus::new(&TWO_LANGUAGES);
    for (question, opening, marked) in [
        ("为什么遥测默认关闭了", "telemetry is", "telemetri"),
        ("遥测", "telemetry is", "telemetri"),
        ("连接池", "the connection", "pool"),
        ("why was the payment callback processed twice", "支付回调重复处理，现在按订单号做幂等", "支付"),
        ("idempotent", "支付回调重复处理，现在按订单号做幂等", "幂等"),
    ] {
        let results = corpus.search(question, |_| {});
        assert_eq!(TestCorpus::openings(&results).first().map(String::as_str), Some(opening), "{question}");
        let hit = results.hits.first().unwrap();
        assert!(hit.matched.terms.iter().any(|term| term == marked), "{question}: {:?}", hit.matched.terms);
        assert!(hit.matched.keyword_rank == Some(1), "{question}: {hit:?}");
    }
    assert!(corpus.search("午饭", |_| {}).hits.iter().all(|hit| hit.session == "food"));
}

#[test]
fn words_in_the_questions_own_script_are_not_translated() {
    let corpus = TestCorpus::new(&[
        ("own", "assistant", 10, "the rollback took an hour"),
        ("synonym", "assistant", 10, "we had to revert the release"),
        ("chinese", "assistant", 10, "昨天回滚了"),
    ]);
    let found = |question: &str| -> Vec<String> {
        corpus.search(question, |_| {}).hits.into_iter().map(|hit| hit.session).collect()
    };
    assert_eq!(found("rollback"), ["own", "chinese"]);
    let mut all = found("回滚");
    all.sort_unstable();
    assert_eq!(all, ["chinese", "own", "synonym"]);
}

#[test]
fn every_text_of_a_query_must_match_in_its_own_language_or_in_the_other() {
    let corpus = TestCorpus::new(&TWO_LANGUAGES);
    let both = |texts: [&str; 2]| {
        let texts: Vec<String> = texts.map(str::to_owned).to_vec();
        corpus.search("", |query| query.texts = texts).hits.len()
    };
    assert_eq!((both(["遥测", "默认"]), both(["遥测", "连接池"])), (1, 0));
}
