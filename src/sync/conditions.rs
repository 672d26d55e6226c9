//! What a filter means in SQL. Owns the conditions on a message in PostgreSQL; who asks owns what is selected.

use std::collections::BTreeSet;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::error::Result;
use super::page::project_id;
use crate::domain::{Filter, Timestamp};

/// What has to be true of a message `m` of a conversation `c`. Names are fixed, values are bound.
pub(super) struct Conditions {
    sql: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// Those of every answer: ours, in force now.
    pub(super) fn base(now: Timestamp) -> Self {
        let mut conditions = Self { sql: "m.change IS NOT NULL".to_owned(), values: Vec::new() };
        conditions.add(
            "NOT EXISTS (SELECT 1 FROM memory_units u WHERE u.id = m.id AND (NOT u.is_active OR u.superseded_by IS NOT NULL
               OR u.expires_at <= to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'))",
            now.milliseconds(),
        );
        conditions
    }

    pub(super) fn of(filter: &Filter, keys: Option<&[String]>, now: Timestamp) -> Self {
        let mut conditions = Self::base(now);
        if let Some(keys) = keys {
            conditions.add("m.project_id = ANY (?)", keys.iter().map(|key| project_id(key)).collect::<Vec<_>>());
        }
        if let Some(after) = filter.after {
            conditions.add("m.timestamp >= to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'", after.milliseconds());
        }
        if let Some(before) = filter.before {
            conditions.add("m.timestamp < to_timestamp(?::bigint / 1000.0) AT TIME ZONE 'UTC'", before.milliseconds());
        }
        if !filter.roles.is_empty() {
            let roles: Vec<String> = filter.roles.iter().map(|role| role.name().to_owned()).collect();
            conditions.add("m.role = ANY (?)", roles);
        }
        if !filter.kinds.is_empty() {
            let kinds: Vec<String> = filter.kinds.iter().map(|kind| kind.name().to_owned()).collect();
            conditions
                .add("EXISTS (SELECT 1 FROM message_parts k WHERE k.message_id = m.id AND k.kind = ANY (?))", kinds);
        }
        if !filter.sources.is_empty() {
            conditions.add("c.source = ANY (?)", filter.sources.clone());
        }
        if let Some(session) = &filter.session {
            conditions.add("? IN (c.session_id, c.parent_session_id)", session.clone());
        }
        if let Some(session) = &filter.not_session {
            conditions.add("? NOT IN (c.session_id, coalesce(c.parent_session_id, ''))", session.clone());
        }
        if let Some(branch) = &filter.git_branch {
            conditions.add("m.git_branch = ?", branch.clone());
        }
        conditions
    }

    fn add(&mut self, sql: &str, value: impl ToSql + Sync + Send + 'static) {
        self.values.push(Box::new(value));
        self.sql.push_str(" AND ");
        self.sql.push_str(&sql.replacen('?', &format!("${}", self.values.len()), 1));
    }

    /// Ids of the messages for which these and a further condition are true; `$+1` in it is the first of `more`.
    pub(super) async fn ids(
        &self,
        client: &Client,
        further: &str,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<BTreeSet<String>> {
        let rows = self.rows(client, "m.id::text", "", further, more).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Columns of those messages, with what is joined to them.
    pub(super) async fn rows(
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
