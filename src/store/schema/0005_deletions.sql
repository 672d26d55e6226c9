-- Deletions in the copies of this store: backups, previous data folders, exports. Ids only, never a text.

-- Place of each deletion in the order of all. Copies follow by it.
ALTER TABLE tombstones ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
-- 1: the copies lose the message too. 0: they keep it until the person agrees.
ALTER TABLE tombstones ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
-- Session of the message: it takes no title any more, and a second `forget` names it.
ALTER TABLE tombstones ADD COLUMN session TEXT;
-- No copy has the daily test message: 0 is before every copy.
UPDATE tombstones SET number = 0, confirmed = 1 WHERE reason = 'canary';
CREATE INDEX tombstones_by_number ON tombstones(number);
CREATE INDEX tombstones_by_session ON tombstones(session) WHERE session IS NOT NULL;

-- Copies that this program made or found.
CREATE TABLE copies (
  path    TEXT NOT NULL PRIMARY KEY,  -- relative to the data folder where it is inside
  kind    TEXT NOT NULL CHECK (kind IN ('backup', 'folder', 'export', 'stream')),
  at      INTEGER NOT NULL,
  made    INTEGER NOT NULL,           -- last deletion before it was made
  removed INTEGER NOT NULL,           -- last confirmed deletion that it has seen
  trouble TEXT                        -- why it could not be cleaned
) STRICT, WITHOUT ROWID;

-- Keys of deleted parts: a title that names its session by one of them is not stored.
CREATE TABLE deleted_parts (
  key INTEGER PRIMARY KEY
) STRICT;
