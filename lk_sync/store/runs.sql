-- name: open^
-- The next run begins; numbers never repeat, nor those that were given before the store was restored from a copy.
INSERT INTO runs (run, job, source, started_by, state, started_at, kind, reverts)
SELECT COALESCE(MAX(seen.run), 0) + 1, :job, :source, :started_by, 'running', :started_at, :kind, :reverts
FROM (SELECT run FROM runs UNION ALL SELECT runs_past FROM restores) AS seen WHERE true
RETURNING run;

-- name: close!
-- A run ends; only one that is in the state it is thought to be in.
UPDATE runs
SET state = :state, finished_at = :finished_at, error_kind = :error_kind, error_text = :error_text
WHERE run = :run AND state = :was;

-- name: running_of
-- Runs of a source that are marked as running. Whoever holds the source's lock knows that they are dead.
SELECT run FROM runs WHERE source = :source AND state = 'running' ORDER BY run;

-- name: add_dataset!
-- What became of one dataset in a run.
INSERT INTO run_datasets (run, dataset, mode, pulled, rejected, inserted, updated, ended,
    source_totals, pulled_totals, findings, pull_seconds, publish_seconds)
VALUES (:run, :dataset, :mode, :pulled, :rejected, :inserted, :updated, :ended,
    :source_totals, :pulled_totals, :findings, :pull_seconds, :publish_seconds)
ON CONFLICT (run, dataset) DO UPDATE SET inserted = excluded.inserted, updated = excluded.updated,
    ended = excluded.ended, publish_seconds = excluded.publish_seconds;

-- name: one^
-- One run.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w WHERE w.run = :run;

-- name: recent
-- The newest runs, of one job or of all.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w WHERE CAST(:job AS TEXT) IS NULL OR w.job = :job
ORDER BY w.run DESC LIMIT :most;

-- name: last_of_each_job
-- The newest run of every job.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w WHERE w.run IN (SELECT MAX(run) FROM runs WHERE kind = 'pull' GROUP BY job) ORDER BY w.job;

-- name: datasets_of
-- What became of each dataset in a run.
SELECT dataset, mode, pulled, rejected, inserted, updated, ended, source_totals, pulled_totals, findings,
    pull_seconds, publish_seconds
FROM run_datasets WHERE run = :run ORDER BY dataset;

-- name: newer_published^
-- The newest published run of the source after this one.
SELECT MAX(run) FROM runs WHERE source = :source AND run > :run AND state = 'published';

-- name: last_settled_of_each_job
-- The newest run of every job that has come to an end of its own.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w
WHERE w.run IN (
    SELECT MAX(run) FROM runs WHERE kind = 'pull' AND state NOT IN ('running', 'broken') GROUP BY job)
ORDER BY w.job;

-- name: last_good_of_each_job
-- The newest run of every job that found its source well.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w
WHERE w.run IN (
    SELECT MAX(run) FROM runs WHERE kind = 'pull' AND state NOT IN ('running', 'held', 'failed', 'broken') GROUP BY job)
ORDER BY w.job;

-- name: failing
-- Jobs whose runs fail: how often in a row, since when, when last, and the newest of these runs.
SELECT f.job, COUNT(*), MIN(f.started_at), MAX(f.started_at), MAX(f.run)
FROM runs f
WHERE f.kind = 'pull' AND f.state = 'failed' AND f.run > COALESCE(
    (
        SELECT MAX(g.run) FROM runs g
        WHERE g.job = f.job AND g.kind = 'pull' AND g.state NOT IN ('failed', 'running', 'broken')
    ), 0)
GROUP BY f.job;

-- name: outages
-- Sources that cannot be reached: since when, when tried last, how often. Any other end of a run shows one that can.
SELECT u.source, MIN(u.started_at), MAX(u.started_at), COUNT(*)
FROM runs u
WHERE u.state = 'failed' AND u.error_kind = 'Unreachable' AND u.run > COALESCE(
    (
        SELECT MAX(g.run) FROM runs g
        WHERE g.source = u.source AND g.state NOT IN ('running', 'broken')
            AND (g.error_kind IS NULL OR g.error_kind <> 'Unreachable')
    ), 0)
GROUP BY u.source;

-- name: last_of_source^
-- The newest run of a source that has ended.
SELECT w.run, w.job, w.source, w.started_by, w.state, w.started_at, w.finished_at, w.error_kind, w.error_text, w.kind,
    w.reverts, (SELECT MAX(r.run) FROM runs AS r WHERE r.reverts = w.run AND r.state = 'published')
FROM runs AS w
WHERE w.run = (
    SELECT MAX(run) FROM runs WHERE source = :source AND kind = 'pull' AND state NOT IN ('running', 'broken'));

-- name: tally_since
-- How often each job ended in which way since an instant.
SELECT job, state, COUNT(*) FROM runs
WHERE started_at >= :since AND kind = 'pull' GROUP BY job, state ORDER BY job, state;

-- name: changes_since
-- What was published since an instant, by source and dataset.
SELECT r.source, d.dataset, CAST(SUM(d.inserted) AS BIGINT), CAST(SUM(d.updated) AS BIGINT),
    CAST(SUM(d.ended) AS BIGINT)
FROM runs r JOIN run_datasets d ON d.run = r.run
WHERE r.started_at >= :since AND r.state IN ('published', 'unchanged')
GROUP BY r.source, d.dataset
ORDER BY r.source, d.dataset;

-- name: draw!
-- What a run would change, as it was when it was checked.
INSERT INTO run_pictures (run, body) VALUES (:run, :body)
ON CONFLICT (run) DO UPDATE SET body = excluded.body;

-- name: picture^
-- What a run would change.
SELECT body FROM run_pictures WHERE run = :run;
