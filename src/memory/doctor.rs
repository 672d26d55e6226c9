//! Looking closer than the health does: whether what is written is found and what is forgotten is gone, whether index and texts
//! agree, who can read the folder. Puts right only what cannot lose anything.

use super::health::Check;
use super::{Memory, Result};
use crate::config::Durability;
use crate::domain::hash::nonce;
use crate::domain::text::terms;
use crate::domain::{Kind, MessageId, Mode, Note, Query, Timestamp};
use crate::store;

impl Memory {
    /// Writes a word that nobody has said, finds it, forgets it, and looks whether it is gone.
    ///
    /// # Errors
    /// When the store cannot be written; what does not work as it should is told by the check.
    pub fn canary(&self, now: Timestamp) -> Result<Check> {
        let word = format!("canary{}", nonce());
        let note = Note { text: format!("{word} was here"), kind: Some("canary".to_owned()), ..Note::default() };
        let saved = self.save(note, now)?.id;
        let found = self.finds(&word, now)?;
        let receipt = self.forget(vec![saved], "canary", now)?;
        let left = self.finds(&word, now)?;
        let finding = match (found.contains(&saved), left.is_empty() && receipt.found_in.is_empty()) {
            (true, true) => None,
            (false, _) => Some("a text that was just saved is not found"),
            (true, false) => Some("a text that was just forgotten is still there"),
        };
        Ok(Check {
            name: "canary",
            ok: finding.is_none(),
            finding: finding.unwrap_or("what is saved is found, what is forgotten is gone").to_owned(),
            fix: finding.map(|_| "run `claude-memory doctor --deep`, and please report this".to_owned()),
        })
    }

    /// Whether rows, passages, vectors and the shared index agree. Reads no text.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliation(&self) -> Result<Check> {
        let model = self.model_name();
        let odd = self.store.reconcile(model.as_ref().map(|(model, _, dimensions)| (*model, *dimensions)))?;
        let (mut vectors, mut indexed) = (0, 0);
        if let Some((model, digest, dimensions)) = &model {
            vectors = self.store.vector_count(*model)?;
            indexed = self.with_index((*model, digest, *dimensions), |index| Ok(index.len() as u64))?;
        }
        let ok = odd.is_none() && vectors == indexed;
        let finding = if ok {
            format!("rows, passages, {vectors} vectors and the index agree")
        } else {
            format!(
                "{} texts that no search finds, {} passages without a vector, {} vectors of an odd length, {} passages in \
                 quarantine; {indexed} of {vectors} vectors in the index",
                odd.without_passages, odd.without_vectors, odd.odd_vectors, odd.leaking
            )
        };
        let fix = (!ok).then(|| "run `claude-memory doctor --deep --fix`, and please report this".to_owned());
        Ok(Check { name: "rows", ok, finding, fix })
    }

    /// Which versions are at work.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn versions(&self) -> Result<Check> {
        let stats = self.store.stats()?;
        let (program, sqlite) = (env!("CARGO_PKG_VERSION"), store::sqlite_version());
        let finding = format!(
            "claude-memory {program}, SQLite {sqlite}, schema {}, words {}, durability {}",
            stats.schema,
            terms::VERSION,
            if self.settings.store.durability == Durability::Full { "full" } else { "normal" }
        );
        Ok(Check { name: "versions", ok: true, finding, fix: None })
    }

    fn finds(&self, word: &str, now: Timestamp) -> Result<Vec<MessageId>> {
        let mut found = Vec::new();
        for mode in [Mode::Keyword, Mode::Exact] {
            let hits = self.search(&Query { mode, ..Query::about(word) }, now)?.hits;
            found.extend(hits.into_iter().filter(|hit| hit.kind == Kind::Note).map(|hit| hit.id));
        }
        Ok(found)
    }

    /// Compares the word index with the texts and lets SQLite check its pages. Reads everything.
    pub fn integrity(&self) -> Check {
        let outcome = self.verify();
        Check {
            name: "integrity",
            ok: outcome.is_ok(),
            finding: outcome.as_ref().map_or_else(ToString::to_string, |()| {
                "every text, the word index and the database's pages agree".to_owned()
            }),
            fix: outcome.err().and_then(|error| error.hint()),
        }
    }
}
