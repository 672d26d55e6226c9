//! Alert rules and the unit tests of each, from one list. Name, condition and severity of the first four are prescribed
//! by the runbook.

use std::fmt::Write as _;

use crate::config::ScheduledJob;
use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::monitor::alert_inputs::AlertInputs;

/// An alert rule, with test series that make it fire and that do not.
#[derive(Debug)]
pub struct AlertRule {
    /// Name of the alert.
    pub name: &'static str,
    /// Condition in PromQL.
    pub expr: &'static str,
    /// Seconds that the condition has to hold before the alert fires.
    pub hold: u64,
    /// `critical`, `warning` or `info`.
    pub severity: &'static str,
    /// One-line description, in English and Chinese.
    pub summary: [&'static str; 2],
    /// Advice on what to do, in English and Chinese.
    pub description: [&'static str; 2],
    /// Series of a test, one value every ten seconds: name, values that fire, values that do not.
    pub series: &'static [(&'static str, &'static str, &'static str)],
    /// True if the alert carries the labels of the target.
    pub labelled: bool,
    /// True if it fires when there is no series at all.
    pub absent: bool,
    /// Same condition without Prometheus; `None` if it cannot be evaluated inside the service.
    pub holds: Option<fn(&AlertInputs) -> bool>,
}

/// All alert rules.
pub const RULES: &[AlertRule] = &[
    AlertRule {
        name: "ClaudeMemoryMCPDown",
        expr: "up{job=\"claude-memory\"} == 0 or absent(up{job=\"claude-memory\"})",
        hold: 30,
        severity: "critical",
        summary: ["claude-memory does not answer", "claude-memory 没有响应"],
        description: [
            "Check `claude-memory service status` and its log, then restart it.",
            "查看 `claude-memory service status` 和日志，然后重新启动服务。",
        ],
        series: &[("up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: true,
        holds: None,
    },
    AlertRule {
        name: "ClaudeMemoryPostgresDown",
        expr: "claude_memory_postgres_up == 0",
        hold: 60,
        severity: "critical",
        summary: ["PostgreSQL does not answer", "PostgreSQL 没有响应"],
        description: [
            "No data is lost: changes wait in the local store. Check PostgreSQL.",
            "数据没有丢失：新内容保存在本地，等待同步。请检查 PostgreSQL。",
        ],
        series: &[("claude_memory_postgres_up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.target_is_down("postgres")),
    },
    AlertRule {
        name: "ClaudeMemoryQdrantDown",
        expr: "claude_memory_qdrant_up == 0",
        hold: 60,
        severity: "critical",
        summary: ["Qdrant does not answer", "Qdrant 没有响应"],
        description: [
            "No data is lost: changes wait in the local store. Check Qdrant.",
            "数据没有丢失：新内容保存在本地，等待同步。请检查 Qdrant。",
        ],
        series: &[("claude_memory_qdrant_up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.target_is_down("qdrant")),
    },
    AlertRule {
        name: "ClaudeMemoryHighResponseTime",
        expr: "claude_memory_avg_response_time_seconds > 5",
        hold: 120,
        severity: "warning",
        summary: ["Requests take more than five seconds on average", "平均响应时间超过 5 秒"],
        description: [
            "Check the load of the machine and `claude-memory status`.",
            "检查机器负载，并运行 `claude-memory status`。",
        ],
        series: &[("claude_memory_avg_response_time_seconds", "1x5 6x60", "4.9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.traffic.average_seconds > 5.0),
    },
    AlertRule {
        name: "ClaudeMemorySlowRequests",
        expr: "histogram_quantile(0.95, sum by (job, instance, le) (rate(claude_memory_request_duration_seconds_bucket[5m]))) > 5",
        hold: 120,
        severity: "warning",
        summary: ["One request in twenty takes more than five seconds", "二十分之一的请求超过 5 秒"],
        description: [
            "Check the load of the machine and `claude-memory status`.",
            "检查机器负载，并运行 `claude-memory status`。",
        ],
        series: &[
            ("claude_memory_request_duration_seconds_bucket{le=\"5\"}", "0+1x80", "0+10x80"),
            ("claude_memory_request_duration_seconds_bucket{le=\"10\"}", "0+10x80", "0+10x80"),
            ("claude_memory_request_duration_seconds_bucket{le=\"+Inf\"}", "0+10x80", "0+10x80"),
        ],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.traffic.p95_seconds > 5.0),
    },
    AlertRule {
        name: "ClaudeMemoryErrors",
        expr: "rate(claude_memory_errors_total[5m]) > 0.1 and rate(claude_memory_errors_total[5m]) > 0.1 * sum by (job, instance) (rate(claude_memory_requests_total[5m]))",
        hold: 120,
        severity: "warning",
        summary: ["One request in ten fails", "十分之一的请求失败"],
        description: ["Run `claude-memory doctor --deep`.", "运行 `claude-memory doctor --deep`。"],
        series: &[
            ("claude_memory_errors_total", "0+5x80", "0+0x80"),
            ("claude_memory_requests_total", "0+10x80", "0+10x80"),
        ],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.traffic.errors > 0.1 && sight.traffic.errors > 0.1 * sight.traffic.requests),
    },
    AlertRule {
        name: "ClaudeMemoryRestarted",
        expr: "changes(process_start_time_seconds{job=\"claude-memory\"}[5m]) > 0",
        hold: 0,
        severity: "info",
        summary: ["claude-memory was started again", "claude-memory 重新启动过"],
        description: ["If nobody restarted it, check its log.", "如果不是人为重启，请查看日志。"],
        series: &[("process_start_time_seconds", "100x60 900x40", "100x100")],
        labelled: true,
        absent: false,
        holds: None,
    },
    AlertRule {
        name: "ClaudeMemoryIngestLag",
        expr: "claude_memory_ingest_lag_seconds > 3600",
        hold: 300,
        severity: "warning",
        summary: ["Transcripts from an hour ago are not imported yet", "一小时前的对话还没有导入"],
        description: [
            "Run `claude-memory import claude-code`, or `claude-memory install --hooks` to save sessions as they run.",
            "运行 `claude-memory import claude-code`；要实时保存，运行 `claude-memory install --hooks`。",
        ],
        series: &[("claude_memory_ingest_lag_seconds", "4000x80", "3000x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.backlog.lag_ms > HOUR_MS),
    },
    AlertRule {
        name: "ClaudeMemoryBackupTooOld",
        expr: "time() - claude_memory_backup_last_success_timestamp_seconds > 26 * 3600",
        hold: 300,
        severity: "warning",
        summary: ["The newest backup is older than a day", "最新的备份已超过一天"],
        description: [
            "Run `claude-memory backup create` and check why the scheduled backup did not run.",
            "运行 `claude-memory backup create`，并检查定时任务。",
        ],
        series: &[("claude_memory_backup_last_success_timestamp_seconds", "-100000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.job_overdue(ScheduledJob::Backup, sight.readings.backup, 2 * HOUR_MS)),
    },
    AlertRule {
        name: "ClaudeMemoryBackupFailed",
        expr: "claude_memory_backup_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The last backup failed", "最近一次备份失败"],
        description: [
            "`claude-memory schedule list` shows the reason; fix it, then run `claude-memory backup create`.",
            "用 `claude-memory schedule list` 查看原因，排除后运行 `claude-memory backup create`。",
        ],
        series: &[("claude_memory_backup_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.job_failed("backup")),
    },
    AlertRule {
        name: "ClaudeMemoryIntegrityOld",
        expr: "time() - claude_memory_integrity_check_timestamp_seconds > 8 * 86400",
        hold: 300,
        severity: "warning",
        summary: ["The store was not verified for eight days", "存储超过八天没有全面校验"],
        description: [
            "Run `claude-memory doctor --deep` and check why the scheduled check did not run.",
            "运行 `claude-memory doctor --deep`，并检查定时任务。",
        ],
        series: &[("claude_memory_integrity_check_timestamp_seconds", "-700000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| {
            sight.job_overdue(ScheduledJob::Integrity, sight.last_run(ScheduledJob::Integrity), DAY_MS)
        }),
    },
    AlertRule {
        name: "ClaudeMemoryMaintenanceFailed",
        expr: "claude_memory_maintenance_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The last maintenance failed", "最近一次维护失败"],
        description: [
            "`claude-memory schedule list` shows the reason; fix it, then run `claude-memory maintain`.",
            "用 `claude-memory schedule list` 查看原因，排除后运行 `claude-memory maintain`。",
        ],
        series: &[("claude_memory_maintenance_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.job_failed("maintenance")),
    },
    AlertRule {
        name: "ClaudeMemoryDiskWillFill",
        expr: "predict_linear(claude_memory_disk_free_bytes[6h], 4 * 86400) < 0",
        hold: 300,
        severity: "warning",
        summary: ["At this rate the disk will be full within four days", "按目前的速度，磁盘将在四天内写满"],
        description: [
            "Find out what grows; `claude-memory report capacity` shows how much of it is the memory.",
            "查看是什么在增长；`claude-memory report capacity` 显示记忆库的增长情况。",
        ],
        series: &[("claude_memory_disk_free_bytes", "10000000000-50000000x80", "10000000000x80")],
        labelled: true,
        absent: false,
        // The service has no history for a prediction; ClaudeMemoryDiskFilling covers the current usage.
        holds: None,
    },
    AlertRule {
        name: "ClaudeMemoryDiskFilling",
        expr: "claude_memory_disk_used_ratio > 0.8",
        hold: 300,
        severity: "warning",
        summary: ["The disk is more than 80 % full", "磁盘使用率超过 80%"],
        description: [
            "Free some disk space; writing stops when the disk is full.",
            "清理磁盘空间；磁盘写满后将无法写入。",
        ],
        series: &[("claude_memory_disk_used_ratio", "0.85x80", "0.79x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.disk_used() > 0.8),
    },
    AlertRule {
        name: "ClaudeMemoryDiskFull",
        expr: "claude_memory_disk_used_ratio > 0.9",
        hold: 60,
        severity: "critical",
        summary: ["The disk is more than 90 % full", "磁盘使用率超过 90%"],
        description: [
            "Free some disk space now; writing stops when the disk is full.",
            "立即清理磁盘空间；磁盘写满后将无法写入。",
        ],
        series: &[("claude_memory_disk_used_ratio", "0.95x80", "0.89x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.disk_used() > 0.9),
    },
    AlertRule {
        name: "ClaudeMemoryDatabaseLarge",
        expr: "claude_memory_db_size_bytes > 1e9",
        hold: 300,
        severity: "warning",
        summary: ["The database is larger than 1 GB", "数据库超过 1 GB"],
        description: [
            "It keeps working; consider cleaning up, or using PostgreSQL and Qdrant.",
            "仍可正常工作；可以考虑清理旧数据，或使用 PostgreSQL 和 Qdrant。",
        ],
        series: &[("claude_memory_db_size_bytes", "1.5e9x80", "0.9e9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.database_bytes > 1_000_000_000),
    },
    AlertRule {
        name: "ClaudeMemoryDatabaseHuge",
        expr: "claude_memory_db_size_bytes > 2e9",
        hold: 300,
        severity: "critical",
        summary: ["The database is larger than 2 GB", "数据库超过 2 GB"],
        description: [
            "It keeps working; clean up, or use PostgreSQL and Qdrant.",
            "仍可正常工作；请清理旧数据，或使用 PostgreSQL 和 Qdrant。",
        ],
        series: &[("claude_memory_db_size_bytes", "2.5e9x80", "1.9e9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.database_bytes > 2_000_000_000),
    },
    AlertRule {
        name: "ClaudeMemoryLogTooLarge",
        expr: "claude_memory_wal_size_bytes > 256e6",
        hold: 600,
        severity: "warning",
        summary: ["The write-ahead log keeps growing", "预写日志持续增长"],
        description: [
            "A process keeps a read transaction open: end sessions that hang.",
            "有进程的读取事务长时间不结束：请结束卡住的会话。",
        ],
        series: &[("claude_memory_wal_size_bytes", "300e6x80", "100e6x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.log_bytes > 256_000_000),
    },
    AlertRule {
        name: "ClaudeMemoryDamaged",
        expr: "claude_memory_integrity_ok == 0",
        hold: 0,
        severity: "critical",
        summary: ["The store is damaged", "存储已损坏"],
        description: [
            "Run `claude-memory doctor --deep`; restore the newest backup if it says so.",
            "运行 `claude-memory doctor --deep`；如有提示，请恢复最近的备份。",
        ],
        series: &[("claude_memory_integrity_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.job_failed("integrity")),
    },
    AlertRule {
        name: "ClaudeMemoryCanary",
        expr: "claude_memory_canary_ok == 0",
        hold: 0,
        severity: "critical",
        summary: ["A saved message is not found, or a deleted one still is", "保存的内容搜不到，或删除的内容仍能搜到"],
        description: ["Run `claude-memory doctor --deep`.", "运行 `claude-memory doctor --deep`。"],
        series: &[("claude_memory_canary_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.job_failed("canary")),
    },
    AlertRule {
        name: "ClaudeMemorySyncLag",
        expr: "max by (job, instance) (claude_memory_sync_lag_seconds) > 3600",
        hold: 300,
        severity: "warning",
        summary: ["Changes were not pushed for an hour", "新内容超过一小时没有同步"],
        description: [
            "No data is lost. `claude-memory sync status` shows the reason.",
            "数据没有丢失。用 `claude-memory sync status` 查看原因。",
        ],
        series: &[("claude_memory_sync_lag_seconds{target=\"postgres\"}", "4000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.targets.iter().any(|copied| copied.lag_ms > HOUR_MS)),
    },
    AlertRule {
        name: "ClaudeMemoryConfigInvalid",
        expr: "claude_memory_config_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The configuration could not be read; the old one stays in force", "配置无法读取，旧配置仍然生效"],
        description: [
            "`claude-memory config show` shows the mistake; correct it, then run `claude-memory service reload`.",
            "运行 `claude-memory config show` 查看错误，修正后运行 `claude-memory service reload`。",
        ],
        series: &[("claude_memory_config_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| !sight.config_ok),
    },
];

/// Quotes a text as a YAML string, of which JSON strings are a subset.
fn quote_yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn rule_annotations(rule: &AlertRule, runbook: &str) -> [(&'static str, String); 5] {
    [
        ("summary", rule.summary[0].to_owned()),
        ("summary_zh", rule.summary[1].to_owned()),
        ("description", rule.description[0].to_owned()),
        ("description_zh", rule.description[1].to_owned()),
        ("runbook_url", format!("{runbook}#{}", rule.name.to_lowercase())),
    ]
}

/// Renders the rules file of Prometheus.
pub fn render_rules(runbook: &str) -> String {
    let mut text =
        "# Made by `claude-memory monitoring export`.\ngroups:\n  - name: claude-memory\n    rules:\n".to_owned();
    for rule in RULES {
        let _ = write!(
            text,
            "      - alert: {}\n        expr: {}\n        for: {}s\n        labels:\n          severity: {}\n        annotations:\n",
            rule.name,
            quote_yaml(rule.expr),
            rule.hold,
            rule.severity
        );
        for (name, value) in rule_annotations(rule, runbook) {
            let _ = writeln!(text, "          {name}: {}", quote_yaml(&value));
        }
    }
    text
}

/// Renders unit tests for `promtool test rules`: each rule fires, stays quiet, resolves, and without series fires only
/// if it is meant to.
pub fn render_tests(runbook: &str) -> String {
    let mut text =
        "# Made by `claude-memory monitoring export`.\nrule_files: [rules.yml]\nevaluation_interval: 10s\ntests:\n"
            .to_owned();
    for rule in RULES {
        let firing = rule.series.iter().map(|(name, values, _)| (*name, (*values).to_owned())).collect();
        let quiet: Vec<(&str, String)> =
            rule.series.iter().map(|(name, _, values)| (*name, (*values).to_owned())).collect();
        // First the values that fire, then those that do not, for long enough that no window contains the first.
        let clears = rule
            .series
            .iter()
            .map(|(name, bad, good)| (*name, format!("{bad} {}", clearing_values(bad, good))))
            .collect();
        write_case(&mut text, (rule, runbook), firing, "11m", rule.labelled.then_some(true).or(Some(false)));
        write_case(&mut text, (rule, runbook), quiet, "11m", None);
        write_case(&mut text, (rule, runbook), clears, "40m", None);
        write_case(&mut text, (rule, runbook), Vec::new(), "11m", rule.absent.then_some(false));
    }
    text
}

/// Returns good values to append to the bad ones; a counter stands still at its last value.
fn clearing_values(bad: &str, good: &str) -> String {
    let counter = bad.contains('+');
    if counter { "_x200".to_owned() } else { format!("{}x200", good.split('x').next().unwrap_or("0")) }
}

/// Writes one test case. `fires` says if the alert carries the labels of the target; `None` if nothing may fire.
fn write_case(
    text: &mut String,
    (rule, runbook): (&AlertRule, &str),
    series: Vec<(&str, String)>,
    at: &str,
    fires: Option<bool>,
) {
    text.push_str("  - interval: 10s\n");
    if series.is_empty() {
        text.push_str("    input_series: []\n");
    } else {
        text.push_str("    input_series:\n");
    }
    for (name, values) in series {
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let series =
            format!("{name}{{job=\"claude-memory\", instance=\"127.0.0.1:8080\", {labels}").replace(", }", "}");
        let _ = writeln!(text, "      - series: {}\n        values: {}", quote_yaml(&series), quote_yaml(&values));
    }
    let _ = writeln!(text, "    alert_rule_test:\n      - eval_time: {at}\n        alertname: {}", rule.name);
    let Some(labelled) = fires else {
        text.push_str("        exp_alerts: []\n");
        return;
    };
    let _ = writeln!(text, "        exp_alerts:\n          - exp_labels:\n              severity: {}", rule.severity);
    if labelled {
        text.push_str("              job: claude-memory\n              instance: \"127.0.0.1:8080\"\n");
    } else if rule.absent {
        text.push_str("              job: claude-memory\n");
    }
    text.push_str("            exp_annotations:\n");
    for (name, value) in rule_annotations(rule, runbook) {
        let _ = writeln!(text, "              {name}: {}", quote_yaml(&value));
    }
}
