-- The words of the glossary, from here on frozen: what the rows mean stays as it was.

-- Purpose of a passage (0 text, 1 standing instruction, 2 preference); the role is the message's.
ALTER TABLE passages RENAME COLUMN role TO purpose;

-- The change log that copies follow.
ALTER TABLE outbox RENAME TO changes;
DROP INDEX outbox_by_message;
CREATE INDEX changes_by_message ON changes(uid);

-- Terms of the newest passages, not merged into `postings` yet.
ALTER TABLE fresh RENAME TO pending_postings;

-- Identity of the target; another one is sent everything again.
ALTER TABLE targets RENAME COLUMN place TO target_id;
