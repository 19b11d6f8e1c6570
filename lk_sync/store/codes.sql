-- name: spend_bill!
-- One row: the code of this bill has registered nobody before.
INSERT INTO spent_codes (digest, account, spent_at) VALUES (:digest, :account, :now) ON CONFLICT (digest) DO NOTHING;

-- name: issue!
-- A code of the desk.
INSERT INTO desk_codes (digest, account, issued_by, issued_at, expires_at)
VALUES (:digest, :account, :issued_by, :now, :expires_at);

-- name: revoke!
-- The codes of an account that were not used; a newer one takes their place.
UPDATE desk_codes SET expires_at = :now WHERE account = :account AND spent_at IS NULL AND expires_at > :now;

-- name: good^
-- The code, if it was issued for this account, is unused and has not expired.
SELECT digest FROM desk_codes
WHERE digest = :digest AND account = :account AND spent_at IS NULL AND expires_at > :now;

-- name: spend!
-- One row: it was good, and is not any more.
UPDATE desk_codes SET spent_at = :now
WHERE digest = :digest AND account = :account AND spent_at IS NULL AND expires_at > :now;
