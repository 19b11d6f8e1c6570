-- name: take!
-- One more attempt within the slot, if the limit allows: one row changed.
INSERT INTO attempts (kind, subject, slot, used)
VALUES (:kind, :subject, :slot, 1)
ON CONFLICT (kind, subject, slot) DO UPDATE SET used = attempts.used + 1
WHERE attempts.used < :most;

-- name: give_back!
-- The attempt was a rightful one.
UPDATE attempts SET used = used - 1
WHERE kind = :kind AND subject = :subject AND slot = :slot AND used > 0;

-- name: used^
-- How many attempts the slot has seen.
SELECT used FROM attempts WHERE kind = :kind AND subject = :subject AND slot = :slot;

-- name: sweep!
-- Slots that are over.
DELETE FROM attempts WHERE slot < :before;
