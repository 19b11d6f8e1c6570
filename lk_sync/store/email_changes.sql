-- name: ask!
-- An address is to be changed.
INSERT INTO email_changes (change, user_code, old_email, new_email, old_secret_hash, new_secret_hash, created_at,
    expires_at, old_agreed_at, new_agreed_at)
VALUES (:change, :user_code, :old_email, :new_email, :old_secret_hash, :new_secret_hash, :created_at,
    :expires_at, :old_agreed_at, :new_agreed_at);

-- name: waiting^
-- The change that a user waits for.
SELECT change, user_code, old_email, new_email, created_at, expires_at, old_agreed_at, new_agreed_at
FROM email_changes
WHERE user_code = :user_code AND ended_at IS NULL AND expires_at > :now;

-- name: open_by^
-- A change by the link of either address.
SELECT change, user_code, old_email, new_email, created_at, expires_at, old_agreed_at, new_agreed_at,
    CASE WHEN old_secret_hash = :secret_hash THEN 1 ELSE 0 END
FROM email_changes
WHERE (old_secret_hash = :secret_hash OR new_secret_hash = :secret_hash) AND ended_at IS NULL AND expires_at > :now;

-- name: old_agrees!
-- The present address agrees.
UPDATE email_changes SET old_agreed_at = :now
WHERE change = :change AND ended_at IS NULL AND old_agreed_at IS NULL;

-- name: new_agrees!
-- The new address agrees.
UPDATE email_changes SET new_agreed_at = :now
WHERE change = :change AND ended_at IS NULL AND new_agreed_at IS NULL;

-- name: stop!
-- The change is over, done or not.
UPDATE email_changes SET ended_at = :now WHERE user_code = :user_code AND ended_at IS NULL;
