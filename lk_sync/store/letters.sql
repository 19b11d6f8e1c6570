-- name: write!
-- The same occasion writes one letter.
INSERT INTO letters (
    letter, once, kind, purpose, recipient, language, context, state, attempts, next_try_at, created_at)
VALUES (:letter, :once, :kind, :purpose, :recipient, :language, :context, 'waiting', 0, :now, :now)
ON CONFLICT (once) DO NOTHING;

-- name: due^
-- The letter that has been due longest and that nobody has in hand.
SELECT letter, kind, purpose, recipient, language, context, attempts, created_at
FROM letters
WHERE state = 'waiting' AND next_try_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
ORDER BY next_try_at
LIMIT 1;

-- name: claim!
-- One row changed: the letter is ours until the lease ends.
UPDATE letters
SET lease_until = :lease_until, attempts = attempts + 1
WHERE letter = :letter
  AND state = 'waiting'
  AND next_try_at <= :now
  AND (lease_until IS NULL OR lease_until <= :now);

-- name: sending!
-- The text leaves now. From here on nobody may send this letter again by himself.
UPDATE letters
SET state = 'sending', lease_until = :new_lease
WHERE letter = :letter AND state = 'waiting' AND lease_until = :lease_until;

-- name: settle!
-- The end of a letter: sent, failed or uncertain. Its context, which may hold a password, is wiped.
UPDATE letters
SET state = :state, context = '{}', lease_until = NULL, last_answer = :answer,
    sent_at = CASE WHEN :state = 'sent' THEN :now ELSE NULL END
WHERE letter = :letter AND state IN ('waiting', 'sending') AND lease_until = :lease_until;

-- name: put_off!
-- Not delivered for certain: the text did not leave, or the server said that it did not take it.
UPDATE letters
SET state = 'waiting', lease_until = NULL, next_try_at = :next_try_at, last_answer = :answer
WHERE letter = :letter AND state IN ('waiting', 'sending') AND lease_until = :lease_until;

-- name: lost!
-- Whoever was sending these died in between: nobody knows whether they arrived.
UPDATE letters
SET state = 'uncertain', context = '{}', lease_until = NULL, last_answer = :answer
WHERE state = 'sending' AND lease_until <= :now;

-- name: backlog^
-- How many letters wait; and how many of those written since an instant were refused for good, or have an unknown fate.
SELECT
    COALESCE(SUM(CASE WHEN state IN ('waiting', 'sending') THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN state = 'failed' AND created_at >= :since THEN 1 ELSE 0 END), 0),
    COALESCE(SUM(CASE WHEN state = 'uncertain' AND created_at >= :since THEN 1 ELSE 0 END), 0)
FROM letters;

-- name: listed
-- For the operator: letters in a state, oldest first.
SELECT letter, kind, recipient, state, attempts, created_at, sent_at, last_answer
FROM letters
WHERE state = :state
ORDER BY created_at
LIMIT :most;

-- name: tally
-- How many letters are in which state.
SELECT state, COUNT(*) FROM letters GROUP BY state ORDER BY state;
