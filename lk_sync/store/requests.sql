-- name: last_number^
-- The greatest number a request may have had. A restored store does not know the numbers that were given after its copy
-- was made: it begins after them.
SELECT COALESCE(MAX(number), 0) FROM (SELECT number FROM requests UNION ALL SELECT batches_past FROM restores) AS seen;

-- name: known^
-- What a form that was sent before has become.
SELECT number, content_hash FROM requests WHERE request = :request;

-- name: add!
-- A request that was made.
INSERT INTO requests (request, number, item, user_code, account, holder_key, kind, title, told, email, secret_hash,
    language, due_on, repeats, content_hash, submitted_at)
VALUES (:request, :number, :item, :user_code, :account, :holder_key, :kind, :title, :told, :email, :secret_hash,
    :language, :due_on, :repeats, :content_hash, :now);

-- name: add_file!
-- A file of a request; its bytes lie in the folder of attachments already.
INSERT INTO request_files (request, position, name, media_type, size, sha256)
VALUES (:request, :position, :name, :media_type, :size, :sha256);

-- name: of_account
-- The requests about an account under one holder, with how far they got, the newest first.
SELECT r.request, r.number, r.item, r.user_code, r.account, r.kind, r.title, r.told, r.email, r.due_on, r.repeats,
    r.submitted_at, r.withdrawn_at, o.state, o.line, b.file, o.exported_at, o.answered_at, o.answer_code, o.answer_text
FROM requests AS r JOIN outbox AS o ON o.item = r.item
LEFT JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE r.account = :account AND r.account <> '' AND r.holder_key = :holder_key
ORDER BY r.number DESC LIMIT :most;

-- name: one^
-- One request about an account under one holder, with how far it got.
SELECT r.request, r.number, r.item, r.user_code, r.account, r.kind, r.title, r.told, r.email, r.due_on, r.repeats,
    r.submitted_at, r.withdrawn_at, o.state, o.line, b.file, o.exported_at, o.answered_at, o.answer_code, o.answer_text
FROM requests AS r JOIN outbox AS o ON o.item = r.item
LEFT JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE r.request = :request AND r.account = :account AND r.account <> '' AND r.holder_key = :holder_key;

-- name: by_secret^
-- The request that a secret link leads to, with how far it got.
SELECT r.request, r.number, r.item, r.user_code, r.account, r.kind, r.title, r.told, r.email, r.due_on, r.repeats,
    r.submitted_at, r.withdrawn_at, o.state, o.line, b.file, o.exported_at, o.answered_at, o.answer_code, o.answer_text
FROM requests AS r JOIN outbox AS o ON o.item = r.item
LEFT JOIN batches AS b ON b.sink = o.sink AND b.number = o.batch
WHERE r.secret_hash = :secret_hash;

-- name: files
-- The files of a request in their order.
SELECT name, media_type, size, sha256 FROM request_files WHERE request = :request ORDER BY position;

-- name: withdraw!
-- Whoever made the request does not need it any more.
UPDATE requests SET withdrawn_at = :now WHERE request = :request AND withdrawn_at IS NULL;

-- name: names^
-- Whether a request has a file of these bytes.
SELECT 1 FROM request_files WHERE sha256 = :sha256 LIMIT 1;

-- name: owned^
-- Whose the request of a number is.
SELECT request, user_code, account, holder_key, title FROM requests WHERE number = :number;
