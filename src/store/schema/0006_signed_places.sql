-- Who vouches for what no part says: project, branch and title of a message, and deletions.

-- Statement of another machine about where a message belongs, as it was sent. What this machine says itself is signed
-- when it is sent.
CREATE TABLE signed_places (
  message_id  INTEGER PRIMARY KEY REFERENCES messages(id) ON DELETE CASCADE,
  machine_id  INTEGER NOT NULL REFERENCES machines(id),
  signed_at   INTEGER NOT NULL,
  signature   BLOB NOT NULL CHECK (length(signature) = 64),
  project_key TEXT NOT NULL,
  name        TEXT NOT NULL,
  root        TEXT NOT NULL,
  remote      TEXT,
  git_branch  TEXT,
  title       TEXT
) STRICT;
CREATE INDEX signed_places_by_machine ON signed_places(machine_id);

-- Deletions that came from another machine, with the time that it signed. Without a machine nobody signed it.
CREATE TABLE remote_tombstones (
  uid        BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  at         INTEGER NOT NULL,
  machine_id INTEGER REFERENCES machines(id),
  signature  BLOB CHECK (signature IS NULL OR length(signature) = 64)
) STRICT, WITHOUT ROWID;
-- Of the earlier ones those that the person did not confirm may have come from anywhere.
INSERT INTO remote_tombstones (uid, at) SELECT uid, at FROM tombstones WHERE confirmed = 0;
