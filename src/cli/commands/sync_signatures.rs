//! What `sync` reports of signatures: who signed deletions, and what was signed wrongly or by nobody.

use super::group_digits;
use crate::cli::invocation::Invocation;
use crate::store::DeletionSigners;
use crate::sync::SignatureCounts;

/// Describes deletions by who signed them, after their number; empty if there is none.
pub(super) fn describe_signers(signers: &DeletionSigners) -> String {
    let named = [
        ("here", signers.here),
        ("by your other machines", signers.trusted),
        ("by people you named", signers.other),
        ("by machines that are not confirmed", signers.unknown),
        ("unsigned", signers.unsigned),
    ];
    let counted: Vec<String> = named
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(who, count)| format!("{who} {}", group_digits(count)))
        .collect();
    if counted.is_empty() { String::new() } else { format!(" ({})", counted.join(", ")) }
}

pub(super) fn signers_to_json(signers: &DeletionSigners) -> serde_json::Value {
    let DeletionSigners { here, trusted, other, unknown, unsigned } = signers;
    serde_json::json!({
        "here": here, "trusted": trusted, "other": other, "unknown": unknown, "unsigned": unsigned,
    })
}

pub(super) fn signatures_to_json(counts: &SignatureCounts) -> serde_json::Value {
    serde_json::json!({
        "invalid": counts.invalid, "altered": counts.altered, "unsigned_places": counts.unsigned_places,
        "refused_deletions": counts.refused_deletions,
    })
}

/// Prints what was signed wrongly, or by nobody, in what came from elsewhere.
pub(super) fn print_signatures(counts: &SignatureCounts, session: &Invocation) {
    let lines = [
        (counts.invalid, "signatures that do not hold", "what they covered counts as unsigned"),
        (
            counts.altered,
            "messages whose project, branch or title is not what their machine signed",
            "what it signed was kept",
        ),
        (counts.refused_deletions, "deletions under a signature that does not hold", "they were not carried out"),
        (
            counts.unsigned_places,
            "new messages whose project, branch and title nobody has signed",
            "they are shown as unsigned, and change nothing that one of your machines signed",
        ),
    ];
    for (count, what, then) in lines.into_iter().filter(|(count, ..)| *count > 0) {
        session.output.print_message(&format!("{what}: {}; {then}", group_digits(count)));
    }
}
