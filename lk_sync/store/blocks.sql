-- name: put!
-- The account is closed on the portal; a newer reason takes the place of the former one.
INSERT INTO blocks (account, reason, set_by, set_at) VALUES (:account, :reason, :set_by, :now)
ON CONFLICT (account) DO UPDATE SET reason = EXCLUDED.reason, set_by = EXCLUDED.set_by;

-- name: lift!
-- The account is open again.
DELETE FROM blocks WHERE account = :account;

-- name: of_account^
-- Why and since when the account is closed.
SELECT reason, set_at FROM blocks WHERE account = :account;
