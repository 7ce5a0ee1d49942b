"""Small context managers."""

from __future__ import annotations

from typing import Any


class suppress:  # noqa: N801 - as in CPython's module
    """Goes on behind the block where it raises one of these exceptions."""

    def __init__(self, *exceptions: Any) -> None:
        self.exceptions = exceptions

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        return error is not None and isinstance(error, self.exceptions)


class nullcontext:  # noqa: N801
    """Does nothing."""

    def __init__(self, enter_result: Any = None) -> None:
        self.enter_result = enter_result

    def __enter__(self) -> Any:
        return self.enter_result

    def __exit__(self, *error: Any) -> None:
        pass


class closing:  # noqa: N801
    """Closes something behind the block."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __enter__(self) -> Any:
        return self.thing

    def __exit__(self, *error: Any) -> None:
        self.thing.close()
