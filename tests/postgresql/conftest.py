"""A supplier whose books are a script, for tests of the command line."""

from tests.flow.conftest import third_party as third_party
