-- name: make!
-- A user record opens an account from now on.
INSERT INTO user_accounts (link, user_code, account, holder_key, role, alias, granted_by, until, since)
VALUES (:link, :user_code, :account, :holder_key, :role, :alias, :granted_by, :until, :since);

-- name: of_user
-- The accounts a user record opens, its own first.
SELECT link, user_code, account, holder_key, role, alias, granted_by, until, since
FROM user_accounts
WHERE user_code = :user_code AND ended_at IS NULL AND (until IS NULL OR until > :now)
ORDER BY CASE WHEN role = 'owner' THEN 0 ELSE 1 END, since, link;

-- name: all_of_user
-- Every link of a user record that has not been ended.
SELECT link, user_code, account, holder_key, role, alias, granted_by, until, since
FROM user_accounts
WHERE user_code = :user_code AND ended_at IS NULL
ORDER BY since, link;

-- name: of_holder
-- The live links of an account that were made for one holder.
SELECT link, user_code, account, holder_key, role, alias, granted_by, until, since
FROM user_accounts
WHERE account = :account AND holder_key = :holder_key AND ended_at IS NULL
ORDER BY since, link;

-- name: guests
-- Whom the owner of an account has let in.
SELECT a.link, a.user_code, a.account, a.holder_key, a.role, a.alias, a.granted_by, a.until, a.since,
    u.email, u.language
FROM user_accounts AS a JOIN user_records AS u ON u.user_code = a.user_code
WHERE a.account = :account AND a.holder_key = :holder_key AND a.role <> 'owner' AND a.ended_at IS NULL
  AND a.until > :now
ORDER BY a.since, a.link;

-- name: over
-- Live links whose day has come.
SELECT link, user_code, account, holder_key, role, alias, granted_by, until, since
FROM user_accounts
WHERE until <= :now AND ended_at IS NULL
ORDER BY until, link LIMIT :most;

-- name: name!
-- How a user calls an account.
UPDATE user_accounts SET alias = :alias WHERE user_code = :user_code AND account = :account AND ended_at IS NULL;

-- name: end!
-- A link ends once.
UPDATE user_accounts SET ended_at = :now WHERE link = :link AND ended_at IS NULL;
