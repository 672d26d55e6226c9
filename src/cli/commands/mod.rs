//! One file per command.

pub(super) mod alerts;
pub(super) mod backup;
pub(super) mod bench;
pub(super) mod blame;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod context;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod embed;
pub(super) mod export;
pub(super) mod fix;
pub(super) mod forget;
pub(super) mod handoff;
mod handshake;
pub(super) mod hook;
pub(super) mod hooks;
pub(super) mod import;
pub(super) mod init;
pub(super) mod install;
pub(super) mod logs;
pub(super) mod maintain;
pub(super) mod man;
pub(super) mod mcp;
pub(super) mod migrate;
pub(super) mod model;
pub(super) mod monitoring;
pub(super) mod open;
pub(super) mod projects;
pub(super) mod quarantine;
pub(super) mod redact;
pub(super) mod reindex;
pub(super) mod report;
pub(super) mod save;
pub(super) mod schedule;
pub(super) mod search;
pub(super) mod serve;
pub(super) mod service;
pub(super) mod show;
pub(super) mod status;
pub(super) mod sync;
pub(super) mod timeline;
mod tool;

use crate::cli::error::Failure;
use crate::cli::session::Session;
use crate::domain::Code;
use crate::memory::Check;
use crate::ops::system::Step;

/// `1234567` → `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints what would be done.
fn plan(session: &Session, manager: &str, steps: &[Step]) {
    let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "manager": manager, "steps": steps }));
    } else {
        steps.iter().for_each(|step| session.output.line(step.trim_end()));
    }
}

/// What commands wait with that talk to another server.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Code::Unavailable, format!("no runtime: {error}"), None))
}

/// A check as a line for people.
fn check_line(check: &Check) -> String {
    let fix = check.fix.as_ref().map(|fix| format!(" → {fix}")).unwrap_or_default();
    format!("{} {:<12}{}{fix}", if check.ok { "ok" } else { "!!" }, check.name, check.finding)
}

/// Bytes for people: `12.3 MB`.
fn sized(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_digits() {
        assert_eq!([super::grouped(0), super::grouped(999), super::grouped(1_234_567)], ["0", "999", "1,234,567"]);
    }
}
