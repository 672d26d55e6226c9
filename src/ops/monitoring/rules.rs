//! The alert rules and the unit tests of each, from one list. The first four are the runbook's: name, condition and severity are
//! theirs.

use std::fmt::Write as _;

use crate::domain::time::{DAY_MS, HOUR_MS};
use crate::ops::schedule::Job;
use crate::ops::watch::Sight;

/// One rule with what makes it fire and what does not.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Its condition.
    pub expr: &'static str,
    /// How long the condition has to hold, in seconds.
    pub hold: u64,
    /// critical, warning or info.
    pub severity: &'static str,
    /// What has happened, in English and Chinese.
    pub summary: [&'static str; 2],
    /// What to do, in English and Chinese.
    pub description: [&'static str; 2],
    /// Series of a test and their values, one every ten seconds: when it fires, when it does not.
    pub series: &'static [(&'static str, &'static str, &'static str)],
    /// Whether the alert carries the labels of the target.
    pub labelled: bool,
    /// Whether it fires when there is no series at all.
    pub absent: bool,
    /// The same condition, for who has no Prometheus; `None` for what only others can see.
    pub holds: Option<fn(&Sight) -> bool>,
}

/// All rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "ClaudeMemoryMCPDown",
        expr: "up{job=\"claude-memory\"} == 0 or absent(up{job=\"claude-memory\"})",
        hold: 30,
        severity: "critical",
        summary: ["claude-memory does not answer", "claude-memory 没有响应"],
        description: [
            "Look at `claude-memory service status` and its log; start it again.",
            "查看 `claude-memory service status` 和日志,重新启动服务。",
        ],
        series: &[("up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: true,
        holds: None,
    },
    Rule {
        name: "ClaudeMemoryPostgresDown",
        expr: "claude_memory_postgres_up == 0",
        hold: 60,
        severity: "critical",
        summary: ["PostgreSQL does not answer", "PostgreSQL 没有响应"],
        description: [
            "Nothing is lost: what is new waits in the local store. Look at PostgreSQL.",
            "没有丢失数据:新内容保存在本地等待同步。请检查 PostgreSQL。",
        ],
        series: &[("claude_memory_postgres_up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.is_down("postgres")),
    },
    Rule {
        name: "ClaudeMemoryQdrantDown",
        expr: "claude_memory_qdrant_up == 0",
        hold: 60,
        severity: "critical",
        summary: ["Qdrant does not answer", "Qdrant 没有响应"],
        description: [
            "Nothing is lost: what is new waits in the local store. Look at Qdrant.",
            "没有丢失数据:新内容保存在本地等待同步。请检查 Qdrant。",
        ],
        series: &[("claude_memory_qdrant_up", "1x5 0x60", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.is_down("qdrant")),
    },
    Rule {
        name: "ClaudeMemoryHighResponseTime",
        expr: "claude_memory_avg_response_time_seconds > 5",
        hold: 120,
        severity: "warning",
        summary: ["Requests take more than five seconds on average", "平均响应时间超过 5 秒"],
        description: [
            "Look at the load of the machine and at `claude-memory status`.",
            "检查机器负载和 `claude-memory status`。",
        ],
        series: &[("claude_memory_avg_response_time_seconds", "1x5 6x60", "4.9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.traffic.average_seconds > 5.0),
    },
    Rule {
        name: "ClaudeMemorySlowRequests",
        expr: "histogram_quantile(0.95, sum by (job, instance, le) (rate(claude_memory_request_duration_seconds_bucket[5m]))) > 5",
        hold: 120,
        severity: "warning",
        summary: ["One request in twenty takes more than five seconds", "每二十个请求就有一个超过 5 秒"],
        description: [
            "Look at the load of the machine and at `claude-memory status`.",
            "检查机器负载和 `claude-memory status`。",
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
    Rule {
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
    Rule {
        name: "ClaudeMemoryRestarted",
        expr: "changes(process_start_time_seconds{job=\"claude-memory\"}[5m]) > 0",
        hold: 0,
        severity: "info",
        summary: ["claude-memory was started again", "claude-memory 重新启动过"],
        description: ["If nobody did it, look at its log.", "如果不是人为重启,请查看日志。"],
        series: &[("process_start_time_seconds", "100x60 900x40", "100x100")],
        labelled: true,
        absent: false,
        holds: None,
    },
    Rule {
        name: "ClaudeMemoryIngestLag",
        expr: "claude_memory_ingest_lag_seconds > 3600",
        hold: 300,
        severity: "warning",
        summary: ["What was said an hour ago is not kept yet", "一小时前的对话还没有保存"],
        description: [
            "Run `claude-memory import claude-code`, or `claude-memory install --hooks` so that it is kept at once.",
            "运行 `claude-memory import claude-code`,或 `claude-memory install --hooks` 以便实时保存。",
        ],
        series: &[("claude_memory_ingest_lag_seconds", "4000x80", "3000x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.backlog.lag_ms > HOUR_MS),
    },
    Rule {
        name: "ClaudeMemoryBackupTooOld",
        expr: "time() - claude_memory_backup_last_success_timestamp_seconds > 26 * 3600",
        hold: 300,
        severity: "warning",
        summary: ["The newest backup is older than a day", "最近的备份超过一天"],
        description: [
            "Run `claude-memory backup create` and look why it did not run.",
            "运行 `claude-memory backup create`,并检查定时任务。",
        ],
        series: &[("claude_memory_backup_last_success_timestamp_seconds", "-100000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.overdue(Job::Backup, sight.readings.backup, 2 * HOUR_MS)),
    },
    Rule {
        name: "ClaudeMemoryBackupFailed",
        expr: "claude_memory_backup_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The last backup failed", "最近一次备份失败"],
        description: [
            "`claude-memory schedule list` says why; mend that and run `claude-memory backup create`.",
            "`claude-memory schedule list` 会说明原因;排除后运行 `claude-memory backup create`。",
        ],
        series: &[("claude_memory_backup_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.failed("backup")),
    },
    Rule {
        name: "ClaudeMemoryIntegrityOld",
        expr: "time() - claude_memory_integrity_check_timestamp_seconds > 8 * 86400",
        hold: 300,
        severity: "warning",
        summary: ["The store was not compared with itself for eight days", "存储超过八天没有全面比对"],
        description: [
            "Run `claude-memory doctor --deep` and look why it did not run.",
            "运行 `claude-memory doctor --deep`,并检查定时任务。",
        ],
        series: &[("claude_memory_integrity_check_timestamp_seconds", "-700000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.overdue(Job::Integrity, sight.last(Job::Integrity), DAY_MS)),
    },
    Rule {
        name: "ClaudeMemoryMaintenanceFailed",
        expr: "claude_memory_maintenance_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The last round of maintenance failed", "最近一次维护失败"],
        description: [
            "`claude-memory schedule list` says why; mend that and run `claude-memory maintain`.",
            "`claude-memory schedule list` 会说明原因;排除后运行 `claude-memory maintain`。",
        ],
        series: &[("claude_memory_maintenance_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.failed("maintenance")),
    },
    Rule {
        name: "ClaudeMemoryDiskWillFill",
        expr: "predict_linear(claude_memory_disk_free_bytes[6h], 4 * 86400) < 0",
        hold: 300,
        severity: "warning",
        summary: ["At this rate the disk is full within four days", "按目前的速度,磁盘将在四天内写满"],
        description: [
            "Look what grows; `claude-memory report capacity` says whether it is the memory.",
            "查看是什么在增长;`claude-memory report capacity` 会说明是否是记忆库。",
        ],
        series: &[("claude_memory_disk_free_bytes", "10000000000-50000000x80", "10000000000x80")],
        labelled: true,
        absent: false,
        // A laptop looks at one moment; how full the disk is now it sees.
        holds: None,
    },
    Rule {
        name: "ClaudeMemoryDiskFilling",
        expr: "claude_memory_disk_used_ratio > 0.8",
        hold: 300,
        severity: "warning",
        summary: ["The disk is filled to 80 %", "磁盘使用率超过 80%"],
        description: ["Free some space; writing stops when it is full.", "清理磁盘空间;磁盘写满后将无法写入。"],
        series: &[("claude_memory_disk_used_ratio", "0.85x80", "0.79x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.disk_used() > 0.8),
    },
    Rule {
        name: "ClaudeMemoryDiskFull",
        expr: "claude_memory_disk_used_ratio > 0.9",
        hold: 60,
        severity: "critical",
        summary: ["The disk is filled to 90 %", "磁盘使用率超过 90%"],
        description: ["Free some space now; writing stops when it is full.", "立即清理磁盘空间;磁盘写满后将无法写入。"],
        series: &[("claude_memory_disk_used_ratio", "0.95x80", "0.89x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.disk_used() > 0.9),
    },
    Rule {
        name: "ClaudeMemoryDatabaseLarge",
        expr: "claude_memory_db_size_bytes > 1e9",
        hold: 300,
        severity: "warning",
        summary: ["The database is larger than 1 GB", "数据库超过 1 GB"],
        description: [
            "It goes on working; think of cleaning up or of PostgreSQL and Qdrant.",
            "仍可正常工作;可考虑清理数据,或使用 PostgreSQL 和 Qdrant。",
        ],
        series: &[("claude_memory_db_size_bytes", "1.5e9x80", "0.9e9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.database_bytes > 1_000_000_000),
    },
    Rule {
        name: "ClaudeMemoryDatabaseHuge",
        expr: "claude_memory_db_size_bytes > 2e9",
        hold: 300,
        severity: "critical",
        summary: ["The database is larger than 2 GB", "数据库超过 2 GB"],
        description: [
            "It goes on working; clean up or use PostgreSQL and Qdrant.",
            "仍可正常工作;请清理数据,或使用 PostgreSQL 和 Qdrant。",
        ],
        series: &[("claude_memory_db_size_bytes", "2.5e9x80", "1.9e9x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.database_bytes > 2_000_000_000),
    },
    Rule {
        name: "ClaudeMemoryLogTooLarge",
        expr: "claude_memory_wal_size_bytes > 256e6",
        hold: 600,
        severity: "warning",
        summary: ["The write-ahead log is not emptied", "预写日志没有被清空"],
        description: [
            "A process reads for too long: end sessions that hang.",
            "有进程长时间占用读取:请结束卡住的会话。",
        ],
        series: &[("claude_memory_wal_size_bytes", "300e6x80", "100e6x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.stats.log_bytes > 256_000_000),
    },
    Rule {
        name: "ClaudeMemoryDamaged",
        expr: "claude_memory_integrity_ok == 0",
        hold: 0,
        severity: "critical",
        summary: ["The store is damaged", "存储已损坏"],
        description: [
            "Run `claude-memory doctor --deep`; put the newest backup back if it says so.",
            "运行 `claude-memory doctor --deep`;如有提示,请恢复最近的备份。",
        ],
        series: &[("claude_memory_integrity_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.failed("integrity")),
    },
    Rule {
        name: "ClaudeMemoryCanary",
        expr: "claude_memory_canary_ok == 0",
        hold: 0,
        severity: "critical",
        summary: [
            "What is saved is not found, or what is forgotten is not gone",
            "保存的内容搜不到,或遗忘的内容仍然存在",
        ],
        description: ["Run `claude-memory doctor --deep`.", "运行 `claude-memory doctor --deep`。"],
        series: &[("claude_memory_canary_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.failed("canary")),
    },
    Rule {
        name: "ClaudeMemorySyncLag",
        expr: "max by (job, instance) (claude_memory_sync_lag_seconds) > 3600",
        hold: 300,
        severity: "warning",
        summary: ["What is new was not sent for an hour", "新内容超过一小时没有同步"],
        description: [
            "Nothing is lost. Look at `claude-memory sync status`: it says why.",
            "没有丢失数据。查看 `claude-memory sync status` 了解原因。",
        ],
        series: &[("claude_memory_sync_lag_seconds{target=\"postgres\"}", "4000x80", "0x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| sight.readings.targets.iter().any(|copied| copied.lag_ms > HOUR_MS)),
    },
    Rule {
        name: "ClaudeMemoryConfigInvalid",
        expr: "claude_memory_config_ok == 0",
        hold: 0,
        severity: "warning",
        summary: ["The configuration could not be read; the old one is in force", "配置无法读取,旧配置仍然生效"],
        description: [
            "Run `claude-memory config show`; it says what is wrong. Then `claude-memory service reload`.",
            "运行 `claude-memory config show` 查看错误,修正后运行 `claude-memory service reload`。",
        ],
        series: &[("claude_memory_config_ok", "0x80", "1x80")],
        labelled: true,
        absent: false,
        holds: Some(|sight| !sight.config_ok),
    },
];

/// As a string of YAML, of which JSON's strings are a part.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn annotations(rule: &Rule, runbook: &str) -> [(&'static str, String); 5] {
    [
        ("summary", rule.summary[0].to_owned()),
        ("summary_zh", rule.summary[1].to_owned()),
        ("description", rule.description[0].to_owned()),
        ("description_zh", rule.description[1].to_owned()),
        ("runbook_url", format!("{runbook}#{}", rule.name.to_lowercase())),
    ]
}

/// The rules as Prometheus reads them.
pub(super) fn rules(runbook: &str) -> String {
    let mut text =
        "# Made by `claude-memory monitoring export`.\ngroups:\n  - name: claude-memory\n    rules:\n".to_owned();
    for rule in RULES {
        let _ = write!(
            text,
            "      - alert: {}\n        expr: {}\n        for: {}s\n        labels:\n          severity: {}\n        annotations:\n",
            rule.name,
            quoted(rule.expr),
            rule.hold,
            rule.severity
        );
        for (name, value) in annotations(rule, runbook) {
            let _ = writeln!(text, "          {name}: {}", quoted(&value));
        }
    }
    text
}

/// The unit tests of the rules, for `promtool test rules`: each fires, stays quiet, clears, and does not fire without series
/// unless it is meant to.
pub(super) fn tests(runbook: &str) -> String {
    let mut text =
        "# Made by `claude-memory monitoring export`.\nrule_files: [rules.yml]\nevaluation_interval: 10s\ntests:\n"
            .to_owned();
    for rule in RULES {
        let firing = rule.series.iter().map(|(name, values, _)| (*name, (*values).to_owned())).collect();
        let quiet: Vec<(&str, String)> =
            rule.series.iter().map(|(name, _, values)| (*name, (*values).to_owned())).collect();
        // First what makes it fire, then what does not, for long enough that nothing of the first is in any window.
        let clears =
            rule.series.iter().map(|(name, bad, good)| (*name, format!("{bad} {}", later(bad, good)))).collect();
        case(&mut text, (rule, runbook), firing, "11m", rule.labelled.then_some(true).or(Some(false)));
        case(&mut text, (rule, runbook), quiet, "11m", None);
        case(&mut text, (rule, runbook), clears, "40m", None);
        case(&mut text, (rule, runbook), Vec::new(), "11m", rule.absent.then_some(false));
    }
    text
}

/// The good values after the bad ones; counters go on from where they were, and stand still.
fn later(bad: &str, good: &str) -> String {
    let counter = bad.contains('+');
    if counter { "_x200".to_owned() } else { format!("{}x200", good.split('x').next().unwrap_or("0")) }
}

/// `fires`: whether the alert carries the labels of the target; `None` when nothing may fire.
fn case(text: &mut String, (rule, runbook): (&Rule, &str), series: Vec<(&str, String)>, at: &str, fires: Option<bool>) {
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
        let _ = writeln!(text, "      - series: {}\n        values: {}", quoted(&series), quoted(&values));
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
    for (name, value) in annotations(rule, runbook) {
        let _ = writeln!(text, "              {name}: {}", quoted(&value));
    }
}
