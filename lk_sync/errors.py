"""Errors: what went wrong, and what must happen next?

LkError
├── SettingsError      a person corrects a file; exit code 2
│   └── Unprotected    the channel would not be encrypted and verified; refused before a byte is sent
├── Unreachable        try again later, with backoff; exit code 3
├── AccessDenied       stop, a person must look; exit code 4
├── BadData            yesterday's data stay; exit code 1
│   └── SchemaDrift    a column is missing, renamed or of another type
├── Held               the check stopped a run; a person decides; exit code 1
└── Busy               another process does this job now; exit code 1
"""

from __future__ import annotations


class LkError(Exception):
    """Any fault that has a sentence for the person who reads it. `str(error)` is that sentence."""

    exit_code = 1


class SettingsError(LkError):
    exit_code = 2


class Unprotected(SettingsError):
    """The channel lacks encryption or verification. The sentence says which setting to change."""


class Unreachable(LkError):
    exit_code = 3


class AccessDenied(LkError):
    exit_code = 4


class BadData(LkError):
    exit_code = 1


class SchemaDrift(BadData):
    """The source no longer has the columns that the mapping names, or they hold another type."""


class Held(LkError):
    """The circuit breaker of `flow/check` stopped the run."""


class Busy(LkError):
    """Another process holds the lock of the job."""


BY_NAME: dict[str, type[LkError]] = {
    kind.__name__: kind
    for kind in (LkError, SettingsError, Unprotected, Unreachable, AccessDenied, BadData, SchemaDrift, Held, Busy)
}
