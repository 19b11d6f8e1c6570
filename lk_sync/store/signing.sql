-- name: key^
-- A key of ours.
SELECT key FROM signing_keys WHERE name = :purpose;

-- name: make!
-- The first who needs a key makes it.
INSERT INTO signing_keys (name, key) VALUES (:purpose, :key) ON CONFLICT (name) DO NOTHING;
