"""The base of the accounting system in MariaDB, for the tests of this room."""

from tests.at_the_mariadb import maria as maria
