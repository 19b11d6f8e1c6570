-- name: refusal^
-- What the mail server said when it refused an address for good.
SELECT answer, refused_at FROM refused_addresses WHERE address = :address;

-- name: refused!
-- The mail server does not know the address.
INSERT INTO refused_addresses (address, answer, refused_at) VALUES (:address, :answer, :now)
ON CONFLICT (address) DO UPDATE SET answer = excluded.answer;

-- name: accepted!
-- A letter was taken for it, or its owner says that it is in order.
DELETE FROM refused_addresses WHERE address = :address;

-- name: owners
-- Live users who are written to at an address, with the accounts they open.
SELECT u.user_code, a.account
FROM user_records AS u JOIN user_accounts AS a ON a.user_code = u.user_code
WHERE u.email = :address AND u.ended_at IS NULL AND a.ended_at IS NULL
ORDER BY u.user_code, a.since, a.link LIMIT :most;
