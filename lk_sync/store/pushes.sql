-- name: done!
-- Everything that waited for the sink has arrived, and its answers are taken.
INSERT INTO pushes (sink, tried_at, done_at, failing_since, failures, error_kind, error_text, done, failed)
VALUES (:sink, :now, :now, NULL, 0, NULL, NULL, 1, 0)
ON CONFLICT (sink) DO UPDATE SET tried_at = excluded.tried_at, done_at = excluded.done_at, failing_since = NULL,
    failures = 0, error_kind = NULL, error_text = NULL, done = pushes.done + 1;

-- name: failed!
-- A delivery to the sink failed, perhaps again.
INSERT INTO pushes (sink, tried_at, done_at, failing_since, failures, error_kind, error_text, done, failed)
VALUES (:sink, :now, NULL, :now, 1, :error_kind, :error_text, 0, 1)
ON CONFLICT (sink) DO UPDATE SET tried_at = excluded.tried_at,
    failing_since = COALESCE(pushes.failing_since, excluded.failing_since), failures = pushes.failures + 1,
    error_kind = excluded.error_kind, error_text = excluded.error_text, failed = pushes.failed + 1;

-- name: all
-- How the deliveries to each sink go.
SELECT sink, tried_at, done_at, failing_since, failures, error_kind, error_text, done, failed
FROM pushes ORDER BY sink;
