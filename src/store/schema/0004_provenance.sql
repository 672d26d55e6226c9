-- Who vouches for what came from other machines, and quarantine as a change that travels.

-- Machines by their public key (ed25519). `relation`: 0 unknown, 1 this machine, 2 another machine of the same person,
-- 3 a machine of somebody else, whose name the person gave.
CREATE TABLE machines (
  id         INTEGER PRIMARY KEY,
  key        BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  name       TEXT NOT NULL,
  relation   INTEGER NOT NULL DEFAULT 0 CHECK (relation IN (0, 1, 2, 3)),
  first_seen INTEGER NOT NULL
) STRICT;

-- Parts that came from another machine. `origin` is what was sent; parts.origin is 6 (elsewhere) unless the machine is
-- of relation 1 or 2. `machine_id` is NULL where no valid signature came with it.
CREATE TABLE remote_parts (
  part_id    INTEGER PRIMARY KEY REFERENCES parts(id) ON DELETE CASCADE,
  machine_id INTEGER REFERENCES machines(id),
  origin     INTEGER NOT NULL,
  signed_at  INTEGER,
  signature  BLOB CHECK (signature IS NULL OR length(signature) = 64)
) STRICT;
CREATE INDEX remote_parts_by_machine ON remote_parts(machine_id);

-- The latest decision to hide a message or to release it, also of messages that are not here (yet). Without a machine it
-- was made here.
CREATE TABLE quarantine_marks (
  uid       BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  at        INTEGER NOT NULL,
  hidden    INTEGER NOT NULL CHECK (hidden IN (0, 1)),
  reason    TEXT NOT NULL,
  machine   BLOB CHECK (machine IS NULL OR length(machine) = 32),
  signature BLOB CHECK (signature IS NULL OR length(signature) = 64)
) STRICT, WITHOUT ROWID;
INSERT INTO quarantine_marks (uid, at, hidden, reason)
  SELECT m.uid, q.at, 1, q.reason FROM quarantine q JOIN messages m ON m.id = q.message_id;
