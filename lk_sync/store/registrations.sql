-- name: ask!
-- The same form sent twice is one request.
INSERT INTO registrations (
    registration, account, email, amount_kopecks, language, rules_version, rules_sha256, consent_version,
    consent_sha256, address, browser, created_at, proof_kind, proof, user_code)
VALUES (
    :registration, :account, :email, :amount_kopecks, :language, :rules_version, :rules_sha256, :consent_version,
    :consent_sha256, :address, :browser, :created_at, :proof_kind, :proof, :user_code)
ON CONFLICT (registration) DO NOTHING;

-- name: due^
-- The oldest request that nobody has in hand, of the kinds that may be settled now: with the sum alone, with another
-- datum beside it that could be guessed, with a code.
SELECT
    registration, account, email, amount_kopecks, language, rules_version, rules_sha256, consent_version,
    consent_sha256, address, browser, created_at, proof_kind, proof, user_code
FROM registrations
WHERE outcome IS NULL AND (lease_until IS NULL OR lease_until <= :now)
  AND (:sums = 1 OR proof_kind IS NOT NULL)
  AND (:guessable = 1 OR proof_kind IS NULL OR proof_kind IN ('bill_code', 'desk_code'))
ORDER BY created_at
LIMIT 1;

-- name: claim!
-- One row changed: the request is ours until the lease ends.
UPDATE registrations
SET lease_until = :lease_until
WHERE registration = :registration AND outcome IS NULL AND (lease_until IS NULL OR lease_until <= :now);

-- name: settle!
-- What was typed has done its duty; who asked for which account, and what came of it, stays.
UPDATE registrations
SET outcome = :outcome, settled_at = :now, lease_until = NULL, amount_kopecks = 0, proof = NULL
WHERE registration = :registration AND outcome IS NULL;

-- name: waiting^
-- How many requests are not settled.
SELECT COUNT(*) FROM registrations WHERE outcome IS NULL;

-- name: outcome^
-- What came of a request.
SELECT outcome FROM registrations WHERE registration = :registration;

-- name: of_user
-- Accounts that somebody with a user record has lately asked to add.
SELECT account, outcome FROM registrations
WHERE user_code = :user_code AND created_at >= :since
ORDER BY created_at DESC, registration LIMIT 5;
