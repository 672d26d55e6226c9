//! Smoke test of an embedding model: it must load, repeat itself, and find the answers to a few questions in two
//! languages. Not a benchmark (see `bench`): it separates a model that works from one that does not.

use std::time::Instant;

use super::{CosineScale, Error, ModelSpec};

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
    /// Mean cosine of a question to its own answer.
    pub answered_cosine: f32,
    /// Mean of the highest cosine of a question to another answer.
    pub unrelated_cosine: f32,
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

    /// Returns the scale of the model's cosines; `None` if answers are no nearer than other texts.
    pub fn cosine_scale(&self) -> Option<CosineScale> {
        CosineScale::fit_trial(self.answered_cosine, self.unrelated_cosine)
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
    let nearest = |question: &[f32]| {
        let near = answers.iter().enumerate().map(|(place, answer)| (cosine(question, answer), place));
        near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, place)| place)
    };
    let found = questions.iter().enumerate().filter(|(place, question)| nearest(question) == Some(*place)).count();
    let (answered_cosine, unrelated_cosine) = mean_cosines(&questions, &answers);
    Ok(ModelTrial {
        name,
        digest: spec.model_digest()?,
        dimensions,
        repeats,
        found,
        asked: QUESTION_ANSWER_PAIRS.len(),
        answered_cosine,
        unrelated_cosine,
        load_seconds,
        text_ms,
    })
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// Returns the mean cosine of the questions to their own answers, and the mean of the highest to other answers.
fn mean_cosines(questions: &[Vec<f32>], answers: &[Vec<f32>]) -> (f32, f32) {
    let (mut answered, mut unrelated) = (0.0, 0.0);
    for (place, question) in questions.iter().enumerate() {
        let others = answers.iter().enumerate().filter(|(other, _)| *other != place);
        unrelated += others.map(|(_, answer)| cosine(question, answer)).fold(f32::MIN, f32::max);
        answered += answers.get(place).map_or(0.0, |answer| cosine(question, answer));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of a few questions")]
    let count = questions.len().max(1) as f32;
    (answered / count, unrelated / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelChoice;

    #[test]
    fn the_builtin_model_is_the_scale() {
        let spec = ModelSpec::new(ModelChoice::Builtin, String::new(), std::path::PathBuf::new());
        let trial = try_model(&spec).unwrap();
        let scale = trial.cosine_scale().unwrap();
        for cosine in [trial.answered_cosine, trial.unrelated_cosine] {
            assert!((scale.to_builtin(cosine) - cosine).abs() < 0.02, "{trial:?}");
        }
    }
}
