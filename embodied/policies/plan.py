"""What an expert says: plans, as a good model would write them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from embodied.action_formats import Call


@dataclass(frozen=True)
class Plan:
    """One action of an expert: why, and the code."""

    thought: str
    code: str
    calls: tuple[Call, ...] = ()
    """The calls that the code makes, where it does nothing else than make them and print what
    they return."""


Plans = Generator[Plan, str, None]
"""Yields plans, receives what each one printed."""

Expert = Callable[[str], Plans]
"""Solves a task from its first observation.

Experts are registered under the entry-point group `embodied.experts`, under the name of the
controller whose functions they call. They see only what their plans print.
"""
