-- Accounts that the supplier has closed on the portal, whoever looks at them. The account itself goes on being billed.
CREATE TABLE blocks (
    account TEXT PRIMARY KEY,
    reason  TEXT NOT NULL,
    set_by  TEXT NOT NULL,
    set_at  TEXT NOT NULL
);
