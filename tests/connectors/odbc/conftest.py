from tests.at_the_base import base as base
