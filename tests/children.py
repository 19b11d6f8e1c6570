"""Children of a pull in tests: do they know the secrets that the test has set?

They are forked from a server that keeps the environment it began with, which may be that of another test. An engine's
environment never changes, so only here a child is handed the variables of the moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any


class Context:
    """A context of multiprocessing whose processes have the `LK_…` variables of whoever starts them."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain
        self.Pipe = plain.Pipe

    def Process(self, *, target: Callable[..., None], args: tuple[Any, ...], **more: Any) -> Any:
        return self._plain.Process(target=among, args=(ours(), target, *args), **more)


def ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("LK_")}


def among(variables: Mapping[str, str], target: Callable[..., None], *args: Any) -> None:
    """In the child: `target` among these variables and no others of ours."""
    for name in ours():
        del os.environ[name]
    os.environ.update(variables)
    target(*args)
