//! The order in which transcripts that share a beginning are read.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use crate::domain::ContentHash;
use crate::import::Transcript;
use crate::store::Cursor;

/// Bytes in which the first message of a transcript is looked for.
const FIRST_BYTES: u64 = 32 << 10;

/// Puts the transcript that a fork was copied from before the fork: messages belong to the session that is read first.
/// Transcripts with the same first record are copies; the one that was written to last is read last.
pub(super) fn put_originals_first(work: &mut [(Transcript, Option<Cursor>)]) {
    let mut groups: HashMap<ContentHash, Vec<usize>> = HashMap::new();
    for (place, (transcript, cursor)) in work.iter().enumerate() {
        // Only files that are read from their start can meet their copies here.
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

/// The id of the first message of a transcript, looked for in its first bytes.
fn first_record(path: &Path) -> Option<ContentHash> {
    let mut first = Vec::new();
    std::fs::File::open(path).ok()?.take(FIRST_BYTES).read_to_end(&mut first).ok()?;
    let at = memchr::memmem::find(&first, b"\"uuid\":")?;
    let id = first.get(at..)?.splitn(3, |byte| *byte == b',').next()?;
    Some(ContentHash::of_parts(&[id]))
}
