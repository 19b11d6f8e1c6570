"""The base of the accounting system, for the tests of this room."""

from tests.at_the_base import base as base
