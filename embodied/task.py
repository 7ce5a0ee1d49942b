"""A task: one problem instance of one environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from embodied._util.stored_text import ReadFromText, StoredAsText


class Task(BaseModel):
    """One problem instance, small enough to send to any worker.

    Two tasks with equal `environment`, `split` and `id` are the same problem; the environment finds
    the rest of what it needs by them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    environment: str
    """Name of the environment that plays the task, as registered."""
    id: str
    """Stable name of the task, unique within its environment and split."""
    split: str
    """The data split that the task belongs to, e.g. `valid_unseen`."""
    kind: str
    """Task type, by which reports group, e.g. `pick_and_place_simple`."""
    instruction: str
    """The goal in words, as the simulator states it."""
    seed: int | None = None
    """Seed handed to `Environment.reset`; None where the simulator has no randomness."""
    data: Annotated[dict[str, JsonValue], ReadFromText, StoredAsText] = Field(default_factory=dict)
    """Whatever else the author's `reset` needs, as JSON. Each record of the task holds it, so it is
    to be small."""

    def __hash__(self) -> int:
        return hash((self.environment, self.split, self.id))
