//! Translates a search filter into SQL. Owns the conditions on a message in PostgreSQL; the caller owns the selected
//! columns.

use std::collections::BTreeSet;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::error::Result;
use super::page::project_id;
use crate::domain::{Filter, Timestamp};

/// Condition on a message `m`: no machine has hidden it.
pub(super) const NOT_HIDDEN: &str =
    "NOT EXISTS (SELECT 1 FROM quarantine_marks q WHERE q.message_id = m.id AND q.hidden)";

/// Conditions on a message `m` of a conversation `c`. Names are fixed, values are bound.
pub(super) struct SqlConditions {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl SqlConditions {
    /// Conditions of every search: messages this program wrote whose note is in force at `now`.
    ///
    /// `knows_hidden` tells whether the database has quarantine.
    pub(super) fn base_conditions(knows_hidden: bool, now: Timestamp) -> Self {
        let mut sql = "m.change IS NOT NULL".to_owned();
        if knows_hidden {
            sql.push_str(" AND ");
            sql.push_str(NOT_HIDDEN);
        }
        let mut conditions = Self { sql, values: Vec::new() };
        conditions.add_condition(
            "NOT EXISTS (SELECT 1 FROM memory_units u WHERE u.id = m.id AND (NOT u.is_active OR u.superseded_by IS NOT NULL
               OR u.expires_at <= to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'))",
            now.to_milliseconds(),
        );
        conditions
    }

    /// Builds the conditions of a filter on top of `conditions`; `keys` are the project keys to search, `None` for all.
    pub(super) fn with_filter(mut self, filter: &Filter, keys: Option<&[String]>) -> Self {
        if let Some(keys) = keys {
            self.add_condition("m.project_id = ANY (?)", keys.iter().map(|key| project_id(key)).collect::<Vec<_>>());
        }
        if let Some(after) = filter.after {
            self.add_condition(
                "m.timestamp >= to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'",
                after.to_milliseconds(),
            );
        }
        if let Some(before) = filter.before {
            self.add_condition(
                "m.timestamp < to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'",
                before.to_milliseconds(),
            );
        }
        if !filter.roles.is_empty() {
            let roles: Vec<String> = filter.roles.iter().map(|role| role.name().to_owned()).collect();
            self.add_condition("m.role = ANY (?)", roles);
        }
        if !filter.kinds.is_empty() {
            let kinds: Vec<String> = filter.kinds.iter().map(|kind| kind.name().to_owned()).collect();
            self.add_condition(
                "EXISTS (SELECT 1 FROM message_parts k WHERE k.message_id = m.id AND k.kind = ANY (?))",
                kinds,
            );
        }
        if !filter.sources.is_empty() {
            self.add_condition("c.source = ANY (?)", filter.sources.clone());
        }
        if let Some(session) = &filter.session {
            self.add_condition("? IN (c.session_id, c.parent_session_id)", session.clone());
        }
        if let Some(session) = &filter.not_session {
            self.add_condition("? NOT IN (c.session_id, coalesce(c.parent_session_id, ''))", session.clone());
        }
        if let Some(branch) = &filter.git_branch {
            self.add_condition("m.git_branch = ?", branch.clone());
        }
        self
    }

    fn add_condition(&mut self, sql: &str, value: impl ToSql + Sync + Send + 'static) {
        self.values.push(Box::new(value));
        self.sql.push_str(" AND ");
        self.sql.push_str(&sql.replacen('?', &format!("${}", self.values.len()), 1));
    }

    /// Returns the ids of messages that satisfy these conditions and `further`, in which `$+1` is the first of `more`.
    pub(super) async fn select_ids(
        &self,
        client: &Client,
        further: &str,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<BTreeSet<String>> {
        let rows = self.select_rows(client, "m.id::text", "", further, more).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Selects columns of those messages and of `joined` tables.
    pub(super) async fn select_rows(
        &self,
        client: &Client,
        columns: &str,
        joined: &str,
        further: &str,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let mut sql = format!(
            "SELECT {columns} FROM messages m JOIN conversations c ON c.id = m.conversation_id {joined} WHERE {} AND {further}",
            self.sql
        );
        for number in (1..=more.len()).rev() {
            sql = sql.replace(&format!("$+{number}"), &format!("${}", self.values.len() + number));
        }
        let mut values: Vec<&(dyn ToSql + Sync)> = Vec::new();
        values.extend(self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)));
        values.extend(more);
        Ok(client.query(&sql, &values).await?)
    }
}
