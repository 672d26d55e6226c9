//! Records exports, so that a later deletion names and searches them.

use std::path::Path;

use crate::cli::invocation::Invocation;
use crate::memory::Memory;
use crate::store::CopyKind;

/// Records an export. `made` is the number of the last deletion before it was written.
pub(super) fn record_export(memory: &Memory, path: &Path, made: i64, session: &Invocation) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Err(error) = memory.record_copy(&path, CopyKind::Export, made, true, session.now) {
        session.output.print_message(&format!("warning: a later `forget` will not name this export: {error}"));
    }
}
