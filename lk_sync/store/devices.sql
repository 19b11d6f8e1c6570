-- name: seen!
-- A browser that a user has signed in from before does it again.
UPDATE devices SET last_at = :now, browser = :browser WHERE user_code = :user_code AND device_hash = :device_hash;

-- name: any^
-- Has a user ever signed in from a browser that is remembered?
SELECT 1 FROM devices WHERE user_code = :user_code LIMIT 1;

-- name: add!
-- A user signs in from a browser for the first time.
INSERT INTO devices (user_code, device_hash, browser, first_at, last_at)
VALUES (:user_code, :device_hash, :browser, :now, :now)
ON CONFLICT (user_code, device_hash) DO NOTHING;

-- name: sweep!
-- Browsers whose cookie has long expired.
DELETE FROM devices WHERE last_at < :before;
