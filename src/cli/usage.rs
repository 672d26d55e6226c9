//! Usage errors: what the parser of arguments rejects, in plain words, and as JSON with `--json`. Does not own the rules of
//! the arguments.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::error::print_failure;
use super::output::CliOutput;
use crate::domain::Failure;

/// Errors of the standard library as it words them, and as a reader does.
const PLAIN_WORDS: [(&str, &str); 8] = [
    ("invalid digit found in string", "use a whole number"),
    ("cannot parse integer from empty string", "use a whole number"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("invalid float literal", "use a number"),
    ("provided string was not `true` or `false`", "use true or false"),
    ("invalid socket address syntax", "use an address with a port, as in 127.0.0.1:8080"),
    ("invalid IP address syntax", "use an address, as in 127.0.0.1"),
];

/// Prints help, the version or a usage error; returns the exit code.
pub(super) fn print_usage(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if is_help {
        // Help and version go to stdout, and to stderr where an argument is missing.
        let _ = error.print();
        return code;
    }
    let output = CliOutput::new(wants_json(std::env::args_os()), false);
    if output.is_json() {
        let text = use_plain_words(&error.render().to_string());
        return print_failure(&to_failure(&text), output);
    }
    let palette_is_on = output.error_palette().is_coloured();
    let text = if palette_is_on { error.render().ansi().to_string() } else { error.render().to_string() };
    output.print_error(use_plain_words(&text).trim_end());
    code
}

/// Builds the failure of a usage error from its text: the first paragraph says what is wrong, the usage is the hint.
fn to_failure(text: &str) -> Failure {
    let text = text.trim().trim_start_matches("error: ");
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = rest.replace("For more information, try '--help'.", "");
    let hint = one_line(&hint);
    if hint.is_empty() {
        Failure::invalid_input(one_line(message))
    } else {
        Failure::invalid_arguments(one_line(message), hint)
    }
}

fn use_plain_words(text: &str) -> String {
    PLAIN_WORDS.iter().fold(text.to_owned(), |text, (technical, plain)| text.replace(technical, plain))
}

/// Returns true if the arguments ask for JSON, judged without parsing them.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_says_what_is_wrong_without_types() {
        let error =
            crate::cli::command().try_get_matches_from(["claude-memory", "search", "x", "-n", "many"]).unwrap_err();
        let text = use_plain_words(&error.render().to_string());
        assert!(text.contains("use a whole number") && !text.contains("digit"), "{text}");
        let failure = to_failure(&text);
        assert_eq!(failure.message, "invalid value 'many' for '--limit <LIMIT>': use a whole number");
        let error = crate::cli::command().try_get_matches_from(["claude-memory", "serch", "x"]).unwrap_err();
        let failure = to_failure(&error.render().to_string());
        assert!(failure.hint.unwrap().contains("search"), "the nearest command is named");
    }

    #[test]
    fn json_is_recognised_before_the_arguments_are_parsed() {
        let wants = |arguments: &[&str]| wants_json(arguments.iter().map(OsString::from));
        assert!(wants(&["x", "search", "--json"]) && !wants(&["x", "search", "--", "--json"]) && !wants(&["x"]));
    }
}
