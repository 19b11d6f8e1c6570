-- name: open!
-- A session begins.
INSERT INTO sessions (token_hash, user_code, csrf_key, created_at, seen_at, expires_at, address, browser)
VALUES (:token_hash, :user_code, :csrf_key, :now, :now, :expires_at, :address, :browser);

-- name: find^
-- The session and its user record, if both are alive, with how much he has not read. `seen_after` is the idle limit.
SELECT u.user_code, u.account, u.holder_key, u.language, u.password_kind, s.csrf_key, s.seen_at, s.token_hash,
    (SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM notifications AS n
        WHERE n.user_code = u.user_code AND n.read_at IS NULL AND n.withdrawn_at IS NULL AND n.in_portal = 1
        LIMIT 100) AS unread)
FROM sessions AS s
JOIN user_records AS u ON u.user_code = s.user_code
WHERE s.token_hash = :token_hash
  AND s.expires_at > :now
  AND s.seen_at > :seen_after
  AND u.ended_at IS NULL;

-- name: seen!
-- The session was used; its idle limit never moves back.
UPDATE sessions SET seen_at = :seen_at WHERE token_hash = :token_hash AND seen_at < :seen_at;

-- name: end_all!
-- Every session of a user record.
DELETE FROM sessions WHERE user_code = :user_code;

-- name: sweep!
-- Sessions that nobody can use any more.
DELETE FROM sessions WHERE expires_at <= :now OR seen_at <= :seen_after;

-- name: end!
-- One session ends.
DELETE FROM sessions WHERE token_hash = :token_hash;

-- name: alive^
-- Does the store answer at all?
SELECT 1 AS alive;
