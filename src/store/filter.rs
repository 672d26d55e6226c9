//! Which rows a reader sees: SQL conditions of a [`Filter`] and of the quarantine over the aliases `p` (parts), `m`
//! (messages), `c` (conversations). Values are always bound.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::domain::{Filter, Timestamp};

/// Source prefix of quarantined conversations.
pub(super) const QUARANTINE_PREFIX: &str = "quarantine:";

/// Returns true if a source is the one that quarantine gives a conversation.
pub fn is_quarantine_source(source: &str) -> bool {
    // SQL compares it with LIKE, which ignores case.
    source.get(..QUARANTINE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(QUARANTINE_PREFIX))
}

/// ` AND …`: conversations (`c`) that are not in quarantine.
pub(super) const VISIBLE_CONVERSATION: &str = " AND c.source NOT LIKE 'quarantine:%'";

/// ` AND …`: messages (`m`) that are not in quarantine.
pub(super) const NOT_QUARANTINED: &str = " AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.message_id = m.id)";

/// SQL conditions, each with a leading `AND`, and their bound values.
pub(super) struct FilterClause {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Builds the conditions of a filter. They also exclude notes that were replaced or have expired at `now`.
pub(super) fn filter_clause(filter: &Filter, now: Timestamp) -> FilterClause {
    let mut clause = FilterClause {
        sql: " AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.message_id = m.id AND (n.superseded_by IS NOT NULL OR n.expires_at <= ?))"
            .to_owned(),
        values: vec![Value::from(now.to_milliseconds())],
    };
    if let Some(projects) = &filter.projects {
        clause.add_in_list("m.project_id", projects.iter().copied());
    }
    if let Some(after) = filter.after {
        clause.add_condition(" AND m.at >= ?", after.to_milliseconds());
    }
    if let Some(before) = filter.before {
        clause.add_condition(" AND m.at < ?", before.to_milliseconds());
    }
    if !filter.roles.is_empty() {
        clause.add_in_list("m.role", filter.roles.iter().map(|role| role.number()));
    }
    if !filter.kinds.is_empty() {
        clause.add_in_list("p.kind", filter.kinds.iter().map(|kind| kind.number()));
    }
    if !filter.sources.is_empty() {
        let sources = filter.sources.iter().map(|source| Value::from(source.clone()));
        push_in_list(&mut clause.sql, &mut clause.values, "c.source", sources);
    }
    if let Some(session) = &filter.session {
        clause.add_condition(" AND (c.external_id = ?", session.clone());
        clause.add_condition(" OR c.parent_external_id = ?)", session.clone());
    }
    if let Some(session) = &filter.not_session {
        clause.add_condition(" AND c.external_id <> ?", session.clone());
        clause.add_condition(" AND c.parent_external_id IS NOT ?", session.clone());
    }
    if let Some(file) = &filter.file {
        let (sql, values) = file_clause(file);
        clause.sql.push_str(&sql);
        clause.values.extend(values);
    }
    if let Some(branch) = &filter.git_branch {
        clause.add_condition(" AND m.git_branch = ?", branch.clone());
    }
    clause
}

/// ` AND …`: sessions (`c`) whose tool calls named a file that is, or ends with, this path.
pub(super) fn file_clause(file: &str) -> (String, [Value; 2]) {
    let escaped = file.trim_start_matches('/').replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let sql = " AND EXISTS (SELECT 1 FROM files f WHERE f.conversation_id = c.id AND (f.path = ? OR f.path LIKE ? ESCAPE '\\'))";
    (sql.to_owned(), [Value::from(file.to_owned()), Value::from(format!("%/{escaped}"))])
}

/// Appends ` AND column IN (…)`. Without values nothing matches.
pub(super) fn push_in_list(sql: &mut String, values: &mut Vec<Value>, column: &str, of: impl Iterator<Item = Value>) {
    let before = values.len();
    values.extend(of);
    let marks = vec!["?"; values.len() - before].join(", ");
    sql.extend([" AND ", column, " IN (", &marks, ")"]);
}

/// Returns true if a message is in quarantine.
pub(super) fn is_quarantined(connection: &Connection, message: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM quarantine WHERE message_id = ?1)";
    connection.prepare_cached(sql)?.query_row([message], |row| row.get(0))
}

impl FilterClause {
    fn add_condition(&mut self, sql: &str, value: impl Into<Value>) {
        self.sql.push_str(sql);
        self.values.push(value.into());
    }

    fn add_in_list(&mut self, column: &str, values: impl Iterator<Item = i64>) {
        push_in_list(&mut self.sql, &mut self.values, column, values.map(Value::from));
    }
}
