-- What `sync push` makes in PostgreSQL. The predecessor's tables keep their names and columns; ours come beside them, so that a
-- database of the Python edition can be gone on with. Every statement can be run again.
CREATE TABLE IF NOT EXISTS claude_memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
-- Grows with every change, so that other machines can ask for what is new.
CREATE SEQUENCE IF NOT EXISTS claude_memory_changes;

CREATE TABLE IF NOT EXISTS projects (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  description TEXT,
  settings    JSON,
  created_at  TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at  TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  is_active   BOOLEAN NOT NULL DEFAULT TRUE
);
ALTER TABLE projects ALTER COLUMN id TYPE TEXT, ALTER COLUMN name TYPE TEXT,
  ADD COLUMN IF NOT EXISTS key TEXT, ADD COLUMN IF NOT EXISTS root TEXT, ADD COLUMN IF NOT EXISTS remote TEXT;

CREATE TABLE IF NOT EXISTS conversations (
  id            UUID PRIMARY KEY,
  project_id    TEXT NOT NULL DEFAULT 'default',
  session_id    TEXT,
  title         TEXT NOT NULL DEFAULT '',
  started_at    TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  ended_at      TIMESTAMP,
  message_count INTEGER NOT NULL DEFAULT 0,
  token_count   INTEGER NOT NULL DEFAULT 0,
  metadata      JSON,
  created_at    TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at    TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
ALTER TABLE conversations ADD COLUMN IF NOT EXISTS project_id TEXT NOT NULL DEFAULT 'default';
ALTER TABLE conversations ALTER COLUMN project_id TYPE TEXT, ALTER COLUMN session_id TYPE TEXT, ALTER COLUMN title TYPE TEXT,
  ADD COLUMN IF NOT EXISTS source TEXT, ADD COLUMN IF NOT EXISTS parent_session_id TEXT;
CREATE UNIQUE INDEX IF NOT EXISTS conversations_by_source ON conversations (source, session_id) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS conversations_by_project ON conversations (project_id, started_at);

CREATE TABLE IF NOT EXISTS messages (
  id              UUID PRIMARY KEY,
  conversation_id UUID NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  message_type    TEXT NOT NULL,
  content         TEXT NOT NULL,
  timestamp       TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  token_count     INTEGER NOT NULL DEFAULT 0,
  metadata        JSON,
  created_at      TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
ALTER TABLE messages ALTER COLUMN message_type TYPE TEXT,
  ADD COLUMN IF NOT EXISTS external_id TEXT, ADD COLUMN IF NOT EXISTS parent_external_id TEXT,
  ADD COLUMN IF NOT EXISTS role TEXT, ADD COLUMN IF NOT EXISTS project_id TEXT, ADD COLUMN IF NOT EXISTS directory TEXT,
  ADD COLUMN IF NOT EXISTS git_branch TEXT, ADD COLUMN IF NOT EXISTS model TEXT, ADD COLUMN IF NOT EXISTS sidechain BOOLEAN,
  ADD COLUMN IF NOT EXISTS words TSVECTOR,
  -- Passages of text, terms of them, terms of the prose among them: what BM25 counts.
  ADD COLUMN IF NOT EXISTS texts INTEGER, ADD COLUMN IF NOT EXISTS terms INTEGER, ADD COLUMN IF NOT EXISTS prose_terms INTEGER,
  ADD COLUMN IF NOT EXISTS changed_at BIGINT, ADD COLUMN IF NOT EXISTS change BIGINT;
CREATE INDEX IF NOT EXISTS messages_by_conversation ON messages (conversation_id, timestamp);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (timestamp);
CREATE INDEX IF NOT EXISTS messages_by_change ON messages (change) WHERE change IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_by_words ON messages USING gin (words);

-- The parts of a message, each as it was said. A part is never taken out alone; the one that changed last counts.
CREATE TABLE IF NOT EXISTS message_parts (
  message_id UUID NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  key        BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  origin     TEXT NOT NULL,
  tool       TEXT,
  -- PostgreSQL keeps no U+0000: where `escaped`, `\0` stands for it and `\\` for `\`.
  text       TEXT NOT NULL,
  escaped    BOOLEAN NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (message_id, key)
);

CREATE TABLE IF NOT EXISTS memory_units (
  id              UUID PRIMARY KEY,
  project_id      TEXT NOT NULL DEFAULT 'default',
  conversation_id UUID NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  unit_type       TEXT NOT NULL,
  title           TEXT NOT NULL,
  summary         TEXT NOT NULL,
  content         TEXT NOT NULL,
  keywords        JSON,
  relevance_score FLOAT NOT NULL DEFAULT 0.0,
  created_at      TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at      TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  expires_at      TIMESTAMP,
  metadata        JSON,
  is_active       BOOLEAN NOT NULL DEFAULT TRUE
);
ALTER TABLE memory_units ADD COLUMN IF NOT EXISTS project_id TEXT NOT NULL DEFAULT 'default';
ALTER TABLE memory_units ALTER COLUMN project_id TYPE TEXT, ALTER COLUMN unit_type TYPE TEXT, ALTER COLUMN title TYPE TEXT,
  ADD COLUMN IF NOT EXISTS topic_key TEXT, ADD COLUMN IF NOT EXISTS pinned BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN IF NOT EXISTS superseded_by UUID, ADD COLUMN IF NOT EXISTS changed_at BIGINT;

CREATE TABLE IF NOT EXISTS embeddings (
  id             UUID PRIMARY KEY,
  memory_unit_id UUID,
  vector         JSON,
  model_name     TEXT NOT NULL,
  dimension      INTEGER NOT NULL,
  created_at     TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
);
ALTER TABLE embeddings ALTER COLUMN memory_unit_id DROP NOT NULL, ALTER COLUMN vector DROP NOT NULL,
  ALTER COLUMN model_name TYPE TEXT,
  ADD COLUMN IF NOT EXISTS message_id UUID, ADD COLUMN IF NOT EXISTS part_key BIGINT, ADD COLUMN IF NOT EXISTS ordinal INTEGER,
  -- Unit length, IEEE half floats, little endian.
  ADD COLUMN IF NOT EXISTS halves BYTEA,
  -- SHA-256 of its text.
  ADD COLUMN IF NOT EXISTS text_hash BYTEA;
CREATE INDEX IF NOT EXISTS embeddings_by_message ON embeddings (message_id) WHERE message_id IS NOT NULL;

-- What was forgotten, so that no machine brings it back.
CREATE TABLE IF NOT EXISTS tombstones (
  message_id UUID PRIMARY KEY,
  at         TIMESTAMP NOT NULL,
  reason     TEXT NOT NULL,
  change     BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS tombstones_by_change ON tombstones (change);
