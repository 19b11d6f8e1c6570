-- name: insert!
-- A new item waits for the next export.
INSERT INTO outbox (item, kind, account, payload, state, created_at)
VALUES (:item, :kind, :account, :payload, 'waiting', :now);

-- name: supersede!
-- A later item takes the place of one that still waits; one that is already in a file stays as it is.
UPDATE outbox SET state = 'superseded', superseded_by = :by WHERE item = :item AND state = 'waiting';

-- name: waiting
-- A page of the items of a kind that wait, oldest first, after the place where the former page ended.
SELECT item, payload, created_at
FROM outbox
WHERE kind = :kind AND state = 'waiting'
    AND (created_at > :after_at OR (created_at = :after_at AND item > :after_item))
ORDER BY created_at, item
LIMIT :limit;

-- name: batch!
-- A waiting item gets its file and its line in it, for good.
UPDATE outbox SET state = 'batched', sink = :sink, batch = :batch, line = :line
WHERE item = :item AND state = 'waiting';

-- name: of_batch
-- The items of a file in the order of its lines.
SELECT item, payload FROM outbox WHERE sink = :sink AND batch = :batch ORDER BY line;

-- name: export!
-- The file is delivered; items that were answered even before we knew of it stay answered.
UPDATE outbox SET state = 'exported', exported_at = :now
WHERE sink = :sink AND batch = :batch AND state = 'batched';

-- name: answer!
-- The accounting system's word on an item of one of its files; the first word counts.
UPDATE outbox
SET state = :state, exported_at = COALESCE(exported_at, :now), answered_at = :now,
    answer_code = :code, answer_text = :text
WHERE item = :item AND sink = :sink AND batch = :batch AND state IN ('batched', 'exported');

-- name: find^
-- An item with the file and line it went out in, and what was answered.
SELECT o.item, o.kind, o.account, o.state, o.created_at, o.sink, o.batch, b.file, o.line, o.exported_at,
    o.answered_at, o.answer_code, o.answer_text, o.superseded_by
FROM outbox o LEFT JOIN batches b ON b.sink = o.sink AND b.number = o.batch
WHERE o.item = :item;

-- name: backlog^
-- How many items wait, went out without an answer so far, and did so before an instant; and how many lines of answer
-- files, found since an instant, fit no item.
SELECT w.items, e.items, e.late, s.lines, w.oldest, e.oldest
FROM (SELECT COUNT(*) AS items, MIN(created_at) AS oldest FROM outbox WHERE state = 'waiting') w
CROSS JOIN (
    SELECT COUNT(*) AS items, MIN(exported_at) AS oldest,
        COALESCE(SUM(CASE WHEN exported_at < :unanswered_since THEN 1 ELSE 0 END), 0) AS late
    FROM outbox
    WHERE state = 'exported'
) e
CROSS JOIN (SELECT COUNT(*) AS lines FROM stray_answers WHERE found_at >= :stray_since) s;

-- name: tally
-- How many items are in which state.
SELECT state, COUNT(*) FROM outbox GROUP BY state ORDER BY state;

-- name: line^
-- What an item says, and by which layout its file was written.
SELECT o.payload, b.layout, b.sha256
FROM outbox AS o JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE o.item = :item;
