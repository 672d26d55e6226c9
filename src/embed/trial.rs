//! Trying an encoder out: whether it loads, repeats itself, and finds the answers to a handful of questions in two languages. No
//! benchmark (see `bench`): it tells a model that works from one that does not.

use std::time::Instant;

use super::{Error, Spec};

/// Questions with their answers; each answer is a wrong one for all other questions.
const PAIRS: [(&str, &str); 8] = [
    ("why is the login slow", "Authentication waits for a database connection while bcrypt hashes the password."),
    ("how do we deploy on Fridays", "Releases before the weekend go out only after the smoke test has passed."),
    ("which font does the invoice use", "The PDF of a bill is set in Source Serif, 10 points."),
    ("who waters the plants", "Maria takes care of the office garden on Mondays."),
    ("为什么重复扣款", "支付网关超时后重发回调,回调没有做幂等,于是扣了两次钱。"),
    ("数据库怎么备份", "每天凌晨两点用快照备份数据库,并恢复到演练机上验证。"),
    ("how large may an upload be", "上传的文件最大 20 MB,超过会返回 413。"),
    ("测试环境的地址", "The staging server is reachable at staging.example.org behind the VPN."),
];

/// What trying showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// How the model calls itself.
    pub name: String,
    /// Its id.
    pub digest: String,
    /// Length of a vector.
    pub dimensions: usize,
    /// Whether the same text had the same vector twice.
    pub repeats: bool,
    /// Questions whose own answer was the nearest.
    pub found: usize,
    /// Of so many.
    pub asked: usize,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// Milliseconds that a text took, on average.
    pub text_ms: f64,
}

impl Trial {
    /// Whether the model can be used: what it makes is repeatable and better than chance.
    pub const fn is_ok(&self) -> bool {
        self.repeats && self.found * 2 >= self.asked
    }
}

/// Loads an encoder and tries it.
///
/// # Errors
/// When it cannot be loaded or refuses a text.
pub fn try_out(spec: &Spec) -> Result<Trial, Error> {
    let (name, dimensions) = spec.describe()?;
    let begun = Instant::now();
    let mut encoder = spec.load(1)?.pop().ok_or_else(|| Error::Load("no encoder was made".to_owned()))?;
    let load_seconds = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let answers = PAIRS.iter().map(|(_, answer)| encoder.passage(answer)).collect::<Result<Vec<_>, _>>()?;
    let questions = PAIRS.iter().map(|(question, _)| encoder.query(question)).collect::<Result<Vec<_>, _>>()?;
    let texts = u32::try_from(answers.len() + questions.len()).unwrap_or(1);
    let text_ms = (begun.elapsed() / texts).as_secs_f64() * 1000.0;
    let again = PAIRS.iter().map(|(_, answer)| encoder.passage(answer)).collect::<Result<Vec<_>, _>>()?;
    let repeats = again == answers;
    let nearness = |left: &[f32], right: &[f32]| -> f32 { left.iter().zip(right).map(|(a, b)| a * b).sum() };
    let nearest = |question: &[f32]| {
        let near = answers.iter().enumerate().map(|(place, answer)| (nearness(question, answer), place));
        near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, place)| place)
    };
    let found = questions.iter().enumerate().filter(|(place, question)| nearest(question) == Some(*place)).count();
    Ok(Trial { name, digest: spec.digest()?, dimensions, repeats, found, asked: PAIRS.len(), load_seconds, text_ms })
}
