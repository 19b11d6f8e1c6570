-- name: add!
-- A user is told of an event, once; nobody whose record has ended, and by letter nobody whose address nothing has proved.
INSERT INTO notifications (
    notification, user_code, account, kind, event, detail, in_portal, letter, created_at, read_at, withdrawn_at)
SELECT :notification, u.user_code, :account, :kind, :event, :detail, :in_portal,
    CASE WHEN u.password_kind = 'own' THEN :letter ELSE 'none' END, :now, NULL, NULL
FROM user_records AS u
WHERE u.user_code = :user_code AND u.ended_at IS NULL
ON CONFLICT (user_code, account, event) DO NOTHING;

-- name: of_event^
-- What a user was told of an event that was not taken back.
SELECT notification, account, kind, detail, created_at, read_at, withdrawn_at, letter
FROM notifications WHERE user_code = :user_code AND account = :account AND event = :event;

-- name: unseen
-- What a user was told of a kind and can not have seen yet, neither here nor in a letter.
SELECT notification, account, kind, detail, created_at, read_at, withdrawn_at, letter
FROM notifications
WHERE user_code = :user_code AND account = :account AND kind = :kind
    AND read_at IS NULL AND letter <> 'written' AND withdrawn_at IS NULL
ORDER BY created_at, notification;

-- name: retell!
-- The event turned out to be another one before anybody saw it.
UPDATE notifications SET detail = :detail, created_at = :now WHERE notification = :notification;

-- name: withdraw!
-- It is not true any more. The event may happen again, so it gives its name back.
UPDATE notifications
SET withdrawn_at = :now, event = event || ' ' || notification,
    letter = CASE WHEN letter = 'due' THEN 'none' ELSE letter END
WHERE notification = :notification AND withdrawn_at IS NULL;

-- name: told
-- A page of those who were told of an event, in the order of their codes and accounts.
SELECT user_code, account, detail FROM notifications
WHERE event = :event AND withdrawn_at IS NULL
    AND (user_code > :user_code OR (user_code = :user_code AND account > :account))
ORDER BY user_code, account LIMIT :most;

-- name: unread
-- What a user has not read yet, the newest first.
SELECT notification, account, kind, detail, created_at, read_at, withdrawn_at, letter
FROM notifications
WHERE user_code = :user_code AND read_at IS NULL AND withdrawn_at IS NULL AND in_portal = 1
ORDER BY created_at DESC, notification DESC LIMIT :most;

-- name: earlier
-- What a user has seen, the newest first, before a place in the list; of what was taken back only what he can have seen.
SELECT notification, account, kind, detail, created_at, read_at, withdrawn_at, letter
FROM notifications
WHERE user_code = :user_code AND in_portal = 1
    AND (read_at IS NOT NULL OR (withdrawn_at IS NOT NULL AND letter = 'written'))
    AND (created_at < :at OR (created_at = :at AND notification < :notification))
ORDER BY created_at DESC, notification DESC LIMIT :most;

-- name: place^
-- Where a notification of a user stands in the list.
SELECT created_at FROM notifications WHERE user_code = :user_code AND notification = :notification;

-- name: read!
-- A user has seen one.
UPDATE notifications SET read_at = :now
WHERE user_code = :user_code AND notification = :notification AND read_at IS NULL;

-- name: read_all!
-- A user has seen whatever there was up to a moment.
UPDATE notifications SET read_at = :now
WHERE user_code = :user_code AND read_at IS NULL AND withdrawn_at IS NULL AND in_portal = 1 AND created_at <= :until;

-- name: waiting
-- A page of the users for whom something waits for the day's letter.
SELECT DISTINCT user_code FROM notifications
WHERE letter = 'due' AND user_code > :after ORDER BY user_code LIMIT :most;

-- name: due
-- What waits for a user's letter, the oldest first.
SELECT notification, account, kind, detail, created_at, read_at, withdrawn_at, letter
FROM notifications WHERE user_code = :user_code AND letter = 'due'
ORDER BY created_at, notification;

-- name: lettered!
-- It is in a letter now, or will be in none.
UPDATE notifications SET letter = :letter WHERE notification = :notification AND letter = 'due';

-- name: sweep!
-- What is older than it is kept.
DELETE FROM notifications WHERE created_at < :before AND letter <> 'due';
