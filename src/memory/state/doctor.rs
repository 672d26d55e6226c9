//! Deep checks: writes and deletes a canary, reconciles rows with the indexes, verifies the database. Repairs only what
//! cannot lose data.

use crate::config::Durability;
use crate::domain::hash::random_hex;
use crate::domain::text::terms;
use crate::domain::{DraftNote, MessageId, PartKind, Query, SearchMode, Timestamp};
use crate::memory::state::health::CheckResult;
use crate::memory::{Memory, Result};
use crate::store::{self, CopyPolicy};

impl Memory {
    /// Saves a canary note, finds it, deletes it, and checks that it is gone.
    ///
    /// # Errors
    /// If the store cannot be written. A failed check is reported in the returned [`CheckResult`].
    pub fn canary_check(&self, now: Timestamp) -> Result<CheckResult> {
        let word = format!("canary{}", random_hex());
        let note =
            DraftNote { text: format!("{word} was here"), kind: Some("canary".to_owned()), ..DraftNote::default() };
        let saved = self.save(note, now)?.id;
        let found = self.find_notes(&word, now)?;
        let receipt = self.forget(vec![saved], "canary", CopyPolicy::NotCopied, now)?;
        let left = self.find_notes(&word, now)?;
        let finding = match (found.contains(&saved), left.is_empty() && receipt.searched.found_in.is_empty()) {
            (true, true) => None,
            (false, _) => Some("a text that was just saved is not found"),
            (true, false) => Some("a text that was just deleted is still there"),
        };
        Ok(CheckResult {
            name: "canary",
            ok: finding.is_none(),
            finding: finding.unwrap_or("saved text is found, deleted text is gone").to_owned(),
            fix: finding.map(|_| "run `claude-memory doctor --deep`, and please report this".to_owned()),
        })
    }

    /// Checks that rows, passages, embeddings and the shared index agree. Reads no text.
    pub fn reconciliation_check(&self) -> Result<CheckResult> {
        let model = self.current_model_ref();
        let odd = self
            .store
            .snapshot()?
            .check_consistency(model.as_ref().map(|(model, _, dimensions)| (*model, *dimensions)))?;
        let (mut vectors, mut indexed) = (0, 0);
        if let Some((model, digest, dimensions)) = &model {
            vectors = self.store.snapshot()?.vector_count(*model)?;
            indexed = self.with_index((*model, digest, *dimensions), |index| Ok(index.len() as u64))?;
        }
        let ok = odd.is_none() && vectors == indexed;
        let finding = if ok {
            format!("rows, passages, {vectors} embeddings and the index agree")
        } else {
            format!(
                "texts without passages: {}; passages without an embedding: {}; embeddings of the wrong length: {}; \
                 passages in quarantine: {}; {indexed} of {vectors} embeddings in the index",
                odd.without_passages, odd.without_vectors, odd.odd_vectors, odd.leaking
            )
        };
        let fix = (!ok).then(|| "run `claude-memory doctor --deep --fix`, and please report this".to_owned());
        Ok(CheckResult { name: "rows", ok, finding, fix })
    }

    /// Reports the versions of the program, SQLite, schema and keyword index.
    pub fn version_check(&self) -> Result<CheckResult> {
        let stats = self.store.snapshot()?.collect_stats()?;
        let (program, sqlite) = (env!("CARGO_PKG_VERSION"), store::sqlite_version());
        let finding = format!(
            "claude-memory {program}, SQLite {sqlite}, schema {}, words {}, durability {}",
            stats.schema,
            terms::VERSION,
            if self.settings.store.durability == Durability::Full { "full" } else { "normal" }
        );
        Ok(CheckResult { name: "versions", ok: true, finding, fix: None })
    }

    fn find_notes(&self, word: &str, now: Timestamp) -> Result<Vec<MessageId>> {
        let mut found = Vec::new();
        for mode in [SearchMode::Keyword, SearchMode::Exact] {
            let hits = self.search(&Query { mode, ..Query::for_text(word) }, now)?.hits;
            found.extend(hits.into_iter().filter(|hit| hit.kind == PartKind::Note).map(|hit| hit.id));
        }
        Ok(found)
    }

    /// Verifies the keyword index against the texts, and the database pages. Reads everything.
    pub fn integrity_check(&self) -> CheckResult {
        let outcome = self.snapshot().and_then(|snapshot| Ok(snapshot.verify_index()?));
        CheckResult {
            name: "integrity",
            ok: outcome.is_ok(),
            finding: outcome
                .as_ref()
                .map_or_else(ToString::to_string, |()| "texts, keyword index and database pages agree".to_owned()),
            fix: outcome.err().and_then(|error| error.hint()),
        }
    }
}
