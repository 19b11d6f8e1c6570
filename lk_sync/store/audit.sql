-- name: append!
-- A line is only ever added.
INSERT INTO audit (entry, at, actor, act, object, address, detail, account)
VALUES (:entry, :at, :actor, :act, :object, :address, :detail, :account);

-- name: about
-- What happened to an object, oldest first.
SELECT at, actor, act, object, address, detail FROM audit WHERE object = :object ORDER BY at, entry;

-- name: by
-- What somebody did, oldest first.
SELECT at, actor, act, object, address, detail FROM audit WHERE actor = :actor ORDER BY at, entry;

-- name: did_from^
-- Has the actor done this from that address since then?
SELECT 1 FROM audit
WHERE actor = :actor AND at > :since AND act = :act AND address = :address
LIMIT 1;

-- name: on_account
-- What somebody did on an account since then, the newest first.
SELECT at, actor, act, object, address, detail FROM audit
WHERE account = :account AND actor = :actor AND at >= :since
ORDER BY at DESC, entry DESC LIMIT :most;
