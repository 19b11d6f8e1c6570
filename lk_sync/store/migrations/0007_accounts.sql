-- A user record opens accounts: its own ones, and those whose owner has let it in with a narrower role, until `until`.
-- A link is bound to the holder it was made for; it ends, and is never used again.
CREATE TABLE user_accounts (
    link       TEXT PRIMARY KEY,
    user_code  TEXT NOT NULL REFERENCES user_records (user_code),
    account    TEXT NOT NULL,
    holder_key TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'readings', 'view', 'pay')),
    alias      TEXT NOT NULL,
    granted_by TEXT REFERENCES user_records (user_code),
    until      TEXT,
    since      TEXT NOT NULL,
    ended_at   TEXT
);
INSERT INTO user_accounts (link, user_code, account, holder_key, role, alias, granted_by, until, since, ended_at)
SELECT user_code, user_code, account, holder_key, 'owner', '', NULL, NULL, created_at, ended_at FROM user_records;
CREATE UNIQUE INDEX user_accounts_owner ON user_accounts (account) WHERE role = 'owner' AND ended_at IS NULL;
CREATE UNIQUE INDEX user_accounts_user ON user_accounts (user_code, account) WHERE ended_at IS NULL;
CREATE INDEX user_accounts_account ON user_accounts (account, holder_key);
CREATE INDEX user_accounts_until ON user_accounts (until) WHERE until IS NOT NULL AND ended_at IS NULL;
DROP INDEX user_records_account;
ALTER TABLE user_records DROP COLUMN account;
ALTER TABLE user_records DROP COLUMN holder_key;

-- Which of its accounts a session shows; none: the first one.
ALTER TABLE sessions ADD COLUMN account TEXT NOT NULL DEFAULT '';

-- Which account an act was about, where it was about one, so that its owner can be told of it.
ALTER TABLE audit ADD COLUMN account TEXT;
CREATE INDEX audit_account ON audit (account, at) WHERE account IS NOT NULL;

-- What a person has chosen for themselves. What is not here is as the program begins.
CREATE TABLE preferences (
    user_code TEXT NOT NULL REFERENCES user_records (user_code),
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    chosen_at TEXT NOT NULL,
    PRIMARY KEY (user_code, name)
);

-- Somebody is invited to an account. The link in the letter opens once; the store keeps its hash.
CREATE TABLE invitations (
    invitation  TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    account     TEXT NOT NULL,
    holder_key  TEXT NOT NULL,
    granted_by  TEXT NOT NULL REFERENCES user_records (user_code),
    email       TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('readings', 'view', 'pay')),
    until       TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    accepted_by TEXT REFERENCES user_records (user_code),
    ended_at    TEXT
);
CREATE INDEX invitations_account ON invitations (account) WHERE ended_at IS NULL;

-- A change of the address for letters waits until both addresses have agreed.
CREATE TABLE email_changes (
    change          TEXT PRIMARY KEY,
    user_code       TEXT NOT NULL REFERENCES user_records (user_code),
    old_email       TEXT NOT NULL,
    new_email       TEXT NOT NULL,
    old_secret_hash TEXT NOT NULL UNIQUE,
    new_secret_hash TEXT NOT NULL UNIQUE,
    created_at      TEXT NOT NULL,
    expires_at      TEXT NOT NULL,
    old_agreed_at   TEXT,
    new_agreed_at   TEXT,
    ended_at        TEXT
);
CREATE UNIQUE INDEX email_changes_user ON email_changes (user_code) WHERE ended_at IS NULL;

-- A registration may be asked for by somebody who has a user record and adds an account to it.
ALTER TABLE registrations ADD COLUMN user_code TEXT REFERENCES user_records (user_code);
