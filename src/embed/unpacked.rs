//! The shipped model as it is needed in memory, kept in a file beside the runtime library: unpacking 35 MB takes longer than
//! everything else that a search from a fresh process does. May be removed at any time.

use std::path::Path;

use super::{Error, assets};
use crate::disk::{self, Snapshot};

const TAG: [u8; 8] = *b"encoder1";

/// Model and tokenizer, from the file if it is whole, else unpacked and, if `folder` can be written, kept there.
pub(super) fn model(folder: &Path) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let identity = format!("{} {}", assets::MODEL.digest()?, assets::TOKENIZER.digest()?);
    let path = folder.join(format!("{}-model", identity.get(..8).unwrap_or("")));
    if let Ok(file) = Snapshot::open(&path, TAG).and_then(Snapshot::whole) {
        // The file is of this model, also when only the tokenizer of another version differs.
        if file.section(0) == identity.as_bytes() {
            return Ok((file.section(1).to_vec(), file.section(2).to_vec()));
        }
    }
    let (model, tokenizer) = std::thread::scope(|scope| {
        let tokenizer = scope.spawn(|| assets::TOKENIZER.unpack());
        (assets::MODEL.unpack(), tokenizer.join())
    });
    let tokenizer = tokenizer.map_err(|_| Error::Load("the tokenizer could not be unpacked".to_owned()))??;
    let model = model?;
    let kept = disk::create_private_folder(folder)
        .and_then(|()| Snapshot::write(&path, TAG, &[identity.as_bytes(), &model, &tokenizer]));
    if let Err(error) = kept {
        tracing::debug!(%error, "the unpacked model cannot be kept; it is unpacked again the next time");
    }
    Ok((model, tokenizer))
}
