"""A fake simulator for tests of robots: what they send is all that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embodied import Environment, Observation, StepResult, Task


class Echo(Environment):
    """Answers each command with a text, in which `COMMAND` stands for it."""

    def __init__(self, answer: str = "COMMAND", templates: Sequence[str] = ()) -> None:
        self._answer = answer
        self._templates = templates

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return Observation("")

    def step(self, command: str) -> StepResult:
        text = self._answer.replace("COMMAND", command)
        return StepResult(Observation(text), 0.0, False, False, {"success": False})

    def command_templates(self) -> list[str]:
        return list(self._templates)

    def close(self) -> None:
        pass
