//! A [`Filter`] as SQL over the aliases `p` (parts), `m` (messages), `c` (conversations). Values are always bound.

use rusqlite::types::Value;

use crate::domain::{Filter, Timestamp};

/// `AND …` clauses with their values.
pub(super) struct Clause {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// What the filter excludes, and what never comes back: notes that were replaced or have expired at `now`.
pub(super) fn clause(filter: &Filter, now: Timestamp) -> Clause {
    let mut clause = Clause {
        sql: " AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.message_id = m.id AND (n.superseded_by IS NOT NULL OR n.expires_at <= ?))"
            .to_owned(),
        values: vec![Value::from(now.milliseconds())],
    };
    if let Some(projects) = &filter.projects {
        clause.one_of("m.project_id", projects.iter().copied());
    }
    if let Some(after) = filter.after {
        clause.push(" AND m.at >= ?", after.milliseconds());
    }
    if let Some(before) = filter.before {
        clause.push(" AND m.at < ?", before.milliseconds());
    }
    if !filter.roles.is_empty() {
        clause.one_of("m.role", filter.roles.iter().map(|role| role.number()));
    }
    if !filter.kinds.is_empty() {
        clause.one_of("p.kind", filter.kinds.iter().map(|kind| kind.number()));
    }
    if !filter.sources.is_empty() {
        let sources = filter.sources.iter().map(|source| Value::from(source.clone()));
        one_of(&mut clause.sql, &mut clause.values, "c.source", sources);
    }
    if let Some(session) = &filter.session {
        clause.push(" AND (c.external_id = ?", session.clone());
        clause.push(" OR c.parent_external_id = ?)", session.clone());
    }
    if let Some(session) = &filter.not_session {
        clause.push(" AND c.external_id <> ?", session.clone());
        clause.push(" AND c.parent_external_id IS NOT ?", session.clone());
    }
    if let Some(file) = &filter.file {
        let (sql, values) = file_clause(file);
        clause.sql.push_str(&sql);
        clause.values.extend(values);
    }
    if let Some(branch) = &filter.git_branch {
        clause.push(" AND m.git_branch = ?", branch.clone());
    }
    clause
}

/// ` AND …`: conversations (`c`) whose tool calls named a file that is, or ends with, this path.
pub(super) fn file_clause(file: &str) -> (String, [Value; 2]) {
    let escaped = file.trim_start_matches('/').replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let sql = " AND EXISTS (SELECT 1 FROM files f WHERE f.conversation_id = c.id AND (f.path = ? OR f.path LIKE ? ESCAPE '\\'))";
    (sql.to_owned(), [Value::from(file.to_owned()), Value::from(format!("%/{escaped}"))])
}

/// ` AND column IN (…)`; no values let nothing through.
pub(super) fn one_of(sql: &mut String, values: &mut Vec<Value>, column: &str, of: impl Iterator<Item = Value>) {
    let before = values.len();
    values.extend(of);
    let marks = vec!["?"; values.len() - before].join(", ");
    sql.extend([" AND ", column, " IN (", &marks, ")"]);
}

impl Clause {
    fn push(&mut self, sql: &str, value: impl Into<Value>) {
        self.sql.push_str(sql);
        self.values.push(value.into());
    }

    fn one_of(&mut self, column: &str, values: impl Iterator<Item = i64>) {
        one_of(&mut self.sql, &mut self.values, column, values.map(Value::from));
    }
}
