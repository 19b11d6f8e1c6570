"""The base of the accounting system in Firebird, for the tests of this room."""

from tests.at_the_firebird import bird as bird
