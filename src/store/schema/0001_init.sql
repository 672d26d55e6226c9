-- The first schema. Times are milliseconds since 1970-01-01 UTC. `uid` columns are 16-byte UUIDs.
-- Numbers in `role`, `kind` and `origin` are those of domain::{Role, Kind, Origin} and are never reused.

-- Facts about the store itself: which rules made its terms, when it was made, how often rows were taken away.
CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- zstd dictionaries. One is kept as long as any frame refers to it.
CREATE TABLE dictionaries (
  id    INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE projects (
  id         INTEGER PRIMARY KEY,
  key        TEXT NOT NULL UNIQUE,   -- the common git folder, else the directory
  name       TEXT NOT NULL,
  root       TEXT NOT NULL,
  remote     TEXT,
  created_at INTEGER NOT NULL
) STRICT;

-- Every way to recognise a project: the common git folder or the directory, and `remote:host/path`. Merging moves them.
CREATE TABLE project_keys (
  key        TEXT NOT NULL PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES projects(id)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_keys_by_project ON project_keys(project_id);

-- Every working directory that was ever seen, and its project.
CREATE TABLE project_directories (
  id         INTEGER PRIMARY KEY,
  directory  TEXT NOT NULL UNIQUE,
  project_id INTEGER NOT NULL REFERENCES projects(id),
  apart      INTEGER NOT NULL DEFAULT 0  -- 1: split off by hand; new directories below it follow it
) STRICT;
CREATE INDEX project_directories_by_project ON project_directories(project_id);

CREATE TABLE conversations (
  id                 INTEGER PRIMARY KEY,
  source             TEXT NOT NULL,      -- claude-code, saved
  external_id        TEXT NOT NULL,      -- the session's id in its source
  parent_external_id TEXT,               -- the session that started it (subagents)
  project_id         INTEGER NOT NULL REFERENCES projects(id),
  title              TEXT,               -- as the client named it; NULL: the first words of the person
  started_at         INTEGER NOT NULL,
  ended_at           INTEGER NOT NULL,
  UNIQUE (source, external_id)
) STRICT;
CREATE INDEX conversations_by_session ON conversations(external_id);
CREATE INDEX conversations_by_start ON conversations(started_at);
CREATE INDEX conversations_by_parent ON conversations(parent_external_id) WHERE parent_external_id IS NOT NULL;

-- One message of the API or the person; its text is in its parts.
CREATE TABLE messages (
  id                 INTEGER PRIMARY KEY,
  uid                BLOB NOT NULL UNIQUE CHECK (length(uid) = 16),
  conversation_id    INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  external_id        TEXT NOT NULL,
  parent_external_id TEXT,
  project_id         INTEGER NOT NULL REFERENCES projects(id),  -- of this message's own directory
  directory_id       INTEGER NOT NULL REFERENCES project_directories(id),
  role               INTEGER NOT NULL,
  at                 INTEGER NOT NULL,
  git_branch         TEXT,
  model              TEXT,
  sidechain          INTEGER NOT NULL DEFAULT 0,
  source_file        INTEGER,            -- provenance: import_cursors.id and the line in that file
  source_line        INTEGER
) STRICT;
CREATE INDEX messages_by_conversation ON messages(conversation_id, at, id);
CREATE INDEX messages_by_time ON messages(at);
CREATE INDEX messages_by_directory ON messages(directory_id);

CREATE TABLE parts (
  id            INTEGER PRIMARY KEY,
  message_id    INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  key           INTEGER NOT NULL,        -- identifies the part in its message, the same at every import
  kind          INTEGER NOT NULL,
  origin        INTEGER NOT NULL,
  tool          TEXT,
  body          BLOB NOT NULL,           -- zstd frame with content checksum; read it with body_text(body, body_bytes)
  body_bytes    INTEGER NOT NULL,        -- length of the text in bytes
  dictionary_id INTEGER NOT NULL REFERENCES dictionaries(id),
  content_hash  BLOB NOT NULL CHECK (length(content_hash) = 16),
  UNIQUE (message_id, key)
) STRICT;
-- Of what was saved on purpose (kind 7): saving looks whether the same text is there.
CREATE INDEX parts_of_notes ON parts(content_hash) WHERE kind = 7;

-- Files that tool calls of a conversation named.
CREATE TABLE files (
  conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  path            TEXT NOT NULL,
  PRIMARY KEY (conversation_id, path)
) STRICT, WITHOUT ROWID;

-- What was saved on purpose has more to say about itself.
CREATE TABLE notes (
  message_id    INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  kind          TEXT NOT NULL,
  title         TEXT,
  topic_key     TEXT,
  tags          TEXT NOT NULL,           -- JSON list
  pinned        INTEGER NOT NULL DEFAULT 0,
  expires_at    INTEGER,
  superseded_by INTEGER REFERENCES messages(id) ON DELETE SET NULL
) STRICT;
CREATE INDEX notes_by_topic ON notes(topic_key) WHERE topic_key IS NOT NULL;

-- The pieces in which a part is found: long prose is cut, so that one good place in it is not drowned by the rest.
-- What ranking needs of every passage stands here, so that it can be read without touching the texts.
CREATE TABLE passages (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: readers follow by id
  part_id    INTEGER NOT NULL REFERENCES parts(id) ON DELETE CASCADE,
  message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  kind       INTEGER NOT NULL,           -- of the part
  role       INTEGER NOT NULL,           -- 0 text, 1 standing instruction, 2 preference (keys overlap the text)
  asks       INTEGER NOT NULL,           -- whether it ends with a question mark
  ordinal    INTEGER NOT NULL,           -- from 0
  start_byte INTEGER NOT NULL,
  end_byte   INTEGER NOT NULL,
  words      INTEGER NOT NULL,           -- how many terms it has
  script     INTEGER NOT NULL,           -- 0 mixed, 1 words between spaces, 2 CJK
  UNIQUE (part_id, ordinal)
) STRICT;
CREATE INDEX passages_by_message ON passages(message_id);

-- Words: an inverted index (docs/decisions/0010). A term is the 64-bit hash of its letters, so that no dictionary of
-- everything that was ever said lies on the disk. `data` holds ascending passages with how often each has the term.
CREATE TABLE postings (
  term  INTEGER NOT NULL,
  first INTEGER NOT NULL,                -- passage of the first posting
  count INTEGER NOT NULL,
  data  BLOB NOT NULL,
  PRIMARY KEY (term, first)
) STRICT, WITHOUT ROWID;

-- Terms of the newest passages, not in `postings` yet: one row is written per passage instead of one per word.
CREATE TABLE fresh (
  passage_id INTEGER PRIMARY KEY,
  terms      BLOB NOT NULL
) STRICT;

-- Meaning. A vector belongs to a passage and to the model that made it.
CREATE TABLE models (
  id         INTEGER PRIMARY KEY,
  digest     TEXT NOT NULL UNIQUE,       -- of everything that shapes a vector
  name       TEXT NOT NULL,
  dimensions INTEGER NOT NULL
) STRICT;
CREATE TABLE embeddings (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: an index follows by id
  passage_id INTEGER NOT NULL REFERENCES passages(id) ON DELETE CASCADE,
  model_id   INTEGER NOT NULL REFERENCES models(id),
  text_hash  BLOB NOT NULL CHECK (length(text_hash) = 16),
  vector     BLOB NOT NULL,              -- unit length, IEEE half floats, little endian
  UNIQUE (passage_id, model_id)
) STRICT;
CREATE INDEX embeddings_by_text ON embeddings(text_hash, model_id);

-- Parts that wait for their vectors, newest first.
CREATE TABLE pending (
  part_id  INTEGER PRIMARY KEY REFERENCES parts(id) ON DELETE CASCADE,
  at       INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  failure  TEXT
) STRICT;
CREATE INDEX pending_by_time ON pending(attempts, at DESC);

-- How many secrets were taken out before anything was stored, by the rule that found them.
CREATE TABLE redactions (
  rule  TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often what was done, by all processes of this folder together: requests, how long they took, and the like.
CREATE TABLE counters (
  name  TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an operator's work came to, the last time each was done: backup, integrity, maintenance, canary.
CREATE TABLE runs (
  name    TEXT NOT NULL PRIMARY KEY,
  at      INTEGER NOT NULL,
  ok      INTEGER NOT NULL CHECK (ok IN (0, 1)),
  finding TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Sizes and counts, one row a day and name: how things grow.
CREATE TABLE samples (
  day   INTEGER NOT NULL,
  name  TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;

-- Where the memory is also kept: the last word on each.
CREATE TABLE targets (
  name         TEXT NOT NULL PRIMARY KEY CHECK (name IN ('postgres', 'qdrant')),
  up           INTEGER NOT NULL CHECK (up IN (0, 1)),
  checked_at   INTEGER NOT NULL,
  trouble      TEXT,
  place        TEXT,                     -- what the target says it is; another one is begun with anew
  journal      INTEGER NOT NULL DEFAULT 0,  -- how far it has seen the journal
  vectors      INTEGER NOT NULL DEFAULT 0,  -- and the vectors
  pulled       INTEGER NOT NULL DEFAULT 0,  -- the last of its changes that was taken in here
  succeeded_at INTEGER                   -- when it had seen everything
) STRICT, WITHOUT ROWID;

-- Messages that a sync target refused for what they hold: the others went on without them.
CREATE TABLE parked (
  message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,
  target     TEXT NOT NULL CHECK (target IN ('postgres', 'qdrant')),
  why        TEXT NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (message_id, target)
) STRICT, WITHOUT ROWID;

-- What a sync target has not seen yet: the journal of changes.
CREATE TABLE outbox (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  uid    BLOB NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('upsert', 'forget')),
  at     INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_message ON outbox(uid);

-- Messages that are kept and not served. They belong to the twin of their conversation (source `quarantine:…`) and have no passages.
CREATE TABLE quarantine (
  message_id INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  at         INTEGER NOT NULL,
  reason     TEXT NOT NULL
) STRICT;

-- What was forgotten must not come back with the next import or sync.
CREATE TABLE tombstones (
  uid    BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  at     INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each transcript was read. Advances in the same transaction as the rows.
CREATE TABLE import_cursors (
  id          INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,
  path        TEXT NOT NULL,
  size        INTEGER NOT NULL,          -- when last read to its end; 0 before
  modified    INTEGER NOT NULL,
  offset      INTEGER NOT NULL,
  line        INTEGER NOT NULL,
  head        BLOB NOT NULL,             -- hash of the first bytes: notices a file that was replaced
  imported_at INTEGER NOT NULL,
  UNIQUE (source, path)
) STRICT;
