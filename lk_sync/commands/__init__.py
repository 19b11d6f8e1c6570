"""Commands: one module a group of commands. A module that has `COMMANDS` is part of `lk-sync` by being here."""
