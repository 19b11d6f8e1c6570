-- name: began!
-- An engine begins on a machine; the line of the one before it there goes.
INSERT INTO engines (engine, version, started_at, seen_at, ended_at)
VALUES (:engine, :version, :now, :now, NULL)
ON CONFLICT (engine) DO UPDATE SET version = excluded.version, started_at = excluded.started_at,
    seen_at = excluded.seen_at, ended_at = NULL;

-- name: seen!
-- An engine is at work.
UPDATE engines SET seen_at = :now WHERE engine = :engine;

-- name: ended!
-- An engine was told to stop and has stopped.
UPDATE engines SET seen_at = :now, ended_at = :now WHERE engine = :engine;

-- name: newest^
-- The engine that was seen last.
SELECT engine, version, started_at, seen_at, ended_at FROM engines ORDER BY seen_at DESC, engine LIMIT 1;
