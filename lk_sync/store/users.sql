-- name: find^
-- A live user record by its code.
SELECT user_code, account, holder_key, email, language, password_hash, password_kind, password_expires_at
FROM user_records
WHERE user_code = :user_code AND ended_at IS NULL;

-- name: of_account^
-- The live user record of an account; an index allows only one.
SELECT user_code, account, holder_key, email, language, password_hash, password_kind, password_expires_at
FROM user_records
WHERE account = :account AND ended_at IS NULL;

-- name: create!
-- A user record begins with a one-time password.
INSERT INTO user_records (
    user_code, account, holder_key, email, language, password_hash, password_kind, password_expires_at, created_at)
VALUES (:user_code, :account, :holder_key, :email, :language, :password_hash, 'one_time', :expires_at, :now);

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
