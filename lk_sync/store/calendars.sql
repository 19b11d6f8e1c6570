-- name: known^
-- Whether a calendar with this secret was ever made.
SELECT 1 FROM calendars WHERE secret_hash = :secret_hash;

-- name: begin!
-- A calendar gets its address.
INSERT INTO calendars (secret_hash, user_code, account, language, with_sums, created_at, ended_at)
VALUES (:secret_hash, :user_code, :account, :language, :with_sums, :now, NULL);

-- name: end!
-- The address of a user's calendar of an account opens nothing any more.
UPDATE calendars SET ended_at = :now WHERE user_code = :user_code AND account = :account AND ended_at IS NULL;

-- name: of_user^
-- The calendar that a user has of an account.
SELECT secret_hash, user_code, account, language, with_sums, created_at
FROM calendars WHERE user_code = :user_code AND account = :account AND ended_at IS NULL;

-- name: put!
-- Whether sums are in it.
UPDATE calendars SET with_sums = :with_sums WHERE user_code = :user_code AND account = :account AND ended_at IS NULL;

-- name: find^
-- The calendar behind a secret, while its user owns the account and the portal shows it.
SELECT c.secret_hash, c.user_code, c.account, c.language, c.with_sums, c.created_at, a.holder_key
FROM calendars AS c
JOIN user_records AS u ON u.user_code = c.user_code AND u.ended_at IS NULL
JOIN user_accounts AS a ON a.user_code = c.user_code AND a.account = c.account AND a.role = 'owner' AND a.ended_at IS NULL
WHERE c.secret_hash = :secret_hash AND c.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM blocks AS b WHERE b.account = c.account);
