//! Analysis of a question by rules: its subject without the frame around it, whether it is about the asker, the kind of
//! answer it wants, the days and literal phrases it names. English and Chinese; no model.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex_lite::Regex;

use super::dates::{self, NamedDay};
use super::{Script, compile_rule};
use crate::domain::Timestamp;

/// Phrases that address the listener or the past conversation and say nothing about the subject.
///
/// They are removed before words are weighted and the question is embedded: "can you list the order in which I brought
/// up …" is not about lists.
const FRAMES: &[&str] = &[
    r"^[[:space:]]*(?:hey|hi|ok|okay|so|please|also)[,!]?[[:space:]]+",
    r"\b(?:can|could|would|will) you (?:please )?(?:also )?(?:help me )?(?:give|provide|list|summari[sz]e|recap|outline|describe|remind|walk|tell|show|find|recall|remember)(?: me| us)?(?: again)?(?: through| about| of| what| in order)?\b",
    r"^[[:space:]]*(?:please )?(?:give|list|summari[sz]e|recap|outline|remind|walk|tell) (?:me|us)(?: through| about| of)?\b",
    r"\b(?:(?:a|an|the) )?(?:(?:comprehensive|complete|clear|detailed|brief|short|quick|full),? )?(?:summary|overview|recap) of\b",
    r"\b(?:the )?order in which (?:i|we|you) (?:brought up|mentioned|discussed|raised|talked about)\b",
    r"\b(?:i|we|you) brought up\b",
    r"\b(?:different|various) aspects of\b",
    r"\b(?:throughout|across|over|in|during|from) (?:all )?(?:of )?(?:our|my|these|the|past|previous|earlier) (?:(?:previous|past|earlier|entire) )?(?:conversations?|chats?|discussions?)(?: with you)?\b",
    r"\b(?:that )?(?:we|i)(?:'ve| have)? (?:just |previously |already |earlier )?(?:discussed|talked about|chatted about|been discussing)(?: so far| before| earlier| previously)?\b",
    r"\bmention only[^.?!]*[.?!]?",
    r",? ?\bin order\b",
    r"\bdo you (?:still )?remember\b",
    r"\b(?:so far|over time)\b",
    "(?:请|麻烦)?(?:帮我|给我|跟我)?(?:总结|概括|列出|列一下|回忆|回顾|告诉我|说说)(?:一下)?",
    "你?还?(?:记不)?记得",
    "(?:我们|咱们)?(?:之前|以前|上次|曾经)?(?:聊|讨论|说|谈|提)(?:起|到)?过的?",
];

/// First-person words: "I", "my", "我" but not "we", "我们". Then the asker's own words answer more often than the
/// assistant's.
const SELF: &str = r"(?:^|[^[:word:]'’])(?:i|my|me|mine|myself|i['’](?:m|ve|d))(?:$|[^[:word:]'’])|我(?:[^们]|$)";

/// Phrases of a question that asks for advice or for something to be made.
const ADVICE: &[&str] = &[
    r"^[[:space:]]*(?:how (?:should|do|can|could|would|might) (?:i|we)\b|can you\b|could you\b|would you\b|please\b|show me\b|help me\b)",
    r"^[[:space:]]*(?:i['’]?m|i am) (?:planning|looking|trying|about|applying|working|updating)\b",
    r"^[[:space:]]*(?:what\b|which\b.*\b(?:should|use)\b|where\b.*\bshould\b|when (?:building|making|writing)\b)",
    r"\b(?:how can i|should i)\b",
    "怎么|如何|应该|推荐|建议|帮我",
];

/// Phrases of a question that asks about the past.
const HISTORY: &[&str] = &[
    r"\b(?:did|have|had|was|were) (?:i|we|you|my|our)\b|\b(?:i|we|you)['’]ve\b",
    r"\bi (?:said|told|mentioned|brought)\b|\bwe (?:discussed|talked)\b|\byou (?:recommended?|suggested?|said|told)\b",
    r"\b(?:our|previous|past|earlier) (?:conversations?|chats?|discussions?|sessions?)\b",
    r"\b(?:summary|summari[sz]e|recap|remind me|so far|over time|over the past|in order)\b",
    "之前|以前|曾经|上次|过吗|总结|回顾|我们(?:聊|讨论|说)",
];

/// Words of a question that asks for the current state.
const LATEST: &str = r"\b(?:now|currently|current|latest|these days|at the moment|as of today|most recent(?:ly)?)\b|现在|目前|最新|如今|眼下";

/// Phrases of a question about what was decided, or about the present state. Words such as "default" and "current" count
/// in a question only: elsewhere they may name a thing.
const WHAT_HOLDS: &[&str] = &[
    r"\b(?:did|have|had|do|are) (?:we|i|you|they)\b[^?]{0,40}\b(?:decided?|agreed?|settled?|choose|chosen|picked?)\b",
    r"\b(?:what|which|who|where|how|is|are|do|does|should)\b[^?]*\b(?:default|current|currently|now|still|decisions?|decided|agreed|latest|these days|at the moment|as of today|nowadays)\b",
    r"\b(?:what|which|where|how)\b[^?]*\bdo (?:we|i)\b[^?]*\b(?:use|deploy|keep|store|run|call|name|release)\b",
    r"^[[:space:]]*(?:the |our )?(?:current|latest)\b",
    "决定|定了|定下|定的|敲定|商定|现在|目前|当前|如今|眼下|最新|最终|默认(?:值|是|用|的|开|关|不|为)",
];

/// Phrases that ask for a decision and say nothing of what it is about.
const DECISION_FRAMES: &[&str] = &[
    r"\b(?:what|which|how|when) (?:did|have|had|do) (?:we|i|you|they) (?:finally |eventually )?(?:decided?|agreed?|settled?|concluded?)(?: (?:on|about|upon|regarding|for))?\b",
    "(?:最后|最终|后来)?(?:做了?什么决定|决定了?什么|是?怎么(?:决定|定)的)",
];

static DECISION_FRAME_RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| compile_all(DECISION_FRAMES));
static FRAME_RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| compile_all(FRAMES));
static SELF_RULE: LazyLock<Regex> = LazyLock::new(|| compile_case_insensitive(SELF));
static ADVICE_RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| compile_all(ADVICE));
static HISTORY_RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| compile_all(HISTORY));
static LATEST_RULE: LazyLock<Regex> = LazyLock::new(|| compile_case_insensitive(LATEST));
static WHAT_HOLDS_RULES: LazyLock<Vec<Regex>> = LazyLock::new(|| compile_all(WHAT_HOLDS));
static QUOTED_RULE: LazyLock<Regex> = LazyLock::new(|| {
    compile_case_insensitive("\"([^\"\n]{3,120})\"|“([^”\n]{2,120})”|「([^」\n]{2,120})」|`([^`\n]{3,120})`")
});

fn compile_case_insensitive(pattern: &str) -> Regex {
    compile_rule(&format!("(?i){pattern}"))
}

fn matches_any(rules: &[Regex], text: &str) -> bool {
    rules.iter().any(|rule| rule.is_match(text))
}

fn compile_all(rules: &[&str]) -> Vec<Regex> {
    rules.iter().map(|rule| compile_case_insensitive(rule)).collect()
}

/// Result of analysing a question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedQuestion {
    /// The texts without their frames.
    pub subjects: Vec<String>,
    /// Script of all texts together.
    pub script: Script,
    /// True if it is about the asker.
    pub about_self: bool,
    /// True if it asks for advice and not about the past.
    pub wants_advice: bool,
    /// True if it asks for the current state.
    pub wants_latest: bool,
    /// Days and months that it names.
    pub days: Vec<NamedDay>,
    /// Phrases in quotation marks.
    pub phrases: Vec<String>,
}

impl ParsedQuestion {
    /// Analyses the texts of a query; `now` and `zone` resolve words such as "yesterday".
    pub fn parse_texts(texts: &[String], now: Timestamp, zone: impl Fn() -> TimeZone) -> Self {
        let any = |test: &dyn Fn(&str) -> bool| texts.iter().any(|text| test(text));
        let phrases = texts.iter().flat_map(|text| {
            QUOTED_RULE
                .captures_iter(text)
                .filter_map(|found| Some(found.iter().skip(1).flatten().next()?.as_str().to_owned()))
        });
        Self {
            subjects: texts.iter().map(|text| strip_frame(text)).collect(),
            script: Script::from_text(&texts.join(" ")),
            about_self: any(&|text| SELF_RULE.is_match(text)),
            wants_advice: any(&|text| matches_any(&ADVICE_RULES, text))
                && !any(&|text| matches_any(&HISTORY_RULES, text)),
            wants_latest: any(&|text| LATEST_RULE.is_match(text)),
            days: texts.iter().flat_map(|text| dates::find_days(text, now, &zone)).collect(),
            phrases: phrases.collect(),
        }
    }
}

/// Returns true if a query asks what was decided or what holds now: of several answers on one thing the newest counts.
pub fn asks_what_holds(texts: &[String]) -> bool {
    texts.iter().any(|text| matches_any(&WHAT_HOLDS_RULES, text))
}

/// Removes from a text what only asks for a decision: "what did we decide about the pool size" is about the pool size.
/// Answers rarely repeat such words, so their absence says nothing.
pub fn strip_decision_frame(text: &str) -> String {
    strip_phrases(text, &DECISION_FRAME_RULES)
}

fn strip_frame(text: &str) -> String {
    strip_phrases(text, &FRAME_RULES)
}

/// Removes phrases from a text; returns the whole text if fewer than four letters or digits are left.
fn strip_phrases(text: &str, rules: &[Regex]) -> String {
    let mut rest = text.to_owned();
    for rule in rules {
        rest = rule.replace_all(&rest, " ").into_owned();
    }
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = rest.trim_matches(|c: char| c == ' ' || c == ',' || c == '.');
    if rest.chars().filter(|c| c.is_alphanumeric()).count() >= 4 { rest.to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ParsedQuestion {
        ParsedQuestion::parse_texts(&[text.to_owned()], Timestamp::default(), || TimeZone::UTC)
    }

    #[test]
    fn the_frame_is_not_the_subject() {
        for (text, expect) in [
            ("Can you give me a summary of how the parser evolved over time?", "how the parser evolved ?"),
            ("你还记得我们之前讨论过的备份方案吗", "备份方案吗"),
            ("fix concurrent session handling", "fix concurrent session handling"),
            ("list sessions", "list sessions"),
            ("tell me", "tell me"),
            ("总结", "总结"),
        ] {
            assert_eq!(read(text).subjects, [expect], "{text}");
        }
    }

    #[test]
    fn first_person_in_two_languages() {
        for text in
            ["What did I say about tabs?", "my preferred editor", "我曾经推荐过哪部电影", "I've mentioned it", "问我"]
        {
            assert!(read(text).about_self, "{text}");
        }
        for text in
            ["why did we change the pool", "review feedback", "我们什么时候备份", "implementation of mine_field", ""]
        {
            assert!(!read(text).about_self, "{text}");
        }
    }

    #[test]
    fn advice_is_not_history() {
        for text in
            ["How should I format dates?", "Can you help me set up caching?", "怎么配置日志", "我应该用哪个编辑器"]
        {
            assert!(read(text).wants_advice, "{text}");
        }
        for text in
            ["What did you recommend for retries?", "how have I tested it", "我之前怎么配置日志的", "fix the lock"]
        {
            assert!(!read(text).wants_advice, "{text}");
        }
    }

    #[test]
    fn what_holds_now() {
        assert!(read("which port do we use now?").wants_latest && read("目前用哪个端口").wants_latest);
        assert!(!read("I know which port we used").wants_latest);
    }

    #[test]
    fn a_decision_is_about_something() {
        for (text, expect) in [
            ("What did we decide about the pool size?", "the pool size?"),
            ("我们对遥测做了什么决定", "我们对遥测"),
            ("why did we decide", "why did we decide"),
        ] {
            assert_eq!(strip_decision_frame(text), expect);
        }
    }

    #[test]
    fn what_was_decided_and_what_holds() {
        for text in [
            "what did we decide about the telemetry default",
            "Which port do we use now?",
            "what is the default branch",
            "current deploy day",
            "which package manager do we use",
            "is the cache still on?",
            "连接池最后决定多大",
            "部署时间定了吗",
            "目前用哪个端口",
            "默认值是多少",
            "遥测默认开启吗",
        ] {
            assert!(asks_what_holds(&[text.to_owned()]), "{text}");
        }
        for text in
            ["add default branch to the settings", "why did the build fail", "上次为什么失败", "use current time"]
        {
            assert!(!asks_what_holds(&[text.to_owned()]), "{text}");
        }
    }

    #[test]
    fn quotes() {
        assert_eq!(read("where did \"connection reset\" and `E0382` come up").phrases, ["connection reset", "E0382"]);
        assert_eq!(read("谁说过“先备份再升级”").phrases, ["先备份再升级"]);
        assert!(read("it's Bob's").phrases.is_empty());
    }
}
