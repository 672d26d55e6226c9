//! Rendering of failures on the command line: one line with what failed, one hint what to do, and the exit code of the
//! error class.

use std::process::ExitCode;

use super::output::CliOutput;
use super::palette::Tone;
use crate::domain::Failure;

/// Prints the failure and returns its exit code; JSON goes to stdout, text to stderr.
pub(super) fn print_failure(failure: &Failure, output: CliOutput) -> ExitCode {
    if output.is_json() {
        let mut error = serde_json::json!({ "code": failure.code.name(), "message": failure.message });
        if let (Some(hint), Some(object)) = (&failure.hint, error.as_object_mut()) {
            object.insert("hint".to_owned(), hint.clone().into());
        }
        output.print_json(&serde_json::json!({ "error": error }));
    } else {
        let palette = output.error_palette();
        output.print_error(&format!("{} {}", palette.paint(Tone::Bad, "error:"), failure.message));
        if let Some(hint) = &failure.hint {
            output.print_error(&format!("{} {hint}", palette.paint(Tone::Accent, "hint:")));
        }
    }
    ExitCode::from(failure.code.exit_code())
}
