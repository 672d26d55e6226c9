-- Lines that edits changed and commits that commands printed: from which message a line of a repository came.

-- Keyed hash of a line without whitespace; `kind` 1 inserted, 2 removed. The rows of a part go with its message, its text
-- or its failure: there is no index by part, since that is rare and this table is large.
CREATE TABLE edited_lines (
  hash INTEGER NOT NULL,
  part INTEGER NOT NULL,
  kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
  PRIMARY KEY (hash, part, kind)
) STRICT, WITHOUT ROWID;

-- Commits that git printed in the output of a command.
CREATE TABLE printed_commits (
  part    INTEGER NOT NULL REFERENCES parts(id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  id      TEXT NOT NULL,                -- abbreviated
  subject TEXT NOT NULL,
  PRIMARY KEY (part, ordinal)
) STRICT, WITHOUT ROWID;

-- Last part of which the edits were read; absent when all were.
INSERT INTO meta (key, value) SELECT 'edits_read', '0' WHERE EXISTS (SELECT 1 FROM parts);
