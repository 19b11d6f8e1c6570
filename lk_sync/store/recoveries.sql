-- name: ask!
-- The same form sent twice is one request.
INSERT INTO recoveries (recovery, account, email, desk_code, language, address, created_at)
VALUES (:recovery, :account, :email, :desk_code, :language, :address, :created_at)
ON CONFLICT (recovery) DO NOTHING;

-- name: due^
-- The oldest request that is not settled.
SELECT recovery, account, email, desk_code, language, address, created_at
FROM recoveries
WHERE outcome IS NULL
ORDER BY created_at
LIMIT 1;

-- name: settle!
-- What was typed has done its duty.
UPDATE recoveries
SET outcome = :outcome, settled_at = :now, email = '', desk_code = NULL
WHERE recovery = :recovery AND outcome IS NULL;

-- name: waiting^
-- How many requests are not settled.
SELECT COUNT(*) FROM recoveries WHERE outcome IS NULL;

-- name: open!
-- A way back begins.
INSERT INTO ways_back (digest, user_code, created_at, expires_at) VALUES (:digest, :user_code, :now, :expires_at);

-- name: find^
-- Whom a way back leads to, if it is good.
SELECT user_code FROM ways_back WHERE digest = :digest AND used_at IS NULL AND expires_at > :now;

-- name: use!
-- One row: the way was good, and is not any more.
UPDATE ways_back SET used_at = :now WHERE digest = :digest AND used_at IS NULL AND expires_at > :now;

-- name: close!
-- Every other way back to a user record.
UPDATE ways_back SET used_at = :now WHERE user_code = :user_code AND used_at IS NULL;
