//! Summary of `status` for a person: one sentence, a line a part, and what to do. Owns the words; machine gauges are in
//! `status --system`.

use std::process::ExitCode;

use super::install::{self, ClientState};
use super::mcp::build_context;
use super::{doctor, format_bytes};
use crate::backup::{self, deletion};
use crate::cli::calendar::Calendar;
use crate::cli::invocation::Invocation;
use crate::cli::layout::{pad_text, wrap_text};
use crate::cli::palette::Tone;
use crate::disk;
use crate::domain::Failure;
use crate::domain::text::counts::{format_count, group_digits};
use crate::mcp::{Profile, tools};
use crate::memory::{CheckResult, Memory, MemoryHealth};
use crate::monitor::alert_evaluation;
use crate::monitor::thresholds::{ThresholdLevel, ThresholdReading};

/// Columns of the name of a part.
const NAME_COLUMNS: usize = 14;
/// Readings that say something about the memory itself, and not about what else the machine does.
const OWN_READINGS: [&str; 3] = ["disk", "response", "database"];
/// Checks whose failure means that the memory does not work.
const BROKEN_CHECKS: [&str; 2] = ["store", "words"];

/// A finding to act on, with the command or advice.
struct StatusTask {
    finding: String,
    advice: String,
}

/// Prints the summary; returns 1 if there is something to do, 2 if a reading of the memory itself is critical.
pub(super) fn print_summary(
    memory: &Memory,
    readings: &[ThresholdReading],
    session: &Invocation,
) -> Result<ExitCode, Failure> {
    let health = memory.check_health(session.now)?;
    let backlog = memory.import_backlog(build_context().transcripts.as_deref(), session.now)?;
    let mut checks: Vec<CheckResult> = health.checks.clone();
    // Messages that are not embedded yet are normal while they are few; the row about search counts them.
    let is_waiting = !memory.is_embedding_paused() && health.stats.failed == 0;
    checks.retain(|check| !(check.name == "vectors" && is_waiting));
    checks.push(backlog.backlog_check());
    checks.push(deletion::check_copies(memory, session.now));
    checks.push(doctor::check_backups(memory.paths(), session.now));
    let is_broken = checks.iter().any(|check| !check.ok && BROKEN_CHECKS.contains(&check.name));
    let mut tasks: Vec<StatusTask> = checks.iter().filter(|check| !check.ok).map(StatusTask::from_check).collect();
    let own = readings.iter().filter(|reading| OWN_READINGS.contains(&reading.name));
    let own: Vec<&ThresholdReading> = own.filter(|reading| reading.level >= ThresholdLevel::Warning).collect();
    tasks.extend(own.iter().map(|reading| StatusTask::from_reading(reading)));
    print_sentence(&health, &tasks, is_broken, session);
    print_tasks(&tasks, session);
    session.output.print_line("");
    print_rows(memory, &health, session)?;
    // Alerts watch the machine too, which says nothing of the memory.
    let alerts = alert_evaluation::check_alerts(memory, &health, backlog, session.now)?;
    if !alerts.ok {
        print_row("Alerts", &alerts.finding, session);
    }
    let system = "Machine gauges and thresholds: claude-memory status --system";
    session.output.print_message(&session.output.error_palette().paint(Tone::Meta, system));
    let is_critical = own.iter().any(|reading| reading.level == ThresholdLevel::Critical);
    Ok(ExitCode::from(if is_critical { 2 } else { u8::from(!tasks.is_empty()) }))
}

fn print_sentence(health: &MemoryHealth, tasks: &[StatusTask], is_broken: bool, session: &Invocation) {
    let palette = session.output.palette();
    let count = match tasks.len() {
        1 => "One thing to do".to_owned(),
        many => format!("{many} things to do"),
    };
    let sessions = format_count(health.stats.conversations, "session");
    let (tone, sentence, rest) = if is_broken {
        (Tone::Bad, "Your memory has a problem.".to_owned(), String::new())
    } else if !tasks.is_empty() {
        (Tone::Weak, format!("Your memory works. {count}."), String::new())
    } else if health.stats.messages == 0 {
        (Tone::Weak, "Your memory is empty.".to_owned(), " Import your history: claude-memory setup".to_owned())
    } else {
        let verb = if health.stats.conversations == 1 { "is" } else { "are" };
        (Tone::Good, "Everything is fine.".to_owned(), format!(" {sessions} {verb} saved and can be searched."))
    };
    session.output.print_line(&format!("{} {}{rest}", palette.paint(tone, "●"), palette.paint(Tone::Title, &sentence)));
}

fn print_tasks(tasks: &[StatusTask], session: &Invocation) {
    let palette = session.output.palette();
    for task in tasks {
        for (at, line) in wrap_text(&task.finding, session.output.columns() - 4).iter().enumerate() {
            let mark = if at == 0 { palette.paint(Tone::Weak, "!") } else { " ".to_owned() };
            session.output.print_line(&format!("  {mark} {line}"));
        }
        if !task.advice.is_empty() {
            session.output.print_line(&format!("    {}", palette.paint(Tone::Accent, &task.advice)));
        }
    }
}

impl StatusTask {
    fn from_check(check: &CheckResult) -> Self {
        let mut finding = check.finding.clone();
        if let Some(first) = finding.chars().next() {
            finding.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
        }
        // "run `command`" is the command alone: it stands on a line of its own.
        let fix = check.fix.clone().unwrap_or_default();
        let command = fix.strip_prefix("run `").and_then(|rest| rest.strip_suffix('`'));
        Self { finding: format!("{finding}."), advice: command.map_or_else(|| fix.clone(), str::to_owned) }
    }

    fn from_reading(reading: &ThresholdReading) -> Self {
        let value = reading.value.unwrap_or_default();
        let (finding, advice) = match reading.name {
            "disk" => (
                format!("The disk is {value:.0} % full. When it is full, new sessions cannot be saved."),
                "claude-memory maintain --cleanup-days 365 --dry-run",
            ),
            "database" => {
                (format!("The database has {value:.0} MB."), "claude-memory maintain --cleanup-days 365 --dry-run")
            }
            _ => (format!("Requests take {value:.1} s on average."), "claude-memory doctor"),
        };
        Self { finding, advice: advice.to_owned() }
    }
}

/// Prints the name of a part and what is to be said of it, wrapped beside it.
fn print_row(name: &str, text: &str, session: &Invocation) {
    let palette = session.output.palette();
    for (at, line) in wrap_text(text, session.output.columns() - NAME_COLUMNS - 2).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        session.output.print_line(&format!("  {}{line}", palette.paint(Tone::Meta, &pad_text(name, NAME_COLUMNS))));
    }
}

/// Prints a line for each part of the memory.
fn print_rows(memory: &Memory, health: &MemoryHealth, session: &Invocation) -> Result<(), Failure> {
    let calendar = Calendar::at(session.now);
    let row = |name: &str, text: &str| print_row(name, text, session);
    let stats = &health.stats;
    if let Some(newest) = stats.newest {
        row("Saving", &format!("last message {}", calendar.format_age(newest)));
    }
    let messages = format_count(stats.messages, "message");
    row(
        "Search",
        &match stats.pending {
            0 => format!("{messages}, all embedded"),
            pending => format!("{messages}, {} not embedded yet: claude-memory embed", group_digits(pending)),
        },
    );
    for (client, state) in install::list_client_states(session).unwrap_or_default() {
        row(client.title(), &describe_client(memory, client, state));
    }
    if let Some(folder) = build_context().transcripts.filter(|folder| folder.is_dir()) {
        let backlog = memory.import_backlog(Some(&folder), session.now)?;
        let days = doctor::read_cleanup_days();
        row(
            "Deletion",
            &if backlog.read == backlog.files {
                format!(
                    "Claude Code deletes transcripts after {}; all of it is saved",
                    format_count(days.unsigned_abs(), "day")
                )
            } else {
                backlog.deadline_check(days).finding
            },
        );
    }
    row(
        "Backup",
        &backup::newest_backup_time(&memory.paths().backups_folder())
            .map_or_else(|| "none yet: claude-memory backup create".to_owned(), |at| calendar.format_dated(at)),
    );
    let size = format_bytes(stats.database_bytes + stats.log_bytes);
    let free = disk::disk_space(memory.paths().home()).map(|(free, _)| format!(", {} free", format_bytes(free)));
    row("Size", &format!("{size}{}", free.unwrap_or_default()));
    if stats.quarantined > 0 {
        row("Quarantine", &format!("quarantined messages: {}: claude-memory quarantine list", stats.quarantined));
    }
    Ok(())
}

fn describe_client(memory: &Memory, client: crate::clients::McpClient, state: ClientState) -> String {
    let profile = Profile::from_name(&memory.settings().mcp.profile).unwrap_or(Profile::Core);
    let tools = format_count(tools::define_tools(profile, false).len() as u64, "tool");
    let hooks = client.hook_entries().len() as u64;
    let flag = if hooks > 0 { " --hooks" } else { "" };
    match state {
        ClientState::Connected if hooks > 0 => format!("connected: {tools}, {}", format_count(hooks, "hook")),
        ClientState::Connected => format!("connected: {tools}"),
        ClientState::ServerOnly => format!("{tools}, no hooks: claude-memory install {}{flag}", client.name()),
        ClientState::NotConnected => format!("not connected: claude-memory install {}{flag}", client.name()),
    }
}
