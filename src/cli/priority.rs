//! The priority of a command. What a person waits for at a terminal runs at the normal one; timers, hooks and agents start
//! commands without a terminal, and those must not slow down what the user of the machine does.

use std::io::IsTerminal as _;

use crate::embed::give_way;

/// Lowers the priority of this command unless it was started on a terminal; says whether it was, so that a person waits.
pub(super) fn lower_in_background() -> bool {
    let waited_for = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    if !waited_for {
        give_way();
    }
    waited_for
}
