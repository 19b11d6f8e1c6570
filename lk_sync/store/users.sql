-- name: find^
-- A live user record by its code, with the first account it opens, its own before others'.
SELECT u.user_code, a.account, a.holder_key, u.email, u.language, u.password_hash, u.password_kind, u.password_expires_at
FROM user_records AS u JOIN user_accounts AS a ON a.user_code = u.user_code
WHERE u.user_code = :user_code AND u.ended_at IS NULL AND a.ended_at IS NULL
ORDER BY CASE WHEN a.role = 'owner' THEN 0 ELSE 1 END, a.since, a.link LIMIT 1;

-- name: of_account^
-- The live user record of the owner of an account; an index allows only one.
SELECT u.user_code, a.account, a.holder_key, u.email, u.language, u.password_hash, u.password_kind, u.password_expires_at
FROM user_accounts AS a JOIN user_records AS u ON u.user_code = a.user_code
WHERE a.account = :account AND a.role = 'owner' AND a.ended_at IS NULL AND u.ended_at IS NULL;

-- name: of_guest^
-- The live user record that owns no account and was let into another's.
SELECT u.user_code, a.account, a.holder_key, u.email, u.language, u.password_hash, u.password_kind, u.password_expires_at
FROM user_records AS u JOIN user_accounts AS a ON a.user_code = u.user_code
WHERE u.user_code = :user_code AND u.ended_at IS NULL AND a.ended_at IS NULL AND a.until > :now
  AND NOT EXISTS (
      SELECT 1 FROM user_accounts AS o
      WHERE o.user_code = u.user_code AND o.role = 'owner' AND o.ended_at IS NULL)
ORDER BY a.since, a.link LIMIT 1;

-- name: correspondent^
-- Where letters to a user record go, also when it has ended.
SELECT email, language FROM user_records WHERE user_code = :user_code;

-- name: create!
-- A user record begins, with a one-time password unless its owner has chosen one already.
INSERT INTO user_records (
    user_code, email, language, password_hash, password_kind, password_expires_at, created_at)
VALUES (:user_code, :email, :language, :password_hash, :password_kind, :expires_at, :now);

-- name: give_one_time!
-- A new one-time password instead of the last one, which was never exchanged for an own password.
UPDATE user_records
SET password_hash = :password_hash, password_expires_at = :expires_at, language = :language
WHERE user_code = :user_code AND password_kind = 'one_time' AND ended_at IS NULL;

-- name: use_one_time!
-- One login, and only before it expires.
UPDATE user_records
SET password_expires_at = :now
WHERE user_code = :user_code
  AND password_kind = 'one_time'
  AND password_hash = :password_hash
  AND password_expires_at > :now
  AND ended_at IS NULL;

-- name: choose_password!
-- Only if the password that was checked is still the one in force.
UPDATE user_records
SET password_hash = :password_hash, password_kind = 'own', password_expires_at = NULL
WHERE user_code = :user_code AND password_hash = :was AND ended_at IS NULL;

-- name: end!
-- A user record ends and is never used again.
UPDATE user_records SET ended_at = :now WHERE user_code = :user_code AND ended_at IS NULL;

-- name: choose_language!
-- The language of pages and letters.
UPDATE user_records SET language = :language WHERE user_code = :user_code AND ended_at IS NULL;

-- name: change_email!
-- Only from the address that has agreed.
UPDATE user_records SET email = :email WHERE user_code = :user_code AND email = :was AND ended_at IS NULL;
