-- What imports account for: every record of a file, versions of messages, titles by who chose them, forks, tokens.

-- Version of the reader that read the file, and how many records of which kind it found.
ALTER TABLE import_cursors ADD COLUMN reader INTEGER NOT NULL DEFAULT 0;
ALTER TABLE import_cursors ADD COLUMN ledger TEXT NOT NULL DEFAULT '{}';

-- 0 made by the client, 1 chosen by a person. A title of a higher rank is not replaced by one of a lower rank.
ALTER TABLE conversations ADD COLUMN title_rank INTEGER NOT NULL DEFAULT 0;
-- The session whose history this one continues.
ALTER TABLE conversations ADD COLUMN forked_from TEXT;

-- 1: the record had no time; it is that of a neighbour or of the file.
ALTER TABLE messages ADD COLUMN at_estimated INTEGER NOT NULL DEFAULT 0;

-- Tokens of one answer of a model.
CREATE TABLE usage (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  input       INTEGER NOT NULL,
  output      INTEGER NOT NULL,
  cache_read  INTEGER NOT NULL,
  cache_write INTEGER NOT NULL
) STRICT;

-- Titles of sessions that are not known yet: by the session's id, or by the key of one of its parts.
CREATE TABLE pending_titles (
  source  TEXT NOT NULL,
  session TEXT NOT NULL,
  part    INTEGER NOT NULL,             -- 0 where `session` names it
  title   TEXT NOT NULL,
  rank    INTEGER NOT NULL,
  PRIMARY KEY (source, session, part)
) STRICT, WITHOUT ROWID;

-- Copies of a record in another session, and the session that a title names by a record.
CREATE INDEX parts_by_key ON parts(key);
-- Prompts that follow the same message: all but the last were taken back.
CREATE INDEX prompts_by_parent ON messages(conversation_id, parent_external_id) WHERE role = 1;
