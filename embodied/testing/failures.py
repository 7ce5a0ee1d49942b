"""What a check says when a rule is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class CheckFailed(AssertionError):  # noqa: N818 - as pytest's own
    """A plugin breaks a rule.

    Args:
        rule: what is expected of every plugin, as a sentence.
        happened: what this one did.
    """

    def __init__(self, rule: str, happened: str) -> None:
        super().__init__(f"{rule}\nWhat happened: {happened}")
        self.rule = rule
        self.happened = happened


def check(holds: bool, rule: str, happened: str) -> None:
    """Raise CheckFailed unless a rule holds."""
    if not holds:
        raise CheckFailed(rule, happened)


def attempt(rule: str, what: str, function: Callable[..., T], *arguments: Any) -> T:
    """Call something that must not raise; if it does, raise CheckFailed."""
    try:
        return function(*arguments)
    except Exception as error:
        raise CheckFailed(rule, f"{what} raised {type(error).__name__}: {error}") from error
