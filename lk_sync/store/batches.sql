-- name: last_number^
-- The greatest number a sink may have seen; batches are never removed, so the next one has never been seen. A restored
-- store does not know the numbers that were given after its copy was made: it begins after them.
SELECT COALESCE(MAX(number), 0)
FROM (SELECT number FROM batches WHERE sink = :sink UNION ALL SELECT batches_past FROM restores) AS seen;

-- name: open!
-- The next file of a sink; committed together with the lines of its items, before the file exists anywhere.
INSERT INTO batches (sink, number, kind, file, row_count, control_sum, sha256, layout, created_at)
VALUES (:sink, :number, :kind, :file, :row_count, :control_sum, :sha256, :layout, :created_at);

-- name: delivered!
-- The file is where the accounting system takes it.
UPDATE batches SET delivered_at = :now WHERE sink = :sink AND number = :number AND delivered_at IS NULL;

-- name: undelivered
-- Files of a sink that were not seen to arrive, in the order of their numbers.
SELECT sink, number, kind, file, row_count, control_sum, sha256, layout, created_at, delivered_at
FROM batches
WHERE sink = :sink AND delivered_at IS NULL
ORDER BY number;

-- name: by_file^
-- The file of a sink by its name.
SELECT sink, number, kind, file, row_count, control_sum, sha256, layout, created_at, delivered_at
FROM batches
WHERE sink = :sink AND file = :file;
