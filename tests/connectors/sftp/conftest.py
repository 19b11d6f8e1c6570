"""The drop and its key, for the tests of this room."""

from tests.at_the_drop import drop as drop
from tests.at_the_drop import server_key as server_key
