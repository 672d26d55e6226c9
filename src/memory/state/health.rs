//! Health of the memory: counts, degraded parts, and suggested actions.

use crate::config::IndexChoice;
use crate::domain::time::DAY_MS;
use crate::domain::{Ledger, Timestamp, text::terms};
use crate::embed::Error as EmbedError;
use crate::memory::{Memory, Result};
use crate::store::StoreStats;
use crate::vector::HAS_GRAPH;

/// Result of one health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Name of the check.
    pub name: &'static str,
    /// True if the check passed.
    pub ok: bool,
    /// Finding in words.
    pub finding: String,
    /// Suggested action if the check failed.
    pub fix: Option<String>,
}

/// Health report of the memory.
#[derive(Debug, Clone)]
pub struct MemoryHealth {
    /// Counts and sizes of the store.
    pub stats: StoreStats,
    /// Number of embeddings of the model in use.
    pub vectors: u64,
    /// Name and digest of the model in use.
    pub model: Option<(String, String)>,
    /// True if an embedding model is loaded.
    pub model_loaded: bool,
    /// Configured vector engine.
    pub index: String,
    /// Record counts of all imported files, by source.
    pub ledgers: Vec<(String, Ledger)>,
    /// Results of the checks.
    pub checks: Vec<CheckResult>,
}

impl MemoryHealth {
    /// Returns true if all checks passed.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

impl Memory {
    /// Runs all cheap checks. Does not load the embedding model.
    pub fn check_health(&self, now: Timestamp) -> Result<MemoryHealth> {
        let stats = self.store.snapshot()?.collect_stats()?;
        let spec = self.resident.model_spec();
        let model = spec.describe_model().and_then(|(name, _)| Ok((name, spec.model_digest()?)));
        let vectors = match &model {
            Ok((_, digest)) => match self.store.snapshot()?.find_model(digest)? {
                Some(id) => self.store.snapshot()?.vector_count(id)?,
                None => 0,
            },
            Err(_) => 0,
        };
        let ledgers = self.store.snapshot()?.import_ledgers()?;
        let mut checks = vec![
            self.folder_check(),
            records_check(&ledgers),
            self.keyword_index_check()?,
            self.secrets_check()?,
            model_check(model.as_ref().map(|(name, _)| name.as_str())),
            embeddings_check(&stats, self.is_embedding_paused()),
            clock_check(&stats, now),
            quarantine_check(&stats),
        ];
        checks.extend(self.edits_check()?);
        checks.extend((!HAS_GRAPH).then(|| absent_graph_check(self.settings.vector.index)).flatten());
        Ok(MemoryHealth {
            stats,
            vectors,
            model: model.ok(),
            model_loaded: self.resident.is_loaded(),
            index: format!("{:?}", self.settings.vector.index).to_lowercase(),
            ledgers,
            checks,
        })
    }

    /// Returns the digest of the embedding model in use; `None` if it is not available.
    pub fn model_digest(&self) -> Option<String> {
        self.resident.model_spec().model_digest().ok()
    }

    /// Embeds a question as a search does. For benchmarks.
    pub fn embed_question(&self, text: &str) -> Result<Vec<f32>> {
        Ok(self.resident.embed_query(text)?)
    }

    fn folder_check(&self) -> CheckResult {
        let frozen = self.store.is_frozen();
        CheckResult {
            name: "store",
            ok: !frozen,
            finding: if frozen { "the data folder can only be read" } else { "open, and can be written" }.to_owned(),
            fix: frozen.then(|| format!("make {} and its folder writable for you", self.store.path().display())),
        }
    }

    fn secrets_check(&self) -> Result<CheckResult> {
        let ok = self.settings.redact.enabled;
        let found = self.store.snapshot()?.redaction_counts()?;
        let all: u64 = found.iter().map(|(_, count)| count).sum();
        let rules: Vec<String> = found.iter().take(5).map(|(rule, count)| format!("{rule} {count}")).collect();
        let finding = match (ok, all) {
            (false, _) => "secrets are stored as they are: redact.enabled is false".to_owned(),
            (true, 0) => "no secrets found so far".to_owned(),
            (true, _) => format!("{all} redacted before anything was stored: {}", rules.join(", ")),
        };
        let fix = (!ok).then(|| "set redact.enabled to true".to_owned());
        Ok(CheckResult { name: "secrets", ok, finding, fix })
    }

    fn keyword_index_check(&self) -> Result<CheckResult> {
        let ok = self.store.snapshot()?.is_keyword_index_current()?;
        Ok(CheckResult {
            name: "words",
            ok,
            finding: if ok {
                format!("index of version {}", terms::VERSION)
            } else {
                "built by another version".to_owned()
            },
            fix: (!ok).then(|| "run `claude-memory init` to rebuild it".to_owned()),
        })
    }

    /// Rebuilds the keyword index if its rules have changed; returns true if it did.
    pub fn refresh_keyword_index(&self) -> Result<bool> {
        if self.store.snapshot()?.is_keyword_index_current()? {
            return Ok(false);
        }
        self.store.rebuild_keyword_index()?;
        Ok(true)
    }
}

/// Checks that every record that was read was understood.
fn records_check(ledgers: &[(String, Ledger)]) -> CheckResult {
    let mut sum = Ledger::default();
    ledgers.iter().for_each(|(_, ledger)| sum.add_counts(ledger));
    let unknown: u64 = sum.not_understood.values().sum();
    let mut kinds: Vec<_> = sum.not_understood.iter().collect();
    kinds.sort_by(|left, right| right.1.cmp(left.1));
    let named: Vec<String> = kinds.iter().take(5).map(|(kind, count)| format!("{kind} {count}")).collect();
    let finding = match unknown {
        0 => format!("{} records read, all understood, {} damaged", sum.record_count(), sum.damaged),
        _ => format!("{unknown} of {} records were not understood: {}", sum.record_count(), named.join(", ")),
    };
    let fix = (unknown > 0).then(|| "their text is kept where they have any; report the types, please".to_owned());
    CheckResult { name: "records", ok: unknown == 0, finding, fix }
}

fn model_check(model: std::result::Result<&str, &EmbedError>) -> CheckResult {
    match model {
        Ok(name) => CheckResult { name: "model", ok: true, finding: name.to_owned(), fix: None },
        Err(error) => CheckResult { name: "model", ok: false, finding: error.to_string(), fix: Some(error.hint()) },
    }
}

/// Returns how many texts are not embedded yet, in words, for warnings and checks.
pub(in crate::memory) fn describe_not_embedded(count: u64) -> String {
    let texts = if count == 1 { "1 text is".to_owned() } else { format!("{count} texts are") };
    format!("{texts} not embedded yet and can only be found by keyword")
}

fn embeddings_check(stats: &StoreStats, paused: bool) -> CheckResult {
    let finding = match (stats.pending, stats.failed) {
        (0, 0) => "every text is embedded".to_owned(),
        (pending, 0) => describe_not_embedded(pending),
        (pending, failed) => format!("{}; failed to embed: {failed}", describe_not_embedded(pending)),
    };
    let ok = stats.pending == 0 && stats.failed == 0;
    let (finding, fix) = if paused && stats.pending > 0 {
        (format!("{finding}; embedding is paused"), "run `claude-memory embed --resume`")
    } else {
        (finding, "run `claude-memory embed`")
    };
    CheckResult { name: "vectors", ok, finding, fix: (stats.pending > 0).then(|| fix.to_owned()) }
}

/// Reports quarantined messages, so that a user who misses them finds the reason. Never fails.
fn quarantine_check(stats: &StoreStats) -> CheckResult {
    let finding = match stats.quarantined {
        0 => "no message is quarantined".to_owned(),
        some => format!("quarantined messages: {some}; `claude-memory quarantine list` shows them"),
    };
    CheckResult { name: "quarantine", ok: true, finding, fix: None }
}

/// Checks for messages dated in the future: a clock was wrong, and times in results mislead.
/// Reports a graph that the settings name in a program without one; the scan answers then.
fn absent_graph_check(choice: IndexChoice) -> Option<CheckResult> {
    (choice == IndexChoice::Hnsw).then(|| CheckResult {
        name: "vector index",
        ok: false,
        finding: "vector.index is hnsw, but this program was built without the feature `graph`: the scan answers"
            .to_owned(),
        fix: Some("set vector.index to auto, or build with `cargo build --release --features graph`".to_owned()),
    })
}

fn clock_check(stats: &StoreStats, now: Timestamp) -> CheckResult {
    let ahead = stats.newest.filter(|newest| newest.minus_milliseconds(DAY_MS) > now);
    CheckResult {
        name: "clock",
        ok: ahead.is_none(),
        finding: ahead
            .map_or_else(|| "no message is from the future".to_owned(), |at| format!("a message is dated {at}")),
        fix: ahead.map(|_| "check this machine's clock".to_owned()),
    }
}
