//! Reading order of transcripts that share a beginning.

use std::collections::HashMap;
use std::path::Path;

use crate::disk;
use crate::domain::ContentHash;
use crate::import::TranscriptFile;
use crate::store::ImportCursor;

/// Bytes searched for the first message of a transcript.
const FIRST_BYTES: u64 = 32 << 10;

/// Sorts the original of each fork before the fork: messages belong to the session that is read first. Transcripts with
/// the same first record are copies; the one modified last is read last.
pub(in crate::memory) fn put_originals_first(work: &mut [(TranscriptFile, Option<ImportCursor>)]) {
    let mut groups: HashMap<ContentHash, Vec<usize>> = HashMap::new();
    for (place, (transcript, cursor)) in work.iter().enumerate() {
        // Only files that are read from their start can have copies here.
        if cursor.is_none()
            && let Some(record) = first_record(&transcript.path)
        {
            groups.entry(record).or_default().push(place);
        }
    }
    for places in groups.into_values().filter(|places| places.len() > 1) {
        let mut files: Vec<_> = places.iter().filter_map(|place| work.get(*place).cloned()).collect();
        files.sort_by(|left, right| (left.0.modified, &left.0.path).cmp(&(right.0.modified, &right.0.path)));
        for (place, file) in places.into_iter().zip(files) {
            if let Some(slot) = work.get_mut(place) {
                *slot = file;
            }
        }
    }
}

/// Returns a hash of the first message's id, searched in the first bytes of a transcript.
fn first_record(path: &Path) -> Option<ContentHash> {
    let first = disk::read_foreign_head(path, FIRST_BYTES).ok()?;
    let at = memchr::memmem::find(&first, b"\"uuid\":")?;
    let id = first.get(at..)?.splitn(3, |byte| *byte == b',').next()?;
    Some(ContentHash::of_parts(&[id]))
}
