//! Layout of what one speaker said: the name, and the text wrapped beside it. The text is printed as it is stored, without
//! blank lines; this is the place where it would be rendered.

use super::layout::{display_width, wrap_text};
use super::output::CliOutput;
use super::speaker::Speaker;

/// Columns of a speaker's name, at least.
const SPEAKER_COLUMNS: usize = 8;

/// Prints turns with their names in one column.
pub(super) fn print_turns(turns: &[(Speaker, String)], indent: usize, output: CliOutput) {
    let widest = turns.iter().map(|(speaker, _)| display_width(speaker.name()) + 2).max().unwrap_or(0);
    let columns = widest.max(SPEAKER_COLUMNS);
    for (speaker, text) in turns {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let room = output.columns().saturating_sub(indent + columns);
        for (at, line) in wrap_text(&lines.join("\n"), room).iter().enumerate() {
            let name = if at == 0 {
                let gap = " ".repeat(columns.saturating_sub(display_width(speaker.name())));
                format!("{}{gap}", speaker.paint(output.palette()))
            } else {
                " ".repeat(columns)
            };
            output.print_line(&format!("{:indent$}{name}{line}", ""));
        }
    }
}
