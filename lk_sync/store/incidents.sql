-- name: open!
-- A trouble begins; one that is open already is not opened twice.
INSERT INTO incidents (incident, kind, subject, opened_at, closed_at)
VALUES (:incident, :kind, :subject, :now, NULL)
ON CONFLICT DO NOTHING;

-- name: still_open
-- Troubles that are not over, oldest first.
SELECT incident, kind, subject, opened_at
FROM incidents WHERE closed_at IS NULL ORDER BY opened_at, kind, subject;

-- name: close!
-- A trouble is over; one row changed: it was us who found that out.
UPDATE incidents SET closed_at = :now WHERE incident = :incident AND closed_at IS NULL;
