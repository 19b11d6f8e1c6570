"""The 1C that the tests of this connector share."""

from __future__ import annotations

from tests.at_the_1c import onec as onec
from tests.at_the_1c import served_1c as served_1c
