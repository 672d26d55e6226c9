//! Smoke test of an embedding model: it must load, repeat itself, and find the answers to a few questions in two
//! languages. Not a benchmark (see `bench`): it separates a model that works from one that does not.

use std::time::Instant;

use super::{Error, ModelSpec};

/// Questions with their answers; each answer is wrong for all other questions.
const QUESTION_ANSWER_PAIRS: [(&str, &str); 8] = [
    ("why is the login slow", "Authentication waits for a database connection while bcrypt hashes the password."),
    ("how do we deploy on Fridays", "Releases before the weekend go out only after the smoke test has passed."),
    ("which font does the invoice use", "The PDF of a bill is set in Source Serif, 10 points."),
    ("who waters the plants", "Maria takes care of the office garden on Mondays."),
    ("为什么重复扣款", "支付网关超时后重发回调,回调没有做幂等,于是扣了两次钱。"),
    ("数据库怎么备份", "每天凌晨两点用快照备份数据库,并恢复到演练机上验证。"),
    ("how large may an upload be", "上传的文件最大 20 MB,超过会返回 413。"),
    ("测试环境的地址", "The staging server is reachable at staging.example.org behind the VPN."),
];

/// Result of testing a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTrial {
    /// Name of the model, from its manifest.
    pub name: String,
    /// Model id, as [`ModelSpec::model_digest`] returns it.
    pub digest: String,
    /// Length of a vector.
    pub dimensions: usize,
    /// True if every text had the same vector twice.
    pub repeats: bool,
    /// Questions whose own answer was the nearest.
    pub found: usize,
    /// Number of questions asked.
    pub asked: usize,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// Milliseconds per text, on average.
    pub text_ms: f64,
}

impl ModelTrial {
    /// Returns true if the model is usable: it repeats itself and finds at least half of the answers.
    pub const fn is_usable(&self) -> bool {
        self.repeats && self.found * 2 >= self.asked
    }
}

/// Loads an embedding model and tests it.
///
/// # Errors
/// When the model cannot be loaded or refuses a text.
pub fn try_model(spec: &ModelSpec) -> Result<ModelTrial, Error> {
    let (name, dimensions) = spec.describe_model()?;
    let begun = Instant::now();
    let mut encoder = spec.load_instances(1)?.pop().ok_or_else(|| Error::Load("no model was loaded".to_owned()))?;
    let load_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let answers =
        QUESTION_ANSWER_PAIRS.iter().map(|(_, answer)| encoder.embed_passage(answer)).collect::<Result<Vec<_>, _>>()?;
    let questions = QUESTION_ANSWER_PAIRS
        .iter()
        .map(|(question, _)| encoder.embed_query(question))
        .collect::<Result<Vec<_>, _>>()?;
    let texts = u32::try_from(answers.len() + questions.len()).unwrap_or(1);
    let text_ms = (begun.elapsed() / texts).as_secs_f64() * 1000.0;
    let again =
        QUESTION_ANSWER_PAIRS.iter().map(|(_, answer)| encoder.embed_passage(answer)).collect::<Result<Vec<_>, _>>()?;
    let repeats = again == answers;
    let nearness = |left: &[f32], right: &[f32]| -> f32 { left.iter().zip(right).map(|(a, b)| a * b).sum() };
    let nearest = |question: &[f32]| {
        let near = answers.iter().enumerate().map(|(place, answer)| (nearness(question, answer), place));
        near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, place)| place)
    };
    let found = questions.iter().enumerate().filter(|(place, question)| nearest(question) == Some(*place)).count();
    Ok(ModelTrial {
        name,
        digest: spec.model_digest()?,
        dimensions,
        repeats,
        found,
        asked: QUESTION_ANSWER_PAIRS.len(),
        load_seconds,
        text_ms,
    })
}
