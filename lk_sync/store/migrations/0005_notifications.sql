-- What a user record was told. The same event tells a user once. `letter`: it waits for the day's letter, is in one, or
-- will be in none. What was taken back is marked; its event may happen again then.
CREATE TABLE notifications (
    notification TEXT PRIMARY KEY,
    user_code    TEXT NOT NULL REFERENCES user_records (user_code),
    account      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    event        TEXT NOT NULL,
    detail       TEXT NOT NULL,
    in_portal    SMALLINT NOT NULL,
    letter       TEXT NOT NULL CHECK (letter IN ('due', 'written', 'none')),
    created_at   TEXT NOT NULL,
    read_at      TEXT,
    withdrawn_at TEXT,
    UNIQUE (user_code, account, event)
);
CREATE INDEX notifications_user ON notifications (user_code, created_at, notification);
CREATE INDEX notifications_unread ON notifications (user_code)
    WHERE read_at IS NULL AND withdrawn_at IS NULL AND in_portal = 1;
CREATE INDEX notifications_due ON notifications (user_code) WHERE letter = 'due';
CREATE INDEX notifications_age ON notifications (created_at);

-- What a user does not want to be told: a line for a kind and a channel, and for letters altogether.
CREATE TABLE notification_switches (
    user_code TEXT NOT NULL REFERENCES user_records (user_code),
    kind      TEXT NOT NULL,
    channel   TEXT NOT NULL CHECK (channel IN ('portal', 'letter')),
    off_at    TEXT NOT NULL,
    PRIMARY KEY (user_code, kind, channel)
);

-- How far the walks have come that look for something to tell: everything up to `done` was told; up to `goal`, of
-- accounts or users up to `place`.
CREATE TABLE notification_walks (
    walk  TEXT PRIMARY KEY,
    done  TEXT NOT NULL,
    goal  TEXT,
    place TEXT NOT NULL
);

-- Addresses that a mail server has refused for good: no letter of notifications goes there.
CREATE TABLE refused_addresses (
    address    TEXT PRIMARY KEY,
    answer     TEXT NOT NULL,
    refused_at TEXT NOT NULL
);

-- Browsers from which a user has signed in, by the hash of a cookie.
CREATE TABLE devices (
    user_code   TEXT NOT NULL REFERENCES user_records (user_code),
    device_hash TEXT NOT NULL,
    browser     TEXT NOT NULL,
    first_at    TEXT NOT NULL,
    last_at     TEXT NOT NULL,
    PRIMARY KEY (user_code, device_hash)
);

-- Calendars that are read by a secret address; the store keeps its hash.
CREATE TABLE calendars (
    secret_hash TEXT PRIMARY KEY,
    user_code   TEXT NOT NULL REFERENCES user_records (user_code),
    account     TEXT NOT NULL,
    language    TEXT NOT NULL,
    with_sums   SMALLINT NOT NULL,
    created_at  TEXT NOT NULL,
    ended_at    TEXT
);
CREATE UNIQUE INDEX calendars_user ON calendars (user_code, account) WHERE ended_at IS NULL;

-- Keys of ours that sign what leaves: made when first needed.
CREATE TABLE signing_keys (
    name TEXT PRIMARY KEY,
    key  TEXT NOT NULL
);

-- What a letter is for: to keep the service going; anything else needs an agreement of its own.
ALTER TABLE letters ADD COLUMN purpose TEXT NOT NULL DEFAULT 'service' CHECK (purpose IN ('service', 'advertising'));
CREATE INDEX outbox_rejected ON outbox (answered_at, item) WHERE state = 'rejected';
