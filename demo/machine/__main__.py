"""Machine: what must be there before the demo or the tests can start? `python3 demo/machine demo|test`.

Needs nothing but Python's standard library, and is safe to repeat: what is there already is left alone.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # said here in words; below it would be a traceback
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"Нужен Python 3.11 или новее, а здесь {found}. Укажите другой: make … PYTHON=/путь/к/python3")

from debian import PACKAGES_OF_TESTS, install
from environment import ready
from trouble import Trouble


def main(extra: str) -> None:
    """Make `.venv` hold the product with `extra`; for the tests also the Debian packages that they drive."""
    if extra == "test":
        install(PACKAGES_OF_TESTS)
    ready(extra)


if __name__ == "__main__":
    if sys.argv[1:] not in (["demo"], ["test"]):
        sys.exit("как вызывать: python3 demo/machine demo|test")
    try:
        main(sys.argv[1])
    except Trouble as trouble:
        sys.exit(f"\n{trouble}")
