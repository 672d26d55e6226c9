-- Step 2: who signed a part, and quarantine for all machines. Programs that know step 1 only go on as before.
CREATE TABLE IF NOT EXISTS machines (key BYTEA PRIMARY KEY, name TEXT NOT NULL);
ALTER TABLE message_parts ADD COLUMN IF NOT EXISTS machine BYTEA, ADD COLUMN IF NOT EXISTS signed_at BIGINT,
  ADD COLUMN IF NOT EXISTS signature BYTEA;

-- The latest decision to hide a message or to release it.
CREATE TABLE IF NOT EXISTS quarantine_marks (
  message_id UUID PRIMARY KEY,
  at         BIGINT NOT NULL,
  hidden     BOOLEAN NOT NULL,
  reason     TEXT NOT NULL,
  machine    BYTEA,
  signature  BYTEA,
  change     BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS quarantine_marks_by_change ON quarantine_marks (change);

-- Holds for every program that writes here, also for one that does not know of quarantine.
CREATE OR REPLACE FUNCTION claude_memory_refuse_hidden() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM quarantine_marks q WHERE q.message_id = NEW.id AND q.hidden) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS claude_memory_refuse_hidden ON messages;
CREATE TRIGGER claude_memory_refuse_hidden BEFORE INSERT ON messages
  FOR EACH ROW EXECUTE FUNCTION claude_memory_refuse_hidden();
