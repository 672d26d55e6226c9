//! Smoke test of a reranker: it must load, repeat itself, and rank the answers to a few questions first, in English or in
//! Chinese. Not a benchmark (see `bench`).

use std::time::Instant;

use super::Result;
use super::ranked_languages::RankedLanguages;
use super::reranker::{Reranker, RerankerSpec};

/// English questions with their answers; each answer is wrong for all other questions. Question and answer share some
/// words: a small cross-encoder does not find answers that share none.
const ENGLISH_PAIRS: [(&str, &str); 6] = [
    (
        "why is the login slow",
        "Every login waits: authentication needs a database connection, and bcrypt takes half a second.",
    ),
    ("how do we deploy on Fridays", "Before the weekend we deploy only after the smoke test has passed."),
    ("which font does the invoice use", "The invoice is set in Source Serif, 10 points."),
    ("who waters the plants in the office", "Maria takes care of the garden and of the plants on Mondays."),
    ("how large may an upload be", "Files of more than 20 MB are too large and refused with status 413."),
    (
        "where do the nightly backups go",
        "Each night a copy of the database, the backup, is sent to the machine in Oslo.",
    ),
];
/// Chinese questions with answers that share hardly a character: an English model would match single characters.
const CHINESE_PAIRS: [(&str, &str); 6] = [
    ("为什么重复扣款", "支付网关超时后重发回调，回调没有做幂等，于是收了两次钱。"),
    ("数据库怎么备份", "每天凌晨两点做快照，并恢复到演练机上验证。"),
    ("上传文件最大多少", "附件超过 20 MB 会返回 413。"),
    ("谁负责浇花", "玛丽亚每周一照料办公室的植物。"),
    ("周五能发布吗", "周末之前上线，必须先通过冒烟测试。"),
    ("登录为什么慢", "身份验证要等数据库连接，还要用 bcrypt 计算密码的散列值。"),
];
/// Answers that must come first for a language to count as ranked.
const MIN_FOUND: usize = 4;

/// Result of testing a reranker.
#[derive(Debug, Clone, PartialEq)]
pub struct RerankerTrial {
    /// Name of the model, from its manifest.
    pub name: String,
    /// Digest of the model and the tokenizer.
    pub digest: String,
    /// True if the same pair had the same score twice.
    pub repeats: bool,
    /// English questions whose own answer had the highest score.
    pub found_english: usize,
    /// Chinese questions whose own answer had the highest score.
    pub found_chinese: usize,
    /// Number of questions in each language.
    pub asked: usize,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// Milliseconds for each pair, on average.
    pub pair_ms: f64,
}

impl RerankerTrial {
    /// Returns the languages that it ranks.
    pub const fn ranked_languages(&self) -> RankedLanguages {
        RankedLanguages { english: self.found_english >= MIN_FOUND, chinese: self.found_chinese >= MIN_FOUND }
    }

    /// Returns true if it is usable: it repeats itself and ranks a language.
    pub const fn is_usable(&self) -> bool {
        let languages = self.ranked_languages();
        self.repeats && (languages.english || languages.chinese)
    }
}

/// Loads a reranker and tests it.
///
/// # Errors
/// When it cannot be loaded or refuses a pair.
pub fn try_reranker(spec: &RerankerSpec) -> Result<RerankerTrial> {
    let (name, digest) = spec.describe_reranker()?;
    let begun = Instant::now();
    let mut reranker = spec.load_reranker()?;
    let load_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let found_english = count_found(&mut reranker, &ENGLISH_PAIRS)?;
    let found_chinese = count_found(&mut reranker, &CHINESE_PAIRS)?;
    let asked = ENGLISH_PAIRS.len();
    let pairs = u32::try_from(2 * asked * asked).unwrap_or(1);
    let pair_ms = (begun.elapsed() / pairs).as_secs_f64() * 1000.0;
    let [(question, answer), ..] = ENGLISH_PAIRS;
    let twice = [reranker.score_pair(question, answer)?, reranker.score_pair(question, answer)?];
    let repeats = twice[0].to_bits() == twice[1].to_bits();
    Ok(RerankerTrial { name, digest, repeats, found_english, found_chinese, asked, load_seconds, pair_ms })
}

/// Counts the questions whose own answer has the highest score, without a tie.
fn count_found(reranker: &mut Reranker, pairs: &[(&str, &str)]) -> Result<usize> {
    let mut found = 0;
    for (place, (question, own)) in pairs.iter().enumerate() {
        let score = reranker.score_pair(question, own)?;
        let mut best_other = f32::MIN;
        for (_, answer) in pairs.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, pair)| pair) {
            best_other = best_other.max(reranker.score_pair(question, answer)?);
        }
        found += usize::from(score > best_other);
    }
    Ok(found)
}
