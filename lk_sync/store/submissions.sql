-- name: add!
-- A reading that was handed in.
INSERT INTO submitted_readings (submission, item, user_code, account, meter, period, value_micro, taken_on, flags,
    supersedes, content_hash, submitted_at)
VALUES (:submission, :item, :user_code, :account, :meter, :period, :value_micro, :taken_on, :flags,
    :supersedes, :content_hash, :now);

-- name: content_of^
-- Whether this form was sent before, and with what.
SELECT content_hash FROM submitted_readings WHERE submission = :submission;

-- name: of_month
-- What was handed in for a meter and a month, the newest first.
SELECT s.submission, s.item, s.value_micro, s.supersedes, o.state
FROM submitted_readings AS s JOIN outbox AS o ON o.item = s.item
WHERE s.account = :account AND s.meter = :meter AND s.period = :period
ORDER BY s.submitted_at DESC, CASE WHEN o.state = 'superseded' THEN 1 ELSE 0 END, s.submission;

-- name: of_account
-- What was handed in for an account under one holder since a month, with how far it got, the newest first.
SELECT s.submission, s.item, s.meter, s.period, s.value_micro, s.taken_on, s.flags, s.submitted_at,
    o.state, o.line, b.file, o.exported_at, o.answered_at, o.answer_code, o.answer_text
FROM submitted_readings AS s JOIN outbox AS o ON o.item = s.item
LEFT JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE s.account = :account AND s.period >= :since AND s.user_code IN (
    SELECT l.user_code FROM user_accounts AS l WHERE l.account = :account AND l.holder_key = :holder_key)
ORDER BY s.submitted_at DESC, s.submission LIMIT :most;

-- name: one^
-- One reading that was handed in for an account under one holder, with how far it got.
SELECT s.submission, s.item, s.meter, s.period, s.value_micro, s.taken_on, s.flags, s.submitted_at,
    o.state, o.line, b.file, o.exported_at, o.answered_at, o.answer_code, o.answer_text
FROM submitted_readings AS s JOIN outbox AS o ON o.item = s.item
LEFT JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE s.submission = :submission AND s.account = :account AND s.user_code IN (
    SELECT l.user_code FROM user_accounts AS l WHERE l.account = :account AND l.holder_key = :holder_key);

-- name: rejected
-- A page of the readings that the accounting system has refused, in the order of its answers.
SELECT s.item, s.user_code, s.account, s.submission, s.meter, s.period, s.value_micro, COALESCE(o.answer_text, ''),
    o.answered_at
FROM outbox AS o JOIN submitted_readings AS s ON s.item = o.item
WHERE o.state = 'rejected' AND (o.answered_at > :at OR (o.answered_at = :at AND o.item > :item))
ORDER BY o.answered_at, o.item LIMIT :most;
