-- name: give!
-- A consent is only ever added.
INSERT INTO consents (consent, user_code, kind, version, sha256, act, address, browser, given_at)
VALUES (:consent, :user_code, :kind, :version, :sha256, :act, :address, :browser, :given_at);

-- name: of_user
-- What somebody has accepted, oldest first.
SELECT kind, version, sha256, act, address, browser, given_at
FROM consents
WHERE user_code = :user_code
ORDER BY given_at, kind;
