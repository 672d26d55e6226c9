//! Process priority of commands. A command on a terminal keeps the normal priority: a person waits for it. Timers,
//! hooks and agents start commands without a terminal, and those must not slow down the user's other work.

use std::io::IsTerminal as _;

use crate::embed::lower_thread_priority;

/// Lowers the priority of this process unless it was started on a terminal.
///
/// Returns true if it was, so a person waits for it.
pub(super) fn lower_in_background() -> bool {
    let waited_for = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    if !waited_for {
        lower_thread_priority();
    }
    waited_for
}
