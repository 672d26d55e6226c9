-- Step 3: who signed project, branch and title of a message, and who signed a deletion. Earlier programs go on as before.
-- `place` is JSON: what the machine has signed, whatever the row says.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS place TEXT, ADD COLUMN IF NOT EXISTS place_machine BYTEA,
  ADD COLUMN IF NOT EXISTS place_signed_at BIGINT, ADD COLUMN IF NOT EXISTS place_signature BYTEA;
ALTER TABLE tombstones ADD COLUMN IF NOT EXISTS machine BYTEA, ADD COLUMN IF NOT EXISTS signed_at BIGINT,
  ADD COLUMN IF NOT EXISTS signature BYTEA;
