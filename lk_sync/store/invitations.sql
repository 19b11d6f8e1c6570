-- name: replace!
-- A newer invitation to the same address takes the place of the one before.
UPDATE invitations SET ended_at = :now WHERE account = :account AND email = :email AND ended_at IS NULL;

-- name: send!
-- Somebody is invited.
INSERT INTO invitations (invitation, secret_hash, account, holder_key, granted_by, email, role, until, created_at,
    expires_at)
VALUES (:invitation, :secret_hash, :account, :holder_key, :granted_by, :email, :role, :until, :created_at,
    :expires_at);

-- name: open_by^
-- The invitation of a link that still works.
SELECT invitation, account, holder_key, granted_by, email, role, until, created_at, expires_at
FROM invitations
WHERE secret_hash = :secret_hash AND ended_at IS NULL AND expires_at > :now AND until > :now;

-- name: waiting
-- What an owner has sent for an account and nobody has answered.
SELECT invitation, account, holder_key, granted_by, email, role, until, created_at, expires_at
FROM invitations
WHERE account = :account AND granted_by = :granted_by AND ended_at IS NULL AND expires_at > :now
ORDER BY created_at, invitation;

-- name: accept!
-- A link works once.
UPDATE invitations SET ended_at = :now, accepted_by = :user_code WHERE invitation = :invitation AND ended_at IS NULL;

-- name: take_back!
-- Its sender has thought better of it.
UPDATE invitations SET ended_at = :now
WHERE invitation = :invitation AND account = :account AND granted_by = :granted_by AND ended_at IS NULL;
