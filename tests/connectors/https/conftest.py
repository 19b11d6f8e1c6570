"""The site, for the tests of this room."""

from tests.at_the_publisher import authority as authority
from tests.at_the_publisher import served as served
from tests.at_the_publisher import site as site
