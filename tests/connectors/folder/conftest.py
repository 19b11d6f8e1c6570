"""The folder, for the tests of this room."""

from tests.at_the_folder import bank as bank
from tests.at_the_folder import shop as shop
