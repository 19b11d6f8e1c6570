-- Who has asked for a way back to a user record whose password is lost, and what came of it.
CREATE TABLE recoveries (
    recovery    TEXT PRIMARY KEY,
    account     TEXT NOT NULL,
    email       TEXT NOT NULL,
    desk_code   TEXT,
    language    TEXT NOT NULL,
    address     TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    outcome     TEXT,
    settled_at  TEXT
);
CREATE INDEX recoveries_waiting ON recoveries (created_at) WHERE outcome IS NULL;

-- The links of letters that lead to a new password: of each only a hash, good once and for hours.
CREATE TABLE ways_back (
    digest     TEXT PRIMARY KEY,
    user_code  TEXT NOT NULL REFERENCES user_records (user_code),
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at    TEXT
);
CREATE INDEX ways_back_user ON ways_back (user_code) WHERE used_at IS NULL;
