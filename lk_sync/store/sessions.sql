-- name: open!
-- A session begins.
INSERT INTO sessions (token_hash, user_code, account, csrf_key, created_at, seen_at, expires_at, address, browser)
VALUES (:token_hash, :user_code, :account, :csrf_key, :now, :now, :expires_at, :address, :browser);

-- name: find^
-- The session and its user record, if both are alive, with the account it shows if that is still open to it, whether
-- there are others, and how much he has not read. `seen_after` is the idle limit.
SELECT u.user_code, a.account, a.holder_key, u.language, u.password_kind, s.csrf_key, s.seen_at, s.token_hash, a.role, a.alias,
    CASE WHEN EXISTS (
        SELECT 1 FROM user_accounts AS o
        WHERE o.user_code = s.user_code AND o.account <> s.account AND o.ended_at IS NULL) THEN 1 ELSE 0 END,
    (SELECT COUNT(*) FROM (
        SELECT 1 AS one FROM notifications AS n
        WHERE n.user_code = u.user_code AND n.read_at IS NULL AND n.withdrawn_at IS NULL AND n.in_portal = 1
        LIMIT 100) AS unread),
    CASE WHEN EXISTS (SELECT 1 FROM blocks AS b WHERE b.account = a.account) THEN 1 ELSE 0 END
FROM sessions AS s
JOIN user_records AS u ON u.user_code = s.user_code
LEFT JOIN user_accounts AS a ON a.user_code = s.user_code AND a.account = s.account AND a.ended_at IS NULL
  AND (a.until IS NULL OR a.until > :now)
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

-- name: show!
-- The session shows another account.
UPDATE sessions SET account = :account WHERE token_hash = :token_hash;

-- name: of_user
-- The sessions of a user record that are alive, the one that was used last first.
SELECT token_hash, created_at, seen_at, address, browser
FROM sessions
WHERE user_code = :user_code AND expires_at > :now AND seen_at > :seen_after
ORDER BY seen_at DESC, token_hash;

-- name: end_one!
-- One session of a user record ends; its hash is known by its beginning.
DELETE FROM sessions WHERE user_code = :user_code AND SUBSTR(token_hash, 1, 12) = :shown;

-- name: end_others!
-- All sessions of a user record but one.
DELETE FROM sessions WHERE user_code = :user_code AND token_hash <> :token_hash;

-- name: alive^
-- Does the store answer at all?
SELECT 1 AS alive;
