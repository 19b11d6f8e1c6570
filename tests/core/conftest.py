from tests.flow.conftest import third_party as third_party
