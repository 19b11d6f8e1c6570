-- name: known^
-- The greatest numbers that the store knows, and the newest moment in it.
SELECT
    (SELECT COALESCE(MAX(run), 0) FROM (SELECT run FROM runs UNION ALL SELECT runs_past FROM restores) AS r),
    (SELECT COALESCE(MAX(number), 0) FROM (SELECT number FROM batches UNION ALL SELECT batches_past FROM restores) AS b),
    (
        SELECT MAX(at) FROM (
            SELECT at FROM audit UNION ALL SELECT started_at FROM runs UNION ALL SELECT created_at FROM outbox
            UNION ALL SELECT seen_at FROM engines
        ) AS m
    );

-- name: restored!
-- From here on numbers are greater than any that may have been given since the copy was made.
INSERT INTO restores (restored_at, copied_at, runs_past, batches_past)
VALUES (:now, :copied_at, :runs_past, :batches_past);

-- name: doubt_letters!
-- Letters that waited when the copy was made have probably left since; nobody sends them again.
UPDATE letters SET state = 'uncertain', context = '{}', lease_until = NULL, last_answer = :answer
WHERE state IN ('waiting', 'sending');

-- name: end_sessions!
-- A session that was ended since the copy was made does not come to life again.
DELETE FROM sessions;

-- name: spare_notifications!
-- What waited for a letter when the copy was made was probably in one since.
UPDATE notifications SET letter = 'none' WHERE letter = 'due';

-- name: forget_walks!
-- What was told since the copy was made is not told again: the walks begin from where things are now.
DELETE FROM notification_walks;
