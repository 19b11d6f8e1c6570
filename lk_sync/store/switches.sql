-- name: of
-- What a user does not want to be told.
SELECT kind, channel FROM notification_switches WHERE user_code = :user_code;

-- name: off!
-- A user does not want to be told of a kind by a channel.
INSERT INTO notification_switches (user_code, kind, channel, off_at)
SELECT u.user_code, :kind, :channel, :now FROM user_records AS u WHERE u.user_code = :user_code AND u.ended_at IS NULL
ON CONFLICT (user_code, kind, channel) DO NOTHING;

-- name: on!
-- A user wants to be told again.
DELETE FROM notification_switches WHERE user_code = :user_code AND kind = :kind AND channel = :channel;
