//! Verification of the keyword index against the stored texts.

use std::collections::HashMap;

use rusqlite::{Connection, Params};

use super::postings::{decode_postings, unpack_counts};
use super::{Snapshot, count_terms};
use crate::domain::PartKind;
use crate::domain::text::terms::TermExtractor;
use crate::store::error::{Error, Result};
use crate::store::schema;

impl Snapshot<'_> {
    /// Checks SQLite's own structures (`integrity_check`) and compares the keyword index with the stored texts.
    ///
    /// # Errors
    /// When they differ or cannot be read.
    pub fn verify_index(&self) -> Result<()> {
        self.query("verify the store", |connection| {
            let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            if verdict != "ok" {
                return Err(Error::Damaged(verdict));
            }
            let differing = schema::schema_differences(connection)?;
            if !differing.is_empty() {
                return Err(Error::Damaged(format!("the schema is not this program's: {}", differing.join(", "))));
            }
            let (stored, expected) = (stored_checksums(connection)?, expected_checksums(connection)?);
            let wrong = expected.iter().filter(|(term, sum)| stored.get(*term) != Some(*sum)).count();
            let extra = stored.keys().filter(|term| !expected.contains_key(*term)).count();
            if wrong + extra > 0 {
                return Err(Error::Damaged(format!(
                    "the word index differs from the texts in {wrong} terms and has {extra} that no text has"
                )));
            }
            Ok(())
        })
    }
}

/// Checksum per term over its postings; any missing, doubled or changed posting alters it.
type TermChecksums = HashMap<i64, u64>;

fn add_to_checksum(sums: &mut TermChecksums, term: i64, passage: u64, count: u8) {
    // The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): neighbours must not cancel out.
    let mut mixed = (passage << 8 | u64::from(count)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let sum = sums.entry(term).or_default();
    *sum = sum.wrapping_add(mixed ^ mixed >> 31);
}

fn stored_checksums(connection: &Connection) -> Result<TermChecksums> {
    let mut sums = TermChecksums::new();
    let mut statement = connection.prepare("SELECT term, count, data FROM postings")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (term, count): (i64, u64) = (row.get(0)?, row.get(1)?);
        let mut found = 0;
        decode_postings(row.get_ref(2)?.as_blob().unwrap_or(&[]), |(passage, times)| {
            found += 1;
            add_to_checksum(&mut sums, term, u64::from(passage), times);
        });
        if found != count {
            return Err(Error::Damaged(format!("a piece of the word index holds {found} of {count} postings")));
        }
    }
    let mut statement = connection.prepare("SELECT passage_id, terms FROM pending_postings")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let passage = row.get(0)?;
        for (term, times) in unpack_counts(row.get_ref(1)?.as_blob().unwrap_or(&[])) {
            add_to_checksum(&mut sums, term, passage, times);
        }
    }
    Ok(sums)
}

fn expected_checksums(connection: &Connection) -> Result<TermChecksums> {
    let (terms, mut sums) = (TermExtractor::default(), TermChecksums::new());
    each_passage(connection, "1", [], |passage, kind, text| {
        for (term, times) in count_terms(&terms, kind, text).1 {
            add_to_checksum(&mut sums, term, u64::try_from(passage).unwrap_or(0), times);
        }
        Ok(())
    })?;
    Ok(sums)
}

/// Calls `each` with every text passage that a condition over `a` (passages) selects, in order of id.
pub(super) fn each_passage(
    connection: &Connection,
    condition: &str,
    values: impl Params,
    mut each: impl FnMut(i64, PartKind, &str) -> Result<()>,
) -> Result<()> {
    let sql = format!(
        "SELECT a.id, a.kind, a.start_byte, a.end_byte, body_text(p.body, p.body_bytes)
         FROM passages a JOIN parts p ON p.id = a.part_id WHERE a.purpose = 0 AND {condition} ORDER BY a.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let range = row.get(2)?..row.get(3)?;
        let text = row.get_ref(4)?.as_str().unwrap_or("");
        let kind = PartKind::from_number(row.get(1)?).unwrap_or(PartKind::Meta);
        each(row.get(0)?, kind, text.get(range).unwrap_or(""))?;
    }
    Ok(())
}
