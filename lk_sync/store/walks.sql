-- name: find^
-- How far a walk has come.
SELECT done, goal, place FROM notification_walks WHERE walk = :walk;

-- name: known
-- Walks whose names begin alike.
SELECT walk FROM notification_walks WHERE walk >= :first AND walk < :beyond ORDER BY walk;

-- name: begin!
-- A walk that was never walked.
INSERT INTO notification_walks (walk, done, goal, place) VALUES (:walk, :done, NULL, '') ON CONFLICT (walk) DO NOTHING;

-- name: aim!
-- A walk sets out; one row changed: it is ours to set out.
UPDATE notification_walks SET goal = :goal, place = '' WHERE walk = :walk AND done = :done AND goal IS NULL;

-- name: step!
-- A walk goes on from where it is thought to be.
UPDATE notification_walks SET place = :place WHERE walk = :walk AND done = :done AND goal = :goal AND place = :was;

-- name: arrive!
-- A walk is at its goal.
UPDATE notification_walks SET done = goal, goal = NULL, place = ''
WHERE walk = :walk AND done = :done AND goal = :goal AND place = :was;

-- name: forget!
-- A walk that nobody walks any more.
DELETE FROM notification_walks WHERE walk = :walk;
