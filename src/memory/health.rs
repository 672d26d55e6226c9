//! How the memory is: counts, what is degraded, what to do about it.

use super::{Memory, Result};
use crate::domain::time::DAY_MS;
use crate::domain::{Ledger, Timestamp, text::terms};
use crate::embed::Error as EmbedError;
use crate::store::Stats;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether all is well.
    pub ok: bool,
    /// What was found.
    pub finding: String,
    /// What to do, if not.
    pub fix: Option<String>,
}

/// The state of the memory.
#[derive(Debug, Clone)]
pub struct Health {
    /// Counts and sizes.
    pub stats: Stats,
    /// Vectors of the model in use.
    pub vectors: u64,
    /// The model in use: its name and id.
    pub model: Option<(String, String)>,
    /// Whether an encoder is in memory now.
    pub model_loaded: bool,
    /// Which vector engine is set.
    pub index: String,
    /// What became of the records of all files that were read, by source.
    pub ledgers: Vec<(String, Ledger)>,
    /// What was looked at.
    pub checks: Vec<Check>,
}

impl Health {
    /// Whether all checks are well.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

impl Memory {
    /// Counts and sizes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        Ok(self.store.stats()?)
    }

    /// Looks at everything that is cheap to look at. Loads no model.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn health(&self, now: Timestamp) -> Result<Health> {
        let stats = self.store.stats()?;
        let spec = self.resident.spec();
        let model = spec.describe().and_then(|(name, _)| Ok((name, spec.digest()?)));
        let vectors = match &model {
            Ok((_, digest)) => match self.store.find_model(digest)? {
                Some(id) => self.store.vector_count(id)?,
                None => 0,
            },
            Err(_) => 0,
        };
        let ledgers = self.store.ledgers()?;
        let checks = vec![
            self.folder_check(),
            records_check(&ledgers),
            self.words_check()?,
            self.secrets_check()?,
            model_check(model.as_ref().map(|(name, _)| name.as_str())),
            vectors_check(&stats, self.vectors_are_paused()),
            clock_check(&stats, now),
            quarantine_check(&stats),
        ];
        Ok(Health {
            stats,
            vectors,
            model: model.ok(),
            model_loaded: self.resident.is_loaded(),
            index: format!("{:?}", self.settings.vector.index).to_lowercase(),
            ledgers,
            checks,
        })
    }

    /// The id of the encoder in use; `None` when it cannot be had.
    pub fn model_digest(&self) -> Option<String> {
        self.resident.spec().digest().ok()
    }

    /// The vector of a question, as a search makes it. For benchmarks.
    ///
    /// # Errors
    /// When there is no encoder.
    pub fn encode_question(&self, text: &str) -> Result<Vec<f32>> {
        Ok(self.resident.query(text)?)
    }

    fn folder_check(&self) -> Check {
        let frozen = self.store.is_frozen();
        Check {
            name: "store",
            ok: !frozen,
            finding: if frozen { "the data folder can only be read" } else { "open, and can be written" }.to_owned(),
            fix: frozen.then(|| format!("make {} and its folder writable for you", self.store.path().display())),
        }
    }

    fn secrets_check(&self) -> Result<Check> {
        let ok = self.settings.redact.enabled;
        let found = self.redactions()?;
        let all: u64 = found.iter().map(|(_, count)| count).sum();
        let rules: Vec<String> = found.iter().take(5).map(|(rule, count)| format!("{rule} {count}")).collect();
        let finding = match (ok, all) {
            (false, _) => "secrets are stored as they are: redact.enabled is false".to_owned(),
            (true, 0) => "nothing that looks like one was seen".to_owned(),
            (true, _) => format!("{all} taken out before anything was stored: {}", rules.join(", ")),
        };
        let fix = (!ok).then(|| "set redact.enabled to true".to_owned());
        Ok(Check { name: "secrets", ok, finding, fix })
    }

    fn words_check(&self) -> Result<Check> {
        let ok = self.store.words_are_current()?;
        Ok(Check {
            name: "words",
            ok,
            finding: if ok {
                format!("index of version {}", terms::VERSION)
            } else {
                "made by another version".to_owned()
            },
            fix: (!ok).then(|| "run `claude-memory init` to rebuild it".to_owned()),
        })
    }

    /// Creates nothing new; brings the word index up to date if its rules have changed. Returns whether it did.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn refresh_words(&self) -> Result<bool> {
        if self.store.words_are_current()? {
            return Ok(false);
        }
        self.store.rebuild_words()?;
        Ok(true)
    }

    /// Compares the word index with the texts, and checks the database. Reads everything.
    ///
    /// # Errors
    /// When something is damaged.
    pub fn verify(&self) -> Result<()> {
        Ok(self.store.verify()?)
    }
}

/// Whether every record that was read is accounted for.
fn records_check(ledgers: &[(String, Ledger)]) -> Check {
    let mut sum = Ledger::default();
    ledgers.iter().for_each(|(_, ledger)| sum.merge(ledger));
    let unknown: u64 = sum.not_understood.values().sum();
    let mut kinds: Vec<_> = sum.not_understood.iter().collect();
    kinds.sort_by(|left, right| right.1.cmp(left.1));
    let named: Vec<String> = kinds.iter().take(5).map(|(kind, count)| format!("{kind} {count}")).collect();
    let finding = match unknown {
        0 => format!("{} records read, all understood, {} damaged", sum.records(), sum.damaged),
        _ => format!("{unknown} of {} records were not understood: {}", sum.records(), named.join(", ")),
    };
    let fix = (unknown > 0).then(|| "their text is kept where they have any; report the types, please".to_owned());
    Check { name: "records", ok: unknown == 0, finding, fix }
}

fn model_check(model: std::result::Result<&str, &EmbedError>) -> Check {
    match model {
        Ok(name) => Check { name: "model", ok: true, finding: name.to_owned(), fix: None },
        Err(error) => Check { name: "model", ok: false, finding: error.to_string(), fix: Some(error.hint()) },
    }
}

fn vectors_check(stats: &Stats, paused: bool) -> Check {
    let finding = match (stats.pending, stats.failed) {
        (0, 0) => "every text that gets vectors has them".to_owned(),
        (pending, 0) => format!("{pending} texts wait for their vectors and are found by word only"),
        (pending, failed) => {
            format!("{pending} texts wait for their vectors, {failed} could not get any; they are found by word")
        }
    };
    let ok = stats.pending == 0 && stats.failed == 0;
    let (finding, fix) = if paused && stats.pending > 0 {
        (format!("{finding}; making vectors is paused"), "run `claude-memory embed --resume`")
    } else {
        (finding, "run `claude-memory embed`")
    };
    Check { name: "vectors", ok, finding, fix: (stats.pending > 0).then(|| fix.to_owned()) }
}

/// Kept out on purpose; said, so that nobody looks for it in vain.
fn quarantine_check(stats: &Stats) -> Check {
    let finding = match stats.quarantined {
        0 => "nothing is kept out of answers".to_owned(),
        some => format!("{some} messages are kept out of answers; `claude-memory quarantine list` shows them"),
    };
    Check { name: "quarantine", ok: true, finding, fix: None }
}

/// A message from the future means that a clock was wrong; times in answers would then mislead.
fn clock_check(stats: &Stats, now: Timestamp) -> Check {
    let ahead = stats.newest.filter(|newest| newest.minus(DAY_MS) > now);
    Check {
        name: "clock",
        ok: ahead.is_none(),
        finding: ahead
            .map_or_else(|| "no message is from the future".to_owned(), |at| format!("a message is dated {at}")),
        fix: ahead.map(|_| "check this machine's clock".to_owned()),
    }
}
