"""What an expert says: steps, each with code as a good model would write it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from embodied.action_formats import Call


@dataclass(frozen=True)
class ExpertStep:
    """One action of an expert: why, and the code."""

    thought: str
    code: str
    calls: tuple[Call, ...] = ()
    """The calls that the code makes, where it does nothing else than make them and print what
    they return."""


ExpertSteps = Generator[ExpertStep, str, None]
"""Yields steps, receives what each one printed."""

Expert = Callable[[str], ExpertSteps]
"""Solves a task from its first observation.

Experts are registered under the entry-point group `embodied.experts`, under the name of the
controller whose functions they call. They see only what their steps print.
"""
